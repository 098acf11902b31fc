//! The seam: what a store of bodies does.

use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use model::BlobId;

use crate::Error;

/// Most bytes in one chunk that a [`Reader`] hands out: 256 KiB.
pub const MAX_CHUNK_BYTES: usize = 256 * 1024;

/// Names a published blob and says what must be found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRef {
    /// Its name.
    pub id: BlobId,
    /// Length, in bytes.
    pub len: u64,
    /// CRC-64/NVME of the whole, beside the checksums that the store keeps by block.
    pub crc64: u64,
}

/// What a store of bodies does.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Begins a body of unknown length. Dropping the result discards it.
    async fn stage(&self) -> Result<Box<dyn Staged>, Error>;

    /// Opens `range` (bytes; within `0..blob.len`) of a published blob. The open itself finds out whether the blob is
    /// there and as long as recorded.
    async fn open(&self, blob: BlobRef, range: Range<u64>) -> Result<Box<dyn Reader>, Error>;

    /// Removes a blob; it is not an error if it is not there. Readers that have it open go on.
    async fn delete(&self, id: BlobId) -> Result<(), Error>;

    /// Up to `limit` published blobs in order of their ids, after `after`.
    async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, Error>;

    /// The epoch that this opening of the store puts into the ids it gives out ([`BlobId::epoch`]). Blobs of other
    /// epochs belong to no upload that is under way here.
    fn epoch(&self) -> u64;
}

/// A body that is being written. Dropped before it was published, it leaves nothing behind.
#[async_trait]
pub trait Staged: Send {
    /// Adds bytes at the end. Returns when they are accepted; buffers at most a fixed amount.
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error>;

    /// Makes the body durable under a fresh name, and returns only then.
    async fn publish(self: Box<Self>) -> Result<BlobRef, Error>;
}

/// A body that is being read, front to back.
#[async_trait]
pub trait Reader: Send {
    /// The next bytes, verified; `None` after the last. Chunks hold at most 256 KiB.
    async fn next(&mut self) -> Result<Option<Bytes>, Error>;
}

/// Every sync that [`LocalDisk`](crate::LocalDisk) does goes through here, so that a test can count, fail or freeze it.
pub trait SyncSeam: Send + Sync + 'static {
    /// Makes a file's content durable.
    fn sync_file(&self, file: &std::fs::File) -> std::io::Result<()>;

    /// Makes the entries of a directory durable.
    fn sync_dir(&self, dir: &Path) -> std::io::Result<()>;
}

/// `range`, if it lies within `blob`. What does not is the caller's mistake and reads nothing.
pub(crate) fn checked_range(blob: &BlobRef, range: Range<u64>) -> Result<Range<u64>, Error> {
    if range.start > range.end || range.end > blob.len {
        let BlobRef { id, len, .. } = blob;
        return Err(Error::Io(format!(
            "bytes {}..{} were asked of blob {id}, which has {len}",
            range.start, range.end
        )));
    }
    Ok(range)
}
