//! The thread that brings what the log has into the index, and takes away log files that nothing needs any more.
//!
//! It works beside commits and reads: what it brings in was set aside ([`Frozen`]) and is read from memory until it is in
//! the index. A device that has no room for it stops it, and it tries again; commits go on as long as memory and log
//! allow. Anything else that fails is the end of the engine, as in the committer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::index::{Checkpoint, Missed};
use super::state::Frozen;

/// How long a device without room is left alone.
const REST: Duration = Duration::from_millis(250);

/// What is to be brought in.
#[derive(Default)]
pub(super) struct Checkpoints {
    slot: Mutex<Slot>,
    changed: Condvar,
    /// The last attempt found no room.
    cramped: AtomicBool,
}

#[derive(Default)]
struct Slot {
    pending: Option<Arc<Frozen>>,
    closed: bool,
}

impl Checkpoints {
    pub fn put(&self, frozen: Arc<Frozen>) {
        let mut slot = self.slot.lock();
        slot.pending = Some(frozen);
        self.changed.notify_all();
    }

    /// No more will come; what is pending is still tried once.
    pub fn close(&self) {
        self.slot.lock().closed = true;
        self.changed.notify_all();
    }

    pub fn is_cramped(&self) -> bool {
        self.cramped.load(Ordering::Relaxed)
    }

    /// Waits until nothing is pending, or until that is not to be hoped for. Blocks.
    pub fn wait_for_room(&self, shared: &Shared) {
        let mut slot = self.slot.lock();
        while slot.pending.is_some() && !slot.closed && !self.is_cramped() && shared.poisoned().is_none() {
            self.changed.wait_for(&mut slot, REST);
        }
    }

    /// What to bring in next; `None` if nothing will come.
    fn next(&self) -> Option<Arc<Frozen>> {
        let mut slot = self.slot.lock();
        loop {
            match &slot.pending {
                Some(frozen) => return Some(frozen.clone()),
                None if slot.closed => return None,
                None => self.changed.wait(&mut slot),
            }
        }
    }

    fn done(&self, taken: &Arc<Frozen>) {
        let mut slot = self.slot.lock();
        // More may have been set aside since readers were shown the index with this.
        if slot.pending.as_ref().is_some_and(|pending| Arc::ptr_eq(pending, taken)) {
            slot.pending = None;
        }
        drop(slot);
        self.cramped.store(false, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Rests; whether to go on.
    fn rest(&self) -> bool {
        self.cramped.store(true, Ordering::Relaxed);
        self.changed.notify_all();
        let until = Instant::now() + REST;
        let mut slot = self.slot.lock();
        while !slot.closed && !self.changed.wait_until(&mut slot, until).timed_out() {}
        !slot.closed
    }
}

/// Works until the engine is closed.
pub(super) fn run(shared: &Shared) {
    let _end = End(shared);
    while let Some(frozen) = shared.checkpoints.next() {
        match take(shared, &frozen) {
            Ok(()) => {
                shared.checkpoints.done(&frozen);
                shared.compaction.wake();
            }
            Err(Missed::Full) => {
                if !shared.checkpoints.rest() {
                    return;
                }
            }
            Err(Missed::Failed(failure)) => return shared.poison_for(&failure),
        }
    }
}

fn take(shared: &Shared, frozen: &Frozen) -> Result<(), Missed> {
    {
        let _settling = shared.settling.lock();
        let mut at = shared.checkpoint.lock();
        settle(shared, *at)?;
        if let Err(missed) = shared.index.take(frozen) {
            if matches!(missed, Missed::Full) {
                // Told before anybody is let to what may not be usable.
                shared.checkpoints.cramped.store(true, Ordering::Relaxed);
                settle(shared, *at)?;
            }
            return Err(missed);
        }
        *at = Checkpoint { last: frozen.last, position: frozen.position };
        shared.state.thaw(shared.index.begin()?);
    }
    remove_dead(shared, frozen.position.file);
    Ok(())
}

/// Opens redb anew if its handle is used up; the file is as it was at the last checkpoint, `at`.
fn settle(shared: &Shared, at: Checkpoint) -> Result<(), Missed> {
    if shared.index.is_usable() {
        return Ok(());
    }
    shared.state.reopened(None);
    shared.index.reopen(at)?;
    shared.state.reopened(Some(shared.index.begin()?));
    Ok(())
}

/// Removes log files before `current` that no row points into. What cannot be removed now is tried again next time.
fn remove_dead(shared: &Shared, current: u64) {
    // Whoever holds on to an older state may still need them.
    if Arc::strong_count(&shared.pin) > 1 {
        return;
    }
    let files = &shared.state.files;
    let (Ok(there), Ok(live)) = (files.numbers(), shared.index.live()) else { return };
    for number in there.range(..current).filter(|number| !live.contains_key(number)) {
        if let Err(error) = files.remove(*number) {
            tracing::warn!(path = %files.path(*number).display(), %error, "a log file that is not needed cannot be removed");
        }
    }
}

/// Leaves nobody waiting, however the thread ends.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison("its checkpointer met a state that cannot be".into());
        }
        self.0.checkpoints.close();
    }
}
