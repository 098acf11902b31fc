//! A disk that can be counted, frozen, broken, filled and cut off from power.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kv::{PlainFile, SyncSeam};
use parking_lot::{Condvar, Mutex};

/// Which file: its inode, and how many files had that inode before it was made.
type Inode = (u64, u64);

/// What reached the disk, in order, each with the number of changes acknowledged before.
#[derive(Debug, Clone)]
pub enum Op {
    Write(Inode, u64, Vec<u8>),
    Len(Inode, u64),
    Sync(Inode),
    Create(Inode, PathBuf),
    Remove(PathBuf),
    SyncDir,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it is done.
    Refused,
    /// The first half of a write is done.
    Short,
}

/// What the device knows of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Growth takes its blocks or is refused.
    Reserved,
    /// Blocks are taken when they are written; the device says how many are left.
    Written,
    /// The same, but it always says that there are many.
    Lies,
}

#[derive(Debug, Default)]
struct State {
    frozen: bool,
    fail: Option<(usize, Fault)>,
    trace: Vec<(usize, Op)>,
    /// How often a file was made with an inode.
    made: BTreeMap<u64, u64>,
    blocks: BTreeSet<(Inode, u64)>,
}

/// Bytes of a block of the device.
const BLOCK: u64 = 4096;

/// A plain file without real syncs, so that tests are fast, whose calls can be made to fail.
pub struct Probe {
    state: Mutex<State>,
    thawed: Condvar,
    /// Calls that change the file or sync it.
    pub calls: AtomicUsize,
    pub syncs: AtomicUsize,
    /// What the test says was acknowledged.
    pub acknowledged: AtomicUsize,
    /// Bytes of the device.
    pub device: AtomicU64,
    pub room: Room,
}

impl Probe {
    pub fn new() -> Arc<Self> {
        Self::of(u64::MAX, Room::Reserved)
    }

    pub fn of(device: u64, room: Room) -> Arc<Self> {
        Arc::new(Probe {
            state: Mutex::default(),
            thawed: Condvar::new(),
            calls: AtomicUsize::new(0),
            syncs: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
            device: AtomicU64::new(device),
            room,
        })
    }

    /// From now on no sync returns until [`thaw`](Probe::thaw).
    pub fn freeze(&self) {
        self.state.lock().frozen = true;
    }

    pub fn thaw(&self) {
        self.state.lock().frozen = false;
        self.thawed.notify_all();
    }

    /// The `n`th call from the beginning fails, and every one after it.
    pub fn fail_from(&self, n: usize, fault: Fault) {
        self.state.lock().fail = Some((n, fault));
    }

    pub fn trace(&self) -> Vec<(usize, Op)> {
        self.state.lock().trace.clone()
    }

    fn inode(&self, file: &File) -> io::Result<Inode> {
        let number = file.metadata()?.ino();
        Ok((number, self.state.lock().made.get(&number).copied().unwrap_or(0)))
    }

    fn call(&self, op: Op) -> io::Result<Option<Fault>> {
        let n = self.calls.fetch_add(1, Ordering::SeqCst);
        let mut state = self.state.lock();
        match state.fail {
            Some((at, Fault::Short)) if n == at && matches!(op, Op::Write(..)) => return Ok(Some(Fault::Short)),
            Some((at, _)) if n >= at => return Err(io::Error::other("the disk is broken")),
            _ => {}
        }
        state.trace.push((self.acknowledged.load(Ordering::SeqCst), op));
        Ok(None)
    }

    /// Takes the blocks of `file` between `from` and `to`, all or none.
    fn take(&self, file: Inode, from: u64, to: u64) -> io::Result<()> {
        let blocks = &mut self.state.lock().blocks;
        let touched = (from / BLOCK..to.div_ceil(BLOCK)).map(|block| (file, block));
        let new: Vec<_> = touched.filter(|block| !blocks.contains(block)).collect();
        if (blocks.len() + new.len()) as u64 > self.device.load(Ordering::SeqCst) / BLOCK {
            return Err(ErrorKind::StorageFull.into());
        }
        blocks.extend(new);
        Ok(())
    }
}

impl SyncSeam for Probe {
    fn read(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
        PlainFile.read(file, offset, out)
    }

