//! What a bucket's grants and shares cost a request: the same request on a bucket with hundred of them and on one without,
//! or with the one that it takes.
//!
//! What is compared is the processor time of the server for each answer, on a core of its own, and its allocations: both
//! sides of a pair take turns within each round. Of a hundred grants or shares, the one that counts is the last.

use std::path::Path;

use client::{Credentials, Generated, S3};
use serde_json::Value;

use super::{SMALL, progress, reads};
use crate::child::Setting;
use crate::load::{Load, Shot, Until};
use crate::median::median;
use crate::options::Options;
use crate::subject::Subject;
use crate::{Outcome, process};

/// Grants, or shares, of the buckets that have many.
pub(crate) const MANY: usize = 100;
/// Requests of which the allocations are counted, for each side of a round.
const COUNTED: usize = 1000;

/// Into how many turns the time of a round is cut: the shorter they are, the less of what else the machine does falls on one
/// side alone.
const SLICES: u32 = 8;

/// One request on two buckets.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Which request, and on what.
    pub what: &'static str,
    /// Processor time of the server for each answer, in microseconds: without, with; medians of the rounds.
    pub cost: [f64; 2],
    /// Allocations of the server for each answer: without, with; medians of the rounds.
    pub allocations: [f64; 2],
    /// How many times the processor time that is, round by round.
    ratios: Vec<f64>,
}

impl Pair {
    /// Of the figures of both sides, round by round.
    pub fn of(what: &'static str, costs: &[[f64; 2]], counts: &[[f64; 2]]) -> Pair {
        let middle = |rounds: &[[f64; 2]]| [0, 1].map(|side| median(rounds.iter().map(|round| round[side])));
        let ratios = costs.iter().map(|[without, with]| with / without).collect();
        Pair { what, cost: middle(costs), allocations: middle(counts), ratios }
    }

    /// How many times the processor time, median of the rounds.
    pub fn ratio(&self) -> f64 {
        median(self.ratios.iter().copied())
    }
}

