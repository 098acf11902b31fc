//! What happens beside requests: the first steps of a start, and the batches of what reads cause.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use identity::{CLIENT_BYTES, KeyUse, LastUsed, MasterCheck};
use kv::{Change, Write};
use ledger::Meter;
use model::{AccessKeyId, Network, Share, ShareId, Timestamp, limits};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Error, Scrubbing, Store};

/// How far counters of reads may lag, half of what is promised.
const FLUSH: Duration = Duration::from_secs(5);
/// Most counters and dates in one commit.
const BATCH: usize = 1000;
/// Attempts to write what a pin has learned, in one batch.
const PIN_ATTEMPTS: usize = 8;

/// Whether the row is of the table `z`, which is for what looking after the store remembers.
pub(crate) fn is_ours(key: &[u8]) -> bool {
    key.starts_with(b"z/")
}

/// The first and the last use of each key since the last batch, and what pins have yet to learn.
#[derive(Default)]
pub(crate) struct LastUses(Mutex<HashMap<AccessKeyId, (KeyUse, KeyUse)>>, Mutex<HashMap<ShareId, Vec<Network>>>);

impl LastUses {
    /// Notes a use. What the client calls itself is copied only where it is news.
    pub(crate) fn note(&self, key: &AccessKeyId, at: Timestamp, source: Option<IpAddr>, client: Option<&str>) {
        let client = client.map(|client| cut(client, CLIENT_BYTES));
        let mut uses = self.0.lock();
        match uses.get_mut(key) {
            Some((_, last)) if last.source == source && last.client.as_deref() == client => last.at = at.max(last.at),
            Some((_, last)) if last.at > at => {}
            Some((_, last)) => *last = KeyUse { at, source, client: client.map(Into::into) },
            None => {
                let used = KeyUse { at, source, client: client.map(Into::into) };
                uses.insert(key.clone(), (used.clone(), used));
            }
        }
    }

    /// Notes that a share that still learns was used from there.
    pub(crate) fn learn(&self, share: &Share, from: Network) {
        if share.pin.as_ref().is_none_or(|pin| pin.learned.contains(&from)) {
            return;
        }
        let mut pins = self.1.lock();
        let networks = pins.entry(share.id.clone()).or_default();
        if !networks.contains(&from) && networks.len() < limits::PINNED_NETWORKS {
            networks.push(from);
        }
    }

    /// Takes back what could not be written.
    fn give_back(&self, key: &AccessKeyId, (first, last): &(KeyUse, KeyUse)) {
        let mut uses = self.0.lock();
        let newer = uses.remove(key).map_or_else(|| last.clone(), |(_, newer)| newer);
        uses.insert(key.clone(), (first.clone(), newer));
    }

    fn take(&self) -> Vec<(AccessKeyId, (KeyUse, KeyUse))> {
        std::mem::take(&mut *self.0.lock()).into_iter().collect()
    }
}

/// The beginning of `text`, at most `bytes` long, whole characters only.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The background work of a store that runs.
pub struct Upkeep {
    store: Store,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    scrub: Option<JoinHandle<()>>,
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
        Upkeep { store: self.clone(), stop, task, scrub: None }
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
                batch.iter().for_each(|(of, delta)| self.meter.add(of, delta));
            }
        }
        for batch in self.uses.take().chunks(BATCH) {
            if failed.is_none() {
                failed = self.write_uses(batch).await.err();
            }
            if failed.is_some() {
                batch.iter().for_each(|(key, used)| self.uses.give_back(key, used));
            }
        }
        let pins = std::mem::take(&mut *self.uses.1.lock());
        for (share, networks) in pins {
            if failed.is_none() {
                failed = self.write_pin(&share, &networks).await.err();
            }
            if failed.is_some() {
                self.uses.1.lock().entry(share).or_default().extend(networks);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// What a share's pin has learned; one that changes meanwhile is read anew.
    async fn write_pin(&self, share: &ShareId, networks: &[Network]) -> Result<(), Error> {
        for _ in 0..PIN_ATTEMPTS {
            let Some(stored) = self.directory.share(share).await? else { return Ok(()) };
            let Some((_, change)) = self.directory.plan_share_pin(&stored, networks) else { return Ok(()) };
            if self.engine.commit(change).await?.is_ok() {
                return Ok(());
            }
        }
        Err(Error::Contention)
    }

    async fn write(&self, write: Vec<Write>) -> Result<(), Error> {
        match self.engine.commit(Change { require: vec![], write }).await? {
            Ok(_) => Ok(()),
            Err(conflict) => Err(Error::Unavailable(format!("a change without conditions met {conflict:?}"))),
        }
    }

    /// First and last uses; a key that was deleted since gets none.
    async fn write_uses(&self, batch: &[(AccessKeyId, (KeyUse, KeyUse))]) -> Result<(), Error> {
        for (key, (first, last)) in batch {
            let Some(stored) = self.directory.key(key).await? else { continue };
            let known = self.directory.last_used(std::slice::from_ref(key)).await?.pop().flatten();
            let first = known.map_or_else(|| Some(first.clone()), |known| known.first);
            let write = self.directory.plan_last_used(&[(key.clone(), LastUsed { first, last: last.clone() })]);
            // A conflict means that the key changed just now: the next use is noted again.
            let _ = self.engine.commit(Change { require: vec![stored.unchanged()], write }).await?;
        }
        Ok(())
    }
}

impl Upkeep {
    /// Scrubs too, from now on.
    pub fn scrub(&mut self, scrubbing: Scrubbing) {
        let store = self.store.clone();
        self.scrub = Some(tokio::spawn(async move { store.scrub(scrubbing).await }));
    }

    /// Ends the background work and writes the last batch.
    ///
    /// # Errors
    /// [`Error`] if it could not be written.
    pub async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(true);
        if let Some(scrub) = self.scrub {
            scrub.abort();
            let _ = scrub.await;
        }
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the background work failed");
        }
        self.store.flush().await
    }
}
