//! What reads cause, collected in memory between two batches.

use std::collections::HashMap;

use kv::Write;
use parking_lot::Mutex;

use crate::usage::{self, Usage, UsageKey};

/// Collects usage that is not part of a change: at most a line for each key and bucket that were used. A process that is
/// killed loses what was collected since the last batch; `operations` writes one at least every 10 s and when it drains.
#[derive(Default)]
pub struct Meter {
    lines: Mutex<HashMap<UsageKey, Usage>>,
}

impl Meter {
    /// Adds to what was collected.
    pub fn add(&self, of: &UsageKey, delta: &Usage) {
        let mut lines = self.lines.lock();
        match lines.get_mut(of) {
            Some(line) => line.add(delta),
            None => lines.entry(of.clone()).or_default().add(delta),
        }
    }

    /// Takes what was collected.
    pub fn take(&self) -> Vec<(UsageKey, Usage)> {
        std::mem::take(&mut *self.lines.lock()).into_iter().collect()
    }

    /// The writes for what was taken.
    pub fn writes(taken: &[(UsageKey, Usage)]) -> Vec<Write> {
        taken.iter().flat_map(|(of, delta)| usage::add(of, delta).collect::<Vec<_>>()).collect()
    }
}
