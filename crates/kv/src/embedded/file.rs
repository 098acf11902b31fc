//! Making, locking and opening the file of a store.
//!
//! A new store is made under another name and renamed when it is whole, so that a file under the store's own name is
//! never a beginning: an empty or cut one is damage, and is refused, not made anew.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Revision;
use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableError};

use super::disk::{Backend, Disk, SyncSeam};
use super::failure::{Failure, guarded};
use super::record::{DATA, FORMAT, HEADER, MAGIC, REVISION, STORE, VERSION};
use crate::Error;

/// How often making a store looks again when others make and remove it at the same time.
const TRIES: usize = 8;

/// Opens the store at `path`, making it if there is none, and gives its last revision.
pub(super) fn open_or_create(
    path: &Path,
    seam: Arc<dyn SyncSeam>,
    cache_bytes: usize,
) -> Result<(Arc<Disk>, Database, Revision), Error> {
    for _ in 0..TRIES {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => {
                lock(&file)?;
                if is_at(&file, path)? {
                    let disk = Arc::new(Disk::new(file, seam));
                    let (database, last) = open(&disk, path, cache_bytes)?;
                    disk.settle();
                    return Ok((disk, database, last));
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some((disk, database)) = create(path, &seam, cache_bytes)? {
                    return Ok((disk, database, Revision(0)));
                }
            }
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    Err(Error::InUse)
}

/// `None` if there is a store by now.
fn create(path: &Path, seam: &Arc<dyn SyncSeam>, cache_bytes: usize) -> Result<Option<(Arc<Disk>, Database)>, Error> {
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
    let disk = Arc::new(Disk::new(file, seam.clone()));
    let made = guarded(|| {
        let database = builder(path, cache_bytes).create_with_backend(Backend(disk.clone())).map_err(storage)?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| Error::Io(format!("the system gives no random bytes: {error}")))?;
        let transaction = database.begin_write()?;
        {
            transaction.open_table(DATA)?;
            let mut header = transaction.open_table(HEADER)?;
            header.insert(FORMAT, [MAGIC, &VERSION.to_be_bytes()].concat().as_slice())?;
            header.insert(STORE, id.as_slice())?;
            header.insert(REVISION, 0u64.to_be_bytes().as_slice())?;
        }
        transaction.commit()?;
        Ok(database)
    });
    let database = match made {
        _ if disk.ran_full() => return Err(Error::Full),
        Ok(database) => database,
        Err(Failure::Told(error)) => return Err(error),
        Err(failure) => return Err(Error::Io(format!("{}: {}", draft.display(), failure.describe()))),
    };
    std::fs::rename(&draft, path).map_err(at_draft)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(|error| unreadable(parent, &error))?;
    Ok(Some((disk, database)))
}

/// The name under which a store is made.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Opens redb over a file that must be a store, recovers it if it was not closed, and gives its last revision.
pub(super) fn open(disk: &Arc<Disk>, path: &Path, cache_bytes: usize) -> Result<(Database, Revision), Error> {
    let opened = guarded(|| {
        if redb::StorageBackend::len(&Backend(disk.clone())).map_err(StorageError::Io)? == 0 {
            return Err(Error::Corrupt("the file is empty".into()).into());
        }
        let database = builder(path, cache_bytes).create_with_backend(Backend(disk.clone())).map_err(storage)?;
        let last = check_header(&database)?;
        Ok((database, last))
    });
    let remedy = "restore it from a backup, or move it away to begin an empty store";
    opened.map_err(|failure| match failure {
        _ if disk.ran_full() => Error::Full,
        Failure::Told(Error::Format(what)) => Error::Format(format!("{}: {what}", path.display())),
        Failure::Told(Error::Corrupt(what)) | Failure::Storage(StorageError::Corrupted(what)) => {
            Error::Corrupt(format!("{}: {what}; {remedy}", path.display()))
        }
        Failure::Storage(StorageError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
            Error::Format(format!("{}: not the file of a store; name another path, or move it away", path.display()))
        }
        Failure::Storage(StorageError::Io(error)) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::Corrupt(format!("{}: the file is cut short; {remedy}", path.display()))
        }
        Failure::Told(error) => error,
        Failure::Storage(error) => Error::Io(format!("{}: {error}", path.display())),
    })
}

fn check_header(database: &Database) -> Result<Revision, Failure> {
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
    let last = header.get(REVISION)?.ok_or_else(damaged)?;
    let last = last.value().try_into().map_err(|_| damaged())?;
    Ok(Revision(u64::from_be_bytes(last)))
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
