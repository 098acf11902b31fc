//! The most memory that processes hold while something is done to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::process;

/// How often they are looked at, beside the kernel's own peak.
const EVERY: Duration = Duration::from_millis(20);

/// Looks at processes again and again: the kernel's peak may lag behind, as its counts are kept for each thread, and the
/// peaks of several do not add up.
pub(crate) struct Watch {
    ends: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<u64>,
}

impl Watch {
    /// Begins.
    pub fn start(pids: Vec<u32>) -> Watch {
        let ends = Arc::new(AtomicBool::new(false));
        let told = ends.clone();
        let thread = std::thread::spawn(move || {
            let mut most = 0;
            while !told.load(Ordering::Relaxed) {
                most = most.max(resident(&pids));
                std::thread::sleep(EVERY);
            }
            most
        });
        Watch { ends, thread }
    }

    /// Ends: the most that was resident in all of them together, in bytes.
    pub fn end(self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or(0)
    }
}

/// What is resident in processes now, in bytes. One that is gone holds nothing.
pub(crate) fn resident(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| process::memory(*pid).map_or(0, |memory| memory.resident)).sum()
}
