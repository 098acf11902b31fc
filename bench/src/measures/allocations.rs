//! Allocations of a presigned GET of 4 KiB, in the whole server process, and where they come from.
//!
//! The server counts, this process sends; what an idle server allocates in the same time is taken off.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{progress, reads};
use crate::Outcome;
use crate::child::Setting;
use crate::counting::Count;
use crate::load::{Load, Shot, Until};
use crate::median::median;
use crate::options::Options;
use crate::subject::Subject;

/// Requests of one round, on one connection.
const REQUESTS: usize = 2000;
/// Requests of which it is told where they allocate.
const TRACED: usize = 50;

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Allocations {
    /// For a request, median of the rounds.
    pub per_request: f64,
    /// Bytes asked for, for a request, median of the rounds.
    pub bytes_per_request: f64,
    /// Where they are made, as `file:line` or the name of a library, with how many for a request.
    pub places: Vec<(String, f64)>,
}

impl Allocations {
    /// The files in which they are made, those with most first, each with its lines.
    pub fn files(&self) -> Vec<(&str, Vec<(&str, f64)>)> {
        let mut files = BTreeMap::<&str, Vec<(&str, f64)>>::new();
        for (place, count) in &self.places {
            let (file, line) = place.split_once(':').unwrap_or((place, "any"));
            files.entry(file).or_default().push((line, *count));
        }
        let mut files: Vec<_> = files.into_iter().collect();
        let sum = |lines: &[(&str, f64)]| lines.iter().map(|(_, count)| count).sum::<f64>();
        files.sort_by(|a, b| sum(&b.1).total_cmp(&sum(&a.1)));
        files
    }
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Allocations> {
    let mut subject = Subject::start(&dir.join("data"), Setting { control: true, ..Setting::default() })?;
    let shots = reads::prepare(&subject)?;
    read(&subject, &shots, REQUESTS)?;
    let (mut counts, mut bytes) = (Vec::new(), Vec::new());
    for round in 0..options.rounds() {
        progress("allocations, round", round, options.rounds());
        let begun = Instant::now();
        let before = subject.count()?;
        read(&subject, &shots, REQUESTS)?;
        let after = subject.count()?;
        std::thread::sleep(begun.elapsed().max(Duration::from_millis(100)));
        let idle = subject.count()?;
        let of = |figure: fn(&Count) -> u64| {
            let (busy, idle) = (figure(&after) - figure(&before), figure(&idle) - figure(&after));
            busy.saturating_sub(idle) as f64 / REQUESTS as f64
        };
        counts.push(of(|count| count.allocations));
        bytes.push(of(|count| count.bytes));
    }

    subject.child.say(b"trace on\n")?;
    // The command is taken by another process, some time after it was written.
    subject.count()?;
    read(&subject, &shots, TRACED)?;
    subject.child.say(b"trace off\n")?;
    let mut places = Vec::new();
    loop {
        let line = subject.child.hear("origin ")?;
        if line == "end" {
            break;
        }
        let (count, place) = line.split_once(' ').ok_or("an origin without its count")?;
        places.push((place.to_owned(), count.parse::<f64>()? / TRACED as f64));
    }
    Ok(Allocations { per_request: median(counts), bytes_per_request: median(bytes), places })
}

fn read(subject: &Subject, shots: &[Shot], requests: usize) -> Outcome<()> {
    let shots: Vec<Shot> = shots.iter().cycle().take(requests).cloned().collect();
    let load = Load { to: subject.address, shots: &shots, connections: 1, threads: 1, cores: &[], until: Until::Spent };
    load.run().map(drop)
}
