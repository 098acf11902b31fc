//! The data directory: what lies where, and whether it is ours and of our version.
//!
//! `format` says which version of the layout it is; it is written first, so that a directory without it is new or
//! somebody else's, and is told apart before anything is opened. `docs/format/datadir.md` describes the rest.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::complaint::Complaint;

const FORMAT: &str = "format";
/// What `format` holds, before the version.
const MAGIC: &str = "bailiwick data directory, version ";
const VERSION: u32 = 2;
const RECORDS: &str = "records";
const BODIES: &str = "bodies";
/// There while a store is being made of a backup, and locked by who makes it.
const UNFINISHED: &str = "restore.new";
const MASTER_KEY: &str = "master.key";
/// What a start that was cut off leaves behind, beside a draft of the master key, whose name is longer.
const DRAFTS: [&str; 4] = ["format.new", "owner.credentials.new", "operator.sock.new", "records.new"];

/// A data directory that is ours.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    path: PathBuf,
    new: bool,
    /// Held while a store is being made of a backup.
    _restoring: Option<Arc<File>>,
}

impl DataDir {
    /// Whether there is a store in the directory, of whatever version.
    pub(crate) fn holds_store(path: &Path) -> bool {
        path.join(FORMAT).exists()
    }

    /// Makes the directory, if it is not there, and checks whose and what it is.
    pub(super) fn prepare(path: &Path) -> Result<DataDir, Complaint> {
        let unusable = |error: &io::Error| failed(path, &error.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| unusable(&error))?;
        let owner = std::fs::metadata(path).map_err(|error| unusable(&error))?.uid();
        let ours = rustix::process::geteuid().as_raw();
        if owner != ours {
            return Err(Complaint::failed(
                format!("the data directory {} belongs to user id {owner}, and this runs as {ours}", path.display()),
                "Run it as that user, or give the directory to this one.",
            ));
        }
        match std::fs::read_to_string(path.join(FORMAT)) {
            Ok(text) => check_version(path, &text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if path.join(UNFINISHED).exists() {
                    return Err(Complaint::failed(
                        format!("a restore into {} was begun and not finished", path.display()),
                        "Ask for it again (`bailiwick restore`), or remove the directory.",
                    ));
                }
                if holds_anything(path).map_err(|error| unusable(&error))? {
                    return Err(Complaint::failed(
                        format!("{} is not empty and no data directory of bailiwick", path.display()),
                        "Name a new or empty directory with --data.",
                    ));
                }
                write_whole(&path.join(FORMAT), &format!("{MAGIC}{VERSION}\n"), 0o600)
                    .map_err(|error| unusable(&error))?;
            }
            Err(error) => return Err(unusable(&error)),
        }
        let new = !kv::Embedded::is_at(&path.join(RECORDS));
        Ok(DataDir { path: path.to_owned(), new, _restoring: None })
    }

    /// Makes the directory ready for a store to be made in it: what there is of an unfinished restore is removed, and
    /// nothing else. [`finish`](DataDir::finish) makes it a data directory.
    pub(super) fn begin(path: &Path) -> Result<DataDir, Complaint> {
        let unusable = |error: io::Error| failed(path, &error.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        check_restorable(path)?;
        let unfinished = path.join(UNFINISHED);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&unfinished);
        let mut lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Complaint::failed(
                    format!("another restore into {} is under way", path.display()),
                    "Let it end, or end it, and ask again.",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // Who held the lock until now may have finished.
        check_restorable(path)?;
        lock.write_all(b"a restore is under way\n").and_then(|()| lock.sync_all()).map_err(unusable)?;
        File::open(path).and_then(|dir| dir.sync_all()).map_err(unusable)?;
        for entry in std::fs::read_dir(path).map_err(unusable)? {
            let entry = entry.map_err(unusable)?;
            let name = entry.file_name();
            if !is_left_by_restore(&name.to_string_lossy()) {
                continue;
            }
            let removed = match entry.file_type().map_err(unusable)?.is_dir() {
                true => std::fs::remove_dir_all(entry.path()),
                false => std::fs::remove_file(entry.path()),
            };
            removed.map_err(unusable)?;
        }
        Ok(DataDir { path: path.to_owned(), new: true, _restoring: Some(Arc::new(lock)) })
    }

    /// It is one from now on.
    pub(super) fn finish(&self) -> Result<(), Complaint> {
        let done = write_whole(&self.path.join(FORMAT), &format!("{MAGIC}{VERSION}\n"), 0o600)
            .and_then(|()| std::fs::remove_file(self.path.join(UNFINISHED)));
        done.map_err(|error| failed(&self.path, &error.to_string()))
    }

    /// Nothing was ever stored in it.
    pub(super) fn is_new(&self) -> bool {
        self.new
    }

    pub(super) fn records(&self) -> PathBuf {
        self.path.join(RECORDS)
    }

    pub(super) fn bodies(&self) -> PathBuf {
        self.path.join(BODIES)
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn shown(&self) -> impl std::fmt::Display + '_ {
        self.path.display()
    }

    /// The store in it is not as it was left: it is not touched.
    pub(super) fn refused(&self, why: &str) -> Complaint {
        Complaint::failed(
            format!("the store in {} is refused as it is: {why}", self.path.display()),
            "Nothing was changed. Put back what was moved or altered, and let `bailiwick verify --deep` tell whether all is \
             well; or make the store of a backup in a new directory: `bailiwick restore SRC --data DIR`.",
        )
    }

    /// The store in it cannot be used.
    pub(super) fn unusable(&self, why: &str) -> Complaint {
        failed(&self.path, why)
    }
}

fn failed(path: &Path, why: &str) -> Complaint {
    let remedy = if why.contains("space") {
        "Make room on its device, or name another directory with --data."
    } else {
        "See that this user may write there, or name another directory with --data."
    };
    Complaint::failed(format!("the data directory {} cannot be used: {why}", path.display()), remedy)
}

fn check_version(path: &Path, text: &str) -> Result<(), Complaint> {
    match text.strip_prefix(MAGIC).and_then(|version| version.trim_end().parse::<u32>().ok()) {
        Some(VERSION) => Ok(()),
        Some(version) => Err(Complaint::failed(
            format!(
                "the data directory {} is of version {version}, and this bailiwick knows version {VERSION}",
                path.display()
            ),
            "Use the bailiwick that it was made with, or a newer one.",
        )),
        None => Err(Complaint::failed(
            format!(
                "the data directory {} does not say which version it is: its file {FORMAT} is damaged",
                path.display()
            ),
            "Put the file back from a copy of the directory.",
        )),
    }
}

/// Whether a start that was cut off leaves something of this name behind, or it may be there before.
fn is_expected(name: &str) -> bool {
    let is_key = name.strip_prefix(MASTER_KEY).is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('.').is_some_and(|rest| rest.len() > 4 && rest.ends_with(".new"))
    });
    is_key || name == "lost+found" || DRAFTS.contains(&name)
}

