//! The embedded engine: one redb file, group commit on one thread, reads beside it.
//!
//! redb, because its commits survived every crash they were put through, its pages carry checksums, and it lists fast
//! (`docs/decisions/0001-embedded-engine.md`). It syncs per commit, so many changes share one ([`committer`]). What is
//! on disk is described in `docs/format/kv.md`.
//!
//! Invariants:
//! - an answer leaves after the sync that covers it has returned ([`Durability::Full`]);
//! - revisions go up by one with each applied change and are persisted with it;
//! - a value that comes back is the one written under its key, or the read fails as [`Error::Corrupt`];
//! - after an outcome that is not known, nothing more is written: [`Embedded::health`] says why.
//!
//! Reads of few rows run where they are called: from cached pages they take microseconds, less than handing them to
//! another thread. Larger ones go to the blocking pool, so that a page of a thousand rows, or of cold ones, holds up no
//! other request.
//!
//! Absent on purpose: an own log in front of redb, compaction, backups.

mod apply;
mod committer;
mod disk;
mod failure;
mod file;
mod hot;
mod opened;
mod queue;
mod read;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use model::Revision;
use parking_lot::{Mutex, RwLock};

pub use disk::{PlainFile, SyncSeam};

use self::committer::Committer;
use self::disk::Disk;
use self::failure::{Failure, guarded};
use self::opened::Opened;
use self::queue::Queue;
use crate::chain::LogKey;
use crate::{Change, Commit, Engine, Entry, Error, Key, KeyRange, ListQuery, Listing, Page};

/// Reads of up to this many rows run on the thread that asks.
const INLINE_ROWS: usize = 16;
/// Most that redb keeps in memory of pages read and not yet written; redb's own bookkeeping can double it.
const CACHE_BYTES: usize = 12 << 20;
/// About how much is kept of entries that were read lately.
const HOT_BYTES: u64 = 8 << 20;

/// What an acknowledged change has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is on disk.
    #[default]
    Full,
    /// It will be on disk within about a second; a crash in between loses it, though never a part of it.
    Relaxed,
}

/// How a store is opened.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// The key that logs are chained with; 32 random bytes, kept outside of the store.
    pub log_key: [u8; 32],
    /// What an acknowledged change has survived.
    pub durability: Durability,
    /// Most bytes of cached pages; nothing is set aside in advance.
    pub cache_bytes: usize,
    /// What stands between the store and its file; `None` is [`PlainFile`].
    pub sync: Option<Arc<dyn SyncSeam>>,
}

impl EmbeddedOptions {
    /// Full durability, 12 MiB of cache, a plain file.
    pub fn new(log_key: [u8; 32]) -> Self {
        EmbeddedOptions { log_key, durability: Durability::Full, cache_bytes: CACHE_BYTES, sync: None }
    }
}

impl std::fmt::Debug for EmbeddedOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedOptions")
            .field("durability", &self.durability)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}

/// What readers and the committer share.
struct Shared {
    path: PathBuf,
    disk: Arc<Disk>,
    cache_bytes: usize,
    log_key: LogKey,
    /// Read-locked by whoever uses it; written where it is opened anew or closed. `None` once it is closed.
    database: RwLock<Option<Opened>>,
    /// Held while a batch is in doubt, from its first write to the reopening of the file if that is how it ends.
    settling: Mutex<()>,
    poison: Mutex<Option<String>>,
}

impl Shared {
    fn poisoned(&self) -> Option<String> {
        self.poison.lock().clone()
    }

    /// The first reason stays.
    fn poison(&self, reason: String) {
        let mut poison = self.poison.lock();
        if poison.is_none() {
            tracing::error!(path = %self.path.display(), reason, "the store stopped");
            *poison = Some(reason);
        }
    }

    fn read<T>(&self, read: &impl Fn(&Opened) -> Result<T, Failure>) -> Result<T, Failure> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
        guarded(|| read(database))
    }

    /// As [`read`](Shared::read); waits out a batch in doubt if redb's handle was used up by it.
    fn read_settled<T>(&self, read: &impl Fn(&Opened) -> Result<T, Failure>) -> Result<T, Error> {
        let result = match self.read(read) {
            Err(failure) if failure.is_stale() => {
                drop(self.settling.lock());
                self.read(read)
            }
            result => result,
        };
        result.map_err(|failure| match self.poisoned() {
            Some(reason) if failure.is_stale() => Error::Poisoned(reason),
            _ => failure.into_error(),
        })
    }
}

