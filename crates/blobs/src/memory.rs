//! Bodies in memory: the reference that the other stores are compared with, and the store for tests.
//!
//! A body is one run of bytes in a map, so every promise is evident. Nothing outlives the process.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use model::BlobId;
use parking_lot::Mutex;

use crate::store::{MAX_CHUNK_BYTES, checked_range};
use crate::{BlobRef, Blobs, Error, Reader, Staged};

/// A store of bodies in memory. Clones are the same store.
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    epoch: u64,
    next: AtomicU64,
    published: Arc<Mutex<BTreeMap<BlobId, Bytes>>>,
}

impl Memory {
    /// An empty store, of epoch 1.
    pub fn new() -> Self {
        Memory(Arc::new(Inner { epoch: 1, next: AtomicU64::new(0), published: Arc::default() }))
    }

    /// The same bodies as a store on disk would show them after a restart: in the next epoch.
    pub fn reopen(&self) -> Self {
        let published = self.0.published.clone();
        Memory(Arc::new(Inner { epoch: self.0.epoch + 1, next: AtomicU64::new(0), published }))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Memory::new()
    }
}

#[async_trait]
impl Blobs for Memory {
    async fn stage(&self) -> Result<Box<dyn Staged>, Error> {
        Ok(Box::new(Upload { store: self.clone(), bytes: BytesMut::new() }))
    }

    async fn open(&self, blob: BlobRef, range: Range<u64>) -> Result<Box<dyn Reader>, Error> {
        let Range { start, end } = checked_range(&blob, range)?;
        let body = self.0.published.lock().get(&blob.id).cloned().ok_or(Error::Missing(blob.id))?;
        if body.len() as u64 != blob.len || crc64(&body) != blob.crc64 {
            return Err(Error::corrupt(blob.id, "it has another length or checksum than recorded"));
        }
        // Within the body's length, so within `usize`.
        Ok(Box::new(Rest(body.slice(start as usize..end as usize))))
    }

    async fn delete(&self, id: BlobId) -> Result<(), Error> {
        self.0.published.lock().remove(&id);
        Ok(())
    }

    async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, Error> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(self.0.published.lock().range((from, Bound::Unbounded)).take(limit).map(|(id, _)| *id).collect())
    }

    fn epoch(&self) -> u64 {
        self.0.epoch
    }
}

struct Upload {
    store: Memory,
    bytes: BytesMut,
}

#[async_trait]
impl Staged for Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn publish(self: Box<Self>) -> Result<BlobRef, Error> {
        let inner = &self.store.0;
        let id = BlobId::from_parts(inner.epoch, inner.next.fetch_add(1, Ordering::Relaxed));
        let body = self.bytes.freeze();
        let blob = BlobRef { id, len: body.len() as u64, crc64: crc64(&body) };
        inner.published.lock().insert(id, body);
        Ok(blob)
    }
}

/// What is still to be read.
struct Rest(Bytes);

#[async_trait]
impl Reader for Rest {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = self.0.split_to(self.0.len().min(MAX_CHUNK_BYTES));
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[tokio::test]
    async fn memory_keeps_every_promise_of_a_store() {
        conformance::all(&Memory::new()).await;
    }

    #[tokio::test]
    async fn a_reopened_memory_has_the_same_blobs_and_gives_out_others() {
        let store = Memory::new();
        let before = store.stage().await.unwrap().publish().await.unwrap();
        let reopened = store.reopen();
        let after = reopened.stage().await.unwrap().publish().await.unwrap();
        assert_eq!(reopened.list(None, 10).await.unwrap(), [before.id, after.id]);
        assert_eq!((before.id.epoch(), after.id.epoch()), (1, 2));
    }
}
