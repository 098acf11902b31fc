//! All operations, asked of Bailiwick and of the peers that this machine has, by one load in turns.
//!
//! All servers run for the whole time, each on a directory of its own on the disk that is measured; one at a time is asked.
//! Within a round each cell is measured on all stores before the next cell, in an order that changes from round to round.
//! What a store left unwritten in memory is written before the next is asked, so that nobody pays for another's writes.
//!
//! Invariants: every answer's status is looked at; once in a cell what was stored is read back and compared; a cell in
//! which a store fails is told as failed, with its reason, and is not tried again in later rounds.

pub(crate) mod cells;
mod disk;
mod prepare;
mod requests;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::Method;

use self::cells::{Cell, MIB, PART, PARTS, PARTS_AT_ONCE, SMALL, What};
pub(crate) use self::disk::Disk;
use self::requests::BUCKET;
pub(crate) use self::requests::Requests;
use super::progress;
use crate::load::{Load, Shot, Tally, Until, ask};
use crate::median::median;
use crate::options::Options;
use crate::stores::{Kind, Store, found};
use crate::watch::{Watch, resident};
use crate::{Outcome, machine, process};

/// Most bytes that a cell writes in one spell, and most requests that it makes of which each is sent once.
const WRITTEN: u64 = 256 * MIB;
const SENT_ONCE: usize = 40_000;
/// Requests of the first spell of a cell, for each client.
const FIRST: usize = 400;

/// What one store did in one spell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spell {
    /// In which round.
    pub round: usize,
    /// Answers a second.
    pub rate: f64,
    /// Latency in milliseconds: half of the answers are faster; 99 of 100 are.
    pub latency_ms: [f64; 2],
    /// Processor time of the server for each answer, in microseconds.
    pub cost: f64,
    /// Most memory that was resident meanwhile, in bytes.
    pub resident: u64,
}

/// What a store did in a cell, or why it failed there.
pub(crate) type Spells = Result<Vec<Spell>, String>;

/// A store that took part.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub kind: Kind,
    pub version: String,
    pub setting: String,
    /// Resident once it had started and all objects to be read were stored, in bytes.
    pub resident: u64,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers {
    /// Who took part, in the order of [`Kind::ALL`].
    pub stores: Vec<About>,
    /// Who did not, and why.
    pub missing: Vec<(String, String)>,
    /// The disk and the machine's load average at the start of each round.
    pub rounds: Vec<(Disk, f64)>,
    pub cells: Vec<(Cell, BTreeMap<Kind, Spells>)>,
    /// How long all of it took.
    pub took: Duration,
}

impl Peers {
    /// The median over the rounds of a figure of a store in a cell; NaN where there is none.
    pub fn median(&self, cell: Cell, kind: Kind, figure: impl Fn(&Spell) -> f64) -> f64 {
        median(self.spells(cell, kind).iter().map(figure))
    }

    /// Bailiwick's rate as a multiple of that of a store, in the same round: the median.
    pub fn ratio(&self, cell: Cell, of: Kind, to: Kind) -> f64 {
        let theirs = self.spells(cell, to);
        let pairs = self.spells(cell, of).iter().filter_map(|spell| {
            let their = theirs.iter().find(|their| their.round == spell.round)?;
            Some(spell.rate / their.rate)
        });
        median(pairs)
    }

    /// Bailiwick's rate as a multiple of that of the best peer; NaN if no peer was measured.
    pub fn ratio_to_best(&self, cell: Cell) -> f64 {
        let peers = Kind::ALL.into_iter().filter(|kind| kind.is_peer());
        let ratios = peers.map(|peer| self.ratio(cell, Kind::Ours, peer)).filter(|ratio| ratio.is_finite());
        ratios.reduce(f64::min).unwrap_or(f64::NAN)
    }

