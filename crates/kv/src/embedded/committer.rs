//! The one thread that appends to the log: takes what has arrived, decides it change by change, writes and syncs it as one
//! frame, lets everybody see it, then answers.
//!
//! There is no timer: while one batch syncs, the next gathers. A change sees the changes before it in its batch, and
//! nobody is answered before the sync of the batch has returned, not even who has a conflict, because the conflict may be
//! with a change that was not durable yet.
//!
//! How a batch can fail:
//! - the device has little room left: only changes that remove something are tried, because they make room; the others
//!   are answered with [`Error::Full`], and nothing was written;
//! - the log found no room: the same, the log is as before;
//! - anything else, a failed sync above all: what is on disk is not known. The engine is poisoned.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Revision;

use super::apply::{self, Stop, View};
use super::failure::{Failure, guarded};
use super::log::{Log, Replayed, Trouble, frame::FrameBuilder};
use super::overlay::Overlay;
use super::queue::{Job, Next, Queue, Work};
use super::record::{LONG_BYTES, Row, Value};
use super::{Durability, Shared};
use crate::{Commit, Error, Receipt, Write};

/// How long a relaxed commit may be only in memory.
const RELAXED_FOR: Duration = Duration::from_secs(1);
/// After this long without a change, what has come is brought into the index.
const IDLE_FOR: Duration = Duration::from_secs(3);
/// Commits wait for a checkpoint that is under way when this many times as much waits as one is begun for.
const MOST_WAITING: usize = 3;
/// Or this many times as much of the log would have to be read back.
const MOST_LOGGED: u64 = 4;
/// Bytes of log after which a checkpoint is begun: what opening after a crash reads.
const CHECKPOINT_LOG_BYTES: u64 = 128 << 20;
/// Bytes of a device that only changes which remove something may use, and on a small one, which part of it.
const LEFT_TO_REMOVALS: u64 = 64 << 20;
const LEFT_PART: u64 = 32;

/// How much of a device with `all` bytes is left to removals.
pub(super) fn left_to_removals(all: u64) -> u64 {
    LEFT_TO_REMOVALS.min(all / LEFT_PART)
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    durability: Durability,
    /// What waits for a checkpoint, in bytes of rows, when one is begun.
    checkpoint_bytes: usize,
    log: Log,
    /// The revision of the last change applied.
    last: Revision,
    /// Bytes that were appended since the last freeze.
    logged: u64,
    /// Bytes of rows that wait for the next checkpoint.
    waiting: usize,
    /// Something was removed since the last freeze.
    removed: bool,
    /// When what is written must be synced.
    due: Option<Instant>,
    /// When the last change came, if the index has not taken all in.
    idle_since: Option<Instant>,
    /// The last batch that needed room found none.
    full: bool,
    /// Why this batch is to be tried later.
    later: Option<String>,
}

impl Committer {
    /// `replayed` is what the index has not taken in yet.
    pub(super) fn new(
        shared: Arc<Shared>,
        queue: Arc<Queue>,
        durability: Durability,
        checkpoint_bytes: usize,
        log: Log,
        replayed: &Replayed,
    ) -> Self {
        Committer {
            shared,
            queue,
            durability,
            checkpoint_bytes,
            log,
            last: replayed.last,
            logged: replayed.bytes,
            waiting: 0,
            removed: replayed.bytes > 0,
            due: None,
            idle_since: (replayed.bytes > 0).then(Instant::now),
            full: false,
            later: None,
        }
    }

