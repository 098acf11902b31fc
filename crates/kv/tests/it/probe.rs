//! A disk that can be counted, frozen, broken, filled and cut off from power.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kv::{PlainFile, SyncSeam};
use parking_lot::{Condvar, Mutex};

/// What reached the disk, in order, each with the number of changes acknowledged before.
#[derive(Debug, Clone)]
pub enum Op {
    Write(u64, Vec<u8>),
    Len(u64),
    Sync,
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
    blocks: BTreeSet<u64>,
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

    /// Takes the blocks between `from` and `to`, all or none.
    fn take(&self, from: u64, to: u64) -> io::Result<()> {
        let blocks = &mut self.state.lock().blocks;
        let new: Vec<u64> = (from / BLOCK..to.div_ceil(BLOCK)).filter(|block| !blocks.contains(block)).collect();
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
        self.take(offset, offset + data.len() as u64)?;
        if self.call(Op::Write(offset, data.to_vec()))?.is_some() {
            PlainFile.write(file, offset, &data[..data.len() / 2])?;
            return Err(io::Error::other("the disk broke half-way"));
        }
        PlainFile.write(file, offset, data)
    }

    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        match self.room {
            Room::Reserved => self.take(from, to)?,
            Room::Written => return Err(ErrorKind::Unsupported.into()),
            Room::Lies => {}
        }
        self.call(Op::Len(to.max(file.metadata()?.len())))?;
        PlainFile.reserve(file, from, to)
    }

    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        self.call(Op::Len(len))?;
        self.state.lock().blocks.retain(|block| *block < len.div_ceil(BLOCK));
        PlainFile.set_len(file, len)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        let mut state = self.state.lock();
        while state.frozen {
            self.thawed.wait(&mut state);
        }
        drop(state);
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.call(Op::Sync).map(|_| ())
    }

    fn room(&self, _: &File) -> io::Result<u64> {
        if self.room == Room::Lies {
            return Ok(u64::MAX);
        }
        let used = self.state.lock().blocks.len() as u64 * BLOCK;
        Ok(self.device.load(Ordering::SeqCst).saturating_sub(used))
    }
}

/// What a power cut before call `at` of `trace` leaves: all that was synced, and of the rest what `keep` says, sector
/// by sector.
pub fn after_power_cut(trace: &[(usize, Op)], at: usize, mut keep: impl FnMut() -> bool) -> Vec<u8> {
    const SECTOR: usize = 512;
    let mut disk = Vec::new();
    let mut pending = Vec::new();
    for (_, op) in &trace[..at] {
        match op {
            Op::Sync => pending.drain(..).for_each(|op| apply(&mut disk, op)),
            op => pending.push(op.clone()),
        }
    }
    for op in pending {
        match op {
            Op::Write(offset, data) => {
                for (i, sector) in data.chunks(SECTOR).enumerate() {
                    if keep() {
                        apply(&mut disk, Op::Write(offset + (i * SECTOR) as u64, sector.to_vec()));
                    }
                }
            }
            op => {
                if keep() {
                    apply(&mut disk, op);
                }
            }
        }
    }
    disk
}

fn apply(disk: &mut Vec<u8>, op: Op) {
    match op {
        Op::Write(offset, data) => {
            let (from, to) = (offset as usize, offset as usize + data.len());
            disk.resize(disk.len().max(to), 0);
            disk[from..to].copy_from_slice(&data);
        }
        Op::Len(len) => disk.resize(len as usize, 0),
        Op::Sync => {}
    }
}