    /// What a store did in a cell; nothing if it failed or was not asked.
    fn spells(&self, cell: Cell, kind: Kind) -> &[Spell] {
        let of_cell = self.cells.iter().find(|(of, _)| *of == cell);
        match of_cell.and_then(|(_, stores)| stores.get(&kind)) {
            Some(Ok(spells)) => spells,
            _ => &[],
        }
    }
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Peers> {
    let begun = Instant::now();
    let mut found_out = Peers::default();
    let fio = found(options, "fio");
    if let Err(error) = &fio {
        found_out.missing.push(("fio".to_owned(), error.to_string()));
    }
    let requests = Requests::new();
    let cells = cells::cells(options.quick);
    let mut stores = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| !(options.quick && *kind == Kind::GarageSynced)) {
        eprintln!("· {}: starting and filling it", kind.name());
        let started = Store::start(kind, options, &dir.join(format!("{kind:?}"))).and_then(|store| {
            let resident = prepare::fill(&store, &requests, &cells)?;
            Ok((store, resident))
        });
        match started {
            Ok((store, resident)) => {
                let (version, setting) = (store.version.clone(), store.setting.clone());
                found_out.stores.push(About { kind, version, setting, resident });
                stores.push(store);
            }
            Err(error) if kind == Kind::Ours => return Err(error),
            Err(error) => {
                eprintln!("· {} is left out: {error}", kind.name());
                found_out.missing.push((kind.name().to_owned(), error.to_string()));
            }
        }
    }
    found_out.cells = cells.iter().map(|cell| (*cell, BTreeMap::new())).collect();
    for round in 0..options.peer_rounds() {
        progress("all operations on all stores, round", round, options.peer_rounds());
        settle(dir)?;
        let disk = disk::look(fio.as_deref().ok(), dir)?;
        found_out.rounds.push((disk, machine::load_average()?));
        let turns = Turns { options, dir, requests: &requests, stores: &stores, round };
        for (cell, found) in &mut found_out.cells {
            if round < cell.rounds(options.peer_rounds()) {
                turns.take(*cell, found)?;
            }
        }
    }
    found_out.took = begun.elapsed();
    Ok(found_out)
}

/// One round over all cells.
struct Turns<'a> {
    options: &'a Options,
    dir: &'a Path,
    requests: &'a Requests,
    stores: &'a [Store],
    round: usize,
}

