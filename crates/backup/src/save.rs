//! Making a backup.

use std::collections::HashSet;
use std::sync::Arc;

use blobs::{BlobRef, Blobs};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use kv::{Entry, Key, Snapshot};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use crate::chunk::{self, Chunk};
use crate::shelf::whole;
use crate::{Error, Manifest, Named, Shelf, Tell, names};

/// Bytes of rows read at a time.
const PAGE_BYTES: usize = 1 << 20;
/// Bodies under way at a time.
const AT_ONCE: usize = 4;
/// Bodies up to this many bytes are read before they are sent.
const SMALL: u64 = 1 << 20;

/// What is backed up.
pub struct Origin<'a> {
    /// The rows, of one moment. Bodies that they name must not be removed until the backup is done.
    pub snapshot: Arc<Snapshot>,
    /// Where bodies are.
    pub blobs: &'a dyn Blobs,
    /// Which bodies a row names.
    pub named: Named<'a>,
    /// Derived from the master key; manifests are held to it.
    pub key: [u8; 32],
    /// Now, as `2026-01-31T12:00:00Z`.
    pub now: String,
}

/// A backup that was made, and what it took.
#[derive(Debug, Clone)]
pub struct Saved {
    /// It.
    pub manifest: Manifest,
    /// Chunks of rows that were sent.
    pub chunks_sent: u64,
    /// Bodies that were sent.
    pub bodies_sent: u64,
    /// Bytes that were sent, of both.
    pub bytes_sent: u64,
}

/// Backs up to `shelf`. Given up at any point, it leaves what was sent for the next one to use, and no backup.
///
/// # Errors
/// [`Error`]; a body or a row that cannot be read is none, but is left out and named in the manifest.
pub async fn save(shelf: &dyn Shelf, origin: &Origin<'_>, tell: Tell<'_>) -> Result<Saved, Error> {
    let store = origin.snapshot.store();
    claim(shelf, &store).await?;
    let known = known(shelf, &store).await?;
    let there = if known.is_empty() || shelf.looks() { HashSet::new() } else { listed(shelf).await? };
    let manifest = Manifest {
        store,
        made: origin.now.clone(),
        revision: origin.snapshot.revision().0,
        epoch: origin.blobs.epoch(),
        rows: 0,
        bodies: 0,
        bytes: 0,
        without: vec![],
        chunks: vec![],
    };
    let saved = Saved { manifest, chunks_sent: 0, bodies_sent: 0, bytes_sent: 0 };
    let mut saving = Saving { shelf, origin, tell, known, there, saved };
    let (mut chunk, mut after) = (Chunk::new(), None);
    loop {
        let rows = match page(&origin.snapshot, after).await? {
            Page::End => break,
            Page::Rows(rows) => rows,
            Page::Unreadable(key, error) => {
                tracing::error!(%error, "a row is not in the backup, because it cannot be read");
                saving.saved.manifest.without.push(names::row(&key));
                after = Some(key);
                continue;
            }
        };
        after = rows.last().map(|row| row.key.clone());
        for row in rows {
            saving.saved.manifest.rows += 1;
            if chunk.add(&row) {
                saving.chunk(std::mem::replace(&mut chunk, Chunk::new())).await?;
            }
        }
    }
    if !chunk.is_empty() {
        saving.chunk(chunk).await?;
    }
    shelf.settle().await?;
    let saved = saving.saved;
    let name = names::backup(&saved.manifest.id());
    shelf.put(&name, saved.manifest.encode(&origin.key).into()).await?;
    shelf.settle().await?;
    Ok(saved)
}

/// What comes next in the snapshot.
enum Page {
    /// These rows, at least one.
    Rows(Vec<Entry>),
    /// A row that is damaged, or lies where the device cannot be read.
    Unreadable(Key, kv::Error),
    End,
}

