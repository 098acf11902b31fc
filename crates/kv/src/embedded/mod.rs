//! The embedded engine: a log of our own that changes are durable in, and redb as the index that it is brought into.
//!
//! ```text
//! commit ─▶ queue ─▶ committer ─▶ log      one frame and one sync for all that waits ([`committer`], [`log`])
//!                        │
//!                        ▼
//!                      state               the index, and what it has not yet, in memory: what readers see ([`state`])
//!                        │
//!                        ▼ now and then
//!                    checkpoint ─▶ index   one transaction of redb ([`checkpoint`], [`index`])
//!                        │
//!                        ▼
//!                     compact              long values stay in the log; files with few of them are emptied ([`compact`])
//! ```
//!
//! redb, because its commits survived every crash they were put through and it lists fast; a log in front of it, because
//! appending is what a disk does best (`docs/decisions/0011-log-before-index.md` has the measurements). What is on disk is
//! described in `docs/format/kv.md`.
//!
//! Invariants:
//! - an answer leaves after the sync that covers it has returned ([`Durability::Full`]);
//! - revisions go up by one with each applied change and are persisted with it;
//! - what the log has and the index has not is read back at opening, and is bounded;
//! - a value that comes back is the one written under its key, or the read fails as [`Error::Corrupt`];
//! - after an outcome that is not known, nothing more is written: [`Embedded::health`] says why.
//!
//! Reads of few rows run where they are called: from cached pages they take microseconds, less than handing them to
//! another thread. Larger ones go to the blocking pool, so that a page of a thousand rows, or of cold ones, holds up no
//! other request.
//!
//! Absent on purpose: repair. What does not verify is refused by name.

mod apply;
mod checkpoint;
mod committer;
mod compact;
mod disk;
mod failure;
mod file;
mod hot;
mod index;
mod log;
mod merge;
mod overlay;
mod pages;
mod queue;
mod read;
mod record;
mod restore;
mod snapshot;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use model::Revision;
use parking_lot::Mutex;

pub use compact::Compacted;
pub use disk::{PlainFile, Room, SyncSeam};
pub use snapshot::Snapshot;

use self::checkpoint::Checkpoints;
use self::committer::Committer;
use self::compact::Compaction;
use self::failure::{Failure, guarded};
use self::file::Found;
use self::index::{Checkpoint, Index};
use self::log::{Files, Log, Position, replay};
use self::queue::Queue;
use self::state::State;
use crate::chain::LogKey;
use crate::{Answer, Change, Commit, Engine, Entry, Error, Key, KeyRange, ListQuery, Listing, Page};

/// Reads of up to this many rows run on the thread that asks.
const INLINE_ROWS: usize = 16;
/// Most that redb keeps in memory of pages read and not yet written; redb's own bookkeeping can double it.
const CACHE_BYTES: usize = 12 << 20;
/// What waits for a checkpoint, in bytes of rows, when one is begun.
const CHECKPOINT_BYTES: usize = 8 << 20;
/// A log file is not begun to be longer, unless a single frame is.
const LOG_FILE_BYTES: u64 = 256 << 20;
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
    /// About how many bytes of rows are gathered in memory before they are brought into the index. Up to three times as
    /// many wait while that is under way.
    pub checkpoint_bytes: usize,
    /// How long a log file gets, in bytes; on a small device less.
    pub log_file_bytes: u64,
    /// What stands between the store and its files; `None` is [`PlainFile`].
    pub sync: Option<Arc<dyn SyncSeam>>,
}

