//! Stores in directories of their own, a workload, and what a store holds.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use kv::{Change, Durability, Embedded, EmbeddedOptions, Engine, Entry, Error, Key, KeyRange, Memory, SyncSeam, Write};
use tempfile::TempDir;

pub const LOG_KEY: [u8; 32] = [7; 32];

/// A directory with the path of a store in it.
pub struct Place {
    _dir: TempDir,
    pub path: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Place { path: dir.path().join("records"), _dir: dir }
    }

    pub fn open(&self) -> Result<Embedded, Error> {
        Embedded::open(&self.path, EmbeddedOptions::new(LOG_KEY))
    }

    pub fn open_on(&self, seam: Arc<dyn SyncSeam>, durability: Durability) -> Result<Embedded, Error> {
        let options = EmbeddedOptions { sync: Some(seam), durability, ..EmbeddedOptions::new(LOG_KEY) };
        Embedded::open(&self.path, options)
    }

    /// A store whose every few changes are brought into its index, and whose log files are short.
    pub fn open_busy_on(&self, seam: Arc<dyn SyncSeam>, durability: Durability) -> Result<Embedded, Error> {
        let options = EmbeddedOptions { sync: Some(seam), durability, ..busy() };
        Embedded::open(&self.path, options)
    }
}

/// Checkpoints every few changes, and short log files.
pub fn busy() -> EmbeddedOptions {
    EmbeddedOptions { checkpoint_bytes: 2_000, log_file_bytes: 30_000, ..EmbeddedOptions::new(LOG_KEY) }
}

pub fn put(at: impl AsRef<[u8]>, value: impl Into<Vec<u8>>) -> Write {
    Write::Put(Key::copy_from_slice(at.as_ref()), Bytes::from(value.into()))
}

pub fn change(write: Vec<Write>) -> Change {
    Change { require: vec![], write }
}

/// Everything a store holds.
pub async fn dump(engine: &dyn Engine) -> Vec<Entry> {
    engine.scan(KeyRange::prefix(""), usize::MAX).await.unwrap().entries
}

/// Changes that put, overwrite, remove, count and append, each in several places at once; sizes of pages and above.
pub fn workload(count: usize) -> Vec<Change> {
    let step = |i: usize| {
        change(vec![
            put(format!("a/{i}"), vec![i as u8; 300]),
            put(format!("z/{}", i % 3), vec![i as u8; if i % 4 == 3 { 20_000 } else { 10 }]),
            Write::Add { key: "n".into(), delta: 1, ceiling: None },
            Write::Append { log: "log".into(), payload: vec![i as u8; 50].into() },
            Write::Delete(format!("a/{}", i / 2).into()),
        ])
    };
    (0..count).map(step).collect()
}

/// What a store holds after none, the first, the first two, … of `changes`.
pub async fn states(changes: &[Change]) -> Vec<Vec<Entry>> {
    let memory = Memory::new(LOG_KEY);
    let mut states = vec![vec![]];
    for change in changes {
        memory.commit(change.clone()).await.unwrap().unwrap();
        states.push(dump(&memory).await);
    }
    states
}
