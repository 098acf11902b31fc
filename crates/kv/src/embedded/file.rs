//! Making, locking and opening a store's directory and the index in it.
//!
//! A new index is made under another name and renamed when it is whole, so that a file under its own name is never a
//! beginning: an empty or cut one is damage, and is refused, not made anew. A directory that has a log and no index has
//! lost it, and is refused too.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableError};

use super::disk::{Backend, Disk, SyncSeam};
use super::failure::{Failure, guarded};
use super::index::Checkpoint;
use super::pages::Pages;
use super::record::{CHECKPOINT, DATA, FORMAT, HEADER, LIVE, MAGIC, STORE, VERSION};
use crate::Error;

/// The index, in a store's directory.
const INDEX: &str = "index.redb";
/// The checksums of its pages.
const PAGES: &str = "index.pages";
/// The directory of the log.
const LOG: &str = "log";

/// What an index says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub store: [u8; 16],
    pub checkpoint: Checkpoint,
}

/// An index that is this process's until its disk is dropped.
pub(super) struct Found {
    pub path: PathBuf,
    pub disk: Arc<Disk>,
    pub database: Database,
    pub opened: Opened,
}

pub(super) fn index_path(dir: &Path) -> PathBuf {
    dir.join(INDEX)
}

pub(super) fn log_dir(dir: &Path) -> PathBuf {
    dir.join(LOG)
}

/// How often making a store looks again when others make and remove it at the same time.
const TRIES: usize = 8;

/// Opens the store in `dir`, making it if there is none; `make` is the id that a new one gets.
pub(super) fn open_or_create(
    dir: &Path,
    seam: &Arc<dyn SyncSeam>,
    cache_bytes: usize,
    make: Option<[u8; 16]>,
) -> Result<Found, Error> {
    let path = index_path(dir);
    for _ in 0..TRIES {
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => {
                lock(&file)?;
                if is_at(&file, &path)? {
                    let pages = open_pages(dir, seam)?;
                    let disk = Arc::new(Disk::new(file, pages, seam.clone()));
                    let (database, opened) = open(&disk, &path, cache_bytes)?;
                    disk.settle();
                    return Ok(Found { path, disk, database, opened });
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(found) = create(dir, &path, seam, cache_bytes, make)? {
                    return Ok(found);
                }
            }
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Err(Error::InUse)
}

fn open_pages(dir: &Path, seam: &Arc<dyn SyncSeam>) -> Result<Pages, Error> {
    let path = dir.join(PAGES);
    let file = OpenOptions::new().read(true).write(true).open(&path);
    file.and_then(|file| Pages::open(file, seam.clone())).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Corrupt(format!("{}: the file is missing; {REMEDY}", path.display())),
        ErrorKind::InvalidData => Error::Corrupt(format!("{}: {error}; {REMEDY}", path.display())),
        _ => unreadable(&path, &error),
    })
}

/// `None` if there is a store by now.
fn create(
    dir: &Path,
    path: &Path,
    seam: &Arc<dyn SyncSeam>,
    cache_bytes: usize,
    make: Option<[u8; 16]>,
) -> Result<Option<Found>, Error> {
    let log = log_dir(dir);
    for dir in [dir, &log] {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| unreadable(dir, &error))?;
    }
    if std::fs::read_dir(&log).map_err(|error| unreadable(&log, &error))?.next().is_some() {
        return Err(Error::Corrupt(format!("{}: the file is missing, and its log is there; {REMEDY}", path.display())));
    }
    let draft = draft(path);
    let at_draft = |error: io::Error| unreadable(&draft, &error);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&draft);
    let file = file.map_err(at_draft)?;
    lock(&file)?;
    if !is_at(&file, &draft)? {
        return Ok(None);
    }
    if path.try_exists().map_err(|error| unreadable(path, &error))? {
        std::fs::remove_file(&draft).map_err(at_draft)?;
        return Ok(None);
    }
    file.set_len(0).map_err(at_draft)?;
    // Whoever makes a store holds the lock of its draft, so that these checksums are nobody else's.
    let sums = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(dir.join(PAGES));
    let pages = sums.and_then(|sums| Pages::create(sums, seam.clone())).map_err(at_draft)?;
    let disk = Arc::new(Disk::new(file, pages, seam.clone()));
    let made = guarded(|| {
        let database = builder(path, cache_bytes).create_with_backend(Backend(disk.clone())).map_err(storage)?;
        let id = match make {
            Some(id) => id,
            None => {
                let mut id = [0; 16];
                let random = getrandom::fill(&mut id);
                random.map_err(|error| Error::Io(format!("the system gives no random bytes: {error}")))?;
                id
            }
        };
        let mut transaction = database.begin_write()?;
        // As every later one is committed: so redb never looks for whole commits among pages that may not be.
        transaction.set_quick_repair(true);
        {
            transaction.open_table(DATA)?;
            transaction.open_table(LIVE)?;
            let mut header = transaction.open_table(HEADER)?;
            header.insert(FORMAT, [MAGIC, &VERSION.to_be_bytes()].concat().as_slice())?;
            header.insert(STORE, id.as_slice())?;
            header.insert(CHECKPOINT, Checkpoint::FIRST.encode().as_slice())?;
        }
        transaction.commit()?;
        Ok((database, id))
    });
    let (database, store) = match made {
        _ if disk.ran_full() => return Err(Error::Full),
        Ok(made) => made,
        Err(Failure::Told(error)) => return Err(error),
        Err(failure) => return Err(Error::Io(format!("{}: {}", draft.display(), failure.describe()))),
    };
    std::fs::rename(&draft, path).map_err(at_draft)?;
    for dir in [dir, above(dir)] {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| unreadable(dir, &error))?;
    }
    let opened = Opened { store, checkpoint: Checkpoint::FIRST };
    Ok(Some(Found { path: path.to_owned(), disk, database, opened }))
}

