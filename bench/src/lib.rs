//! The figures of `docs/performance.md`: measured, compared with their targets, and written down with the command and the
//! machine, by one run.
//!
//! The key decision: this machine's speed is not what is of interest, so what has a target is a ratio within one run
//! (against a plain hyper server that answers the same bytes to the same load, or against other stores), a count, an amount
//! of memory, or a time that people wait for. What has none stands beside the latency of a sync of the same directory in
//! the same round.
//!
//! The program is its own peer and its own subject: it starts itself as a process that is the server
//! ([`server::run`], the very program) or the plain peer, so that both are built alike, on the same allocator, and
//! nothing that this process does is booked on them.
//!
//! Invariants: rounds are interleaved, and what is told is the median; every answer's status is looked at, and one that
//! is no success ends the run, or where a peer gave it, makes that peer's cell a failed one; a figure that could not be
//! measured counts as missed; a peer that could not be started is named.
//!
//! Absent on purpose: TLS, networks, installing peers.

mod child;
mod counting;
mod load;
mod machine;
mod measures;
mod median;
mod options;
mod peer;
mod plot;
mod process;
mod report;
mod roles;
mod stores;
mod subject;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::options::Options;

/// How something here goes wrong: in words, because nobody decides over it but a person.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs the program with the words of its command line, the program's name first: 0 all targets met, 1 some missed or
/// something went wrong.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(exit) = roles::play(&words) {
        return exit;
    }
    match measures::all(&Options::parse_from(&words)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
