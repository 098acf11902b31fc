//! The log: files that are only appended to, where every change is durable first and long values stay.
//!
//! A group of changes is one frame: one write and one sync. Rows that the index has taken over since are dead weight of
//! their file; long values are alive as long as a row of the index points to them, and what is left of a file that has
//! few is moved to the end ([`compact`](super::compact)).
//!
//! Room is reserved in steps ahead of the writes, so that on file systems that overwrite in place a full device is met
//! before anything of a frame was written.

mod files;
pub(super) mod frame;
mod replay;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use model::Revision;
use rustix::io::Errno;

use super::disk::{SyncSeam, is_full};
use super::record::Row;
use crate::{Error, Key};

pub(super) use self::files::Files;
use self::frame::{FileHeader, FrameBuilder, HEADER_BYTES, MAX_PAYLOAD_BYTES};
pub(super) use self::replay::{Position, Replayed, read, replay};

/// A file is not longer than this part of its device, but for the least length.
const DEVICE_PART: u64 = 32;
const LEAST_FILE_BYTES: u64 = 1 << 20;
/// Room is reserved in steps of this part of a file.
const STEPS: u64 = 16;

/// Why nothing was appended.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no room. The log is as before.
    Full,
    /// It cannot be done now, for another reason. The log is as before.
    Later(String),
    /// What is on disk is not known.
    Broken(String),
}

/// The end of the log, where it grows. One thread has it.
pub(super) struct Log {
    files: Arc<Files>,
    seam: Arc<dyn SyncSeam>,
    store: [u8; 16],
    current: Option<Current>,
    /// The number of the next file.
    next: u64,
    file_bytes: u64,
    /// All up to here was synced.
    durable: Revision,
    /// The device cannot reserve.
    sparse: bool,
}

struct Current {
    number: u64,
    file: Arc<File>,
    /// Where the next frame goes.
    at: u64,
    /// Up to where there is room.
    reserved: u64,
}

impl Log {
    /// Goes on in a new file, `next`, after `last`.
    pub fn new(
        files: Arc<Files>,
        seam: Arc<dyn SyncSeam>,
        store: [u8; 16],
        next: u64,
        last: Revision,
        file_bytes: u64,
    ) -> Self {
        Log { files, seam, store, current: None, next, file_bytes, durable: last, sparse: false }
    }

    /// Where the next frame goes, or the file that does not exist yet.
    pub fn position(&self) -> Position {
        match &self.current {
            Some(current) => Position { file: current.number, offset: current.at },
            None => Position::first_of(self.next),
        }
    }

    /// All up to this was synced.
    pub fn durable(&self) -> Revision {
        self.durable
    }

    /// Bytes that can be appended without asking the device.
    pub fn reserved(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.reserved - current.at)
    }

    /// Writes `frame`, which follows the revision `last`; gives the rows of its long values. Not durable yet.
    pub fn append(&mut self, frame: FrameBuilder, last: Revision) -> Result<Vec<(Key, Row)>, Trouble> {
        let len = frame.len() as u64;
        if len > MAX_PAYLOAD_BYTES as u64 {
            return Err(Trouble::Later("a batch is too large for a frame of the log".into()));
        }
        if self.current.as_ref().is_some_and(|c| c.at + len > self.file_bytes && c.at > HEADER_BYTES as u64) {
            self.seal()?;
        }
        self.begin(last)?;
        self.reserve(len)?;
        let current = self.current.as_mut().expect("begun above");
        let (bytes, placed) = frame.finish(current.number, current.at);
        if let Err(error) = self.seam.write(&current.file, current.at, &bytes) {
            if !is_full(&error) {
                return Err(broken("writing", &error));
            }
            // What was written of it is no frame, and must not lie behind one.
            current.reserved = current.at;
            self.seam.set_len(&current.file, current.at).map_err(|error| broken("cutting", &error))?;
            return Err(Trouble::Full);
        }
        current.at += len;
        current.reserved = current.reserved.max(current.at);
        Ok(placed)
    }

    /// Makes durable what was appended, `last` being the last revision of it.
    pub fn sync(&mut self, last: Revision) -> Result<(), Trouble> {
        if self.durable != last
            && let Some(current) = &self.current
        {
            self.seam.sync(&current.file).map_err(|error| broken("syncing", &error))?;
        }
        self.durable = last;
        Ok(())
    }

    /// Makes durable all that was appended, whatever its revisions are.
    pub fn sync_all(&mut self) -> Result<(), Trouble> {
        let Some(current) = &self.current else { return Ok(()) };
        self.seam.sync(&current.file).map_err(|error| broken("syncing", &error))
    }

    /// Ends the current file: what comes goes to the next. All of it must be durable, or is made so.
    pub fn seal(&mut self) -> Result<(), Trouble> {
        let Some(current) = self.current.take() else { return Ok(()) };
        // Gives back what was reserved; that this is not durable does not matter, because it is zeros.
        self.seam.set_len(&current.file, current.at).map_err(|error| broken("cutting", &error))?;
        self.seam.sync(&current.file).map_err(|error| broken("syncing", &error))
    }

    /// Makes sure that there is a current file.
    fn begin(&mut self, last: Revision) -> Result<(), Trouble> {
        if self.current.is_some() {
            return Ok(());
        }
        let number = self.next;
        let file = self.files.create(number).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE) => Trouble::Later(format!("no file of the log can be made: {error}")),
            _ => failed("creating", &error),
        })?;
        self.current = Some(Current { number, file, at: HEADER_BYTES as u64, reserved: 0 });
        let begun = self.write_header(number, last);
        match &begun {
            Ok(()) => self.next += 1,
            Err(_) => self.current = None,
        }
        if let Err(Trouble::Full) = begun {
            self.files.remove(number).map_err(|error| broken("removing", &error))?;
        }
        begun
    }

    fn write_header(&mut self, number: u64, base: Revision) -> Result<(), Trouble> {
        self.reserve(0)?;
        let current = self.current.as_ref().expect("set by the caller");
        let header = FileHeader { store: self.store, number, base }.encode();
        self.seam.write(&current.file, 0, &header).map_err(|error| failed("writing", &error))?;
        self.seam.sync(&current.file).map_err(|error| broken("syncing", &error))?;
        self.seam.sync_dir(self.files.dir()).map_err(|error| broken("syncing the directory of", &error))
    }

    /// Makes room for `len` more bytes.
    fn reserve(&mut self, len: u64) -> Result<(), Trouble> {
        let step = (self.file_bytes / STEPS).max(1);
        let current = self.current.as_mut().expect("callers have begun one");
        let needed = current.at + len;
        if self.sparse || needed <= current.reserved {
            return Ok(());
        }
        let amply = needed.next_multiple_of(step);
        for to in [amply, needed] {
            match self.seam.reserve(&current.file, current.reserved, to) {
                Ok(()) => {
                    current.reserved = to;
                    return Ok(());
                }
                Err(error) if is_full(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    self.sparse = true;
                    return Ok(());
                }
                Err(error) => return Err(broken("reserving room for", &error)),
            }
        }
        Err(Trouble::Full)
    }
}

