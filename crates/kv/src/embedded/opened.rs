//! redb, open, with the state that was committed last kept at hand for readers.
//!
//! Beginning a read and opening the table cost more than looking a few rows up, so that readers share one transaction
//! until the next commit; and the entries that they found in it are [kept](Hot). A reader sees nothing older for it: once
//! a commit has returned, and before anybody is answered, the committer puts the next transaction in its place and takes
//! out what was written.
//! The pages that a commit replaces become free with the next one, as with any reader that is there meanwhile.

use std::sync::Arc;

use model::Revision;
use parking_lot::RwLock;
use redb::{Database, ReadableDatabase};

use super::failure::{Failure, guarded};
use super::hot::Hot;
use super::read::{self, Data};
use super::record;
use crate::{Entry, Key};

pub(super) struct Opened {
    pub database: Database,
    /// What was committed last; `None` if it could not be read, so that each reader tries for himself. Whoever holds the
    /// lock sees in `hot` what is in this transaction, and nothing else.
    latest: RwLock<Option<Arc<Data>>>,
    hot: Hot,
}

impl Opened {
    /// Keeps about `hot_bytes` of entries.
    pub fn new(database: Database, hot_bytes: u64) -> Self {
        let latest = RwLock::new(begin(&database).ok());
        Opened { database, latest, hot: Hot::new(hot_bytes) }
    }

    /// What was committed last; or later, if a commit returns meanwhile.
    pub fn latest(&self) -> Result<Arc<Data>, Failure> {
        if let Some(data) = &*self.latest.read() {
            return Ok(data.clone());
        }
        begin(&self.database)
    }

    /// The entry under `key`.
    pub fn get(&self, key: &Key) -> Result<Option<Entry>, Failure> {
        let at_hand = {
            let _unchanging = self.latest.read();
            self.hot.get(key)
        };
        match at_hand {
            Some(found) => Ok(Some(found)),
            None => Ok(self.read_and_keep(std::slice::from_ref(key))?.pop().flatten()),
        }
    }

    /// The entries under `keys`, all of one moment.
    pub fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, Failure> {
        let at_hand: Option<Vec<_>> = {
            let _unchanging = self.latest.read();
            keys.iter().map(|key| self.hot.get(key).map(Some)).collect()
        };
        match at_hand {
            Some(found) => Ok(found),
            None => self.read_and_keep(keys),
        }
    }

    /// Whether all of `rows` are as they were read, at one moment.
    pub fn unchanged(&self, rows: &[(Key, Revision)]) -> Result<bool, Failure> {
        let at_hand: Option<bool> = {
            let _unchanging = self.latest.read();
            let same = |(key, revision): &(Key, Revision)| self.hot.get(key).map(|entry| entry.revision == *revision);
            rows.iter().try_fold(true, |all, row| Some(all && same(row)?))
        };
        match at_hand {
            Some(same) => Ok(same),
            None => {
                let keys: Vec<Key> = rows.iter().map(|(key, _)| key.clone()).collect();
                let found = self.read_and_keep(&keys)?;
                let same = |(entry, (_, revision)): (&Option<Entry>, &(Key, Revision))| {
                    entry.as_ref().is_some_and(|entry| entry.revision == *revision)
                };
                Ok(found.iter().zip(rows).all(same))
            }
        }
    }

    fn read_and_keep(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, Failure> {
        let data = self.latest()?;
        let found = read::get_many(&data, keys)?;
        let latest = self.latest.read();
        if latest.as_ref().is_some_and(|latest| Arc::ptr_eq(latest, &data)) {
            found.iter().flatten().for_each(|entry| self.hot.put(entry));
        }
        Ok(found)
    }

    /// Closes the file in good order.
    pub fn close(self) -> Result<(), redb::DatabaseError> {
        // No reader is left but the shared transaction, which must not outlive the file.
        drop(self.latest);
        self.database.close()
    }

    /// Must be held across a commit, and be gone before anybody learns of its outcome.
    pub fn changing(&self) -> Changing<'_> {
        Changing { opened: self, wrote: None }
    }
}

/// Guarded, because it is also done where a panic of redb's is already on its way.
fn begin(database: &Database) -> Result<Arc<Data>, Failure> {
    guarded(|| Ok(Arc::new(database.begin_read()?.open_table(record::DATA)?)))
}

/// Makes readers see what is there when it is dropped, however the commit ended.
pub(super) struct Changing<'a> {
    opened: &'a Opened,
    wrote: Option<Vec<Key>>,
}

impl Changing<'_> {
    /// Tells what was written, at most. Who does not say it has all forgotten.
    pub fn wrote(&mut self, keys: Vec<Key>) {
        self.wrote = Some(keys);
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let Opened { database, latest, hot } = self.opened;
        let now = begin(database).ok();
        let mut latest = latest.write();
        let outdated = std::mem::replace(&mut *latest, now);
        match &self.wrote {
            Some(keys) => keys.iter().for_each(|key| hot.forget(key)),
            None => hot.forget_all(),
        }
        drop(latest);
        // Freeing a transaction takes redb's locks; readers need not wait for that.
        drop(outdated);
    }
}
