//! The files of the log: their names, which there are, and a bounded number of them open.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, IoSliceMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quick_cache::sync::Cache;
use rustix::io::{Errno, ReadWriteFlags};

use crate::embedded::disk::SyncSeam;
use crate::embedded::failure::Failure;
use crate::embedded::record::{Place, corrupt};
use crate::{Entry, Error};
use model::Revision;

/// Most files that are kept open to be read.
const OPEN_FILES: usize = 128;

/// The files of a log, to be read.
pub(in crate::embedded) struct Files {
    dir: PathBuf,
    seam: Arc<dyn SyncSeam>,
    open: Cache<u64, Arc<File>>,
    /// Whether cached bytes can be read without waiting; found out by trying.
    inline_reads: AtomicBool,
}

impl Files {
    pub fn new(dir: PathBuf, seam: Arc<dyn SyncSeam>) -> Self {
        Files { dir, seam, open: Cache::new(OPEN_FILES), inline_reads: AtomicBool::new(true) }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016x}.log"))
    }

    /// The numbers of the files that are there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if something else is there too.
    pub fn numbers(&self) -> Result<BTreeSet<u64>, Error> {
        let failed = |error: &io::Error| Error::Io(format!("{}: {error}", self.dir.display()));
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(&self.dir).map_err(|error| failed(&error))? {
            let name = entry.map_err(|error| failed(&error))?.file_name();
            let number = name.to_str().and_then(|name| u64::from_str_radix(name.strip_suffix(".log")?, 16).ok());
            match number.filter(|number| self.path(*number).file_name() == Some(&name)) {
                Some(number) => drop(numbers.insert(number)),
                None => {
                    let path = self.dir.join(name);
                    return Err(Error::Corrupt(format!("{} is no file of this log; move it away", path.display())));
                }
            }
        }
        Ok(numbers)
    }

    /// The file `number`, open to be read.
    pub fn get(&self, number: u64) -> Result<Arc<File>, Failure> {
        self.open.get_or_insert_with(&number, || {
            let path = self.path(number);
            File::open(&path).map(Arc::new).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Failure::Gone(path.display().to_string()),
                _ => Failure::from(Error::Io(format!("{}: {error}", path.display()))),
            })
        })
    }

    /// Makes an empty file.
    pub fn create(&self, number: u64) -> io::Result<Arc<File>> {
        let file = Arc::new(self.seam.create(&self.path(number))?);
        self.open.insert(number, file.clone());
        Ok(file)
    }

    /// Removes a file. Who has it open goes on reading.
    pub fn remove(&self, number: u64) -> io::Result<()> {
        let removed = self.seam.remove(&self.path(number));
        // Afterwards, so that nobody opens it in between.
        self.open.remove(&number);
        removed
    }

    /// The entry whose value is at `place` of `file`.
    ///
    /// # Errors
    /// [`Failure::Waits`] unless `may_wait`, if the device must be asked for it. [`Error::Corrupt`] if it is not what was
    /// written.
    pub fn entry(
        &self,
        file: &File,
        key: &[u8],
        revision: Revision,
        place: Place,
        may_wait: bool,
    ) -> Result<Entry, Failure> {
        let mut value = vec![0; place.len as usize];
        if !self.read_cached(file, place.offset, &mut value) {
            if !may_wait {
                return Err(Failure::Waits);
            }
            self.seam.read(file, place.offset, &mut value).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => corrupt(&format!("a value that log file {} lacks", place.file), key),
                _ => Error::Io(format!("{}: {error}", self.path(place.file).display())),
            })?;
        }
        Ok(place.check(key, revision, value)?)
    }

    /// Whether all of `out` could be read without waiting.
    fn read_cached(&self, file: &File, offset: u64, out: &mut [u8]) -> bool {
        if !self.inline_reads.load(Ordering::Relaxed) {
            return false;
        }
        let len = out.len();
        match rustix::io::preadv2(file, &mut [IoSliceMut::new(out)], offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => read == len,
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                // This file system or kernel cannot; it will not learn.
                self.inline_reads.store(false, Ordering::Relaxed);
                false
            }
            Err(_) => false,
        }
    }
}