    fn write(&self, file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        let inode = self.inode(file)?;
        self.take(inode, offset, offset + data.len() as u64)?;
        if self.call(Op::Write(inode, offset, data.to_vec()))?.is_some() {
            PlainFile.write(file, offset, &data[..data.len() / 2])?;
            return Err(io::Error::other("the disk broke half-way"));
        }
        PlainFile.write(file, offset, data)
    }

    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        let inode = self.inode(file)?;
        match self.room {
            Room::Reserved => self.take(inode, from, to)?,
            Room::Written => return Err(ErrorKind::Unsupported.into()),
            Room::Lies => {}
        }
        self.call(Op::Len(inode, to.max(file.metadata()?.len())))?;
        PlainFile.reserve(file, from, to)
    }

    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        let inode = self.inode(file)?;
        self.call(Op::Len(inode, len))?;
        self.state.lock().blocks.retain(|(of, block)| *of != inode || *block < len.div_ceil(BLOCK));
        PlainFile.set_len(file, len)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut state = self.state.lock();
        while state.frozen {
            self.thawed.wait(&mut state);
        }
        drop(state);
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.call(Op::Sync(self.inode(file)?)).map(|_| ())
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        // The device may be broken before or after, but that is the call's outcome either way.
        let file = PlainFile.create(path)?;
        *self.state.lock().made.entry(file.metadata()?.ino()).or_default() += 1;
        match self.call(Op::Create(self.inode(&file)?, path.to_owned())) {
            Ok(_) => Ok(file),
            Err(error) => PlainFile.remove(path).and(Err(error)),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let inode = self.inode(&File::open(path)?)?;
        self.call(Op::Remove(path.to_owned()))?;
        self.state.lock().blocks.retain(|(of, _)| *of != inode);
        PlainFile.remove(path)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.call(Op::SyncDir).map(|_| ())
    }

    fn room(&self, _: &File) -> io::Result<kv::Room> {
        let all = self.device.load(Ordering::SeqCst);
        if self.room == Room::Lies {
            return Ok(kv::Room { free: u64::MAX, all });
        }
        let used = self.state.lock().blocks.len() as u64 * BLOCK;
        Ok(kv::Room { free: all.saturating_sub(used), all })
    }
}

/// The files of a disk, by name, and their contents.
#[derive(Debug, Clone, Default)]
pub struct Image {
    names: BTreeMap<PathBuf, Inode>,
    contents: BTreeMap<Inode, Vec<u8>>,
}

impl Image {
    /// All that is in `dir` and below.
    pub fn of(dir: &Path) -> Image {
        let mut image = Image::default();
        let mut dirs = vec![dir.to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let (path, metadata) = {
                    let e = entry.unwrap();
                    (e.path(), e.metadata().unwrap())
                };
                if metadata.is_dir() {
                    dirs.push(path);
                } else {
                    image.contents.insert((metadata.ino(), 0), std::fs::read(&path).unwrap());
                    image.names.insert(path, (metadata.ino(), 0));
                }
            }
        }
        image
    }

    /// Which file has this name.
    pub fn inode_of(&self, path: &Path) -> Option<Inode> {
        self.names.get(path).copied()
    }

    /// Writes it out under another directory than `from`.
    pub fn put(&self, from: &Path, to: &Path) {
        for (path, inode) in &self.names {
            let path = to.join(path.strip_prefix(from).unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, self.contents.get(inode).map_or(&[][..], Vec::as_slice)).unwrap();
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Write(inode, offset, data) => {
                let content = self.contents.entry(inode).or_default();
                let (from, to) = (offset as usize, offset as usize + data.len());
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(&data);
            }
            Op::Len(inode, len) => self.contents.entry(inode).or_default().resize(len as usize, 0),
            Op::Create(inode, path) => drop(self.names.insert(path, inode)),
            Op::Remove(path) => drop(self.names.remove(&path)),
            Op::Sync(_) | Op::SyncDir => {}
        }
    }

    /// What a power cut after `trace` leaves: all that was synced, and of the rest what `keep` says, sector by sector.
    pub fn after_power_cut(mut self, trace: &[(usize, Op)], mut keep: impl FnMut() -> bool) -> Image {
        const SECTOR: usize = 512;
        let mut pending: Vec<Op> = Vec::new();
        for (_, op) in trace {
            let synced = |pending: &Op| match (op, pending) {
                (Op::Sync(synced), Op::Write(inode, ..) | Op::Len(inode, _)) => inode == synced,
                (Op::SyncDir, Op::Create(..) | Op::Remove(_)) => true,
                _ => false,
            };
            let (now, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(synced);
            now.into_iter().for_each(|op| self.apply(op));
            pending = later;
            pending.push(op.clone());
        }
        for op in pending {
            match op {
                Op::Write(inode, offset, data) => {
                    for (i, sector) in data.chunks(SECTOR).enumerate() {
                        if keep() {
                            self.apply(Op::Write(inode, offset + (i * SECTOR) as u64, sector.to_vec()));
                        }
                    }
                }
                op if keep() => self.apply(op),
                _ => {}
            }
        }
        self
    }
}
