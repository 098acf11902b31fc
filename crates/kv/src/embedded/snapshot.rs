//! All rows as they are at one moment, to be read page by page while others go on writing.
//!
//! As long as a snapshot is held, what it shows keeps its room: pages of the index, rows in memory, files of the log. Hold
//! one for as long as it takes, and no longer. A store that is closed stays locked until the last is gone.

use std::ops::Bound;
use std::sync::{Arc, Weak};

use model::Revision;

use super::failure::{Failure, guarded};
use super::log::Files;
use super::read::Moment;
use super::state::Inner;
use super::{Embedded, Shared};
use crate::{Entry, Error, Key};

/// All rows of an [`Embedded`] as they were at one moment.
pub struct Snapshot {
    shared: Weak<Shared>,
    /// While it lives, no file of the log is removed.
    _pin: Arc<()>,
    inner: Inner,
    files: Arc<Files>,
    store: [u8; 16],
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("revision", &self.inner.last).finish_non_exhaustive()
    }
}

impl Embedded {
    /// All rows as they are at one moment; later commits do not show in it. Blocks.
    ///
    /// # Errors
    /// [`Error`] if the store cannot be read, or was closed.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let shared = &self.shared;
        // Before the moment is taken, so that no file that it needs goes in between.
        let pin = shared.pin.clone();
        let inner = shared.read_settled(&|state, _| {
            let inner = state.held();
            inner.layers(None)?;
            Ok(inner)
        })?;
        let files = shared.state.files.clone();
        Ok(Snapshot { shared: Arc::downgrade(shared), _pin: pin, inner, files, store: shared.store })
    }
}

impl Snapshot {
    /// Which store this is: the same for as long as it lives, and in what is restored from it.
    pub fn store(&self) -> [u8; 16] {
        self.store
    }

    /// The last change in it.
    pub fn revision(&self) -> Revision {
        self.inner.last
    }

    /// Rows after `after`, in key order, until there are `most_bytes` of keys and values (at least one row); empty at the
    /// end. Blocks.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the first of them is damaged: see [`key_after`](Snapshot::key_after) for the way past it.
    pub fn rows(&self, after: Option<&Key>, most_bytes: usize) -> Result<Vec<Entry>, Error> {
        self.read(|| {
            let moment = Moment { layers: self.inner.layers(None)?, files: &self.files, may_wait: true };
            let (mut rows, mut bytes) = (Vec::new(), 0);
            for row in moment.layers.range(from(after), None)? {
                match row.and_then(|(key, row)| moment.entry(key, row)) {
                    Ok(entry) => {
                        bytes += entry.key.len() + entry.value.len();
                        rows.push(entry);
                    }
                    // What comes before it is handed out first.
                    Err(_) if !rows.is_empty() => break,
                    Err(failure) => return Err(failure),
                }
                if bytes >= most_bytes {
                    break;
                }
            }
            Ok(rows)
        })
    }

    /// The first key after `after`, whatever is stored under it. Blocks.
    ///
    /// # Errors
    /// [`Error`] if the store cannot be read.
    pub fn key_after(&self, after: Option<&Key>) -> Result<Option<Key>, Error> {
        self.read(|| self.inner.layers(None)?.first_key(from(after)))
    }

    fn read<T>(&self, read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Error> {
        guarded(read).map_err(|failure| match self.shared.upgrade().and_then(|shared| shared.poisoned()) {
            Some(reason) if failure.is_stale() => Error::Poisoned(reason),
            _ => failure.into_error(),
        })
    }
}

fn from(after: Option<&Key>) -> Bound<&[u8]> {
    after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_ref()))
}