    /// Works until the queue is closed and empty, then has everything brought into the index.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let _end = End { shared: self.shared.clone(), queue: self.queue.clone() };
        loop {
            let idle = self.idle_since.map(|since| since + IDLE_FOR);
            let until = [self.due, idle].into_iter().flatten().min();
            match self.queue.next(until) {
                Next::Batch(jobs) => self.batch(jobs),
                Next::Due => {}
                Next::Closed => break,
            }
            let now = Instant::now();
            if self.due.is_some_and(|due| due <= now) {
                self.make_durable();
            }
            if self.idle_since.is_some_and(|since| since + IDLE_FOR <= now) {
                self.freeze(false);
            }
        }
        self.close()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.make_durable();
        self.shared.checkpoints.wait_for_room(&self.shared);
        self.freeze(false);
        self.shared.checkpoints.wait_for_room(&self.shared);
        if self.shared.poisoned().is_none() {
            // All is in the index: what the file has reserved is given back.
            if let Err(trouble) = self.log.seal() {
                self.trouble(trouble);
            }
        }
        self.shared.poisoned().map_or(Ok(()), |reason| Err(Error::Poisoned(reason)))
    }

    /// Sets aside what has come, for a checkpoint; not if one is under way.
    fn freeze(&mut self, anyway: bool) {
        self.make_durable();
        if self.shared.poisoned().is_some() {
            return;
        }
        if self.shared.freeze(self.last, self.log.position(), anyway) {
            (self.logged, self.waiting, self.removed) = (0, 0, false);
            self.idle_since = None;
        } else if self.shared.state.held().active.is_empty() {
            self.idle_since = None;
        } else {
            self.idle_since = Some(Instant::now());
        }
    }

    fn batch(&mut self, jobs: Vec<Job>) {
        if let Some(reason) = self.shared.poisoned() {
            return answer_all(jobs, &Error::Poisoned(reason));
        }
        let (freezes, jobs): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| matches!(job.work, Work::Freeze { .. }));
        self.later = None;
        let left = if self.may_try(&jobs) { self.attempt(jobs) } else { jobs };
        // Without room, only changes that remove something are tried: they are what makes room.
        let mixed = !left.iter().all(removes);
        let (removals, others): (Vec<_>, Vec<_>) = left.into_iter().partition(removes);
        self.answer_failed(others);
        let again = mixed && self.shared.poisoned().is_none();
        let left = if again { self.attempt(removals) } else { removals };
        self.answer_failed(left);
        freezes.into_iter().for_each(|job| self.freeze_for(job));
    }

    fn freeze_for(&mut self, job: Job) {
        self.make_durable();
        self.shared.checkpoints.wait_for_room(&self.shared);
        if matches!(job.work, Work::Freeze { seal: true })
            && let Err(trouble) = self.log.seal()
        {
            self.trouble(trouble);
        }
        self.freeze(true);
        let answer = match self.shared.poisoned() {
            Some(reason) => Err(Error::Poisoned(reason)),
            None => Ok(Ok(Receipt { revision: self.last })),
        };
        let _ = job.reply.send(answer);
    }

    /// Whether `jobs` may use what room there is: some is left to removals.
    fn may_try(&mut self, jobs: &[Job]) -> bool {
        let cramped = self.shared.checkpoints.is_cramped();
        if jobs.iter().all(removes) {
            return !cramped || self.waiting < 2 * MOST_WAITING * self.checkpoint_bytes;
        }
        let mut enough = self.is_enough(jobs);
        if !enough && self.removed {
            // What was removed is room once the index knows.
            self.freeze(false);
            self.shared.checkpoints.wait_for_room(&self.shared);
            enough = self.is_enough(jobs);
        }
        let enough = enough && (!cramped || self.waiting < MOST_WAITING * self.checkpoint_bytes);
        if !enough {
            self.ran_full();
        }
        self.full &= !enough;
        enough
    }

    fn is_enough(&self, jobs: &[Job]) -> bool {
        let room = self.shared.index.room();
        let kib: u64 = jobs.iter().map(|job| u64::from(job.kib)).sum();
        let needed = kib * 1024 + left_to_removals(room.all);
        room.free.saturating_add(self.log.reserved()) >= needed
    }

    /// Answers `jobs`, or gives them back if there was no room for them all together.
    fn attempt(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        if jobs.is_empty() {
            return jobs;
        }
        match self.try_commit(&jobs) {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    // Whoever stopped waiting needs no answer.
                    let _ = job.reply.send(outcome);
                }
                vec![]
            }
            Err(trouble) => {
                self.trouble(trouble);
                jobs
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Full => self.ran_full(),
            Trouble::Later(reason) => {
                tracing::warn!(path = %self.shared.path.display(), reason, "changes are refused for now");
                self.later = Some(reason);
            }
            Trouble::Broken(reason) => self.shared.poison(reason),
        }
    }

    /// One frame for all of `jobs`.
    fn try_commit(&mut self, jobs: &[Job]) -> Result<Vec<Result<Commit, Error>>, Trouble> {
        let decided = match self.decide(jobs) {
            // The index may be opened anew just now: a checkpoint met a full device.
            Err(failure) if failure.is_stale() => {
                drop(self.shared.settling.lock());
                self.decide(jobs)
            }
            decided => decided,
        };
        let (outcomes, mut rows, frame, after) = decided.map_err(|failure| match failure.is_stale() {
            true if self.shared.checkpoints.is_cramped() => Trouble::Full,
            _ => Trouble::Broken(failure.describe()),
        })?;
        if after == self.last {
            return Ok(outcomes);
        }
        self.logged += frame.len() as u64;
        for (key, row) in self.log.append(frame, self.last)? {
            // What came later in the batch stays.
            let outdated =
                rows.get(&key).is_some_and(|now| now.as_ref().is_none_or(|now| now.revision != row.revision));
            if !outdated {
                rows.set(key, Some(row));
            }
        }
        if self.durability == Durability::Full {
            self.log.sync(after)?;
        } else {
            self.due.get_or_insert_with(|| Instant::now() + RELAXED_FOR);
        }
        self.last = after;
        self.removed |= jobs.iter().any(removes);
        self.idle_since = Some(Instant::now());
        self.waiting = self.shared.state.publish(rows, after);
        self.make_room();
        Ok(outcomes)
    }

    /// What becomes of each of `jobs`, what that changes, and the revision after it.
    #[allow(clippy::type_complexity)]
    fn decide(&self, jobs: &[Job]) -> Result<(Vec<Result<Commit, Error>>, Overlay, FrameBuilder, Revision), Failure> {
        let mut batch = Overlay::default();
        let mut revision = self.last;
        let mut frame = FrameBuilder::new(self.last, self.log.durable());
        let mut outcomes = Vec::with_capacity(jobs.len());
        let state = &self.shared.state;
        let decided = state.with(|inner| {
            guarded(|| {
                for job in jobs {
                    let next = Revision(revision.0 + 1);
                    let view = View { state, layers: inner.layers(Some(&batch))? };
                    let change = match &job.work {
                        Work::Change(change) => change,
                        Work::Move(moved) => {
                            for (entry, from) in moved {
                                let there = view.layers.row(&entry.key)?.map(|row| row.value);
                                if there == Some(Value::Logged(*from)) {
                                    frame.put(&entry.key, entry.revision, &entry.value);
                                }
                            }
                            revision = next;
                            outcomes.push(Ok(Ok(Receipt { revision })));
                            continue;
                        }
                        Work::Freeze { .. } => unreachable!("taken out by the caller"),
                    };
                    match apply::plan(view, change, &self.shared.log_key) {
                        Ok(effects) => {
                            revision = next;
                            for (key, value) in effects {
                                let row = value.map(|value| {
                                    frame.put(&key, revision, &value);
                                    Row { revision, value: Value::Here(value) }
                                });
                                if row.is_none() {
                                    frame.delete(&key, revision);
                                }
                                batch.set(key, row);
                            }
                            outcomes.push(Ok(Ok(Receipt { revision })));
                        }
                        Err(Stop::Conflict(conflict)) => outcomes.push(Ok(Err(conflict))),
                        Err(Stop::Error(error)) => outcomes.push(Err(error)),
                        Err(Stop::Failed(failure)) => return Err(failure),
                    }
                }
                Ok(())
            })
        });
        decided.map(|()| (outcomes, batch, frame.ending(revision), revision))
    }

    /// Begins a checkpoint if it is time, and waits for the one under way if too much has come meanwhile.
    fn make_room(&mut self) {
        if self.waiting < self.checkpoint_bytes && self.logged < CHECKPOINT_LOG_BYTES {
            return;
        }
        if self.waiting >= MOST_WAITING * self.checkpoint_bytes || self.logged >= MOST_LOGGED * CHECKPOINT_LOG_BYTES {
            self.make_durable();
            self.shared.checkpoints.wait_for_room(&self.shared);
        }
        self.freeze(false);
    }

    /// Syncs what was committed relaxed.
    fn make_durable(&mut self) {
        self.due = None;
        if self.shared.poisoned().is_some() {
            return;
        }
        if let Err(trouble) = self.log.sync(self.last) {
            // What was acknowledged may be lost: not for this engine to go on from.
            self.trouble(trouble);
        }
    }

    fn ran_full(&mut self) {
        if !self.full {
            tracing::warn!(path = %self.shared.path.display(), "no room for the store to grow; only removals are tried");
        }
        self.full = true;
    }

    fn answer_failed(&self, jobs: Vec<Job>) {
        let error = match (self.shared.poisoned(), &self.later) {
            (Some(reason), _) => Error::Poisoned(reason),
            (None, Some(reason)) => Error::Io(reason.clone()),
            (None, None) => Error::Full,
        };
        answer_all(jobs, &error);
    }
}

/// Whether it makes room, so that it may use the last of it.
fn removes(job: &Job) -> bool {
    match &job.work {
        Work::Change(change) => {
            let adds = |write: &Write| matches!(write, Write::Put(_, value) if value.len() > LONG_BYTES);
            change.write.iter().any(|write| matches!(write, Write::Delete(_))) && !change.write.iter().any(adds)
        }
        Work::Move(_) | Work::Freeze { .. } => true,
    }
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