/// What to do about a store that cannot be opened.
const REMEDY: &str = "nothing was changed; restore the store from a backup, or move it away to begin an empty one";

/// The directory that has the name `path`.
pub(super) fn above(path: &Path) -> &Path {
    path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name under which `path` is made.
pub(super) fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Opens redb over a file that must be an index, recovers it if it was not closed, and gives what it says of itself.
pub(super) fn open(disk: &Arc<Disk>, path: &Path, cache_bytes: usize) -> Result<(Database, Opened), Error> {
    let opened = guarded(|| {
        if redb::StorageBackend::len(&Backend(disk.clone())).map_err(StorageError::Io)? == 0 {
            return Err(Error::Corrupt("the file is empty".into()).into());
        }
        let database = builder(path, cache_bytes).create_with_backend(Backend(disk.clone())).map_err(storage)?;
        let opened = check_header(&database)?;
        Ok((database, opened))
    });
    opened.map_err(|failure| match failure {
        _ if disk.ran_full() => Error::Full,
        Failure::Told(Error::Format(what)) => Error::Format(format!("{}: {what}", path.display())),
        Failure::Told(Error::Corrupt(what)) | Failure::Storage(StorageError::Corrupted(what)) => {
            Error::Corrupt(format!("{}: {what}; {REMEDY}", path.display()))
        }
        Failure::Storage(StorageError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
            Error::Format(format!("{}: not the file of a store; name another path, or move it away", path.display()))
        }
        _ if disk.is_damaged() => {
            Error::Corrupt(format!("{}: {}; {REMEDY}", path.display(), disk.faults().broken.unwrap_or_default()))
        }
        Failure::Storage(StorageError::Io(error)) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::Corrupt(format!("{}: the file is cut short; {REMEDY}", path.display()))
        }
        Failure::Told(error) => error,
        other => Error::Io(format!("{}: {}", path.display(), other.describe())),
    })
}

fn check_header(database: &Database) -> Result<Opened, Failure> {
    let foreign = || Error::Format("a redb file of another program; name another path, or move it away".into());
    let header = match database.begin_read()?.open_table(HEADER) {
        Ok(header) => header,
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Err(foreign().into()),
    };
    let format = header.get(FORMAT)?.ok_or_else(foreign)?;
    let version = format.value().strip_prefix(MAGIC).and_then(|version| version.try_into().ok()).ok_or_else(foreign)?;
    match u32::from_be_bytes(version) {
        VERSION => {}
        newer if newer > VERSION => {
            let what = format!("written in format {newer}, this program reads {VERSION}; use the newer program");
            return Err(Error::Format(what).into());
        }
        other => return Err(Error::Format(format!("written in format {other}, which no program wrote")).into()),
    }
    let damaged = || Error::Corrupt("its header is incomplete".into());
    let store = header.get(STORE)?.and_then(|store| store.value().try_into().ok()).ok_or_else(damaged)?;
    let checkpoint = header.get(CHECKPOINT)?.and_then(|row| Checkpoint::decode(row.value())).ok_or_else(damaged)?;
    Ok(Opened { store, checkpoint })
}

fn builder(path: &Path, cache_bytes: usize) -> redb::Builder {
    let (path, told) = (path.to_owned(), std::cell::Cell::new(false));
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes).set_repair_callback(move |_| {
        if !told.replace(true) {
            tracing::info!(path = %path.display(), "the store was not closed; checking all of it");
        }
    });
    builder
}

pub(super) fn storage(error: DatabaseError) -> Failure {
    match error {
        DatabaseError::Storage(error) => Failure::Storage(error),
        DatabaseError::DatabaseAlreadyOpen => Failure::Told(Error::InUse),
        DatabaseError::UpgradeRequired(version) => Failure::Told(Error::Format(format!(
            "written by another version of redb (its format {version}); use the program that wrote it"
        ))),
        other => Failure::Told(Error::Corrupt(other.to_string())),
    }
}

/// Held until the last clone of `file` is closed.
fn lock(file: &File) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::InUse),
        Err(TryLockError::Error(error)) => Err(Error::Io(format!("the store cannot be locked: {error}"))),
    }
}

/// Whether nobody has the store in `dir`, or makes one there.
pub(super) fn check_unused(dir: &Path) -> Result<(), Error> {
    let path = index_path(dir);
    for path in [draft(&path), path] {
        match File::open(&path) {
            Ok(file) => lock(&file)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(())
}

/// Whether `path` still names `file`, which may have been renamed or removed before it was locked.
fn is_at(file: &File, path: &Path) -> Result<bool, Error> {
    let open = file.metadata().map_err(|error| unreadable(path, &error))?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Io(format!("{}: {error}", path.display()))
}
