//! Bodies as files in a directory on this machine: one file a body, under the body's id.
//!
//! The decisions, and what they assume of the file system, are in `docs/decisions/0002-bodies-on-disk.md`; the bytes in
//! `docs/format/blobs.md`.
//!
//! - A body's content is durable before it has a name, and its name before `publish` returns.
//! - A name is never given to a second body, and never replaced.
//! - Nothing that can wait for the device runs on the async runtime's threads.
//!
//! Absent on purpose: a retry after a failed sync. The file is thrown away, and the upload fails; what a device that
//! fails syncs still holds is not known.

mod buffers;
mod directory;
mod format;
mod listing;
mod read;
mod restore;
mod scratch;
#[cfg(test)]
mod tests;
mod upload;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use model::BlobId;
use tokio::task::{JoinError, spawn_blocking};

use crate::store::checked_range;
use crate::{BlobRef, Blobs, Error, Reader, Staged, SyncSeam};

/// Whether an acknowledged body survives the loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It does.
    #[default]
    Full,
    /// It may be lost, or be found damaged (never silently), until the system has written it back of itself: usually
    /// half a minute. A crash of this process alone loses nothing. Only the store's epoch is still synced, once an
    /// opening, so that ids are not given out twice.
    Relaxed,
}

/// How a [`LocalDisk`] behaves.
#[derive(Clone, Default)]
pub struct LocalOptions {
    /// What does the syncs; `None`: `fdatasync` for files, `fsync` for directories.
    pub sync: Option<Arc<dyn SyncSeam>>,
    /// Whether `publish` syncs.
    pub durability: Durability,
}

/// A store of bodies in a directory. Clones are the same store; the directory is theirs alone until the last is gone and
/// everything they began is done.
#[derive(Clone)]
pub struct LocalDisk(Arc<Disk>);

struct Disk {
    places: directory::Places,
    epoch: u64,
    next: AtomicU64,
    unnamed: bool,
    sync: Arc<dyn SyncSeam>,
    durability: Durability,
    /// Whether cached bytes can be read without waiting; found out by trying.
    inline_reads: AtomicBool,
    buffers: buffers::Buffers,
    cursor: listing::Cursor,
    _lock: File,
}

impl LocalDisk {
    /// Opens the store in `dir`, or begins one if `dir` is empty or absent, and removes what unfinished uploads left.
    /// Blocks.
    ///
    /// # Errors
    /// [`Error::Io`] if another process has it open, it is of another version, it is something else, or it has lost its
    /// epoch; and as the device says.
    pub fn open(dir: &Path, options: LocalOptions) -> Result<Self, Error> {
        let sync = options.sync.unwrap_or_else(|| Arc::new(SystemSync));
        let directory::Opened { places, epoch, unnamed, lock } = directory::open(dir, &*sync)?;
        Ok(LocalDisk(Arc::new(Disk {
            places,
            epoch,
            next: AtomicU64::new(0),
            unnamed,
            sync,
            durability: options.durability,
            inline_reads: AtomicBool::new(true),
            buffers: buffers::Buffers::default(),
            cursor: listing::Cursor::default(),
            _lock: lock,
        })))
    }
}

impl Disk {
    fn next_id(&self) -> BlobId {
        BlobId::from_parts(self.epoch, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// What syncs bodies, if anything does.
    fn sync(&self) -> Option<&dyn SyncSeam> {
        (self.durability == Durability::Full).then_some(&*self.sync)
    }
}

#[async_trait]
impl Blobs for LocalDisk {
    async fn stage(&self) -> Result<Box<dyn Staged>, Error> {
        Ok(Box::new(upload::Upload::new(self.0.clone())))
    }

    async fn open(&self, blob: BlobRef, range: Range<u64>) -> Result<Box<dyn Reader>, Error> {
        let range = checked_range(&blob, range)?;
        let file = read::open(&self.0, blob).await?;
        Ok(Box::new(read::BodyReader::new(self.0.clone(), file, blob, range)))
    }

    /// Not synced: a name that comes back after a loss of power is garbage again, and found as such.
    async fn delete(&self, id: BlobId) -> Result<(), Error> {
        let path = self.0.places.file_of(id);
        blocking(move || match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::device(path.display(), &e)),
            _ => Ok(()),
        })
        .await
    }

    async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, Error> {
        let disk = self.0.clone();
        blocking(move || listing::page(&disk.places, &disk.cursor, disk.epoch, after, limit, listing::AHEAD)).await
    }

    fn epoch(&self) -> u64 {
        self.0.epoch
    }
}

/// The operating system's syncs.
struct SystemSync;

impl SyncSeam for SystemSync {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        // A new length is synced too, since content cannot be read without it (fdatasync(2)).
        file.sync_data()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// Runs what may wait for the device on the blocking pool. If the caller goes away, the work is done all the same.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    joined(spawn_blocking(work).await)
}

fn joined<T>(result: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    result.unwrap_or_else(|e| Err(Error::Io(format!("work on a body's file ended before its time: {e}"))))
}

/// Drops `value`, which may wait for the device, on the blocking pool if there is one.
fn elsewhere<T: Send + 'static>(value: Option<T>) {
    let Some(value) = value else { return };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(value))),
        Err(_) => drop(value),
    }
}
