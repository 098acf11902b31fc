//! Asking a store with very many objects for each operation.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::Method;

use super::loader::BODY;
use super::{BUCKET, IN_FOLDER, Operation, key};
use crate::Outcome;
use crate::load::{Load, Shot, Until};
use crate::stores::{Door, Store};

/// Requests that are sent again and again: more than anything small keeps.
const REQUESTS: u64 = 5000;
/// Objects that are put in one spell, and deleted in the next.
const WRITTEN: u64 = 3000;

/// What a spell found: answers a second, and the median latency in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub rate: f64,
    pub median_ms: f64,
}

/// Asks for one operation for that long; `round` makes the keys of writes.
pub(super) fn ask(door: &Door, operation: Operation, count: u64, round: usize, spell: Duration) -> Outcome<Asked> {
    ask_by(door, operation, count, round, spell, operation.clients())
}

/// The same, by so many clients.
pub(super) fn ask_by(
    door: &Door,
    operation: Operation,
    count: u64,
    round: usize,
    spell: Duration,
    connections: usize,
) -> Outcome<Asked> {
    let shots = shots(door, operation, count, round)?;
    let until = match operation {
        Operation::Put | Operation::Delete => Until::Spent,
        _ => Until::Elapsed(spell),
    };
    let threads = connections.min(2);
    let tally = Load { to: door.to, shots: &shots, connections, threads, cores: &[], until }.run()?;
    Ok(Asked { rate: tally.rate(), median_ms: tally.latency_ms(0.5) })
}

fn shots(door: &Door, operation: Operation, count: u64, round: usize) -> Outcome<Vec<Shot>> {
    let anywhere = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count;
    let read = |method: Method| {
        (0..REQUESTS.min(count)).map(|n| door.shot(method.clone(), &format!("{BUCKET}/{}", key(anywhere(n))))).collect()
    };
    // Spread over all folders, as writes are.
    let written = |n: u64| format!("{BUCKET}/{}-{round}", key(anywhere(n ^ 0xaaaa)));
    let body = Bytes::from_static(BODY);
    let list = |query: &str, n: u64, folders: u64| {
        let last = (count / IN_FOLDER).saturating_sub(folders + 1).max(1);
        let after = anywhere(n) % last;
        door.shot(Method::GET, &format!("{BUCKET}?{query}&start-after=tree%2F{after:07}%2Fz"))
    };
    match operation {
        Operation::Get => read(Method::GET),
        Operation::Head => read(Method::HEAD),
        Operation::Put => (0..WRITTEN).map(|n| door.shot_of(Method::PUT, &written(n), body.clone())).collect(),
        Operation::Delete => (0..WRITTEN).map(|n| door.shot(Method::DELETE, &written(n))).collect(),
        Operation::List => {
            (0..256).map(|n| list("list-type=2&max-keys=1000&prefix=tree%2F", n, 1000 / IN_FOLDER)).collect()
        }
        Operation::Prefixes => {
            let query = "delimiter=%2F&list-type=2&max-keys=1000&prefix=tree%2F";
            (0..256).map(|n| list(query, n, 1000)).collect()
        }
    }
}

/// Puts objects one after another until the store is gone, in a thread of its own.
pub(super) fn put_until_gone(door: &Door, count: u64) -> Outcome<std::thread::JoinHandle<()>> {
    let shots = shots(door, Operation::Put, count, usize::MAX)?;
    let to = door.to;
    Ok(std::thread::spawn(move || {
        let until = Until::Elapsed(Duration::from_secs(60));
        let load = Load { to, shots: &shots, connections: 16, threads: 2, cores: &[], until };
        // It ends by the server's end.
        let _ = load.run();
    }))
}

/// What all files below a directory occupy on the disk, in bytes.
pub(super) fn occupied(dir: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        // What is removed meanwhile occupies nothing.
        let Ok(facts) = entry.path().symlink_metadata() else { continue };
        sum += if facts.is_dir() { occupied(&entry.path())? } else { facts.blocks() * 512 };
    }
    Ok(sum)
}

/// Waits until what a directory occupies has not changed for some seconds, or `patience` is over; what it is then.
pub(super) fn settled(store: &Store, patience: Duration) -> Outcome<u64> {
    const STILL: Duration = Duration::from_secs(5);
    let begun = Instant::now();
    let (mut last, mut since) = (occupied(&store.data)?, Instant::now());
    while begun.elapsed() < patience && since.elapsed() < STILL {
        std::thread::sleep(Duration::from_millis(500));
        let now = occupied(&store.data)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}
