//! What reads cause, collected in memory between two batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use foldhash::quality::RandomState;
use kv::Write;
use parking_lot::Mutex;

use crate::usage::{self, Usage, UsageKey};

/// Collects usage that is not part of a change: at most a line for each key and bucket that were used. A process that is
/// killed loses what was collected since the last batch; `operations` writes one at least every 10 s and when it drains.
#[derive(Default)]
pub struct Meter {
    lines: Mutex<HashMap<UsageKey, Arc<Line>, RandomState>>,
}

/// A line that is collected: what is added to it goes into the next batch, whenever that is.
#[derive(Debug, Default)]
pub struct Line([AtomicI64; 5]);

impl Line {
    /// Adds to what was collected.
    pub fn add(&self, delta: &Usage) {
        for (count, delta) in self.0.iter().zip(delta.values()).filter(|(_, delta)| *delta != 0) {
            count.fetch_add(delta, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Usage {
        let [bytes_stored, objects, requests, bytes_in, bytes_out] =
            std::array::from_fn(|at| self.0[at].swap(0, Ordering::Relaxed));
        Usage { bytes_stored, objects, requests, bytes_in, bytes_out }
    }
}

impl Meter {
    /// Adds to what was collected.
    pub fn add(&self, of: &UsageKey, delta: &Usage) {
        self.line(of).add(delta);
    }

    /// The line of `of`: for whoever will have something to add later.
    pub fn line(&self, of: &UsageKey) -> Arc<Line> {
        let mut lines = self.lines.lock();
        match lines.get(of) {
            Some(line) => line.clone(),
            None => lines.entry(of.clone()).or_default().clone(),
        }
    }

    /// Takes what was collected.
    pub fn take(&self) -> Vec<(UsageKey, Usage)> {
        let mut taken = vec![];
        self.lines.lock().retain(|of, line| {
            // Lines are given out under the lock alone, so that nobody adds to one that is held here and nowhere else.
            let held = Arc::strong_count(line) > 1;
            let usage = line.take();
            if usage != Usage::default() {
                taken.push((of.clone(), usage));
            }
            held
        });
        taken
    }

    /// The writes for what was taken.
    pub fn writes(taken: &[(UsageKey, Usage)]) -> Vec<Write> {
        taken.iter().flat_map(|(of, delta)| usage::add(of, delta).collect::<Vec<_>>()).collect()
    }
}