/// The requests of a pair, on the bucket without and on the one with many.
struct Shots {
    what: &'static str,
    sides: [Vec<Shot>; 2],
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Vec<Pair>> {
    let data = dir.join("data");
    let (ours, theirs) = process::halves().unwrap_or_default();
    let setting = Setting { cores: &ours, control: false };
    let mut keys = None;
    let costs = {
        let subject = Subject::start(&data, setting)?;
        let keys = keys.insert(prepare(&subject)?);
        let pairs = shots(&subject, keys)?;
        let spell = |shots: &[Shot]| -> Outcome<f64> {
            let load = Load {
                to: subject.address,
                shots,
                connections: reads::CONNECTIONS,
                threads: theirs.len().max(1),
                cores: &theirs,
                until: Until::Elapsed(options.spell() / SLICES),
            };
            let before = process::processor_time(subject.child.pid())?;
            let tally = load.run()?;
            let used = process::processor_time(subject.child.pid())? - before;
            Ok(used.as_secs_f64() * 1e6 / tally.requests as f64)
        };
        in_turns("requests on buckets with grants, round", options, SLICES, &pairs, spell)?
    };
    let Some(keys) = keys else { return Err("nothing was prepared".into()) };

    let mut subject = Subject::start(&data, Setting { control: true, ..setting })?;
    let pairs = shots(&subject, &keys)?;
    let counts = in_turns("their allocations, round", options, 1, &pairs, |shots| {
        let shots: Vec<Shot> = shots.iter().cycle().take(COUNTED).cloned().collect();
        let before = subject.count()?.allocations;
        let to = subject.address;
        Load { to, shots: &shots, connections: 1, threads: 1, cores: &[], until: Until::Spent }.run()?;
        Ok((subject.count()?.allocations - before) as f64 / COUNTED as f64)
    })?;
    let found = pairs.iter().zip(costs.iter().zip(&counts));
    Ok(found.map(|(pair, (costs, counts))| Pair::of(pair.what, costs, counts)).collect())
}

/// A figure of both sides of each pair, as often as `slices` says in each round; the side that begins changes each time.
fn in_turns(
    what: &str,
    options: &Options,
    slices: u32,
    pairs: &[Shots],
    mut figure: impl FnMut(&[Shot]) -> Outcome<f64>,
) -> Outcome<Vec<Vec<[f64; 2]>>> {
    let mut found = vec![Vec::new(); pairs.len()];
    // The first answers of a process pay for what later ones find: not counted.
    for side in pairs.iter().flat_map(|pair| &pair.sides) {
        figure(side)?;
    }
    let times = options.rounds() * slices as usize;
    for time in 0..times {
        progress(what, time, times);
        for (pair, found) in pairs.iter().zip(&mut found) {
            let mut figures = [0.0; 2];
            for side in if time % 2 == 0 { [0, 1] } else { [1, 0] } {
                figures[side] = figure(&pair.sides[side])?;
            }
            found.push(figures);
        }
    }
    Ok(found)
}

/// Who asks beside the owner: the last guest, and the last share of the bucket that has one and of that with many.
struct Keys {
    guest: Credentials,
    sharer: [Credentials; 2],
}

// As long as each other, so that the requests are.
const PLAIN: &str = "granted-to-none";
const GRANTED_ONE: &str = "granted-to-one1";
const GRANTED: &str = "granted-to-many";
const SHARED_ONE: &str = "shared-with-one1";
const SHARED: &str = "shared-with-many";

fn prepare(subject: &Subject) -> Outcome<Keys> {
    let body = Generated::new(5, SMALL as u64).at(0, SMALL);
    for bucket in [PLAIN, GRANTED_ONE, GRANTED, SHARED_ONE, SHARED] {
        subject.make_bucket(bucket)?;
        subject.fill(places(bucket), &body)?;
    }
    let guests = guests(subject, MANY)?;
    let Some(last) = guests.last() else { return Err("there is no guest".into()) };
    let ids: Vec<&str> = guests.iter().filter_map(|guest| guest["canonical_id"].as_str()).collect();
    subject.grant([(GRANTED_ONE.to_owned(), ids[MANY - 1..].to_vec()), (GRANTED.to_owned(), ids)])?;
    let share = |bucket: &str, n: usize| subject.ask(&["share", bucket, "--with", &guest(n), "--preset", "read"]);
    let one = share(SHARED_ONE, MANY - 1)?;
    let many = (0..MANY).map(|n| share(SHARED, n)).collect::<Outcome<Vec<_>>>()?;
    let Some(many) = many.last() else { return Err("there is no share".into()) };
    Ok(Keys { guest: Subject::key_of(last)?, sharer: [Subject::key_of(&one)?, Subject::key_of(many)?] })
}

/// Makes so many guests' accounts; what is told of each.
pub(crate) fn guests(subject: &Subject, count: usize) -> Outcome<Vec<Value>> {
    (0..count).map(|n| subject.ask(&["account", "create", &guest(n), "--guest"])).collect()
}

fn guest(n: usize) -> String {
    format!("guest-{n}@example.com")
}

fn places(bucket: &str) -> impl Iterator<Item = String> {
    (0..reads::OBJECTS).map(move |n| format!("{bucket}/photos/2026/{n:04}.jpg"))
}

fn shots(subject: &Subject, keys: &Keys) -> Outcome<Vec<Shots>> {
    let gets = |bucket: &str, who: &S3| -> Outcome<Vec<Shot>> {
        places(bucket).map(|place| subject.presigned_get_by(who, &place)).collect()
    };
    let guest = subject.s3.with_key(keys.guest.clone());
    let lists = |bucket: &str| -> Outcome<Vec<Shot>> {
        let place = |n: usize| format!("{bucket}?list-type=2&max-keys=1&prefix=photos%2F2026%2F{n:04}");
        (0..reads::OBJECTS).map(|n| subject.presigned_get_by(&guest, &place(n))).collect()
    };
    let [one, many] = [0, 1].map(|side| subject.s3.with_key(keys.sharer[side].clone()));
    Ok(vec![
        Shots {
            what: "GET of 4 KiB by the owner; no grant, 100 grants",
            sides: [gets(PLAIN, &subject.s3)?, gets(GRANTED, &subject.s3)?],
        },
        Shots {
            what: "LIST of one key by a guest; the only grant, the last of 100",
            sides: [lists(GRANTED_ONE)?, lists(GRANTED)?],
        },
        Shots {
            what: "GET of 4 KiB by a share; the only one, the last of 100",
            sides: [gets(SHARED_ONE, &one)?, gets(SHARED, &many)?],
        },
    ])
}
