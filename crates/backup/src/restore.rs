//! Making a store of a backup.

use std::path::PathBuf;

use blobs::{BlobRef, Blobs, LocalDisk, LocalOptions};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use kv::{Embedded, EmbeddedOptions, Entry};
use model::Revision;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::save::check_repository;
use crate::shelf::{PIECE, whole};
use crate::{Error, Manifest, Named, Shelf, Tell, chunk, names};

/// Bodies under way at a time.
const AT_ONCE: usize = 4;
/// Chunks that are read and not yet stored.
const WAITING: usize = 2;
/// How far the restored store is ahead of the backup: what was given out after the backup by the store that was lost
/// (revisions, ids of bodies) is not given out again.
const REVISIONS_AHEAD: u64 = 1 << 40;
const EPOCHS_AHEAD: u64 = 1 << 20;

/// Where the store is made.
pub struct Target {
    /// The file of the rows; there is none.
    pub records: PathBuf,
    /// The directory of the bodies; it is empty or not there.
    pub bodies: PathBuf,
    /// What the rows are opened with later.
    pub options: EmbeddedOptions,
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The backup.
    pub manifest: Manifest,
    /// Bytes that were read.
    pub bytes_read: u64,
}

/// The ids of all backups, the latest last.
///
/// # Errors
/// [`Error::NotFound`] if the place holds none.
pub async fn backups(shelf: &dyn Shelf) -> Result<Vec<String>, Error> {
    let Some(found) = whole(shelf, names::REPOSITORY).await? else {
        return Err(Error::NotFound(format!("there are no backups in {}", shelf.place())));
    };
    check_repository(shelf, &found)?;
    Ok(names::in_order(shelf.list(names::BACKUPS).await?))
}

/// The backup of that id, or the latest, if it was made under `key`.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Damaged`], [`Error::WrongKey`].
pub async fn find(shelf: &dyn Shelf, id: Option<&str>, key: &[u8; 32]) -> Result<Manifest, Error> {
    let all = backups(shelf).await?;
    let place = shelf.place();
    let id = match id {
        Some(id) if all.iter().any(|one| one == id) => id.to_owned(),
        Some(id) => {
            let all = all.join(", ");
            return Err(Error::NotFound(format!("there is no backup {id} in {place}, but: {all}")));
        }
        None => all.last().cloned().ok_or_else(|| Error::NotFound(format!("no backup in {place} was completed")))?,
    };
    let bytes = whole(shelf, &names::backup(&id)).await?;
    let bytes = bytes.ok_or_else(|| Error::NotFound(format!("the backup {id} is gone from {place}")))?;
    Manifest::decode(&id, &bytes, Some(key))
}

/// Makes the store of `manifest` at `target`. Each file is held to its digest. The rows get their name last, when
/// everything that they name is durable.
///
/// # Errors
/// [`Error`]; what was made by then is of no use and can be removed.
pub async fn restore(
    shelf: &dyn Shelf,
    manifest: Manifest,
    target: Target,
    named: Named<'_>,
    tell: Tell<'_>,
) -> Result<Restored, Error> {
    let directory = target.bodies.clone();
    let bodies = spawn_blocking(move || LocalDisk::open(&directory, LocalOptions::default())).await;
    let bodies = bodies.map_err(|error| blobs::Error::Io(error.to_string()))??;
    let (sender, rows) = mpsc::channel::<Option<Vec<Entry>>>(WAITING);
    let (store, last) = (manifest.store, Revision(manifest.revision + REVISIONS_AHEAD));
    let Target { records, options, .. } = target;
    let rows = Rows { from: rows, page: vec![].into_iter(), ended: false };
    let writing = spawn_blocking(move || Embedded::restore(&records, options, store, last, rows));
    let fetched = async {
        let mut bytes_read = 0;
        for (digest, len) in &manifest.chunks {
            let (rows, read) = rows_of(shelf, digest, *len).await?;
            tell(read);
            let mut wanted = vec![];
            for row in &rows {
                wanted.extend(named(row).map_err(kv::Error::Corrupt)?);
            }
            wanted.retain(|blob| !manifest.without.contains(&names::body(blob)));
            bytes_read += read + wanted.iter().map(|blob| blob.len).sum::<u64>();
            let (bodies, all) = (&bodies, stream::iter(wanted));
            all.map(Ok).try_for_each_concurrent(AT_ONCE, |blob| fetch(shelf, bodies, blob, tell)).await?;
            if sender.send(Some(rows)).await.is_err() {
                // It has failed, and says why below.
                return Ok(None);
            }
        }
        let finished = bodies.clone();
        let epoch = manifest.epoch + EPOCHS_AHEAD;
        let raised = spawn_blocking(move || finished.raise_epoch(epoch)).await;
        raised.map_err(|error| blobs::Error::Io(error.to_string()))??;
        let _ = sender.send(None).await;
        Ok::<_, Error>(Some(bytes_read))
    };
    let fetched = fetched.await;
    drop(sender);
    let written = writing.await.map_err(|error| kv::Error::Io(error.to_string()))?;
    let bytes_read = fetched?;
    written?;
    let bytes_read = bytes_read.ok_or_else(|| kv::Error::Io("the rows could not be written".into()))?;
    Ok(Restored { manifest, bytes_read })
}

/// What comes through a channel, row by row. An end that was not announced is an error.
struct Rows {
    from: mpsc::Receiver<Option<Vec<Entry>>>,
    page: std::vec::IntoIter<Entry>,
    ended: bool,
}

impl Iterator for Rows {
    type Item = Result<Entry, kv::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.page.next() {
                return Some(Ok(row));
            }
            if self.ended {
                return None;
            }
            match self.from.blocking_recv() {
                Some(Some(page)) => self.page = page.into_iter(),
                Some(None) => self.ended = true,
                None => {
                    self.ended = true;
                    return Some(Err(kv::Error::Io("the restore was interrupted".into())));
                }
            }
        }
    }
}

async fn rows_of(shelf: &dyn Shelf, digest: &[u8; 32], len: u64) -> Result<(Vec<Entry>, u64), Error> {
    let name = names::rows(digest);
    let bytes = whole(shelf, &name).await?.ok_or_else(|| Error::damaged(&name, "it is missing"))?;
    if bytes.len() as u64 != len {
        return Err(Error::damaged(&name, format!("it has {} bytes where {len} were written", bytes.len())));
    }
    if Sha256::digest(&bytes).as_slice() != digest {
        return Err(Error::damaged(&name, "its digest does not hold"));
    }
    let rows = chunk::decode(&Bytes::from(bytes)).map_err(|what| Error::damaged(&name, what))?;
    Ok((rows, len))
}

async fn fetch(shelf: &dyn Shelf, bodies: &LocalDisk, blob: BlobRef, tell: Tell<'_>) -> Result<(), Error> {
    let name = names::body(&blob);
    match shelf.len(&name).await? {
        None => return Err(Error::damaged(&name, "it is missing")),
        Some(len) if len != blob.len => {
            return Err(Error::damaged(&name, format!("it has {len} bytes where {} were written", blob.len)));
        }
        Some(_) => {}
    }
    let mut staged = bodies.stage_as(blob.id);
    let mut at = 0;
    while at < blob.len {
        let bytes = shelf.get(&name, at..blob.len.min(at + PIECE)).await?;
        at += bytes.len() as u64;
        tell(bytes.len() as u64);
        staged.write(bytes).await?;
    }
    let published = staged.publish().await?;
    if published != blob {
        bodies.delete(blob.id).await?;
        return Err(Error::damaged(&name, "its digest does not hold"));
    }
    Ok(())
}
