//! The directory of a store: its places, its format, its epoch, its lock. Everything here blocks.
//!
//! ```text
//! format              which format this is; written once
//! epoch               how often the store was opened; raised, durably, before an opening gives out ids
//! lock                held while a process has the store open
//! staging/            bodies that are not published; emptied at each opening
//! published/00 … ff/  published bodies, by the last byte of their ids, under their ids
//! ```
//!
//! Ids are never given out twice, because each opening has an epoch of its own. So the epoch is written durably even
//! when bodies are not, and a store that has bodies but no readable epoch is refused.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::BlobId;

use super::format::crc32c;
use super::scratch;
use crate::{Error, SyncSeam};

const FORMAT_NAME: &str = "bailiwick blobs";
const FORMAT_VERSION: &str = "1";

/// How long an opening waits for the process that has the store, which may just be ending.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Where things are.
pub(super) struct Places {
    root: PathBuf,
}

impl Places {
    pub(super) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(super) fn published(&self) -> PathBuf {
        self.root.join("published")
    }

    /// A shard's directory.
    pub(super) fn shard(&self, shard: u8) -> PathBuf {
        self.published().join(format!("{shard:02x}"))
    }

    /// The directory that `id` belongs in.
    pub(super) fn shard_of(&self, id: BlobId) -> PathBuf {
        self.shard(id.as_bytes()[15])
    }

    /// The file of `id`.
    pub(super) fn file_of(&self, id: BlobId) -> PathBuf {
        self.shard_of(id).join(id.to_string())
    }
}

/// A directory that is this process's until the lock is dropped.
pub(super) struct Opened {
    pub places: Places,
    pub epoch: u64,
    /// Whether files can be made without a name and given one afterwards.
    pub unnamed: bool,
    pub lock: File,
}

/// Makes `root` a store if it is empty or absent, checks that it is one, and begins a new epoch.
pub(super) fn open(root: &Path, sync: &dyn SyncSeam) -> Result<Opened, Error> {
    // Absolute, so that nothing depends on where the process is later.
    let root = std::path::absolute(root).map_err(|e| Error::device(root.display(), &e))?;
    let new = !root.exists();
    directory(&root)?;
    if new && let Some(parent) = root.parent() {
        sync.sync_dir(parent).map_err(|e| Error::device(parent.display(), &e))?;
    }
    let lock = lock(&root.join("lock"))?;
    check_format(&root, sync)?;

    let places = Places { root };
    directory(&places.staging())?;
    directory(&places.published())?;
    (0..=u8::MAX).try_for_each(|shard| directory(&places.shard(shard)))?;
    // Even if they were there: an opening that crashed may have made them and not come this far.
    for made in [&places.published(), &places.root] {
        sync.sync_dir(made).map_err(|e| Error::device(made.display(), &e))?;
    }
    empty(&places.staging())?;
    let epoch = next_epoch(&places, sync)?;
    let unnamed = scratch::can_be_unnamed(&places.staging());
    Ok(Opened { places, epoch, unnamed, lock })
}

fn directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| Error::device(path.display(), &e))
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| Error::device(path.display(), &e))?;
    let give_up = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let path = path.display();
                return Err(Error::Io(format!(
                    "{path} is held by another process that has this store open; stop it first"
                )));
            }
            Err(TryLockError::Error(e)) => return Err(Error::device(path.display(), &e)),
        }
    }
}

fn check_format(root: &Path, sync: &dyn SyncSeam) -> Result<(), Error> {
    let path = root.join("format");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            only_ours_in(root)?;
            let text = format!(
                "{FORMAT_NAME} {FORMAT_VERSION}\nBodies of a Bailiwick store. Do not change, move or remove anything in this directory.\n"
            );
            return write_durably(root, "format", text.as_bytes(), sync);
        }
        Err(e) => return Err(Error::device(path.display(), &e)),
    };
    let line = String::from_utf8_lossy(text.split(|b| *b == b'\n').next().unwrap_or_default()).into_owned();
    let path = path.display();
    match line.strip_prefix(FORMAT_NAME).and_then(|rest| rest.strip_prefix(' ')) {
        Some(FORMAT_VERSION) => Ok(()),
        Some(version) => Err(Error::Io(format!(
            "{path} says version {version:?}, this program reads version {FORMAT_VERSION:?}; use the program that wrote it"
        ))),
        None => Err(Error::Io(format!("{path} is not that of a store of bodies; name another directory"))),
    }
}

/// A directory with somebody else's files does not become a store.
fn only_ours_in(root: &Path) -> Result<(), Error> {
    for name in names(root)? {
        if !["lock", "format.new", "lost+found"].iter().any(|ours| name == *ours) {
            return Err(Error::Io(format!(
                "{} has no file \"format\" but holds {name:?}, so it is not a store of bodies; name another directory",
                root.display()
            )));
        }
    }
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<std::ffi::OsString>, Error> {
    let names = fs::read_dir(dir).and_then(|entries| entries.map(|e| e.map(|e| e.file_name())).collect());
    names.map_err(|e| Error::device(dir.display(), &e))
}

/// Removes what uploads left that no process is writing any more.
fn empty(staging: &Path) -> Result<(), Error> {
    for name in names(staging)? {
        let path = staging.join(name);
        fs::remove_file(&path).map_err(|e| Error::device(path.display(), &e))?;
    }
    Ok(())
}

fn next_epoch(places: &Places, sync: &dyn SyncSeam) -> Result<u64, Error> {
    let path = places.root.join("epoch");
    let last = match fs::read_to_string(&path) {
        Ok(text) => parse_epoch(&text),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => None,
        // The first opening crashed before it had an epoch, or the file was lost.
        Err(e) if e.kind() == io::ErrorKind::NotFound => holds_nothing(places)?.then_some(0),
        Err(e) => return Err(Error::device(path.display(), &e)),
    };
    let next = last.and_then(|last| last.checked_add(1)).ok_or_else(|| {
        Error::Io(format!(
            "{} is lost or damaged, and without it ids could be given out twice; restore it from a backup of this store",
            path.display()
        ))
    })?;
    set_epoch(places, next, sync)?;
    Ok(next)
}

/// Says which epoch the last opening had.
pub(super) fn set_epoch(places: &Places, epoch: u64, sync: &dyn SyncSeam) -> Result<(), Error> {
    write_durably(&places.root, "epoch", epoch_text(epoch).as_bytes(), sync)
}

fn holds_nothing(places: &Places) -> Result<bool, Error> {
    for shard in 0..=u8::MAX {
        if !names(&places.shard(shard))?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn epoch_text(epoch: u64) -> String {
    let text = format!("epoch {epoch}");
    let crc = crc32c(text.as_bytes());
    format!("{text} crc32c {crc:08x}\n")
}

fn parse_epoch(text: &str) -> Option<u64> {
    let epoch = text.split(' ').nth(1)?.parse().ok()?;
    (epoch_text(epoch) == text).then_some(epoch)
}

/// Replaces `root/name`: after a crash it has the old content or the new.
fn write_durably(root: &Path, name: &str, content: &[u8], sync: &dyn SyncSeam) -> Result<(), Error> {
    let new = root.join(format!("{name}.new"));
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        sync.sync_file(&file)?;
        fs::rename(&new, root.join(name))?;
        sync.sync_dir(root)
    };
    written().map_err(|e| Error::device(new.display(), &e))
}
