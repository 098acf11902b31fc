//! Blobs that nothing names any more: removed when nobody reads them, and searched for after a crash.

use std::collections::HashMap;

use model::BlobId;
use parking_lot::Mutex;

use crate::{Error, Store};

/// Multipart objects that are being read, and what is to be removed when they no longer are.
#[derive(Default)]
pub(crate) struct Pins(Mutex<HashMap<BlobId, Pin>>);

/// Blobs that are to be removed once nobody holds them all.
#[derive(Default)]
pub(crate) struct Holds(Mutex<Held>);

#[derive(Default)]
struct Held {
    holders: usize,
    deferred: Vec<BlobId>,
}

/// Most removals that wait; beyond it the next start finds them.
const DEFERRED: usize = 1 << 20;

/// As long as it is there, no blob is removed that a record names or named since.
pub(crate) struct Hold(Store);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.0.holds.0.lock();
        held.holders -= 1;
        if held.holders > 0 {
            return;
        }
        let deferred = std::mem::take(&mut held.deferred);
        drop(held);
        self.0.remove_later(deferred);
    }
}

#[derive(Default)]
struct Pin {
    readers: usize,
    deferred: Vec<BlobId>,
}

impl Store {
    pub(crate) fn pin(&self, manifest: BlobId) {
        self.pins.0.lock().entry(manifest).or_default().readers += 1;
    }

    pub(crate) fn unpin(&self, manifest: BlobId) {
        let mut pins = self.pins.0.lock();
        let Some(pin) = pins.get_mut(&manifest) else { return };
        pin.readers -= 1;
        if pin.readers > 0 {
            return;
        }
        let deferred = pins.remove(&manifest).map(|pin| pin.deferred).unwrap_or_default();
        drop(pins);
        self.remove_later(deferred);
    }

    /// Keeps all blobs from being removed: take it before a snapshot whose blobs are to be read.
    pub(crate) fn hold(&self) -> Hold {
        self.holds.0.lock().holders += 1;
        Hold(self.clone())
    }

    fn remove_later(&self, deferred: Vec<BlobId>) {
        if deferred.is_empty() {
            return;
        }
        let store = self.clone();
        // Without a runtime (the process is ending) they stay for the next start's search.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { store.remove_blobs(None, deferred).await });
        }
    }

    /// Removes blobs after the commit that made them garbage; those of a `manifest` that is being read, later. A failure
    /// is logged and left to the next start's search: the commit stands.
    pub(crate) async fn remove_blobs(&self, manifest: Option<BlobId>, blobs: Vec<BlobId>) {
        if let Some(manifest) = manifest
            && let Some(pin) = self.pins.0.lock().get_mut(&manifest)
        {
            pin.deferred.extend(blobs);
            return;
        }
        {
            let mut held = self.holds.0.lock();
            if held.holders > 0 {
                let room = DEFERRED.saturating_sub(held.deferred.len());
                held.deferred.extend(blobs.into_iter().take(room));
                return;
            }
        }
        for blob in blobs {
            if let Err(error) = self.blobs.delete(blob).await {
                tracing::warn!(%blob, %error, "a body that nothing names could not be removed; the next start will");
            }
        }
    }

    /// Removes every blob of an earlier opening that no record names: what a crash left between the publishing of a
    /// body and the commit that was to name it. Answers how many there were.
    pub(crate) async fn sweep(&self) -> Result<usize, Error> {
        const PAGE: usize = 1000;
        let mut after = None;
        let mut removed = 0;
        loop {
            let page = self.blobs.list(after, PAGE).await?;
            let Some(last) = page.last().copied() else { break };
            let old: Vec<BlobId> = page.into_iter().filter(|b| b.epoch() != self.blobs.epoch()).collect();
            let named = self.catalog.named(&old).await?;
            for (blob, named) in old.into_iter().zip(named) {
                if !named {
                    self.blobs.delete(blob).await?;
                    removed += 1;
                }
            }
            after = Some(last);
        }
        if removed > 0 {
            tracing::info!(removed, "bodies of uploads that never finished were removed");
        }
        Ok(removed)
    }
}
