//! A hand on the syncs of a store: held back, failed, counted.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Stands where a store's syncs pass: it is the seam of [`kv`] and of [`blobs`]. A new one lets everything pass.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frozen: bool,
    /// Syncs that may still pass a frozen gate.
    allowed: usize,
    failing: bool,
    waiting: usize,
    passed: usize,
}

impl Gate {
    /// One that lets everything pass.
    pub fn new() -> Arc<Gate> {
        Arc::default()
    }

    /// From now on no sync returns.
    pub fn freeze(&self) {
        self.freeze_after(0);
    }

    /// From now on only that many syncs return.
    pub fn freeze_after(&self, syncs: usize) {
        let mut state = self.state.lock();
        (state.frozen, state.allowed) = (true, syncs);
    }

    /// Lets those that wait go on, and all that come.
    pub fn thaw(&self) {
        self.state.lock().frozen = false;
        self.changed.notify_all();
    }

    /// From now on every sync fails, as if the device were broken; those that wait, too.
    pub fn fail(&self) {
        let mut state = self.state.lock();
        (state.failing, state.frozen) = (true, false);
        self.changed.notify_all();
    }

    /// Syncs work again.
    pub fn mend(&self) {
        self.state.lock().failing = false;
    }

    /// How many syncs have returned in good order.
    pub fn passed(&self) -> usize {
        self.state.lock().passed
    }

    /// How many syncs are being held back.
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Waits until at least `syncs` are being held back; whether that came about within `patience`.
    pub async fn holds(&self, syncs: usize, patience: Duration) -> bool {
        let begun = Instant::now();
        while self.waiting() < syncs {
            if begun.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        true
    }

    fn pass(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.frozen && state.allowed > 0 {
            state.allowed -= 1;
        } else if state.frozen {
            state.waiting += 1;
            while state.frozen {
                self.changed.wait(&mut state);
            }
            state.waiting -= 1;
        }
        if state.failing {
            return Err(io::Error::other("this sync fails, as the test asked"));
        }
        drop(state);
        sync()?;
        self.state.lock().passed += 1;
        Ok(())
    }
}

impl kv::SyncSeam for Gate {
    fn read(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
        kv::PlainFile.read(file, offset, out)
    }

    fn write(&self, file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        kv::PlainFile.write(file, offset, data)
    }

    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        kv::PlainFile.reserve(file, from, to)
    }

    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        kv::PlainFile.set_len(file, len)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.pass(|| kv::PlainFile.sync(file))
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        kv::PlainFile.create(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        kv::PlainFile.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.pass(|| kv::PlainFile.sync_dir(dir))
    }

    fn room(&self, file: &File) -> io::Result<kv::Room> {
        kv::PlainFile.room(file)
    }
}

impl blobs::SyncSeam for Gate {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.pass(|| file.sync_data())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.pass(|| File::open(dir)?.sync_all())
    }
}
