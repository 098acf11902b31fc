//! Moving what is left of a log file to the log's end, so that the file can go.
//!
//! A value is moved by writing it again, under its old revision, if its row still points to the old place when that is
//! decided. The file goes once a checkpoint says that no row points into it: so whenever this is cut off, each value is
//! where some row says that it is.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::committer::left_to_removals;
use super::failure::{Failure, guarded};
use super::log::{Position, read};
use super::queue::{Queue, Work};
use super::record::{Place, Row, Value};
use crate::{Entry, Error};

/// Bytes that are moved as one.
const BATCH_BYTES: usize = 1 << 20;
/// Most bytes that are moved in the background in a second.
const BYTES_PER_SECOND: usize = 32 << 20;
/// In the background, a file is worth it of which less than 1 in so many is alive.
const WORTH: u64 = 2;
/// On demand, if at least 1 in so many is dead.
const WORTH_ON_DEMAND: u64 = 20;

/// Wakes the thread that moves values in the background.
#[derive(Default)]
pub(super) struct Compaction {
    woken: Mutex<bool>,
    changed: Condvar,
    closed: AtomicBool,
}

impl Compaction {
    pub fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_all();
    }

    pub fn close(&self) {
        self.closed.store(true, atomic::Ordering::SeqCst);
        self.wake();
    }

    fn is_closed(&self) -> bool {
        self.closed.load(atomic::Ordering::SeqCst)
    }

    /// Waits until woken; whether to go on.
    fn next(&self) -> bool {
        let mut woken = self.woken.lock();
        while !std::mem::take(&mut *woken) {
            self.changed.wait(&mut woken);
        }
        !self.is_closed()
    }

    fn sleep(&self, time: Duration) {
        let mut woken = self.woken.lock();
        if !self.is_closed() {
            self.changed.wait_for(&mut woken, time);
        }
    }
}

/// What a compaction came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of the log's files before.
    pub before: u64,
    /// And after.
    pub after: u64,
}

/// Works until the engine is closed.
pub(super) fn run(shared: &Shared, queue: &Arc<Queue>) {
    let mut given_up = None;
    while shared.compaction.next() {
        let worst = files(shared).ok().and_then(|files| {
            let spare = spare(shared);
            let worth = files.into_iter().filter(|file| file.alive * WORTH < file.len && file.fits(spare));
            let worth = worth.filter(|file| Some(file.number) != given_up);
            worth.min_by_key(|file| file.alive * 1000 / file.len)
        });
        let Some(file) = worst else { continue };
        let pause = |moved: usize| {
            shared.compaction.sleep(Duration::from_secs_f64(moved as f64 / BYTES_PER_SECOND as f64));
        };
        match move_values(shared, queue, file.number, pause) {
            Ok(moved) => {
                tracing::debug!(file = file.number, moved, "what was left of a log file was moved to the log's end");
            }
            Err(error) => tracing::warn!(file = file.number, %error, "a log file cannot be compacted"),
        }
        // The file is there until the next checkpoint; a damaged one for longer.
        given_up = Some(file.number);
    }
}

/// Moves all that is alive of files that are partly dead, and has a checkpoint made. Blocks.
pub(super) fn all(shared: &Shared, queue: &Arc<Queue>, progress: &dyn Fn(u64, u64)) -> Result<Compacted, Error> {
    checkpoint(shared, queue, true)?;
    let before = bytes_of_log(shared)?;
    let worth: Vec<File> =
        files(shared)?.into_iter().filter(|file| file.alive < file.len - file.len / WORTH_ON_DEMAND).collect();
    let of = worth.iter().map(|file| file.alive).sum();
    let done = std::cell::Cell::new(0);
    for file in worth {
        if !file.fits(spare(shared)) {
            return Err(Error::Full);
        }
        move_values(shared, queue, file.number, |moved| {
            done.set(done.get() + moved as u64);
            progress(done.get().min(of), of);
        })?;
    }
    checkpoint(shared, queue, false)?;
    Ok(Compacted { before, after: bytes_of_log(shared)? })
}

/// Has all that was committed brought into the index; `seal`: what comes goes to another file.
fn checkpoint(shared: &Shared, queue: &Arc<Queue>, seal: bool) -> Result<(), Error> {
    carry_out(queue, Work::Freeze { seal })?;
    shared.checkpoints.wait_for_room(shared);
    match shared.poisoned() {
        Some(reason) => Err(Error::Poisoned(reason)),
        None if shared.checkpoints.is_cramped() => Err(Error::Full),
        None => Ok(()),
    }
}

