//! Directories of a test, and what lies in them.

use std::path::{Path, PathBuf};

/// A directory that is removed at the end, and a path in it that does not exist yet.
#[derive(Debug)]
pub struct Place {
    /// Removed with everything in it when this is dropped.
    pub dir: tempfile::TempDir,
    /// Where a data directory can be made.
    pub data: PathBuf,
}

impl Place {
    /// A fresh one.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let data = dir.path().join("data");
        Place { dir, data }
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

/// All files below `dir` with their bytes, in order; a socket has none. A file that goes away meanwhile is left out.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(_) => found.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default())),
                Err(_) => {}
            }
        }
    }
    found.sort();
    found
}

/// How many files there are below `dir`; none where it does not exist.
pub fn count_files(dir: &Path) -> usize {
    contents(dir).len()
}
