//! How long it takes to say what every key reaches, and what one does: the operator's command on a running server, from
//! its start to its last line.
//!
//! The store has as many buckets as one account may own. Each bucket is granted to one guest; half of the keys are guests',
//! each of whom is granted its part of the buckets, the others are of shares.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;

use super::progress;
use crate::Outcome;
use crate::child::Setting;
use crate::median::median;
use crate::options::Options;
use crate::subject::Subject;

/// What was found: medians of the rounds.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub buckets: usize,
    pub keys: usize,
    /// `reach --all`, in milliseconds.
    pub all_ms: f64,
    /// `reach KEY` of a guest's, in milliseconds.
    pub guest_ms: f64,
    /// `reach KEY` of a share's, in milliseconds.
    pub share_ms: f64,
    /// Rows that `reach --all` told.
    pub rows: usize,
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Reach> {
    let (buckets, keys) = if options.quick { (100, 10) } else { (10_000, 1_000) };
    let subject = Subject::start(&dir.join("data"), Setting::default())?;
    let name = |n: usize| format!("bucket-{n:05}");
    subject.fill((0..buckets).map(name), &Bytes::new())?;
    let guests = keys / 2;
    let (mut ids, mut guest_key) = (Vec::new(), String::new());
    for n in 0..guests {
        let guest = subject.ask(&["account", "create", &format!("guest-{n}@example.com"), "--guest"])?;
        ids.push(guest["canonical_id"].as_str().ok_or("an account without its id")?.to_owned());
        guest_key = Subject::key_of(&guest)?.access_key_id;
    }
    subject.grant((0..buckets).map(|n| (name(n), vec![ids[n % guests].as_str()])))?;
    let mut share_key = String::new();
    // The owner has a key, too.
    for n in 0..keys - guests - 1 {
        let with = format!("guest-{}@example.com", n % guests);
        let share = subject.ask(&["share", &name(n % buckets), "--with", &with, "--preset", "read-write"])?;
        share_key = Subject::key_of(&share)?.access_key_id;
    }

    let (mut rows, mut found) = (0, [const { Vec::new() }; 3]);
    for round in 0..options.rounds() {
        progress("reach, round", round, options.rounds());
        for (words, found) in [["reach", "--all"], ["reach", &guest_key], ["reach", &share_key]].iter().zip(&mut found)
        {
            let begun = Instant::now();
            let told = subject.ask(words)?;
            found.push(begun.elapsed().as_secs_f64() * 1e3);
            // Of all keys it is told by their holders; of one key it is the rows themselves.
            let told = told.as_array().into_iter().flatten();
            let told: usize = told.map(|told| told["rows"].as_array().map_or(1, Vec::len)).sum();
            if told == 0 {
                return Err(format!("`{}` tells of nothing", words.join(" ")).into());
            }
            rows = rows.max(told);
        }
    }
    let [all_ms, guest_ms, share_ms] = found.map(median);
    Ok(Reach { buckets, keys, all_ms, guest_ms, share_ms, rows })
}