fn carry_out(queue: &Arc<Queue>, work: Work) -> Result<(), Error> {
    let closed = || Error::Poisoned("it was closed".into());
    let answer = queue.push_own(work).ok_or_else(closed)?;
    answer.blocking_recv().unwrap_or_else(|_| Err(closed())).map(drop)
}

struct File {
    number: u64,
    len: u64,
    alive: u64,
}

impl File {
    /// Whether what is alive of it can be written again where that much is to spare.
    fn fits(&self, spare: u64) -> bool {
        self.alive + self.alive / 8 < spare
    }
}

/// Bytes that may be used to make room; half of what is left to removals stays theirs.
fn spare(shared: &Shared) -> u64 {
    let room = shared.index.room();
    room.free.saturating_sub(left_to_removals(room.all) / 2)
}

/// The files that are not written to any more. One that goes away meanwhile is left out.
fn files(shared: &Shared) -> Result<Vec<File>, Error> {
    let current = shared.checkpoint.lock().position.file;
    let live = shared.index.live().map_err(Failure::into_error)?;
    let files = &shared.state.files;
    let file = |(number, alive): (u64, u64)| match std::fs::metadata(files.path(number)) {
        Ok(metadata) => Some(Ok(File { number, len: metadata.len(), alive })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(Error::Io(format!("{}: {error}", files.path(number).display())))),
    };
    live.into_iter().filter(|(number, _)| *number < current).filter_map(file).collect()
}

/// Bytes that were written to the log by the last checkpoint; what is reserved for more is none.
fn bytes_of_log(shared: &Shared) -> Result<u64, Error> {
    let (files, end) = (&shared.state.files, shared.checkpoint.lock().position);
    let len = |number: u64| std::fs::metadata(files.path(number)).map_or(0, |metadata| metadata.len());
    let written = |number: &u64| match number.cmp(&end.file) {
        Ordering::Less => len(*number),
        Ordering::Equal => len(*number).min(end.offset),
        Ordering::Greater => 0,
    };
    Ok(files.numbers()?.iter().map(written).sum())
}

/// Moves the values of the file `number` that rows point to, and tells `moved` after each batch how many bytes those were.
fn move_values(shared: &Shared, queue: &Arc<Queue>, number: u64, moved: impl Fn(usize)) -> Result<u64, Error> {
    let state = &shared.state;
    let file = match state.files.get(number) {
        Ok(file) => file,
        // Its last value was removed, or moved by another.
        Err(_) if !shared.index.live().map_err(Failure::into_error)?.contains_key(&number) => return Ok(0),
        Err(failure) => return Err(failure.into_error()),
    };
    let mut at = Position::first_of(number).offset;
    let (mut batch, mut bytes, mut total): (Vec<(Entry, Place)>, usize, u64) = (Vec::new(), 0, 0);
    let mut send = |batch: &mut Vec<(Entry, Place)>, bytes: &mut usize| {
        if !batch.is_empty() {
            carry_out(queue, Work::Move(std::mem::take(batch)))?;
            moved(*bytes);
            total += std::mem::take(bytes) as u64;
        }
        Ok::<_, Error>(())
    };
    let unreadable = |error: std::io::Error| Error::Io(format!("{}: {error}", state.files.path(number).display()));
    while let Some(frame) = read(&file, number, at).map_err(unreadable)? {
        at += frame.len();
        for (key, row, value) in frame.effects()? {
            let Some(Row { revision, value: Value::Logged(place) }) = row else { continue };
            let now = guarded(|| state.with(|inner| inner.layers(None)?.row(&key))).map_err(Failure::into_error)?;
            if now.is_none_or(|now| now.value != Value::Logged(place)) {
                continue;
            }
            bytes += value.len();
            batch.push((Entry::new(key, Bytes::copy_from_slice(&value), revision), place));
            if bytes >= BATCH_BYTES {
                send(&mut batch, &mut bytes)?;
                if shared.compaction.is_closed() {
                    return Ok(0);
                }
            }
        }
    }
    send(&mut batch, &mut bytes)?;
    Ok(total)
}
