//! The program's allocator, with a count of what is asked of it.
//!
//! It counts only after [`start`], which the process whose allocations are measured calls; for everybody else it is the
//! program's allocator and the reading of a flag that never changes. A `realloc` counts like an allocation, because it may
//! be one.
//!
//! [`trace`] keeps where the next allocations come from. What it allocates itself is neither counted nor traced.

#![allow(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; everything is passed on to the program's allocator as it came"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mimalloc::MiMalloc;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static TRACES: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static ORIGINS: Mutex<Vec<Backtrace>> = Mutex::new(Vec::new());

/// Most origins that are kept; what comes after is counted only.
const ORIGINS_KEPT: usize = 20_000;

thread_local! {
    /// Whether this thread is inside of the tracing itself.
    static TRACING: Cell<bool> = const { Cell::new(false) };
}

/// How often memory was asked for, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// Calls of alloc, alloc_zeroed and realloc.
    pub allocations: u64,
    /// Bytes asked for in them.
    pub bytes: u64,
}

/// From now on this process counts.
pub(crate) fn start() {
    COUNTS.store(true, Ordering::Relaxed);
}

/// All until now.
pub(crate) fn count() -> Count {
    Count { allocations: ALLOCATIONS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) }
}

/// From now on origins are kept, or no more.
pub(crate) fn trace(on: bool) {
    TRACES.store(on, Ordering::Relaxed);
}

/// The origins kept; there are none afterwards.
pub(crate) fn origins() -> Vec<Backtrace> {
    std::mem::take(&mut *ORIGINS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

fn note(bytes: usize) {
    if !COUNTS.load(Ordering::Relaxed) {
        return;
    }
    // Fails only while the thread ends.
    let _ = TRACING.try_with(|tracing| {
        if tracing.get() {
            return;
        }
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
        if TRACES.load(Ordering::Relaxed) {
            tracing.set(true);
            keep(Backtrace::force_capture());
            tracing.set(false);
        }
    });
}

fn keep(origin: Backtrace) {
    let mut origins = ORIGINS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if origins.len() < ORIGINS_KEPT {
        origins.push(origin);
    }
}

// SAFETY: each call is passed on unchanged to `MiMalloc`, which keeps GlobalAlloc's contract; `note` touches no memory of
// the caller's, and an allocation within it does not come back to it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promise is the one that `MiMalloc` asks for.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as above.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as above.
        unsafe { MiMalloc.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(old, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_is_counted_and_its_origin_named_once_counting_began() {
        start();
        let before = count();
        trace(true);
        let kept = std::hint::black_box(Vec::<u8>::with_capacity(12_345));
        trace(false);
        let after = count();
        drop(kept);
        assert!(after.allocations > before.allocations && after.bytes >= before.bytes + 12_345, "{before:?} {after:?}");
        let named = origins().iter().any(|origin| origin.to_string().contains("an_allocation_is_counted"));
        assert!(named, "no origin names this function");
    }
}
