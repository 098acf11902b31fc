//! A file that is not published yet, and the step that publishes it. Everything here blocks.
//!
//! Where the file system can, the file has no name until it is published (`O_TMPFILE`): a crash leaves nothing. Elsewhere
//! it has one in `staging/`, which the next opening empties. Either way publishing is a hard link, which never replaces
//! a file that is there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use model::BlobId;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::Disk;
use super::directory::Places;
use crate::{BlobRef, Error};

/// A file that disappears when it is dropped, unless it was published.
pub(super) struct Scratch {
    pub file: File,
    /// Its name in `staging/`, if it needs one.
    named: Option<PathBuf>,
}

impl Scratch {
    /// A file for the blob `id`.
    pub(super) fn create(places: &Places, id: BlobId, unnamed: bool) -> Result<Self, Error> {
        if unnamed {
            let dir = places.shard_of(id);
            let file = open_unnamed(&dir).map_err(|e| Error::device(dir.display(), &e))?;
            return Ok(Scratch { file, named: None });
        }
        let path = places.staging().join(id.to_string());
        let created = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = created.map_err(|e| Error::device(path.display(), &e))?;
        Ok(Scratch { file, named: Some(path) })
    }

    /// Gives the file the name `to`, where nothing is yet.
    fn link(&self, to: &Path) -> io::Result<()> {
        match &self.named {
            Some(path) => fs::hard_link(path, to),
            None => link_unnamed(&self.file, to),
        }
    }

    /// Makes the finished file durable under the name of `blob`: content first, then the name, then the directory that
    /// has the name. A crash between any two shows the whole body or none.
    pub(super) fn publish(&self, disk: &Disk, blob: BlobRef) -> Result<Published, Error> {
        let path = disk.places.file_of(blob.id);
        let failed = |e: io::Error| Error::device(path.display(), &e);
        if let Some(sync) = disk.sync() {
            sync.sync_file(&self.file).map_err(failed)?;
        }
        self.link(&path).map_err(failed)?;
        // From here on, every way out but the last takes the name back.
        let published = Published { blob, path: path.clone(), kept: false };
        if let Some(sync) = disk.sync() {
            sync.sync_dir(&disk.places.shard_of(blob.id)).map_err(failed)?;
        }
        Ok(published)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = &self.named
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "a staged body could not be removed; the next start will");
        }
    }
}

/// A name that is taken back unless somebody keeps it: the sync of its directory failed, or whoever asked for it is gone.
pub(super) struct Published {
    blob: BlobRef,
    path: PathBuf,
    kept: bool,
}

impl Published {
    /// The asker knows of it now.
    pub(super) fn keep(mut self) -> BlobRef {
        self.kept = true;
        self.blob
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            let path = self.path.display();
            tracing::warn!(%path, %error, "a body that nothing names could not be removed; the next start will");
        }
    }
}

fn open_unnamed(dir: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR)?))
}

fn link_unnamed(file: &File, to: &Path) -> io::Result<()> {
    // The way that needs no privilege (open(2), O_TMPFILE).
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, from, CWD, to, AtFlags::SYMLINK_FOLLOW)?)
}

/// Whether this file system makes files without a name, and this process can name them.
pub(super) fn can_be_unnamed(staging: &Path) -> bool {
    let probe = staging.join("probe");
    let tried =
        open_unnamed(staging).and_then(|file| link_unnamed(&file, &probe)).and_then(|()| fs::remove_file(&probe));
    tried
        .inspect_err(|error| tracing::info!(%error, "bodies are staged under names: O_TMPFILE does not work here"))
        .is_ok()
}
