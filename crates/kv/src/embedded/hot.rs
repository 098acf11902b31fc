//! Entries that were read lately, as they were committed last.
//!
//! Looking a row up in redb costs a walk down its tree, a copy and a checksum; most requests ask for the same few: keys,
//! accounts, buckets, and objects that are popular. They are kept here, taken out of their pages and checked.
//!
//! Nothing here knows what is current. [`State`](super::state::State) does: it puts in only what it read of the state
//! that was committed last, and takes out what a commit wrote before anybody learns of that commit.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::{Entry, Key};

/// Longest value that is kept, in bytes. Longer ones cost more to copy than to look up, and would push out many others.
const VALUE_BYTES: usize = 8 << 10;
/// What an entry costs besides its bytes, about; and how much of them again what is made of it may take.
const OVERHEAD: u64 = 400;
/// Bytes of an entry of a usual size, for the first size of the table.
const USUAL: u64 = 1 << 10;

pub(super) struct Hot(Cache<Key, Entry, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Entry> for Weight {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        (key.len() + entry.value.len()) as u64 + OVERHEAD
    }
}

impl Hot {
    /// Keeps about `bytes`.
    pub fn new(bytes: u64) -> Self {
        Hot(Cache::with_weighter((bytes / USUAL) as usize, bytes, Weight))
    }

    pub fn get(&self, key: &Key) -> Option<Entry> {
        self.0.get(key)
    }

    pub fn put(&self, entry: &Entry) {
        if entry.value.len() <= VALUE_BYTES {
            self.0.insert(entry.key.clone(), entry.clone());
        }
    }

    pub fn forget(&self, key: &Key) {
        self.0.remove(key);
    }
}
