//! What happens beside requests: the first steps of a start, and the batches of what reads cause.

use std::collections::HashMap;
use std::time::Duration;

use identity::MasterCheck;
use kv::{Change, Write};
use ledger::Meter;
use model::{AccessKeyId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Error, Store};

/// How far counters of reads may lag, half of what is promised.
const FLUSH: Duration = Duration::from_secs(5);
/// Most counters and dates in one commit.
const BATCH: usize = 1000;

/// When keys were last used, since the last batch.
#[derive(Default)]
pub(crate) struct LastUses(Mutex<HashMap<AccessKeyId, Timestamp>>);

impl LastUses {
    pub(crate) fn note(&self, key: &AccessKeyId, at: Timestamp) {
        let mut uses = self.0.lock();
        match uses.get_mut(key) {
            Some(last) => *last = at.max(*last),
            None => {
                uses.insert(key.clone(), at);
            }
        }
    }

    fn take(&self) -> Vec<(AccessKeyId, Timestamp)> {
        std::mem::take(&mut *self.0.lock()).into_iter().collect()
    }
}

/// The background work of a store that runs.
pub struct Upkeep {
    store: Store,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Store {
    /// The first steps of a start: the master key must be the store's own, and what a crash left behind is removed.
    ///
    /// # Errors
    /// `Ok(false)`: the store's secrets are sealed under another master key, and nothing was changed. [`Error`] if the
    /// store cannot be read or written.
    pub async fn start(&self) -> Result<bool, Error> {
        match self.directory.check_master().await? {
            MasterCheck::Wrong => return Ok(false),
            MasterCheck::Right => {}
            MasterCheck::Fresh => {
                // A conflict means that somebody else was first; then theirs must be ours.
                let _ = self.engine.commit(self.directory.plan_master_check()).await?;
                if self.directory.check_master().await? != MasterCheck::Right {
                    return Ok(false);
                }
            }
        }
        self.sweep().await?;
        Ok(true)
    }

    /// Begins the background work; it goes on until [`Upkeep::stop`].
    pub fn upkeep(&self) -> Upkeep {
        let (stop, mut stopped) = watch::channel(false);
        let store = self.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    () = tokio::time::sleep(FLUSH) => {}
                }
                if let Err(error) = store.flush().await {
                    tracing::warn!(%error, "counters of reads could not be written; they are kept for the next batch");
                }
            }
        });
        Upkeep { store: self.clone(), stop, task }
    }

    /// Writes what reads caused since the last batch.
    ///
    /// # Errors
    /// [`Error`]; what was not written is kept.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut failed = None;
        for batch in self.meter.take().chunks(BATCH) {
            if failed.is_none() {
                failed = self.write(Meter::writes(batch)).await.err();
            }
            if failed.is_some() {
                batch.iter().for_each(|(of, delta)| self.meter.add(of.clone(), delta));
            }
        }
        for batch in self.uses.take().chunks(BATCH) {
            if failed.is_none() {
                failed = self.write_uses(batch).await.err();
            }
            if failed.is_some() {
                batch.iter().for_each(|(key, at)| self.uses.note(key, *at));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn write(&self, write: Vec<Write>) -> Result<(), Error> {
        match self.engine.commit(Change { require: vec![], write }).await? {
            Ok(_) => Ok(()),
            Err(conflict) => Err(Error::Unavailable(format!("a change without conditions met {conflict:?}"))),
        }
    }

    /// Dates of last use; a key that was deleted since gets none.
    async fn write_uses(&self, batch: &[(AccessKeyId, Timestamp)]) -> Result<(), Error> {
        for (key, at) in batch {
            let Some(stored) = self.directory.key(key).await? else { continue };
            let write = self.directory.plan_last_used(&[(key.clone(), *at)]);
            // A conflict means that the key changed just now: the next use is noted again.
            let _ = self.engine.commit(Change { require: vec![stored.unchanged()], write }).await?;
        }
        Ok(())
    }
}

impl Upkeep {
    /// Ends the background work and writes the last batch.
    ///
    /// # Errors
    /// [`Error`] if it could not be written.
    pub async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the background work failed");
        }
        self.store.flush().await
    }
}
