//! Where backups lie, as little as they need of it.

use std::ops::Range;

use async_trait::async_trait;
use blobs::Reader;
use bytes::Bytes;

use crate::Error;

/// A place for files that are written once and read again. Names are relative, of `a-zA-Z0-9-/`.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// What people call the place.
    fn place(&self) -> String;

    /// Whether to look for each file before relying on it. Where that is not cheap, what an earlier backup lists is looked
    /// for in one listing of all names.
    fn looks(&self) -> bool;

    /// Stores a small file whole: it is there with all its bytes, or not there. It may not survive a crash before
    /// [`settle`](Shelf::settle).
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error>;

    /// The same with `len` bytes that are read meanwhile. The outer error is the shelf's, the inner one the reader's.
    async fn put_from(&self, name: &str, len: u64, reader: &mut dyn Reader) -> Result<Result<(), blobs::Error>, Error>;

    /// How many bytes a file has; `None` if it is not there.
    async fn len(&self, name: &str) -> Result<Option<u64>, Error>;

    /// A range of a file's bytes, of which there are as many. At most 16 MiB are asked for.
    async fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error>;

    /// Names that begin with `prefix`, which ends with a slash, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error>;

    /// Makes all that was put durable.
    async fn settle(&self) -> Result<(), Error>;
}

/// Most bytes that are asked for at a time.
pub(crate) const PIECE: u64 = 8 << 20;

/// The whole of a small file; `None` if it is not there.
pub(crate) async fn whole(shelf: &dyn Shelf, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(len) = shelf.len(name).await? else { return Ok(None) };
    let mut all = Vec::new();
    while (all.len() as u64) < len {
        let at = all.len() as u64;
        all.extend_from_slice(&shelf.get(name, at..len.min(at + PIECE)).await?);
    }
    Ok(Some(all))
}