/// The embedded engine. Dropping it carries out what is queued and closes the file, as [`close`](Embedded::close) does.
pub struct Embedded {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store at `path`, or makes an empty one if there is no such file; its directory must exist. Nobody else
    /// can open it until this engine is gone. Blocks: after a crash it checks every page, which takes 2 to 4 seconds
    /// per GB.
    ///
    /// # Errors
    /// [`Error::InUse`] if it is open already, [`Error::Format`] if it is another kind of file or of a newer version,
    /// [`Error::Corrupt`] if it is damaged, [`Error::Full`] if there is no room to make it. Nothing is changed by any of
    /// them.
    pub fn open(path: &Path, options: EmbeddedOptions) -> Result<Embedded, Error> {
        let EmbeddedOptions { log_key, durability, cache_bytes, sync } = options;
        let seam = sync.unwrap_or_else(|| Arc::new(PlainFile));
        let (disk, database, last) = file::open_or_create(path, seam, cache_bytes)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            disk,
            cache_bytes,
            log_key: LogKey::new(log_key),
            database: RwLock::new(Some(Opened::new(database, HOT_BYTES))),
            settling: Mutex::new(()),
            poison: Mutex::new(None),
        });
        let queue = Arc::new(Queue::new());
        let committer = Committer::new(shared.clone(), queue.clone(), durability, last);
        let thread = std::thread::Builder::new().name("kv-commit".into()).spawn(move || committer.run());
        let thread = thread.map_err(|error| Error::Io(format!("the committer's thread cannot start: {error}")))?;
        Ok(Embedded { shared, queue, thread: Some(thread) })
    }

    /// Carries out what is queued, makes it durable and closes the file. Blocks.
    ///
    /// # Errors
    /// Why the file was not closed in good order; the next opening then recovers it. What was acknowledged under
    /// [`Durability::Full`] is durable all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.stop()
    }

    /// Why nothing is committed any more; `None` if all is well. A full device is no illness.
    pub fn health(&self) -> Option<String> {
        self.shared.poisoned()
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.queue.close();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(self.stopped()))
    }

    fn stopped(&self) -> Error {
        Error::Poisoned(self.shared.poisoned().unwrap_or_else(|| "it was closed".into()))
    }

    /// Reads at most `rows` rows.
    async fn read<T: Send + 'static>(
        &self,
        rows: usize,
        read: impl Fn(&Opened) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        match self.read_here(rows, &read) {
            Some(result) => result,
            None => self.read_apart(read).await,
        }
    }

    /// Reads on the thread that asks; `None` if that must be done elsewhere, because it may take long.
    fn read_here<T>(&self, rows: usize, read: &impl Fn(&Opened) -> Result<T, Failure>) -> Option<Result<T, Error>> {
        if rows > INLINE_ROWS {
            return None;
        }
        match self.shared.read(read) {
            Err(failure) if failure.is_stale() => None,
            result => Some(result.map_err(Failure::into_error)),
        }
    }

    async fn read_apart<T: Send + 'static>(
        &self,
        read: impl Fn(&Opened) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = self.shared.clone();
        let read = tokio::task::spawn_blocking(move || shared.read_settled(&read));
        read.await.unwrap_or_else(|_| Err(Error::Io("the program is shutting down".into())))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(path = %self.shared.path.display(), %error, "the store was not closed in good order");
        }
    }
}

#[async_trait]
impl Engine for Embedded {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        if let Some(result) = self.read_here(1, &|opened| opened.get(key)) {
            return result;
        }
        let key = key.clone();
        self.read_apart(move |opened| opened.get(&key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, Error> {
        if let Some(result) = self.read_here(keys.len(), &|opened| opened.get_many(keys)) {
            return result;
        }
        let keys = keys.to_vec();
        self.read_apart(move |opened| opened.get_many(&keys)).await
    }

    async fn unchanged(&self, rows: &[(Key, Revision)]) -> Result<bool, Error> {
        if let Some(result) = self.read_here(rows.len(), &|opened| opened.unchanged(rows)) {
            return result;
        }
        let rows = rows.to_vec();
        self.read_apart(move |opened| opened.unchanged(&rows)).await
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, Error> {
        self.read(limit, move |opened| read::scan(&*opened.latest()?, &range, limit)).await
    }

    async fn list(&self, query: ListQuery) -> Result<Listing, Error> {
        self.read(query.limit, move |opened| read::list(&*opened.latest()?, &query)).await
    }

    async fn commit(&self, change: Change) -> Result<Commit, Error> {
        if let Some(reason) = self.shared.poisoned() {
            return Err(Error::Poisoned(reason));
        }
        let answer = self.queue.push(change).await.ok_or_else(|| self.stopped())?;
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }
}
