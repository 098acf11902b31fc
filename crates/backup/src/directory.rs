//! A shelf that is a directory.
//!
//! A file is written under a name of its own in `incoming/` and renamed when it is whole and synced. The directory is
//! locked while it is written to: one backup at a time.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use blobs::Reader;
use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::{Error, Shelf, names};

const INCOMING: &str = "incoming";

/// A directory. Made when something is put there.
pub struct Directory(Arc<Inner>);

struct Inner {
    root: PathBuf,
    /// Held while it is written to.
    lock: Mutex<Option<File>>,
    /// Directories whose entries are not durable yet.
    touched: Mutex<BTreeSet<PathBuf>>,
}

impl Directory {
    /// At `root`.
    pub fn new(root: &Path) -> Self {
        Directory(Arc::new(Inner { root: root.to_owned(), lock: Mutex::default(), touched: Mutex::default() }))
    }
}

impl Inner {
    fn failed(path: &Path, error: &io::Error) -> Error {
        Error::Shelf(format!("{}: {error}", path.display()))
    }

    /// Makes the directory, takes its lock, and removes what an interrupted backup left in `incoming`.
    fn begin(&self) -> Result<(), Error> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            return Ok(());
        }
        let incoming = self.root.join(INCOMING);
        if !self.root.join(names::REPOSITORY).exists() && holds_others(&self.root).unwrap_or(false) {
            return Err(Error::Refused(format!(
                "{} is not empty and holds no backups; name a new or empty directory",
                self.root.display()
            )));
        }
        self.make(&incoming)?;
        let path = self.root.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| Inner::failed(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let root = self.root.display();
                return Err(Error::Refused(format!("another backup to {root} is under way; let it end first")));
            }
            Err(TryLockError::Error(error)) => return Err(Inner::failed(&path, &error)),
        }
        for entry in fs::read_dir(&incoming).map_err(|error| Inner::failed(&incoming, &error))?.flatten() {
            let _ = fs::remove_file(entry.path());
        }
        *lock = Some(file);
        Ok(())
    }

    fn make(&self, dir: &Path) -> Result<(), Error> {
        if dir.is_dir() {
            return Ok(());
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| Inner::failed(dir, &error))?;
        self.touch(dir);
        Ok(())
    }

    /// What is in `dir`, and `dir` itself, is to be durable: an interrupted backup may have put it there.
    fn touch(&self, dir: &Path) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if !touched.contains(dir) {
            touched.extend(dir.ancestors().take_while(|dir| dir.starts_with(&self.root)).map(Path::to_owned));
            touched.extend(self.root.parent().map(Path::to_owned));
        }
    }

    fn draft(&self) -> Result<(PathBuf, File), Error> {
        self.begin()?;
        let name = getrandom::u64().map_err(|error| Error::Shelf(format!("no random bytes: {error}")))?;
        let path = self.root.join(INCOMING).join(format!("{name:016x}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| Inner::failed(&path, &error))?;
        Ok((path, file))
    }

    /// Gives a whole draft its name.
    fn publish(&self, draft: &Path, file: &File, name: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        let dir = path.parent().unwrap_or(&self.root);
        self.make(dir)?;
        let done = file.sync_all().and_then(|()| fs::rename(draft, &path));
        done.map_err(|error| Inner::failed(&path, &error))?;
        self.touch(dir);
        Ok(())
    }
}

/// Whether there is anything in a directory that no backup left.
fn holds_others(root: &Path) -> io::Result<bool> {
    let ours = [INCOMING, "lock", "lost+found"];
    let names: Vec<_> = fs::read_dir(root)?.collect::<Result<_, _>>()?;
    Ok(names.iter().any(|entry| !ours.iter().any(|ours| entry.file_name() == *ours)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::Shelf(format!("work on a file ended early: {error}"))))
}

#[async_trait]
impl Shelf for Directory {
    fn place(&self) -> String {
        self.0.root.display().to_string()
    }

    fn looks(&self) -> bool {
        true
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let (inner, name) = (self.0.clone(), name.to_owned());
        blocking(move || {
            let (draft, mut file) = inner.draft()?;
            file.write_all(&bytes).map_err(|error| Inner::failed(&draft, &error))?;
            inner.publish(&draft, &file, &name)
        })
        .await
    }

    async fn put_from(&self, name: &str, len: u64, reader: &mut dyn Reader) -> Result<Result<(), blobs::Error>, Error> {
        let inner = self.0.clone();
        let (draft, file) = blocking(move || inner.draft()).await?;
        let file = Arc::new(file);
        let mut at = 0;
        loop {
            let bytes = match reader.next().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => {
                    let _ = fs::remove_file(&draft);
                    return Ok(Err(error));
                }
            };
            let (file, draft, offset) = (file.clone(), draft.clone(), at);
            at += bytes.len() as u64;
            blocking(move || file.write_all_at(&bytes, offset).map_err(|error| Inner::failed(&draft, &error))).await?;
        }
        if at != len {
            return Err(Error::Shelf(format!("{name}: {at} bytes came where {len} were to come")));
        }
        let (inner, name) = (self.0.clone(), name.to_owned());
        blocking(move || inner.publish(&draft, &file, &name)).await.map(Ok)
    }

    async fn len(&self, name: &str) -> Result<Option<u64>, Error> {
        let (inner, path) = (self.0.clone(), self.0.root.join(name));
        blocking(move || match fs::metadata(&path) {
            Ok(found) => {
                inner.touch(path.parent().unwrap_or(&inner.root));
                Ok(Some(found.len()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Inner::failed(&path, &error)),
        })
        .await
    }

    async fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let path = self.0.root.join(name);
        blocking(move || {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, range.start));
            read.map_err(|error| Inner::failed(&path, &error))?;
            Ok(bytes.into())
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let (path, prefix) = (self.0.root.join(prefix), prefix.to_owned());
        blocking(move || {
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
                Err(error) => return Err(Inner::failed(&path, &error)),
            };
            let mut all: Vec<String> = entries
                .map(|entry| Ok(format!("{prefix}{}", entry?.file_name().to_string_lossy())))
                .collect::<Result<_, _>>()
                .map_err(|error: io::Error| Inner::failed(&path, &error))?;
            all.sort();
            Ok(all)
        })
        .await
    }

    async fn settle(&self) -> Result<(), Error> {
        let inner = self.0.clone();
        blocking(move || {
            let touched = std::mem::take(&mut *inner.touched.lock().unwrap_or_else(PoisonError::into_inner));
            for dir in touched {
                let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
                File::open(&dir).and_then(|dir| dir.sync_all()).map_err(|error| Inner::failed(&dir, &error))?;
            }
            Ok(())
        })
        .await
    }
}
