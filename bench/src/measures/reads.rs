//! Presigned GET of 4 KiB: Bailiwick against plain hyper.
//!
//! Once with few URLs that come again and again, as those of a page's pictures do, and once with URLs of which none comes
//! twice: what was found right before is not verified again.
//!
//! Both servers run on one half of the cores, the load on the other, so that neither takes time from the other and the
//! servers have the same number of worker threads. Where the load is the slower one the ratio of rates flatters whoever is
//! slower; the processor time of each server, divided by its answers, does not, so it is told as well.

use std::path::Path;

use bytes::Bytes;
use client::Generated;

use super::{BUCKET, SMALL, progress};
use crate::child::{Child, Setting};
use crate::load::{Load, Shot, Until, once};
use crate::median::median;
use crate::options::Options;
use crate::roles::Role;
use crate::subject::Subject;
use crate::{Outcome, process};

/// How many objects are read in turn.
pub(crate) const OBJECTS: usize = 256;
/// How many URLs are used once, in one spell: a fraction of a second's.
const NEW: usize = 40_000;
/// How many connections are kept.
pub(crate) const CONNECTIONS: usize = 16;

/// One side of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spell {
    /// Answers a second.
    pub rate: f64,
    /// Processor time of the server for each answer, in microseconds.
    pub cost: f64,
    /// Which part of its cores the server kept busy, 0…1.
    pub busy: f64,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    /// Round by round: Bailiwick, plain hyper, and Bailiwick where no URL comes twice.
    pub rounds: Vec<[Spell; 3]>,
    /// Whether servers and load had cores of their own, and how many the servers had.
    pub cores: Option<usize>,
    /// Bytes of an answer, head and body.
    pub answer_bytes: usize,
    /// Header fields of an answer.
    pub headers: usize,
}

impl Reads {
    /// The median over the rounds of a figure of one side.
    pub fn median(&self, side: usize, figure: impl Fn(&Spell) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| figure(&round[side])))
    }

    /// The median over the rounds of a side's figure as a multiple of plain hyper's.
    pub fn ratio(&self, side: usize, figure: impl Fn(&Spell) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| figure(&round[side]) / figure(&round[1])))
    }
}

/// Puts the objects and gives a presigned GET of each.
pub(crate) fn prepare(subject: &Subject) -> Outcome<Vec<Shot>> {
    let body: Bytes = Generated::new(1, SMALL as u64).at(0, SMALL);
    subject.make_bucket(BUCKET)?;
    subject.fill((0..OBJECTS).map(place), &body)?;
    (0..OBJECTS).map(|n| subject.presigned_get(&place(n))).collect()
}

fn place(n: usize) -> String {
    format!("{BUCKET}/photos/2026/{n:04}.jpg")
}

/// So many presigned GETs of them in turn, none of which was there before; `from` counts them.
fn new_ones(subject: &Subject, from: &mut usize, count: usize) -> Outcome<Vec<Shot>> {
    let shots = (*from..*from + count).map(|n| {
        // The time that each is good for tells those of one object apart.
        let seconds = i64::try_from(n / OBJECTS)? + 10;
        subject.presigned_get_for(&subject.s3, &place(n % OBJECTS), seconds + 3600)
    });
    let shots = shots.collect();
    *from += count;
    shots
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Reads> {
    let halves = process::halves();
    let (ours, theirs) = halves.clone().unwrap_or_default();
    let setting = Setting { cores: &ours, control: false };
    let subject = Subject::start(&dir.join("data"), setting)?;
    let shots = prepare(&subject)?;
    let answer = once(subject.address, &shots[0])?;

    let mut peer = Child::start(Role::Peer, &[], setting)?;
    peer.say(&answer)?;
    peer.say_no_more();
    let plain = peer.hear("peer ")?.parse()?;
    let repeated = once(plain, &shots[0])?;
    let headers = |answer: &[u8]| answer.split(|byte| *byte == b'\n').take_while(|line| *line != b"\r").count() - 1;
    if headers(&repeated) != headers(&answer) || repeated.len() != answer.len() {
        return Err("the plain server does not answer the same".into());
    }

    let sides = [(subject.address, subject.child.pid()), (plain, peer.pid())];
    let spell_of = |side: usize, shots: &[Shot], until: Until| -> Outcome<Spell> {
        let (to, pid) = sides[side];
        let (connections, threads) = (CONNECTIONS, theirs.len().max(1));
        let load = Load { to, shots, connections, threads, cores: &theirs, until };
        let before = process::processor_time(pid)?;
        let tally = load.run()?;
        let used = (process::processor_time(pid)? - before).as_secs_f64();
        let available = tally.elapsed.as_secs_f64() * ours.len().max(1) as f64;
        Ok(Spell { rate: tally.rate(), cost: used * 1e6 / tally.requests as f64, busy: used / available })
    };
    let spell = |side: usize| spell_of(side, &shots, Until::Elapsed(options.spell()));
    let count = if options.quick { NEW / 10 } else { NEW };
    let mut used = 0;
    // The first answers of a process pay for what later ones find: not counted.
    spell(0)?;
    spell(1)?;
    let mut rounds = Vec::new();
    for round in 0..options.rounds() {
        progress("presigned GET of 4 KiB, round", round, options.rounds());
        let new = new_ones(&subject, &mut used, count)?;
        let [ours, plain] = if round % 2 == 0 {
            let first = spell(0)?;
            [first, spell(1)?]
        } else {
            let second = spell(1)?;
            [spell(0)?, second]
        };
        rounds.push([ours, plain, spell_of(0, &new, Until::Spent)?]);
    }
    let cores = halves.is_some().then_some(ours.len());
    Ok(Reads { rounds, cores, answer_bytes: answer.len(), headers: headers(&answer) })
}
