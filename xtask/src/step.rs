//! Headings and times: what a long run is doing, and what took how long.

use std::time::{Duration, Instant};

use crate::process::Failure;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, Result<(), Failure>)>,
}

impl Steps {
    /// Does one step under a heading. A step that fails does not keep the next ones from being done.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<(), Failure>) -> bool {
        heading(name);
        let begun = Instant::now();
        let outcome = work();
        match &outcome {
            Ok(()) => println!("-- {name}: done in {}", seconds(begun.elapsed())),
            Err(failure) => println!("-- {name}: FAILED after {}\n{failure}", seconds(begun.elapsed())),
        }
        let holds = outcome.is_ok();
        self.done.push((name.to_owned(), begun.elapsed(), outcome));
        holds
    }

    /// Every step with its time; whether all held.
    pub(crate) fn close(&self) -> bool {
        heading("summary");
        for (name, took, outcome) in &self.done {
            let mark = if outcome.is_ok() { "ok" } else { "FAILED" };
            println!("{mark:<7} {:>8}  {name}", seconds(*took));
        }
        let total: Duration = self.done.iter().map(|(_, took, _)| *took).sum();
        println!("{:<7} {:>8}", "", seconds(total));
        self.done.iter().all(|(_, _, outcome)| outcome.is_ok())
    }
}

pub(crate) fn heading(name: &str) {
    println!("\n== {name}");
}

/// A time as a person reads it.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 { format!("{:.1} s", time.as_secs_f64()) } else { format!("{} min {:02} s", whole / 60, whole % 60) }
}