async fn page(snapshot: &Arc<Snapshot>, after: Option<Key>) -> Result<Page, Error> {
    let snapshot = snapshot.clone();
    let read = spawn_blocking(move || match snapshot.rows(after.as_ref(), PAGE_BYTES) {
        Ok(rows) if rows.is_empty() => Ok(Page::End),
        Ok(rows) => Ok(Page::Rows(rows)),
        Err(error @ (kv::Error::Corrupt(_) | kv::Error::Io(_))) => match snapshot.key_after(after.as_ref())? {
            Some(key) => Ok(Page::Unreadable(key, error)),
            None => Err(error),
        },
        Err(error) => Err(error),
    });
    Ok(read.await.map_err(|error| kv::Error::Io(error.to_string()))??)
}

fn repository(store: &[u8; 16]) -> String {
    format!("bailiwick backup repository 1\nstore {}\n", hex::encode(store))
}

/// Makes the shelf this store's, unless it is another's.
async fn claim(shelf: &dyn Shelf, store: &[u8; 16]) -> Result<(), Error> {
    let ours = repository(store);
    match whole(shelf, names::REPOSITORY).await? {
        None => shelf.put(names::REPOSITORY, ours.into()).await,
        Some(found) => check_repository(shelf, &found).and_then(|found| match found == *store {
            true => Ok(()),
            false => Err(Error::Refused(format!(
                "{} holds backups of another store ({}); name another place for those of this one",
                shelf.place(),
                hex::encode(found)
            ))),
        }),
    }
}

/// Whose backups are there.
pub(crate) fn check_repository(shelf: &dyn Shelf, found: &[u8]) -> Result<[u8; 16], Error> {
    let text = String::from_utf8_lossy(found);
    let place = shelf.place();
    let store = text.strip_prefix("bailiwick backup repository 1\nstore ").and_then(|rest| rest.strip_suffix('\n'));
    match store.and_then(|store| hex::decode(store).ok()?.try_into().ok()) {
        Some(store) => Ok(store),
        None => Err(match text.strip_prefix("bailiwick backup repository ").and_then(|rest| rest.lines().next()) {
            Some(version) if version != "1" => Error::Refused(format!(
                "{place} holds backups of version {version:?}, and this program reads version 1; use a newer bailiwick"
            )),
            _ => Error::damaged(names::REPOSITORY, format!("it does not say whose backups {place} holds")),
        }),
    }
}

/// The chunks of the latest backup that is whole.
async fn known(shelf: &dyn Shelf, store: &[u8; 16]) -> Result<HashSet<[u8; 32]>, Error> {
    for id in names::in_order(shelf.list(names::BACKUPS).await?).iter().rev() {
        let Some(bytes) = whole(shelf, &names::backup(id)).await? else { continue };
        match Manifest::decode(id, &bytes, None) {
            // A body that it lacks may be readable by now.
            Ok(manifest) if manifest.store == *store && manifest.without.is_empty() => {
                return Ok(manifest.chunks.into_iter().map(|(digest, _)| digest).collect());
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "an earlier backup is of no use"),
        }
    }
    Ok(HashSet::new())
}

/// What is on the shelf of chunks and bodies, by [`mark`].
async fn listed(shelf: &dyn Shelf) -> Result<HashSet<u128>, Error> {
    let mut there = HashSet::new();
    for prefix in [names::ROWS, names::BODIES] {
        there.extend(shelf.list(prefix).await?.iter().map(|name| mark(name)));
    }
    Ok(there)
}

/// Stands for a name, in less room.
fn mark(name: &str) -> u128 {
    let digest = Sha256::digest(name.as_bytes());
    u128::from_be_bytes(digest[..16].try_into().expect("16 bytes"))
}

struct Saving<'a> {
    shelf: &'a dyn Shelf,
    origin: &'a Origin<'a>,
    tell: Tell<'a>,
    /// What the latest whole backup lists.
    known: HashSet<[u8; 32]>,
    /// What is there, where looking for each is not cheap.
    there: HashSet<u128>,
    saved: Saved,
}

