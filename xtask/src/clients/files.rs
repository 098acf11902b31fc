//! Files to send, and whether what came back is the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::process::Failure;

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;

/// How old the files of a tree are. Clients that compare times do so with S3's, which are whole seconds: what was written
/// in the second in which it was sent would look newer than what was stored.
const AGE: Duration = Duration::from_secs(3600);

/// Bytes that do not compress, the same ones for the same seed (xorshift64*, Vigna 2016).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Writes a file and the directories above it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, bytes));
    made.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(path.to_owned())
}

/// A directory such as people keep: nested, with names that want quoting, an empty file and one that is not small.
pub(crate) fn tree(dir: &Path) -> Result<PathBuf, Failure> {
    let files: [(&str, usize); 6] = [
        ("readme.txt", 20),
        ("empty", 0),
        ("photos/2010/été & hiver.jpg", 70 * KIB),
        ("photos/2010/a+b=c%20d.jpg", 3 * KIB),
        ("deep/er/and/deeper still.bin", 300 * KIB),
        ("dump.tar", 2 * MIB + 1),
    ];
    for (seed, (name, length)) in (1..).zip(files) {
        let path = write(&dir.join(name), &noise(seed, length))?;
        let aged = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now() - AGE));
        aged.map_err(|error| format!("{} cannot be made older: {error}", path.display()))?;
    }
    Ok(dir.to_owned())
}

/// Whether two files hold the same bytes.
pub(crate) fn same(one: &Path, other: &Path) -> Result<(), Failure> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
    if read(one)? == read(other)? { Ok(()) } else { Err(format!("{} and {} differ", one.display(), other.display())) }
}

/// Whether two directories hold the same files.
pub(crate) fn same_tree(one: &Path, other: &Path) -> Result<(), Failure> {
    let (files, others) = (contents(one)?, contents(other)?);
    if files.is_empty() {
        return Err(format!("{} holds nothing", one.display()));
    }
    let differs = |(name, bytes): &(&String, &Vec<u8>)| others.get(*name) != Some(*bytes);
    if let Some((name, _)) = files.iter().find(differs) {
        return Err(format!("{name} is not the same in {} and {}", one.display(), other.display()));
    }
    match others.keys().find(|name| !files.contains_key(*name)) {
        Some(name) => Err(format!("{} holds {name}, which {} does not", other.display(), one.display())),
        None => Ok(()),
    }
}

fn contents(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(inner) = dirs.pop() {
        let read = |error| format!("{} cannot be read: {error}", inner.display());
        for entry in std::fs::read_dir(&inner).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path).map_err(read)?);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_the_same_only_if_every_file_is() {
        let dir = std::env::temp_dir().join(format!("xtask-files-{}", std::process::id()));
        let (one, other) = (tree(&dir.join("one")).unwrap(), tree(&dir.join("other")).unwrap());
        assert_eq!(same_tree(&one, &other), Ok(()));
        write(&other.join("more"), b"").unwrap();
        assert!(same_tree(&one, &other).unwrap_err().contains("more"));
        assert!(same_tree(&other, &one).unwrap_err().contains("more"));
        std::fs::remove_file(other.join("more")).unwrap();
        write(&other.join("empty"), b"!").unwrap();
        assert!(same_tree(&one, &other).unwrap_err().contains("empty"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
