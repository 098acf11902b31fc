//! The bounded queue in front of the committer: callers wait for room without blocking a thread, the committer waits on
//! its thread, also up to a moment.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Semaphore, oneshot};

use super::record::Place;
use crate::{Change, Commit, Entry, Error, Require, Write};

/// Most that waits, in KiB of keys and values; a greater change is refused.
const QUEUE_KIB: u32 = 64 * 1024;
/// Most changes of one batch.
const BATCH_CHANGES: usize = 512;
/// A batch takes no further change once it has this many KiB.
const BATCH_KIB: u32 = 4 * 1024;

/// What the committer is to do.
pub(super) enum Work {
    Change(Change),
    /// Writes values to the end of the log whose rows still point to these places.
    Move(Vec<(Entry, Place)>),
    /// Sets aside all that has come, for a checkpoint, and ends the log's file, if that is asked.
    Freeze {
        seal: bool,
    },
}

/// Work that waits, and who waits for it.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Result<Commit, Error>>,
    /// What it occupies in the queue, in whole KiB; the engine's own work nothing.
    pub(super) kib: u32,
}

/// What the committer is to do next.
pub(super) enum Next {
    /// At least one.
    Batch(Vec<Job>),
    /// The moment has come.
    Due,
    /// Closed, and nothing is left.
    Closed,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    room: Semaphore,
}

impl Queue {
    pub(super) fn new() -> Self {
        Queue { waiting: Mutex::default(), arrived: Condvar::new(), room: Semaphore::new(QUEUE_KIB as usize) }
    }

    /// Waits for room and queues `change`. Once this has returned, the change is carried out even if nobody waits for
    /// the answer. `None` if the queue is closed.
    ///
    /// # Errors
    /// [`Error::Io`] for a change of more than 64 MiB.
    pub(super) async fn push(&self, change: Change) -> Result<Option<oneshot::Receiver<Result<Commit, Error>>>, Error> {
        let kib = kib(&change).ok_or_else(|| Error::Io("a change of more than 64 MiB cannot be committed".into()))?;
        let Ok(room) = self.room.acquire_many(kib).await else { return Ok(None) };
        room.forget();
        Ok(self.enqueue(Work::Change(change), kib))
    }

    /// As [`push`](Queue::push), for the engine's own work: a little of it, that waits for no room.
    pub(super) fn push_own(&self, work: Work) -> Option<oneshot::Receiver<Result<Commit, Error>>> {
        self.enqueue(work, 0)
    }

    fn enqueue(&self, work: Work, kib: u32) -> Option<oneshot::Receiver<Result<Commit, Error>>> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return None;
        }
        waiting.jobs.push_back(Job { work, reply, kib });
        drop(waiting);
        self.arrived.notify_one();
        Some(answer)
    }

    /// What has arrived, as one batch, in its order. Blocks.
    pub(super) fn next(&self, due: Option<Instant>) -> Next {
        let mut waiting = self.waiting.lock();
        while waiting.jobs.is_empty() {
            match due {
                _ if waiting.closed => return Next::Closed,
                Some(due) if self.arrived.wait_until(&mut waiting, due).timed_out() && waiting.jobs.is_empty() => {
                    return Next::Due;
                }
                Some(_) => {}
                None => self.arrived.wait(&mut waiting),
            }
        }
        let (mut batch, mut kib) = (Vec::new(), 0);
        while batch.len() < BATCH_CHANGES && kib < BATCH_KIB {
            let Some(job) = waiting.jobs.pop_front() else { break };
            kib += job.kib;
            batch.push(job);
        }
        drop(waiting);
        self.room.add_permits(kib as usize);
        Next::Batch(batch)
    }

    /// Takes nothing more; what is queued is still carried out.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.room.close();
        self.arrived.notify_all();
    }

    /// Drops what is queued; whoever waits for it is told by the closing of the channel.
    pub(super) fn abandon(&self) {
        self.close();
        self.waiting.lock().jobs.clear();
    }
}

/// What a write takes in the log besides its bytes, at most.
const WRITE_BYTES: usize = 64;

/// What `change` occupies, in whole KiB; at least 1. `None` for more than the queue holds.
fn kib(change: &Change) -> Option<u32> {
    let requires = change.require.iter().map(|require| match require {
        Require::Unchanged(key, _) | Require::Absent(key) => key.len(),
        Require::Vacant(range) => range.start.len() + range.end.as_ref().map_or(0, |end| end.len()),
    });
    let writes = change.write.iter().map(|write| match write {
        Write::Put(key, value) => WRITE_BYTES + key.len() + value.len(),
        Write::Delete(key) | Write::Add { key, .. } => WRITE_BYTES + key.len(),
        Write::Append { log, payload } => 3 * WRITE_BYTES + 2 * log.len() + payload.len(),
    });
    let bytes = requires.chain(writes).fold(0, usize::saturating_add);
    u32::try_from(bytes / 1024 + 1).ok().filter(|kib| *kib <= QUEUE_KIB)
}
