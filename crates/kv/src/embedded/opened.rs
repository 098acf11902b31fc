//! redb, open, with the state that was committed last kept at hand for readers.
//!
//! Beginning a read and opening the table cost more than looking a few rows up, so that readers share one transaction
//! until the next commit. A reader sees nothing older for it: the committer lets go of the shared transaction once its
//! commit has returned, before anybody is answered, and whoever began to read during the commit keeps his own to himself.
//! The pages that a commit replaces become free with the next one, as with any reader that is there meanwhile.

use std::sync::Arc;

use parking_lot::RwLock;
use redb::{Database, ReadableDatabase};

use super::failure::Failure;
use super::read::Data;
use super::record;

pub(super) struct Opened {
    pub database: Database,
    latest: RwLock<Latest>,
}

#[derive(Default)]
struct Latest {
    /// How many commits have returned.
    commits: u64,
    /// What they left, once somebody has read it.
    data: Option<Arc<Data>>,
}

impl Opened {
    pub fn new(database: Database) -> Self {
        Opened { database, latest: RwLock::default() }
    }

    /// What was committed last; or later, if a commit returns meanwhile.
    pub fn latest(&self) -> Result<Arc<Data>, Failure> {
        let before = {
            let latest = self.latest.read();
            if let Some(data) = &latest.data {
                return Ok(data.clone());
            }
            latest.commits
        };
        let data = Arc::new(self.database.begin_read()?.open_table(record::DATA)?);
        let mut latest = self.latest.write();
        if latest.commits == before {
            latest.data = Some(data.clone());
        }
        Ok(data)
    }

    /// Closes the file in good order.
    pub fn close(self) -> Result<(), redb::DatabaseError> {
        // No reader is left but the shared transaction, which must not outlive the file.
        drop(self.latest);
        self.database.close()
    }

    /// Must be held across a commit, and be gone before anybody learns of its outcome.
    pub fn changing(&self) -> Changing<'_> {
        Changing(self)
    }
}

/// Makes readers look anew when it is dropped, however the commit ended.
pub(super) struct Changing<'a>(&'a Opened);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let mut latest = self.0.latest.write();
        latest.commits += 1;
        // Freeing a transaction takes redb's locks; readers need not wait for that.
        let outdated = latest.data.take();
        drop(latest);
        drop(outdated);
    }
}
