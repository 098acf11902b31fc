//! Bailiwick with ten thousand to ten million objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::asked::{ask, ask_by, occupied, put_until_gone};
use super::loader::Loader;
use super::{LEVELS, Operation, Scale, levels};
use crate::Outcome;
use crate::measures::{progress, start};
use crate::median::median;
use crate::options::Options;
use crate::stores::{Kind, Store};
use crate::watch::{Watch, resident};

/// How long loading may take in all; with `--full`.
const PATIENCE: [Duration; 2] = [Duration::from_secs(10 * 60), Duration::from_secs(60 * 60)];
/// How long a server is left alone before its memory counts as that of an idle one.
const REST: Duration = Duration::from_secs(3);
/// How long a burst of writes runs before the server is killed.
const BURST: Duration = Duration::from_secs(2);
/// Rounds; a round takes half a minute.
const ROUNDS: usize = 3;

/// What was found with one number of objects: medians of the rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level {
    pub objects: u64,
    /// Answers a second.
    pub rates: BTreeMap<Operation, f64>,
    /// How long a page of common prefixes takes, in milliseconds.
    pub prefixes_ms: f64,
    /// From the start of the process to the first answer, in milliseconds: after a clean stop, after a kill in a burst of
    /// writes.
    pub start_ms: [f64; 2],
    /// Resident when idle after a start, and at most under 64 clients, in bytes.
    pub resident: [u64; 2],
    /// Bytes on the disk for an object, all told.
    pub disk: f64,
    /// How long loading took from the level before, in seconds.
    pub load_seconds: f64,
}

pub(super) fn measure(options: &Options, dir: &Path, found: &mut Scale) -> Outcome<()> {
    let most = if options.full { LEVELS[3] } else { LEVELS[2] };
    let grown = dir.join("ours");
    let mut loader = Loader::new(options, &grown)?;
    let until = Instant::now() + PATIENCE[usize::from(options.full)];
    let mut places: Vec<(u64, PathBuf)> = Vec::new();
    for count in levels(options, most) {
        let begun = Instant::now();
        loader.load(count, until)?;
        let took = begun.elapsed().as_secs_f64();
        if loader.loaded < count {
            let reached = loader.loaded;
            found.missing.push(format!("Bailiwick: {reached} objects were loaded in the time there is, not {count}"));
        }
        let disk = occupied(&grown)? as f64 / loader.loaded as f64;
        found.levels.push(Level { objects: loader.loaded, disk, load_seconds: took, ..Level::default() });
        let place = dir.join(format!("ours-{count}"));
        if count == most || loader.loaded < count {
            std::fs::rename(&grown, &place)?;
            places.push((loader.loaded, place));
            break;
        }
        copy(&grown, &place)?;
        places.push((loader.loaded, place));
    }
    in_rounds(options, &places, &mut found.levels)?;
    for ((_, place), level) in places.iter().zip(&mut found.levels) {
        starts(options, place, level)?;
        std::fs::remove_dir_all(place)?;
    }
    Ok(())
}

/// All operations on all sizes in turns, by servers that all run.
fn in_rounds(options: &Options, places: &[(u64, PathBuf)], levels: &mut [Level]) -> Outcome<()> {
    let stores = places.iter().map(|(_, place)| Store::start(Kind::Ours, options, place));
    let stores = stores.collect::<Outcome<Vec<_>>>()?;
    std::thread::sleep(REST);
    for (store, level) in stores.iter().zip(levels.iter_mut()) {
        level.resident[0] = resident(&store.pids());
    }
    let mut asked = vec![BTreeMap::<Operation, Vec<_>>::new(); stores.len()];
    for round in 0..ROUNDS {
        progress("all operations on all sizes, round", round, ROUNDS);
        for operation in Operation::ALL {
            for turn in 0..stores.len() {
                let at = (turn + round) % stores.len();
                let spell = ask(&stores[at].door, operation, levels[at].objects, round, options.peer_spell())?;
                asked[at].entry(operation).or_default().push(spell);
            }
        }
    }
    for ((store, level), asked) in stores.iter().zip(levels).zip(&asked) {
        let of = asked.iter().map(|(operation, spells)| (*operation, median(spells.iter().map(|spell| spell.rate))));
        level.rates = of.collect();
        let pages = asked.get(&Operation::Prefixes).into_iter().flatten();
        level.prefixes_ms = median(pages.map(|spell| spell.median_ms));
        let watch = Watch::start(store.pids());
        for operation in [Operation::Get, Operation::Put, Operation::List] {
            ask_by(&store.door, operation, level.objects, ROUNDS, options.peer_spell(), 64)?;
        }
        level.resident[1] = watch.end();
    }
    stores.into_iter().try_for_each(Store::stop)
}

/// Starts after clean stops, and after kills while it was written to.
fn starts(options: &Options, place: &Path, level: &mut Level) -> Outcome<()> {
    let (mut clean, mut killed) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        progress(&format!("starts with {} objects, round", level.objects), round, ROUNDS);
        // The stop before it was clean.
        let (times, child) = start::start(place)?;
        clean.push(times.answered);
        child.stop()?;
        let store = Store::start(Kind::Ours, options, place)?;
        let burst = put_until_gone(&store.door, level.objects)?;
        std::thread::sleep(BURST);
        // Dropping a process of ours kills it.
        drop(store);
        let _ = burst.join();
        let (times, child) = start::start(place)?;
        killed.push(times.answered);
        child.stop()?;
    }
    level.start_ms = [median(clean), median(killed)];
    Ok(())
}

/// Copies a data directory; what is no file in it, a server makes anew.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
    std::fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let target = to.join(entry.file_name().ok_or("a file without a name")?);
        if kind.is_dir() {
            copy(&entry, &target)?;
        } else if !kind.is_socket() {
            std::fs::copy(&entry, &target)?;
        }
    }
    Ok(())
}