impl EmbeddedOptions {
    /// Full durability, 12 MiB of cache, 8 MiB between checkpoints, log files of 256 MiB, plain files.
    pub fn new(log_key: [u8; 32]) -> Self {
        EmbeddedOptions {
            log_key,
            durability: Durability::Full,
            cache_bytes: CACHE_BYTES,
            checkpoint_bytes: CHECKPOINT_BYTES,
            log_file_bytes: LOG_FILE_BYTES,
            sync: None,
        }
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

/// What readers and the engine's threads share.
struct Shared {
    path: PathBuf,
    log_key: LogKey,
    state: State,
    index: Index,
    checkpoints: Checkpoints,
    compaction: Compaction,
    /// What the index holds.
    checkpoint: Mutex<Checkpoint>,
    /// Held while a checkpoint is in doubt, from its first write to the reopening of the index if that is how it ends.
    settling: Mutex<()>,
    /// Which store it is.
    store: [u8; 16],
    /// Cloned by whoever needs the files of an older state.
    pin: Arc<()>,
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

    fn poison_for(&self, failure: &Failure) {
        self.poison(self.index.disk.faults().broken.unwrap_or_else(|| failure.describe()));
    }

    /// Sets aside what has come up to `last` and `position`, for a checkpoint; whether it could be, and there
    /// was something, or it is wanted `anyway`.
    fn freeze(&self, last: Revision, position: Position, anyway: bool) -> bool {
        match self.state.freeze(last, position, anyway) {
            Some(frozen) => {
                self.checkpoints.put(frozen);
                true
            }
            None => false,
        }
    }

    /// Reads on a thread that may wait, also for a checkpoint in doubt if redb's handle was used up by it.
    fn read_settled<T>(&self, read: &impl Fn(&State, bool) -> Result<T, Failure>) -> Result<T, Error> {
        let result = match guarded(|| read(&self.state, true)) {
            Err(failure) if failure.is_stale() => {
                drop(self.settling.lock());
                guarded(|| read(&self.state, true))
            }
            Err(Failure::Gone(_)) => guarded(|| read(&self.state, true)),
            result => result,
        };
        result.map_err(|failure| match self.poisoned() {
            Some(reason) if failure.is_stale() => Error::Poisoned(reason),
            _ => failure.into_error(),
        })
    }
}

/// The embedded engine. Dropping it carries out what is queued and closes the files, as [`close`](Embedded::close) does.
pub struct Embedded {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    committer: Option<JoinHandle<Result<(), Error>>>,
    others: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store in the directory `path`, or makes an empty one if there is none; the directory above must exist.
    /// Nobody else can open it until this engine is gone. Blocks; after a crash it reads what the log has and the index
    /// has not: at most some 150 MiB.
    ///
    /// # Errors
    /// [`Error::InUse`] if it is open already, [`Error::Format`] if it is something else or of a newer version,
    /// [`Error::Corrupt`] if it is damaged, [`Error::Full`] if there is no room to make it. Nothing is changed by any of
    /// them.
    pub fn open(path: &Path, options: EmbeddedOptions) -> Result<Embedded, Error> {
        let EmbeddedOptions { log_key, durability, cache_bytes, checkpoint_bytes, log_file_bytes, sync } = options;
        let seam = sync.unwrap_or_else(|| Arc::new(PlainFile));
        let Found { path: index_path, disk, database, opened } = file::open_or_create(path, &seam, cache_bytes, None)?;
        let index = Index::new(index_path, disk, cache_bytes, database);
        let files = Arc::new(Files::new(file::log_dir(path), seam.clone()));
        let failed = |failure: Failure| failure.into_error();
        let live = index.live().map_err(failed)?;
        log::check_all_there(&files, &live, opened.store)?;
        let checkpoint = opened.checkpoint;
        let mut replayed = replay(&files, &opened.store, checkpoint.position, checkpoint.last)?;
        let next = log::cut(&files, &*seam, &replayed, checkpoint.position)?;
        let file_bytes = log::file_bytes(log_file_bytes, index.room().all);
        let log = Log::new(files.clone(), seam, opened.store, next, replayed.last, file_bytes);
        let rows = std::mem::take(&mut replayed.rows);
        let state = State::new(index.begin().map_err(failed)?, rows, replayed.last, files, HOT_BYTES);
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            log_key: LogKey::new(log_key),
            state,
            index,
            checkpoints: Checkpoints::default(),
            compaction: Compaction::default(),
            checkpoint: Mutex::new(checkpoint),
            settling: Mutex::new(()),
            store: opened.store,
            pin: Arc::new(()),
            poison: Mutex::new(None),
        });
        let queue = Arc::new(Queue::new());
        let mut engine = Embedded { shared: shared.clone(), queue: queue.clone(), committer: None, others: Vec::new() };
        let committer = Committer::new(shared.clone(), queue.clone(), durability, checkpoint_bytes, log, &replayed);
        engine.committer = Some(thread("kv-commit", move || committer.run())?);
        let own = shared.clone();
        // Where one cannot be started, nobody waits for what it would do.
        let checkpointer = thread("kv-checkpoint", move || checkpoint::run(&own));
        engine.others.push(checkpointer.inspect_err(|_| shared.checkpoints.close())?);
        engine.others.push(thread("kv-compact", move || compact::run(&shared, &queue))?);
        Ok(engine)
    }

    /// Whether there is a store in the directory `path`, or a part of one, of whatever version.
    pub fn is_at(path: &Path) -> bool {
        let has_log = std::fs::read_dir(file::log_dir(path)).is_ok_and(|mut files| files.next().is_some());
        has_log || file::index_path(path).exists()
    }

