//! The one thread that writes: takes what has arrived, decides it change by change, commits it as one, then answers.
//!
//! There is no timer: while one batch syncs, the next gathers. A change sees the changes before it in its batch, and
//! nobody is answered before the commit of the batch has returned, not even who has a conflict, because the conflict
//! may be with a change that was not durable yet.
//!
//! How a batch can fail:
//! - growing found no room: it is rolled back, answered with [`Error::Full`], and redb never knew. Where the device
//!   still has some room, though less than redb grows by, the commit goes on as long as that is enough for it; the last
//!   of it is left to changes that remove something, because they make room;
//! - a write found no room: nothing was synced, redb's handle is used up, and the file is opened anew, which falls back
//!   to the last commit; answered with [`Error::Full`]. That checks the whole file, so the next attempt waits;
//! - anything else, a failed sync above all: what is on disk is not known. The engine is poisoned.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Revision;

use super::apply::{self, Refused};
use super::failure::{Failure, guarded};
use super::opened::Opened;
use super::queue::{Job, Next, Queue};
use super::record::{DATA, HEADER, REVISION};
use super::{Durability, Shared, file};
use crate::{Commit, Error, Receipt, Write};

/// How long a relaxed commit may be only in memory.
const RELAXED_FOR: Duration = Duration::from_secs(1);
/// Bytes of a scarce device that only changes which remove something may use.
const LEFT_TO_REMOVALS: u64 = 64 << 20;
/// Bytes of pages that a change may rewrite besides its own keys and values.
const PAGES_OF_CHANGE: u64 = 64 << 10;
/// After the file had to be opened anew, nothing is tried for this many times as long as that took.
const REST: u32 = 10;

pub(super) struct Committer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    durability: Durability,
    /// The revision of the last change applied.
    last: u64,
    /// When what is committed in memory only must reach the disk.
    due: Option<Instant>,
    /// The last batch that needed room found none.
    full: bool,
    /// redb could not be opened again after the device ran full.
    detached: bool,
    /// Until then, nothing is tried.
    resting: Option<Instant>,
}

/// How a batch ended that failed as a whole.
enum Batch {
    /// Nothing was changed, redb goes on.
    Full,
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Batch {
    fn from(error: E) -> Self {
        Batch::Failed(error.into())
    }
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, queue: Arc<Queue>, durability: Durability, last: Revision) -> Self {
        Committer { shared, queue, durability, last: last.0, due: None, full: false, detached: false, resting: None }
    }

