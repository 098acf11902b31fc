//! What readers see: the index as of the last checkpoint, what was frozen for the next one, what came since, and entries
//! that were read lately.
//!
//! Whoever holds the lock sees one moment. A commit becomes visible as a whole, after it is durable and before anybody is
//! answered; a checkpoint changes nothing that can be seen, because the rows that leave memory are in the index by then.

use std::sync::Arc;

use model::Revision;
use parking_lot::RwLock;

use super::failure::Failure;
use super::hot::Hot;
use super::log::{Files, Position};
use super::merge::{Data, Layers};
use super::overlay::Overlay;
use super::read::Moment;
use super::record::{Row, Value};
use crate::{Entry, Key};

/// What a checkpoint brings into the index.
pub(super) struct Frozen {
    pub rows: Overlay,
    /// The last revision in it.
    pub last: Revision,
    /// Where the log goes on after it.
    pub position: Position,
}

pub(super) struct State {
    inner: RwLock<Inner>,
    hot: Hot,
    pub files: Arc<Files>,
}

#[derive(Clone)]
pub(super) struct Inner {
    /// What came since the last freeze. Readers of many rows keep a copy of this handle, and the committer then goes on in
    /// a copy of the rows.
    pub active: Arc<Overlay>,
    pub frozen: Option<Arc<Frozen>>,
    /// `None` while the index is not open.
    pub index: Option<Arc<Data>>,
    /// The last revision that shows; every commit has a later one.
    pub last: Revision,
}

impl Inner {
    pub fn layers<'a>(&'a self, on_top: Option<&'a Overlay>) -> Result<Layers<'a>, Failure> {
        let index = self.index.as_deref().ok_or(redb::StorageError::DatabaseClosed)?;
        let frozen = self.frozen.as_deref().map(|frozen| &frozen.rows);
        Ok(Layers { over: [on_top, Some(&self.active), frozen], index })
    }
}

impl State {
    /// Keeps about `hot_bytes` of entries.
    pub fn new(index: Arc<Data>, active: Overlay, last: Revision, files: Arc<Files>, hot_bytes: u64) -> Self {
        let inner = Inner { active: Arc::new(active), frozen: None, index: Some(index), last };
        State { inner: RwLock::new(inner), hot: Hot::new(hot_bytes), files }
    }

    /// Does `read` while nothing changes.
    pub fn with<T>(&self, read: impl FnOnce(&Inner) -> Result<T, Failure>) -> Result<T, Failure> {
        read(&self.inner.read())
    }

    /// Pages and listings of one moment. [`Failure::Gone`] if a file of the log went away meanwhile, which no later moment
    /// needs.
    pub fn moment<T>(&self, may_wait: bool, read: impl FnOnce(Moment<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        if !may_wait {
            return self.with(|inner| read(Moment { layers: inner.layers(None)?, files: &self.files, may_wait }));
        }
        // Nobody is held up by one who waits for the device.
        let inner = self.held();
        read(Moment { layers: inner.layers(None)?, files: &self.files, may_wait })
    }

    /// All that is there at this moment, for readers that take long.
    pub fn held(&self) -> Inner {
        self.inner.read().clone()
    }

    /// The entry under `key`.
    pub fn get(&self, key: &Key, may_wait: bool) -> Result<Option<Entry>, Failure> {
        {
            let _moment = self.inner.read();
            if let Some(entry) = self.hot.get(key) {
                return Ok(Some(entry));
            }
        }
        Ok(self.get_many(std::slice::from_ref(key), may_wait)?.pop().flatten())
    }

    /// The entries under `keys`, all of one moment.
    pub fn get_many(&self, keys: &[Key], may_wait: bool) -> Result<Vec<Option<Entry>>, Failure> {
        let (mut found, logged, last) = {
            let inner = self.inner.read();
            let mut found = Vec::with_capacity(keys.len());
            let mut logged = Vec::new();
            for (i, key) in keys.iter().enumerate() {
                if let Some(entry) = self.hot.get(key) {
                    found.push(Some(entry));
                    continue;
                }
                found.push(match inner.layers(None)?.row(key)? {
                    Some(Row { revision, value: Value::Here(value) }) => Some(self.kept(key, value, revision)),
                    Some(Row { revision, value: Value::Logged(place) }) => {
                        // Opened here, so that no checkpoint takes the file away before it is read.
                        logged.push((i, self.files.get(place.file)?, revision, place));
                        None
                    }
                    None => None,
                });
            }
            (found, logged, inner.last)
        };
        for (i, file, revision, place) in logged {
            let entry = self.files.entry(&file, &keys[i], revision, place, may_wait)?;
            let inner = self.inner.read();
            if inner.last == last {
                self.hot.put(&entry);
            }
            found[i] = Some(entry);
        }
        Ok(found)
    }

    /// An entry of this moment, which the caller holds.
    fn kept(&self, key: &Key, value: bytes::Bytes, revision: Revision) -> Entry {
        let entry = Entry::new(key.clone(), value, revision);
        self.hot.put(&entry);
        entry
    }

    /// Whether all of `rows` are as they were read, at one moment.
    pub fn unchanged(&self, rows: &[(Key, Revision)]) -> Result<bool, Failure> {
        let inner = self.inner.read();
        for (key, revision) in rows {
            let found = match self.hot.get(key) {
                Some(entry) => Some(entry.revision),
                None => self.revision_of(&inner, key)?,
            };
            if found != Some(*revision) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn revision_of(&self, inner: &Inner, key: &Key) -> Result<Option<Revision>, Failure> {
        Ok(match inner.layers(None)?.row(key)? {
            Some(Row { revision, value: Value::Here(value) }) => Some(self.kept(key, value, revision).revision),
            Some(row) => Some(row.revision),
            None => None,
        })
    }

    /// An entry that was read lately and is current; the caller holds the moment.
    pub fn at_hand(&self, key: &Key) -> Option<Entry> {
        self.hot.get(key)
    }

    /// Lets everybody see `rows`, of changes up to `last`; how many bytes wait for a checkpoint now.
    pub fn publish(&self, rows: Overlay, last: Revision) -> usize {
        let mut inner = self.inner.write();
        inner.last = last;
        rows.iter().for_each(|(key, _)| self.hot.forget(key));
        let active = Arc::make_mut(&mut inner.active);
        active.absorb(rows);
        active.bytes()
    }

    /// Sets aside what has come, for a checkpoint. `None` if something is set aside already, or there is nothing, unless
    /// it is wanted `anyway`: for the position.
    pub fn freeze(&self, last: Revision, position: Position, anyway: bool) -> Option<Arc<Frozen>> {
        let mut inner = self.inner.write();
        if inner.frozen.is_some() || inner.active.is_empty() && !anyway {
            return None;
        }
        let rows = Arc::unwrap_or_clone(std::mem::take(&mut inner.active));
        let frozen = Arc::new(Frozen { rows, last, position });
        inner.frozen = Some(frozen.clone());
        Some(frozen)
    }

    /// What was set aside is in `index` now.
    pub fn thaw(&self, index: Arc<Data>) {
        let mut inner = self.inner.write();
        let outdated = (inner.frozen.take(), inner.index.replace(index));
        drop(inner);
        // Freeing a transaction takes redb's locks; readers need not wait for that.
        drop(outdated);
    }

    /// The index is open, anew or not; `None`: not.
    pub fn reopened(&self, index: Option<Arc<Data>>) {
        let outdated = std::mem::replace(&mut self.inner.write().index, index);
        drop(outdated);
    }
}
