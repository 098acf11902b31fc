//! What a command answers, on stdout: tables for people, JSON for programs.
//!
//! JSON is the value as `operations` made it, so that what a script reads is what the contract says.

mod people;
mod table;
pub(crate) mod upkeep;

use std::io::{self, Write};

use serde::Serialize;

use crate::admin::Outcome;
use crate::complaint::Complaint;

/// Prints an outcome in the form that was asked for.
pub(crate) fn outcome(outcome: &Outcome, as_json: bool) -> Result<(), Complaint> {
    if !as_json {
        return text(&people::outcome(outcome));
    }
    match outcome {
        Outcome::AccountCreated(value) => json(value),
        Outcome::Accounts(value) => json(value),
        Outcome::Account(value) => json(value),
        Outcome::KeyCreated(value) => json(value),
        Outcome::KeyRotated(value) => json(value),
        Outcome::Keys(value) => json(value),
        Outcome::Key(value) | Outcome::KeyDeleted(value) => json(value),
        Outcome::BucketCreated(value) | Outcome::BucketDeleted(value) => json(value),
        Outcome::Buckets(value) => json(value),
        Outcome::Bucket(value) => json(value),
        Outcome::Shared(value) => json(value),
        Outcome::Shares(value) => json(value),
        Outcome::Share(value) => json(value),
        Outcome::Reach(value) => json(value),
        Outcome::ReachOnly(value) => json(&value.rows),
        Outcome::ReachAll(value) => json(value),
        Outcome::ReachDiff(value) => json(value),
        Outcome::Why(value) => json(value),
        Outcome::Can(value) => json(value),
        Outcome::Usage(value) => json(value),
        Outcome::Status(value) => json(value),
        Outcome::Verified(value) => json(value),
        Outcome::BackedUp(value) => json(value),
        Outcome::Compacted(value) => json(value),
    }
}

/// A number with what it counts.
pub(crate) fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// A table of texts with a header, for what is no outcome of the store.
pub(crate) fn list(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    table::list(header, &[], rows, "nothing")
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Complaint> {
    let printed = serde_json::to_string_pretty(value).map_err(|error| cannot_print(&error.into()))?;
    text(&format!("{printed}\n"))
}

/// Prints a text that ends its last line itself. A reader that went away (`| head`) has what it wanted.
pub(crate) fn text(text: &str) -> Result<(), Complaint> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|error| cannot_print(&error)),
    }
}

fn cannot_print(error: &io::Error) -> Complaint {
    Complaint::failed(
        format!("the answer could not be printed: {error}"),
        "What was asked was done; its secret, if it has one, is lost: make a new key.",
    )
}
