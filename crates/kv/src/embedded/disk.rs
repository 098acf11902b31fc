//! The files of a store: every byte and every sync goes through one seam, and a full device is known for what it is.
//!
//! What follows is about the file below redb; the log has its own ways ([`log`](super::log)).
//!
//! Growth reserves its blocks (`fallocate`), so that on file systems that overwrite in place only growth can run out
//! of room, and growth comes before anything of a commit was written. redb takes any failed call for the end of the
//! handle, so growth that finds no room is carried out all the same, but leaves a hole, which is *noted*; where there
//! are holes, the checkpointer looks before each commit whether the device has room for it, and rolls back if not. Where a
//! file system cannot reserve, the whole file counts as a hole.
//!
//! Absent on purpose: locks within the file. One lock over the whole file, taken when it is opened, lives as long as
//! [`Disk`] does, and so spans the reopening of redb over the same file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::pages::Pages;

/// What the engine does to its files. A test's own implementation counts, freezes, fails or forgets.
///
/// A failed [`sync`](SyncSeam::sync) is final for the engine. An error of the kinds `StorageFull`, `QuotaExceeded` and
/// `FileTooLarge` means that there is no room; any other that the device is not to be trusted.
pub trait SyncSeam: Send + Sync + 'static {
    /// Fills `out` from `offset` on; fewer bytes are an error.
    fn read(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `data` at `offset`.
    fn write(&self, file: &File, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Lengthens the file to `to` if it is shorter, and reserves room for the bytes between `from` and `to`; those
    /// that were not there read as zeros. `Unsupported` if the file system cannot do that; the file is then as before.
    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it without reserving room.
    fn set_len(&self, file: &File, len: u64) -> io::Result<()>;

    /// Makes content and length durable.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Makes a file where there is none, for this user alone, to be read and written.
    fn create(&self, path: &Path) -> io::Result<File>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// What the device that holds `file` has room for.
    fn room(&self, file: &File) -> io::Result<Room>;
}

/// Bytes of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// That can still be reserved.
    pub free: u64,
    /// Of all of it.
    pub all: u64,
}

/// The seam of a real store: positioned reads and writes, `fallocate`, `fdatasync`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainFile;

impl SyncSeam for PlainFile {
    fn read(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
        file.read_exact_at(out, offset)
    }

    fn write(&self, file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        file.write_all_at(data, offset)
    }

    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        loop {
            use rustix::io::Errno;
            match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), from, to - from) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        let _ = (file, from, to);
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn room(&self, file: &File) -> io::Result<Room> {
        let stat = rustix::fs::fstatvfs(file)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Room { free: bytes(stat.f_bavail), all: bytes(stat.f_blocks) })
    }
}

/// What failed since [`Disk::begin`].
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// A growth found no room and was carried out sparsely.
    short: bool,
    /// A call was refused for want of room.
    full: bool,
    /// A page was not what had been written.
    damaged: bool,
    /// The first other failure.
    pub(super) broken: Option<String>,
}

#[derive(Default)]
struct State {
    faults: Faults,
    /// From here on the file may have holes: it grew sparsely and the commit went through all the same.
    holes: Option<u64>,
    /// The file system cannot reserve, so that holes stay.
    sparse: bool,
}

/// The open, locked file of a store.
pub(super) struct Disk {
    file: File,
    pages: Pages,
    seam: Arc<dyn SyncSeam>,
    state: Mutex<State>,
}

impl Disk {
    pub(super) fn new(file: File, pages: Pages, seam: Arc<dyn SyncSeam>) -> Self {
        Disk { file, pages, seam, state: Mutex::default() }
    }

    /// Gives all of the file its blocks, which a copy of it may lack, or notes that it has holes.
    pub(super) fn settle(&self) {
        let Ok(metadata) = self.file.metadata() else { return };
        if let Err(error) = self.seam.reserve(&self.file, 0, metadata.len()) {
            let mut state = self.state.lock();
            state.holes = Some(0);
            state.sparse = error.kind() == io::ErrorKind::Unsupported;
        }
    }