/// How long a file gets that is to have `wanted` bytes, on a device of `device` bytes.
pub(super) fn file_bytes(wanted: u64, device: u64) -> u64 {
    wanted.min((device / DEVICE_PART).max(LEAST_FILE_BYTES))
}

/// Whether each file that rows point into is there, and of `store`.
pub(super) fn check_all_there(files: &Files, live: &BTreeMap<u64, u64>, store: [u8; 16]) -> Result<(), Error> {
    for number in live.keys() {
        let file = files.get(*number).map_err(|failure| failure.into_error())?;
        let path = files.path(*number);
        if replay::own_header(&file, &path, *number, &store)?.is_none() {
            return Err(Error::Corrupt(format!("{}: it has no header", path.display())));
        }
    }
    Ok(())
}

/// Takes away what is behind the last whole frame, so that nothing later is taken for a frame, and a file that was begun
/// after it; the number of the next file. Durable when it returns.
pub(super) fn cut(files: &Files, seam: &dyn SyncSeam, replayed: &Replayed, from: Position) -> Result<u64, Error> {
    let failed = |number: u64| {
        move |error: io::Error| {
            if is_full(&error) { Error::Full } else { Error::Io(format!("log file {number:016x}: {error}")) }
        }
    };
    let last = replayed.end.map_or(from.file, |end| end.file + 1);
    for number in files.numbers()?.range(last..) {
        files.remove(*number).map_err(failed(*number))?;
    }
    if let Some(end) = replayed.end {
        let path = files.path(end.file);
        let file = File::options().read(true).write(true).open(&path).map_err(failed(end.file))?;
        if file.metadata().map_err(failed(end.file))?.len() > end.offset {
            seam.set_len(&file, end.offset).map_err(failed(end.file))?;
        }
        let begins = if end.file == from.file { from.offset } else { HEADER_BYTES as u64 };
        write_again(seam, &file, begins, end.offset).map_err(failed(end.file))?;
    }
    Ok(last)
}

/// Makes durable what was read back. Its sync may not have returned, or have failed, after which a system may hold what
/// it could not write for written: so it is written once more.
fn write_again(seam: &dyn SyncSeam, file: &File, mut from: u64, to: u64) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    while from < to {
        let part = usize::try_from(to - from).unwrap_or(usize::MAX).min(buffer.len());
        seam.read(file, from, &mut buffer[..part])?;
        seam.write(file, from, &buffer[..part])?;
        from += part as u64;
    }
    seam.sync(file)
}

fn failed(what: &str, error: &io::Error) -> Trouble {
    if is_full(error) { Trouble::Full } else { broken(what, error) }
}

fn broken(what: &str, error: &io::Error) -> Trouble {
    Trouble::Broken(format!("{what} the log: {error}"))
}