/// Whether an unfinished restore leaves something of this name behind.
fn is_left_by_restore(name: &str) -> bool {
    [RECORDS, BODIES].contains(&name) || DRAFTS.contains(&name)
}

/// Whether there is anything in a directory beside what a first start that was cut off leaves behind.
fn holds_anything(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        if !is_expected(&entry?.file_name().to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a store may be made in the directory: it is empty, or holds an unfinished restore and nothing beside it.
fn check_restorable(path: &Path) -> Result<(), Complaint> {
    let unusable = |error: io::Error| failed(path, &error.to_string());
    let is_begun = path.join(UNFINISHED).exists();
    let mut in_the_way = DataDir::holds_store(path).then(|| FORMAT.to_owned());
    for entry in std::fs::read_dir(path).map_err(unusable)? {
        let name = entry.map_err(unusable)?.file_name().to_string_lossy().into_owned();
        if !is_expected(&name) && !(is_begun && (name == UNFINISHED || is_left_by_restore(&name))) {
            in_the_way.get_or_insert(name);
        }
    }
    match in_the_way {
        None => Ok(()),
        Some(name) => Err(Complaint::failed(
            format!(
                "the data directory {} is not empty, and nothing is restored over what is there: {name}",
                path.display()
            ),
            "Name a new or empty directory with --data; only master.key may be in it.",
        )),
    }
}

/// Writes a file that is there whole or not at all, and durable when this returns.
pub(super) fn write_whole(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    write_draft(Path::new(&draft), text, mode)?;
    publish(Path::new(&draft), path)
}

/// Writes a file under a name that does not count yet.
pub(super) fn write_draft(draft: &Path, text: &str, mode: u32) -> io::Result<()> {
    match std::fs::remove_file(draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives a draft its name.
pub(super) fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    std::fs::rename(draft, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_ours_if_it_says_so_or_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        assert!(DataDir::prepare(&path).unwrap().is_new());
        assert!(DataDir::holds_store(&path));
        let records = path.join(RECORDS);
        kv::Embedded::open(&records, kv::EmbeddedOptions::new([7; 32])).unwrap().close().unwrap();
        assert!(!DataDir::prepare(&path).unwrap().is_new());

        let other = dir.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("holiday.jpg"), "x").unwrap();
        assert!(DataDir::prepare(&other).unwrap_err().to_string().contains("not empty"));
        assert!(!DataDir::holds_store(&other));
    }

    #[test]
    fn a_store_is_made_where_nothing_else_is_and_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("master.key"), "key").unwrap();
        std::fs::create_dir(path.join("photos.new")).unwrap();
        let said = DataDir::begin(&path).unwrap_err().to_string();
        assert!(said.contains("not empty") && said.contains("photos.new"), "{said}");
        assert!(DataDir::prepare(&path).is_err());
        std::fs::remove_dir(path.join("photos.new")).unwrap();

        let begun = DataDir::begin(&path).unwrap();
        std::fs::create_dir(begun.bodies()).unwrap();
        let said = DataDir::begin(&path).unwrap_err().to_string();
        assert!(said.contains("another restore"), "{said}");
        assert!(begun.bodies().exists());
        drop(begun);
        assert!(DataDir::prepare(&path).unwrap_err().to_string().contains("not finished"));

        std::fs::write(path.join("notes"), "mine").unwrap();
        let said = DataDir::begin(&path).unwrap_err().to_string();
        assert!(said.contains("notes"), "{said}");
        assert!(path.join("bodies").exists());
        std::fs::remove_file(path.join("notes")).unwrap();
        let again = DataDir::begin(&path).unwrap();
        assert!(!again.bodies().exists() && path.join("master.key").exists());
        again.finish().unwrap();
        drop(again);
        assert!(DataDir::begin(&path).unwrap_err().to_string().contains("not empty"));
        assert!(DataDir::prepare(&path).unwrap().is_new());
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for (text, named) in [(format!("{MAGIC}3\n"), "version 3"), ("hello".to_owned(), "damaged")] {
            std::fs::write(dir.path().join(FORMAT), text).unwrap();
            let said = DataDir::prepare(dir.path()).unwrap_err().to_string();
            assert!(said.contains(named) && said.contains(&dir.path().display().to_string()), "{said}");
        }
    }
}