    /// Works until the queue is closed and empty, then closes the file.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let _end = End { shared: self.shared.clone(), queue: self.queue.clone() };
        loop {
            match self.queue.next(self.due) {
                Next::Batch(jobs) => self.batch(jobs),
                Next::Due => self.make_durable(),
                Next::Closed => break,
            }
            if self.due.is_some_and(|due| due <= Instant::now()) {
                self.make_durable();
            }
        }
        self.make_durable();
        self.close()
    }

    fn close(&mut self) -> Result<(), Error> {
        if let Some(reason) = self.shared.poisoned() {
            return Err(Error::Poisoned(reason));
        }
        self.shared.disk.begin();
        let Some(opened) = self.shared.database.write().take() else { return Ok(()) };
        guarded(|| opened.close().map_err(file::storage))
            .map_err(|failure| if self.shared.disk.ran_full() { Error::Full } else { Error::Io(failure.describe()) })
    }

    /// Carries out `jobs` and answers them.
    fn batch(&mut self, jobs: Vec<Job>) {
        if let Some(reason) = self.shared.poisoned() {
            return answer_all(jobs, &Error::Poisoned(reason));
        }
        let shared = self.shared.clone();
        let _settling = shared.settling.lock();
        if self.resting.is_some_and(|until| Instant::now() < until) || (self.detached && !self.reopen()) {
            return self.answer_failed(jobs);
        }
        let left = if self.may_try(&jobs) { self.attempt(jobs) } else { jobs };
        // Without room, only changes that remove something are tried: they are what makes room.
        let mixed = !left.iter().all(removes);
        let (removals, others): (Vec<_>, Vec<_>) = left.into_iter().partition(removes);
        self.answer_failed(others);
        let again = mixed && !self.detached && self.shared.poisoned().is_none();
        let left = if again { self.attempt(removals) } else { removals };
        self.answer_failed(left);
    }

    /// Whether `jobs` could find room. Fills holes if that is possible by now.
    fn may_try(&mut self, jobs: &[Job]) -> bool {
        if !self.full {
            return true;
        }
        let disk = &self.shared.disk;
        let filled = disk.fill_holes();
        self.full = !(self.is_enough(jobs) || filled && disk.room() >= disk.wanted());
        !self.full || (filled && jobs.iter().all(removes))
    }

    /// Whether the device has room for all that `jobs` may write, wherever in the file redb puts it.
    fn is_enough(&self, jobs: &[Job]) -> bool {
        let left = if jobs.iter().all(removes) { 0 } else { LEFT_TO_REMOVALS };
        // redb rounds a value up to a power of two of pages.
        let needed: u64 = jobs.iter().map(|job| u64::from(job.kib) * 2048 + PAGES_OF_CHANGE).sum();
        self.shared.disk.room() >= needed + left
    }

    /// Answers `jobs`, or gives them back if there was no room for them all together.
    fn attempt(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        if jobs.is_empty() || (self.shared.disk.has_holes() && !self.is_enough(&jobs)) {
            return jobs;
        }
        self.shared.disk.begin();
        let before = self.last;
        let result = guarded(|| Ok(self.try_commit(&jobs)));
        match result.unwrap_or_else(|panic| Err(Batch::Failed(panic))) {
            Ok(outcomes) => {
                if self.last != before {
                    // What was removed may be room.
                    self.full = self.shared.disk.has_holes();
                }
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    // Whoever stopped waiting needs no answer.
                    let _ = job.reply.send(outcome);
                }
                vec![]
            }
            Err(Batch::Full) => {
                self.last = before;
                self.ran_full();
                jobs
            }
            Err(Batch::Failed(failure)) => {
                self.last = before;
                self.failed(&failure);
                jobs
            }
        }
    }

    /// One transaction for all of `jobs`.
    fn try_commit(&mut self, jobs: &[Job]) -> Result<Vec<Result<Commit, Error>>, Batch> {
        let opened = self.shared.database.read();
        let opened = opened.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
        let mut changing = opened.changing();
        let mut wrote = Vec::new();
        let mut transaction = opened.database.begin_write()?;
        if self.durability == Durability::Relaxed {
            transaction.set_durability(redb::Durability::None)?;
        }
        let before = self.last;
        let mut outcomes = Vec::with_capacity(jobs.len());
        {
            let mut data = transaction.open_table(DATA)?;
            for job in jobs {
                let revision = Revision(self.last + 1);
                outcomes.push(
                    match apply::apply(&mut data, &job.change, revision, &self.shared.log_key, &mut wrote)? {
                        Ok(()) => {
                            self.last = revision.0;
                            Ok(Ok(Receipt { revision }))
                        }
                        Err(Refused::Conflict(conflict)) => Ok(Err(conflict)),
                        Err(Refused::Error(error)) => Err(error),
                    },
                );
            }
            transaction.open_table(HEADER)?.insert(REVISION, self.last.to_be_bytes().as_slice())?;
        }
        let changed = self.last != before;
        let short = self.shared.disk.has_holes() && !self.is_enough(jobs);
        if !changed || short {
            transaction.abort()?;
            changing.wrote(vec![]);
            return if changed { Err(Batch::Full) } else { Ok(outcomes) };
        }
        transaction.commit()?;
        changing.wrote(wrote);
        if self.durability == Durability::Relaxed {
            self.due.get_or_insert_with(|| Instant::now() + RELAXED_FOR);
        }
        Ok(outcomes)
    }

    /// Brings relaxed commits to the disk.
    fn make_durable(&mut self) {
        if self.due.is_none() || self.shared.poisoned().is_some() {
            self.due = None;
            return;
        }
        let shared = self.shared.clone();
        let _settling = shared.settling.lock();
        shared.disk.begin();
        let result = guarded(|| {
            let opened = shared.database.read();
            let opened = opened.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
            let mut changing = opened.changing();
            opened.database.begin_write()?.commit()?;
            changing.wrote(vec![]);
            Ok(())
        });
        if let Err(failure) = result {
            // What was acknowledged may be lost: not for this engine to go on from.
            self.poison(&failure);
        }
        self.due = None;
    }

    /// After a commit that redb could not finish: opens the file anew if it was only full, else poisons.
    fn failed(&mut self, failure: &Failure) {
        if !self.shared.disk.ran_full() || self.due.is_some() {
            return self.poison(failure);
        }
        self.ran_full();
        let began = Instant::now();
        self.reopen();
        self.resting = Some(Instant::now() + began.elapsed() * REST);
    }

    fn ran_full(&mut self) {
        if !self.full {
            tracing::warn!(path = %self.shared.path.display(), "no room for the store to grow; only removals are tried");
        }
        self.full = true;
    }

    /// Opens redb anew over the same file; whether it is open. If there is not even room for that, the next change
    /// tries again.
    fn reopen(&mut self) -> bool {
        self.shared.disk.begin();
        let opened = file::open(&self.shared.disk, &self.shared.path, self.shared.cache_bytes);
        match opened {
            Ok((database, last)) if last.0 == self.last => {
                *self.shared.database.write() = Some(Opened::new(database, super::HOT_BYTES));
                self.detached = false;
                true
            }
            Ok(_) => {
                self.poison(&Failure::Told(Error::Corrupt("a commit without room left something behind".into())));
                false
            }
            Err(_) if self.shared.disk.ran_full() => {
                self.detached = true;
                false
            }
            Err(error) => {
                self.poison(&Failure::Told(error));
                false
            }
        }
    }

    fn poison(&self, failure: &Failure) {
        let reason = self.shared.disk.faults().broken.unwrap_or_else(|| failure.describe());
        self.shared.poison(reason);
    }

    fn answer_failed(&self, jobs: Vec<Job>) {
        let error = self.shared.poisoned().map_or(Error::Full, Error::Poisoned);
        answer_all(jobs, &error);
    }
}

fn removes(job: &Job) -> bool {
    job.change.write.iter().any(|write| matches!(write, Write::Delete(_)))
}

fn answer_all(jobs: Vec<Job>, error: &Error) {
    for job in jobs {
        let _ = job.reply.send(Err(error.clone()));
    }
}

/// Leaves nobody waiting, however the thread ends.
struct End {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
}

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.poison("its committer met a state that cannot be".into());
        }
        self.queue.abandon();
    }
}