    /// Carries out what is queued, makes it durable, brings it into the index and closes the files. Blocks.
    ///
    /// # Errors
    /// Why the store was not closed in good order; the next opening then recovers it. What was acknowledged under
    /// [`Durability::Full`] is durable all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.stop()
    }

    /// Moves values out of log files that are partly dead, so that the files can go. Blocks; reads and commits go on.
    /// `progress` is told how many bytes of how many were moved. Cut off at any moment, it loses nothing.
    ///
    /// # Errors
    /// [`Error::Full`] if there is no room for what is moved.
    pub fn compact(&self, progress: &dyn Fn(u64, u64)) -> Result<Compacted, Error> {
        match self.shared.poisoned() {
            Some(reason) => Err(Error::Poisoned(reason)),
            None => compact::all(&self.shared, &self.queue, progress),
        }
    }

    /// Why nothing is committed any more; `None` if all is well. A full device is no illness.
    pub fn health(&self) -> Option<String> {
        self.shared.poisoned()
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.shared.compaction.close();
        self.queue.close();
        let Some(committer) = self.committer.take() else { return Ok(()) };
        let stopped = committer.join().unwrap_or_else(|_| Err(self.stopped()));
        self.shared.checkpoints.close();
        for other in self.others.drain(..) {
            // One that panicked has poisoned the store.
            let _ = other.join();
        }
        stopped?;
        if let Some(reason) = self.shared.poisoned() {
            return Err(Error::Poisoned(reason));
        }
        // No reader is left but the shared transaction, which must not outlive the file.
        self.shared.state.reopened(None);
        self.shared.index.close()
    }

    fn stopped(&self) -> Error {
        Error::Poisoned(self.shared.poisoned().unwrap_or_else(|| "it was closed".into()))
    }

    /// Reads at most `rows` rows. What reads is told whether it may wait for the device.
    async fn read<T: Send + 'static>(
        &self,
        rows: usize,
        read: impl Fn(&State, bool) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        match self.read_here(rows, &read) {
            Some(result) => result,
            None => self.read_apart(read).await,
        }
    }

    /// Reads on the thread that asks; `None` if that must be done elsewhere, because it may take long.
    fn read_here<T>(
        &self,
        rows: usize,
        read: &impl Fn(&State, bool) -> Result<T, Failure>,
    ) -> Option<Result<T, Error>> {
        if rows > INLINE_ROWS {
            return None;
        }
        match guarded(|| read(&self.shared.state, false)) {
            Err(failure) if failure.is_for_elsewhere() => None,
            result => Some(result.map_err(Failure::into_error)),
        }
    }

    async fn read_apart<T: Send + 'static>(
        &self,
        read: impl Fn(&State, bool) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = self.shared.clone();
        let read = tokio::task::spawn_blocking(move || shared.read_settled(&read));
        read.await.unwrap_or_else(|_| Err(Error::Io("the program is shutting down".into())))
    }
}

fn thread<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, Error> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(|error| Error::Io(format!("the thread {name} cannot start: {error}")))
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
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Entry>> {
        match self.read_here(1, &|state, may_wait| state.get(key, may_wait)) {
            Some(found) => Answer::now(found),
            None => Answer::later(async {
                let key = key.clone();
                self.read_apart(move |state, may_wait| state.get(&key, may_wait)).await
            }),
        }
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Entry>>> {
        match self.read_here(keys.len(), &|state, may_wait| state.get_many(keys, may_wait)) {
            Some(found) => Answer::now(found),
            None => Answer::later(async {
                let keys = keys.to_vec();
                self.read_apart(move |state, may_wait| state.get_many(&keys, may_wait)).await
            }),
        }
    }

    fn unchanged<'a>(&'a self, rows: &'a [(Key, Revision)]) -> Answer<'a, bool> {
        match self.read_here(rows.len(), &|state, _| state.unchanged(rows)) {
            Some(found) => Answer::now(found),
            None => Answer::later(async {
                let rows = rows.to_vec();
                self.read_apart(move |state, _| state.unchanged(&rows)).await
            }),
        }
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, Error> {
        self.read(limit, move |state, may_wait| state.moment(may_wait, |moment| moment.scan(&range, limit))).await
    }

    async fn list(&self, query: ListQuery) -> Result<Listing, Error> {
        self.read(query.limit, move |state, may_wait| state.moment(may_wait, |moment| moment.list(&query))).await
    }

    async fn commit(&self, change: Change) -> Result<Commit, Error> {
        if let Some(reason) = self.shared.poisoned() {
            return Err(Error::Poisoned(reason));
        }
        let answer = self.queue.push(change).await?.ok_or_else(|| self.stopped())?;
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }
}