    /// Forgets what failed; called where a batch begins.
    pub(super) fn begin(&self) {
        self.state.lock().faults = Faults::default();
    }

    pub(super) fn faults(&self) -> Faults {
        self.state.lock().faults.clone()
    }

    /// Whether calls failed since [`begin`](Disk::begin), and only for want of room.
    pub(super) fn ran_full(&self) -> bool {
        let faults = &self.state.lock().faults;
        faults.broken.is_none() && (faults.full || faults.short)
    }

    /// Whether a page was damaged, since [`begin`](Disk::begin).
    pub(super) fn is_damaged(&self) -> bool {
        self.state.lock().faults.damaged
    }

    /// What the device has room for; nothing if it does not say.
    pub(super) fn room(&self) -> Room {
        self.seam.room(&self.file).unwrap_or(Room { free: 0, all: 0 })
    }

    /// Fills the holes that a growth without room left behind, if the device can take them now; whether there are none.
    pub(super) fn fill_holes(&self) -> bool {
        let from = match *self.state.lock() {
            State { holes: None, .. } => return true,
            State { sparse: true, .. } => return false,
            State { holes: Some(from), .. } => from,
        };
        let filled = self.file.metadata().is_ok_and(|metadata| match metadata.len() {
            to if to > from => self.room().free >= to - from && self.seam.reserve(&self.file, from, to).is_ok(),
            _ => true,
        });
        if filled {
            self.state.lock().holes = None;
        }
        filled
    }

    /// Whether a commit may fall into a hole.
    pub(super) fn has_holes(&self) -> bool {
        self.state.lock().holes.is_some()
    }

    fn note<T>(&self, what: &str, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let mut state = self.state.lock();
            if is_full(error) && what != "sync" {
                state.faults.full = true;
            } else {
                state.faults.broken.get_or_insert_with(|| format!("{what}: {error}"));
            }
        }
        result
    }

    fn resize(&self, len: u64) -> io::Result<()> {
        let old = self.file.metadata()?.len();
        if len <= old {
            self.pages.cut(len);
            let holes = &mut self.state.lock().holes;
            *holes = holes.filter(|from| *from < len);
            return self.seam.set_len(&self.file, len);
        }
        match self.seam.reserve(&self.file, old, len) {
            Err(error) if is_full(&error) => {
                // Gives back what was reserved of it, so that the little room there is goes to what is written.
                self.seam.set_len(&self.file, old)?;
                self.seam.set_len(&self.file, len)?;
                let mut state = self.state.lock();
                state.faults.short = true;
                state.holes = Some(state.holes.map_or(old, |from| from.min(old)));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.seam.set_len(&self.file, len)?;
                let mut state = self.state.lock();
                (state.sparse, state.holes) = (true, Some(0));
                Ok(())
            }
            other => other,
        }
    }
}

impl Drop for Disk {
    /// Closing is not enough: a child that another thread has forked, and that has not come to its `exec` yet, would
    /// keep the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// What redb is given.
pub(super) struct Backend(pub(super) Arc<Disk>);

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Backend").field(&self.0.file).finish()
    }
}

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.note("size", self.0.file.metadata().map(|m| m.len()))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.note("read", self.0.seam.read(&self.0.file, offset, out))?;
        let checked = self.0.pages.check(offset, out);
        if checked.is_err() {
            self.0.state.lock().faults.damaged = true;
        }
        self.0.note("read", checked)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.note("size", self.0.resize(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.note("write", self.0.pages.flush())?;
        self.0.note("sync", self.0.seam.sync(&self.0.file))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.note("write", self.0.seam.write(&self.0.file, offset, data))?;
        self.0.pages.wrote(offset, data);
        Ok(())
    }
}
