//! How long a start takes, and how much memory a server holds that does nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{BUCKET, SMALL, progress, reads};
use crate::child::{Child, Setting};
use crate::load::{Load, Until};
use crate::median::median;
use crate::options::Options;
use crate::subject::{Subject, free_address};
use crate::{Outcome, process};

/// Objects of the store that is not empty.
pub(crate) const OBJECTS: usize = 5000;
/// How long a server is left alone before its memory counts as that of an idle one.
const REST: Duration = Duration::from_secs(3);
/// How long a start may take before it has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Times from the start of a process, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// To the first connection that was accepted.
    pub accepted: f64,
    /// To the first answer.
    pub answered: f64,
}

/// What was found: medians.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// On a directory that does not exist: keys, records and credentials are made.
    pub empty: Times,
    /// On a store with [`OBJECTS`] objects, after a server that was killed.
    pub existing: Times,
    /// Resident memory with an empty store, in bytes.
    pub idle_empty: u64,
    /// Resident memory with [`OBJECTS`] objects, just started.
    pub idle_existing: u64,
    /// Resident memory some seconds after a load of reads.
    pub idle_after_load: u64,
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Start> {
    let (mut empty, mut existing) = (Vec::new(), Vec::new());
    let (mut idle_empty, mut idle_existing) = (0, 0);
    for round in 0..options.rounds() {
        progress("start on an empty store, round", round, options.rounds());
        let (times, child) = start(&dir.join(format!("empty-{round}")))?;
        empty.push(times);
        std::thread::sleep(REST);
        idle_empty = idle_empty.max(process::memory(child.pid())?.resident);
    }
    let full = dir.join("full");
    let subject = Subject::start(&full, Setting::default())?;
    let shots = reads::prepare(&subject)?;
    let body = Bytes::from(vec![7; SMALL]);
    subject.fill((0..OBJECTS).map(|n| format!("{BUCKET}/fill/{n:06}")), &body)?;
    let load = Load {
        to: subject.address,
        shots: &shots,
        connections: reads::CONNECTIONS,
        threads: 1,
        cores: &[],
        until: Until::Elapsed(2 * options.spell()),
    };
    load.run()?;
    std::thread::sleep(2 * REST);
    let idle_after_load = process::memory(subject.child.pid())?.resident;
    drop(subject);
    for round in 0..options.rounds() {
        progress("start on an existing store, round", round, options.rounds());
        let (times, child) = start(&full)?;
        existing.push(times);
        std::thread::sleep(REST);
        idle_existing = idle_existing.max(process::memory(child.pid())?.resident);
    }
    Ok(Start { empty: middle(&empty), existing: middle(&existing), idle_empty, idle_existing, idle_after_load })
}

fn middle(times: &[Times]) -> Times {
    let of = |figure: fn(&Times) -> f64| median(times.iter().map(figure));
    Times { accepted: of(|times| times.accepted), answered: of(|times| times.answered) }
}

/// Starts it on `data`: until it accepts, and until it answers.
pub(crate) fn start(data: &Path) -> Outcome<(Times, Child)> {
    let address = free_address()?;
    let begun = Instant::now();
    let child = Subject::spawn(data, address, Setting::default())?;
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_micros(200)),
            Err(error) => return Err(format!("the server does not start: {error}").into()),
        }
    };
    let accepted = begun.elapsed();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    // Nobody signed it: whatever is answered, it was answered by S3.
    stream.read_exact(&mut [0])?;
    let answered = begun.elapsed();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    Ok((Times { accepted: millis(accepted), answered: millis(answered) }, child))
}