impl Turns<'_> {
    /// Measures a cell on each store that it concerns; another one begins in each round.
    fn take(&self, cell: Cell, found: &mut BTreeMap<Kind, Spells>) -> Outcome<()> {
        let concerned: Vec<&Store> = self.stores.iter().filter(|store| cell.concerns(store.kind)).collect();
        for turn in 0..concerned.len() {
            let store = concerned[(turn + self.round) % concerned.len()];
            let spells = found.entry(store.kind).or_insert_with(|| Ok(Vec::new()));
            let Ok(so_far) = spells else { continue };
            let spell = self.spell(cell, store, so_far.last()).and_then(|spell| {
                if self.round == 0 {
                    verify::cell(store, self.requests, cell)?;
                }
                Ok(spell)
            });
            match spell {
                Ok(spell) => so_far.push(spell),
                Err(error) => {
                    eprintln!("· {} failed in {cell:?}: {error}", store.kind.name());
                    *spells = Err(error.to_string());
                }
            }
            if cell.what.writes() {
                // A store that failed may fail in this as well: what it keeps then only takes room.
                let _ = self.clear(cell, store);
                settle(self.dir)?;
            }
        }
        Ok(())
    }

    fn spell(&self, cell: Cell, store: &Store, before: Option<&Spell>) -> Outcome<Spell> {
        let count = self.count(cell, before);
        if cell.what == What::Delete {
            let put = |n| {
                let place = format!("{BUCKET}/{}", requests::written_key(cell, self.round, n));
                self.requests.put(&store.door, &place, requests::number(cell, self.round, n), SMALL)
            };
            prepare::send(store, (0..count).map(put).collect::<Outcome<Vec<_>>>()?, 32, 2)?;
            settle(self.dir)?;
        }
        let shots = self.requests.shots(&store.door, cell, self.round, count)?;
        let pids = store.pids();
        let watch = Watch::start(pids.clone());
        let time = || pids.iter().map(|pid| process::processor_time(*pid).unwrap_or_default()).sum::<Duration>();
        let used = time();
        let tally = match cell.what {
            What::Multipart => self.in_parts(cell, store),
            _ => self.load(cell, store, &shots).run(),
        };
        let (used, resident) = (time().saturating_sub(used), watch.end());
        let tally = tally?;
        let latency_ms = [tally.latency_ms(0.5), tally.latency_ms(0.99)];
        let cost = used.as_secs_f64() * 1e6 / tally.requests as f64;
        Ok(Spell { round: self.round, rate: tally.rate(), latency_ms, cost, resident })
    }

    fn load<'a>(&self, cell: Cell, store: &Store, shots: &'a [Shot]) -> Load<'a> {
        let spell = self.options.peer_spell();
        let until = if cell.what.writes() { Until::SpentWithin(spell) } else { Until::Elapsed(spell) };
        Load { to: store.door.to, shots, connections: cell.clients, threads: cell.threads(), cores: &[], until }
    }

    /// How many requests to make of which each is sent once: more than were answered in the spell before.
    fn count(&self, cell: Cell, before: Option<&Spell>) -> usize {
        let likely = match before {
            Some(before) => (before.rate * 1.5 * self.options.peer_spell().as_secs_f64()) as usize,
            None => FIRST * cell.clients,
        };
        let room = cell.what.bytes().map_or(SENT_ONCE, |bytes| usize::try_from(WRITTEN / bytes).unwrap_or(SENT_ONCE));
        likely.min(room).clamp(cell.clients, SENT_ONCE.max(cell.clients))
    }

    /// One object in parts, some of them at once.
    fn in_parts(&self, cell: Cell, store: &Store) -> Outcome<Tally> {
        let (door, place) = (&store.door, format!("{BUCKET}/{}", requests::written_key(cell, self.round, 0)));
        // A store cannot be shared with the threads, what is asked of it can.
        let (requests, round) = (self.requests, self.round);
        let body = |part: u64| requests.body(requests::number(cell, round, part as usize), PART);
        let begun = Instant::now();
        let upload = ask(door.to, &door.shot_with(Method::POST, &format!("{place}?uploads"), 0)?)?;
        let upload = upload.element("UploadId").ok_or("no UploadId in the answer")?;
        let part = |number: u64| -> Outcome<String> {
            let place = format!("{place}?partNumber={number}&uploadId={upload}");
            let shot = Shot { rest: body(number), ..door.shot_with(Method::PUT, &place, PART)? };
            let answer = ask(door.to, &shot)?;
            let etag = answer.header("etag").ok_or("no ETag in the answer")?;
            Ok(format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"))
        };
        let numbers: Vec<u64> = (1..=PARTS).collect();
        let mut parts = Vec::new();
        for at_once in numbers.chunks(PARTS_AT_ONCE) {
            std::thread::scope(|scope| -> Outcome<()> {
                let works: Vec<_> = at_once.iter().map(|number| scope.spawn(|| part(*number))).collect();
                for work in works {
                    parts.push(work.join().map_err(|_| "a thread of the load panicked")??);
                }
                Ok(())
            })?;
        }
        let list = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
        ask(door.to, &door.shot_of(Method::POST, &format!("{place}?uploadId={upload}"), Bytes::from(list))?)?;
        let elapsed = begun.elapsed();
        Ok(Tally { requests: 1, elapsed, latencies: vec![elapsed] })
    }

    /// Deletes what a cell wrote, if it is large.
    fn clear(&self, cell: Cell, store: &Store) -> Outcome<()> {
        if cell.what.bytes().is_none_or(|bytes| bytes < MIB) {
            return Ok(());
        }
        let count = self.count(cell, None);
        let delete =
            |n| store.door.shot(Method::DELETE, &format!("{BUCKET}/{}", requests::written_key(cell, self.round, n)));
        prepare::send(store, (0..count).map(delete).collect::<Outcome<Vec<_>>>()?, 16, 2)
    }
}

/// Has everything written that is not on the disk yet.
fn settle(dir: &Path) -> Outcome<()> {
    Ok(rustix::fs::syncfs(std::fs::File::open(dir)?)?)
}

/// What is resident in a store's processes.
fn resident_in(store: &Store) -> u64 {
    resident(&store.pids())
}
