//! The program `bailiwick`: command line, configuration, listeners and the life of a server.
//!
//! The key decision: it is a library with one function, so that tests and benchmarks run the very program.
//!
//! Invariants: wrong configuration stops the start, naming the key and its source; every connection, queue and wait is
//! bounded; SIGTERM drains; what a person is told on failure is one line with a remedy, and an exit status that scripts
//! can rely on.
//!
//! Absent on purpose: decisions over access, knowledge of S3's wire format, knowledge of what is stored and how.

mod card;
mod cli;
mod command;
mod complaint;
mod engine;
mod listen;
mod place;
mod print;
mod probe;
mod progress;
mod proposal;
mod restore;
mod serve;
mod socket;
mod trial;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub(crate) use operations::admin;

use crate::complaint::{Complaint, Exit};

/// Runs the program with the words of its command line, the program's name first, and says how the process is to end:
/// 0 done, 1 failed or the answer is no, 2 wrong usage.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let exit = match cli::read(&words) {
        Ok(invocation) => {
            log_to_stderr();
            on_runtime(command::run(&invocation)).unwrap_or_else(|complaint| tell(&complaint))
        }
        Err(cli::Ended::Mistake(complaint)) => tell(&complaint),
        Err(cli::Ended::Answer(answer)) => match answer.print() {
            Ok(()) => Exit::Done,
            Err(_) => Exit::Failed,
        },
    };
    ExitCode::from(exit as u8)
}

fn on_runtime(work: impl Future<Output = Result<Exit, Complaint>>) -> Result<Exit, Complaint> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Complaint::failed(format!("the system gives out no threads: {error}"), "Raise the limits of this user.")
    })?;
    runtime.block_on(work)
}

fn tell(complaint: &Complaint) -> Exit {
    eprintln!("error: {complaint}");
    complaint.exit
}

/// Warnings and errors unless `BAILIWICK_LOG` says otherwise, in the syntax of `tracing-subscriber`'s `EnvFilter`.
fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .with_env_var("BAILIWICK_LOG")
        .from_env_lossy();
    // An error means that whoever runs us as a library logs already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
}
