//! What was checked and what came of it.

use std::fmt;
use std::time::{Duration, Instant};

use crate::process::Failure;
use crate::step::{heading, seconds};

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub client: String,
    pub version: String,
    pub check: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed(Failure),
    /// The client could not be had.
    NotRun(Failure),
}

/// The rows so far, and the client that is being met.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    rows: Vec<Row>,
    client: String,
    version: String,
    begun: Option<Instant>,
}

impl Sheet {
    /// What is checked from now on is checked with this client.
    pub(crate) fn open(&mut self, client: &str, version: &str) {
        heading(&format!("{client} {version}"));
        (self.client, self.version) = (client.to_owned(), version.to_owned());
        self.begun = Some(Instant::now());
    }

    pub(crate) fn shut(&mut self) {
        if let Some(begun) = self.begun.take() {
            println!("-- {}: {}", self.client, seconds(begun.elapsed()));
        }
    }

    /// One check: what is done, and whether it came out as it must.
    pub(crate) fn check(&mut self, check: &str, work: impl FnOnce() -> Result<(), Failure>) {
        let begun = Instant::now();
        let outcome = work().map_or_else(Outcome::Failed, |()| Outcome::Passed);
        self.note(check, outcome, begun.elapsed());
    }

    /// A check that was made elsewhere.
    pub(crate) fn note(&mut self, check: &str, outcome: Outcome, took: Duration) {
        match &outcome {
            Outcome::Passed => println!("ok      {:>7}  {check}", seconds(took)),
            Outcome::Failed(failure) => println!("FAILED  {:>7}  {check}\n{}", seconds(took), indented(failure)),
            Outcome::NotRun(reason) => println!("not run          {check}: {reason}"),
        }
        self.rows.push(Row {
            client: self.client.clone(),
            version: self.version.clone(),
            check: check.to_owned(),
            outcome,
        });
    }

    pub(crate) fn not_run(&mut self, client: &str, reason: &str) {
        self.open(client, "–");
        self.note("–", Outcome::NotRun(reason.to_owned()), Duration::ZERO);
        self.begun = None;
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn what_did_not_pass(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| match &row.outcome {
            Outcome::Passed => None,
            Outcome::Failed(_) => Some(format!("FAILED   {}: {}", row.client, row.check)),
            Outcome::NotRun(reason) => Some(format!("not run  {}: {reason}", row.client)),
        })
    }

    pub(crate) fn tally(&self) -> Tally {
        let count = |wanted: fn(&Outcome) -> bool| self.rows.iter().filter(|row| wanted(&row.outcome)).count();
        Tally {
            passed: count(|outcome| matches!(outcome, Outcome::Passed)),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
            not_run: count(|outcome| matches!(outcome, Outcome::NotRun(_))),
            optional: std::env::var("BAILIWICK_CLIENTS_OPTIONAL").is_ok_and(|value| value == "1"),
        }
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}\n")).collect()
}

/// How many checks came out which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub passed: usize,
    pub failed: usize,
    /// Clients that could not be had.
    pub not_run: usize,
    /// Whether that is allowed.
    pub optional: bool,
}

impl Tally {
    /// Whether all that was checked holds, and all was checked that had to be.
    pub(crate) fn holds(&self) -> bool {
        let everything = self.not_run == 0 && self.passed > 0;
        self.failed == 0 && (everything || self.optional)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.not_run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_holds_if_nothing_failed_and_nothing_that_had_to_be_there_was_missing() {
        let tally = |passed, failed, not_run, optional| Tally { passed, failed, not_run, optional };
        assert!(tally(3, 0, 0, false).holds() && tally(3, 0, 1, true).holds() && tally(0, 0, 9, true).holds());
        assert!(!tally(0, 0, 0, false).holds() && !tally(3, 1, 0, true).holds() && !tally(3, 0, 1, false).holds());
        assert_eq!(tally(3, 2, 1, true).to_string(), "3 passed, 2 failed, 1 skipped");
    }
}