/// What became of a body.
enum Sent {
    /// It was there.
    Found,
    Now,
    /// It cannot be read.
    Not(BlobRef, blobs::Error),
}

impl Saving<'_> {
    /// Sends what of a chunk is not there yet: its bodies, then itself.
    async fn chunk(&mut self, chunk: Chunk) -> Result<(), Error> {
        let (bytes, digest) = chunk.finish();
        self.saved.manifest.chunks.push((digest, bytes.len() as u64));
        let bodies = self.bodies_of(&bytes)?;
        self.saved.manifest.bodies += bodies.len() as u64;
        let of_bodies: u64 = bodies.iter().map(|blob| blob.len).sum();
        self.saved.manifest.bytes += of_bodies;
        let name = names::rows(&digest);
        let is_there = |name: &str| self.there.contains(&mark(name));
        // What an earlier backup lists was whole; somebody may have removed it since.
        if self.known.contains(&digest) && is_there(&name) && bodies.iter().all(|blob| is_there(&names::body(blob))) {
            (self.tell)(of_bodies + bytes.len() as u64);
            return Ok(());
        }
        let (shelf, origin, tell) = (self.shelf, self.origin, self.tell);
        let sent = stream::iter(bodies).map(|blob| async move {
            let sent = send(shelf, origin, blob).await?;
            tell(blob.len);
            Ok::<_, Error>((blob.len, sent))
        });
        let sent: Vec<_> = sent.buffer_unordered(AT_ONCE).try_collect().await?;
        for (len, sent) in sent {
            match sent {
                Sent::Found => {}
                Sent::Now => {
                    self.saved.bodies_sent += 1;
                    self.saved.bytes_sent += len;
                }
                Sent::Not(blob, error) => {
                    tracing::error!(%error, "a body is not in the backup, because it cannot be read");
                    self.saved.manifest.without.push(names::body(&blob));
                }
            }
        }
        (self.tell)(bytes.len() as u64);
        if self.shelf.len(&name).await? != Some(bytes.len() as u64) {
            self.saved.chunks_sent += 1;
            self.saved.bytes_sent += bytes.len() as u64;
            self.shelf.put(&name, bytes).await?;
        }
        Ok(())
    }

    fn bodies_of(&self, bytes: &Bytes) -> Result<Vec<BlobRef>, Error> {
        let rows = chunk::decode(bytes).map_err(|what| Error::damaged("in the making", what))?;
        let mut bodies = vec![];
        for row in rows {
            bodies.extend((self.origin.named)(&row).map_err(kv::Error::Corrupt)?);
        }
        Ok(bodies)
    }
}

async fn send(shelf: &dyn Shelf, origin: &Origin<'_>, blob: BlobRef) -> Result<Sent, Error> {
    let name = names::body(&blob);
    if shelf.len(&name).await? == Some(blob.len) {
        return Ok(Sent::Found);
    }
    let unreadable = |error: blobs::Error| match error {
        blobs::Error::Missing(_) | blobs::Error::Corrupt { .. } | blobs::Error::Io(_) => Ok(Sent::Not(blob, error)),
        other => Err(other.into()),
    };
    let mut reader = match origin.blobs.open(blob, 0..blob.len).await {
        Ok(reader) => reader,
        Err(error) => return unreadable(error),
    };
    if blob.len <= SMALL {
        let mut all = Vec::with_capacity(blob.len as usize);
        loop {
            match reader.next().await {
                Ok(Some(bytes)) => all.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(error) => return unreadable(error),
            }
        }
        shelf.put(&name, all.into()).await?;
        return Ok(Sent::Now);
    }
    match shelf.put_from(&name, blob.len, &mut *reader).await? {
        Ok(()) => Ok(Sent::Now),
        Err(error) => unreadable(error),
    }
}
