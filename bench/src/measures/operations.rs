//! PUT, GET of 1 MiB and LIST of 1000, by one client and by sixteen, each beside the latency of a sync in the same
//! directory in the same round. They have no target: they are what the next change is compared with.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use client::Generated;

use super::{BUCKET, progress};
use crate::Outcome;
use crate::child::Setting;
use crate::load::{Load, Shot, Until};
use crate::median::{median, quantile};
use crate::options::Options;
use crate::subject::Subject;

/// Objects that GET reads, of 1 MiB each.
const LARGE_OBJECTS: usize = 40;
/// Objects of the bucket that is listed.
pub(crate) const LISTED: usize = 5000;
/// Syncs of which the latency is the median.
const SYNCS: usize = 100;

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of that many bytes, each under a new key.
    Put(usize),
    /// Of 1 MiB.
    Get,
    /// A page of 1000 keys, beginning anywhere.
    List,
}

/// One line of the table: medians over the rounds.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub kind: Kind,
    pub clients: usize,
    /// Answers a second.
    pub rate: f64,
    /// Latency in milliseconds: half of the answers are faster; 99 of 100 are.
    pub latency_ms: [f64; 2],
    /// Half of the answers are faster, in latencies of a sync.
    pub syncs: f64,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Operations {
    /// A write of 4 KiB in place and its fdatasync, in milliseconds: the median; 99 of 100 are faster.
    pub sync_ms: [f64; 2],
    pub lines: Vec<Line>,
}

/// What one round does, and how many requests each of it makes.
const CELLS: [(Kind, usize, usize); 10] = [
    (Kind::Put(4 << 10), 1, 200),
    (Kind::Put(4 << 10), 16, 1600),
    (Kind::Put(64 << 10), 1, 150),
    (Kind::Put(64 << 10), 16, 800),
    (Kind::Put(1 << 20), 1, 40),
    (Kind::Put(1 << 20), 16, 160),
    (Kind::Get, 1, 200),
    (Kind::Get, 16, 800),
    (Kind::List, 1, 40),
    (Kind::List, 16, 160),
];

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Operations> {
    let subject = Subject::start(&dir.join("data"), Setting::default())?;
    for bucket in [BUCKET, "listed"] {
        subject.make_bucket(bucket)?;
    }
    let large = Generated::new(3, 1 << 20).at(0, 1 << 20);
    subject.fill((0..LARGE_OBJECTS).map(|n| format!("{BUCKET}/large/{n}")), &large)?;
    subject.fill((0..LISTED).map(|n| format!("listed/photos/2026/{n:06}.jpg")), &Bytes::from_static(b"small"))?;

    let mut syncs = Vec::new();
    let mut rounds = vec![Vec::new(); CELLS.len()];
    for round in 0..options.rounds() {
        progress("PUT, GET and LIST, round", round, options.rounds());
        let sync = sync_latencies(dir)?;
        let sync_ms = median(sync.iter().copied());
        syncs.push([sync_ms, quantile(sync, 0.99)]);
        for ((kind, clients, requests), found) in CELLS.iter().zip(&mut rounds) {
            let requests = if options.quick { (requests / 10).max(*clients) } else { *requests };
            let shots = shots(&subject, *kind, &format!("{round}-{clients}"), requests)?;
            let load = Load {
                to: subject.address,
                shots: &shots,
                connections: *clients,
                threads: *clients,
                cores: &[],
                until: Until::Spent,
            };
            let tally = load.run()?;
            let latency = [tally.latency_ms(0.5), tally.latency_ms(0.99)];
            found.push((tally.rate(), latency, latency[0] / sync_ms));
        }
    }
    let lines = CELLS.iter().zip(&rounds).map(|((kind, clients, _), found)| Line {
        kind: *kind,
        clients: *clients,
        rate: median(found.iter().map(|(rate, ..)| *rate)),
        latency_ms: [0, 1].map(|which| median(found.iter().map(|(_, latency, _)| latency[which]))),
        syncs: median(found.iter().map(|(.., syncs)| *syncs)),
    });
    let sync_ms = [0, 1].map(|which| median(syncs.iter().map(|sync| sync[which])));
    Ok(Operations { sync_ms, lines: lines.collect() })
}

fn shots(subject: &Subject, kind: Kind, name: &str, requests: usize) -> Outcome<Vec<Shot>> {
    let body = match kind {
        Kind::Put(bytes) => Generated::new(bytes as u64, bytes as u64).at(0, bytes),
        Kind::Get | Kind::List => Bytes::new(),
    };
    let shot = |n: usize| match kind {
        Kind::Put(bytes) => subject.put(&format!("{BUCKET}/put/{bytes}/{name}/{n:06}"), &body),
        Kind::Get => subject.get(&format!("{BUCKET}/large/{}", n % LARGE_OBJECTS)),
        Kind::List => {
            // Strides through the bucket, so that no page is the one before.
            let after = n * 1237 % (LISTED - 1000);
            subject.get(&format!("listed?list-type=2&max-keys=1000&start-after=photos%2F2026%2F{after:06}.jpg"))
        }
    };
    (0..requests).map(shot).collect()
}

/// What one durable write costs at the least on this disk: 4 KiB into a file whose space is there already, and a sync.
pub(crate) fn sync_latencies(dir: &Path) -> Outcome<Vec<f64>> {
    let path = dir.join("sync");
    let file: File = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    file.write_all_at(&vec![0; 4096 * SYNCS], 0)?;
    file.sync_all()?;
    let one = |n: usize| -> Outcome<f64> {
        let begun = Instant::now();
        file.write_all_at(&[n as u8; 4096], (n * 4096) as u64)?;
        file.sync_data()?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    };
    (0..SYNCS).map(one).collect()
}
