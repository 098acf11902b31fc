//! The master key: what all secrets of a store hang on, and where it comes from.
//!
//! It never enters the store. Whatever needs a key of its own derives one from it by a label, so that the master key
//! itself encrypts nothing and each use could be told apart.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{MasterKeyError, fresh};

/// More than any source of 64 digits needs; what is longer is no key.
const SOURCE_BYTES: u64 = 1024;
/// Fewer different bytes among 32 than any 32 random ones have (the odds against are below 10⁻²⁰).
const DISTINCT_BYTES: usize = 12;

/// Where the master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file of 64 hexadecimal digits that its owner alone may read or write (mode 0600 or less).
    File(PathBuf),
    /// The environment variable of that name; 64 hexadecimal digits.
    Env(String),
    /// What a command prints, run by `sh -c`; 64 hexadecimal digits, blanks around them allowed.
    Command(String),
}

/// 32 secret bytes. Overwritten when dropped; no formatting shows them.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Reads the key from `source`; where that is a file that does not exist and `create` is set, makes one first. Set
    /// `create` only for a store that is new: another key than the one it was made with opens none of its secrets.
    ///
    /// Blocks: it reads a file, or waits for a command.
    ///
    /// # Errors
    /// [`MasterKeyError`], naming the source and the remedy, and never what was read.
    pub fn load(source: &MasterKeySource, create: bool) -> Result<MasterKey, MasterKeyError> {
        match source {
            MasterKeySource::File(path) => {
                let what = || format!("the file {}", path.display());
                match read(path) {
                    Err(MasterKeyError::Missing(_)) if create => {
                        make(path)?;
                        // Read back, so that of two first starts at once both have the key that stayed.
                        parse(&read(path)?, what)
                    }
                    text => parse(&text?, what),
                }
            }
            MasterKeySource::Env(name) => {
                let text = std::env::var(name).map_err(|_| MasterKeyError::NoVariable(name.clone()))?;
                parse(Zeroizing::new(text).as_bytes(), || format!("the environment variable {name}"))
            }
            MasterKeySource::Command(command) => parse(&run(command)?, || "what the master key command prints".into()),
        }
    }

    /// From bytes that came from elsewhere; for tests and tools. They are to be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        MasterKey(Zeroizing::new(bytes))
    }

    /// A key for the use that `label` names: HMAC-SHA-256 of it under the master key (RFC 2104).
    pub fn derive(&self, label: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes a key of any length");
        mac.update(label.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

fn parse(text: &[u8], source: impl Fn() -> String) -> Result<MasterKey, MasterKeyError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), bytes.as_mut_slice()).map_err(|_| MasterKeyError::Malformed(source()))?;
    let distinct = bytes.iter().enumerate().filter(|(i, b)| !bytes[..*i].contains(b)).count();
    if distinct < DISTINCT_BYTES {
        return Err(MasterKeyError::Weak(source()));
    }
    Ok(MasterKey(bytes))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, MasterKeyError> {
    let failed = |error| MasterKeyError::File { path: path.into(), error };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(MasterKeyError::Missing(path.into())),
        opened => opened.map_err(failed)?,
    };
    // Of the open file, not of the path, so that what is checked is what is read.
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Exposed { path: path.into(), mode });
    }
    read_to_end(file).map_err(failed)
}

fn read_to_end(source: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room from the start: growing would leave a copy behind that nobody overwrites.
    let mut text = Zeroizing::new(Vec::with_capacity(SOURCE_BYTES as usize + 64));
    source.take(SOURCE_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Makes a key file: written whole and synced under another name first, then linked to its own, which fails where a
/// file is there already. So nobody ever reads half a key, and nobody's key is replaced.
fn make(path: &Path) -> Result<(), MasterKeyError> {
    let failed = |error| MasterKeyError::File { path: path.into(), error };
    let mut key = Zeroizing::new([0_u8; 32]);
    let mut unique = [0_u8; 8];
    fresh::fill(key.as_mut_slice())
        .and_then(|()| fresh::fill(&mut unique))
        .map_err(|error| MasterKeyError::Randomness(error.to_string()))?;
    let mut text = Zeroizing::new([b'\n'; 65]);
    hex::encode_to_slice(*key, &mut text[..64]).expect("32 bytes are 64 digits");

    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", hex::encode(unique)));
    let draft = path.with_file_name(name);
    let made = write_new(&draft, text.as_slice()).and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = std::fs::remove_file(&draft);
    made.and(removed).and_then(|()| sync_directory_of(path)).map_err(failed)
}

fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn run(command: &str) -> Result<Zeroizing<Vec<u8>>, MasterKeyError> {
    // Its stderr is ours, so that the operator sees what it complains about; it is never part of our own messages.
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(MasterKeyError::Command)?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let text = read_to_end(stdout).map_err(MasterKeyError::Command);
    let status = child.wait().map_err(MasterKeyError::Command)?;
    if !status.success() {
        return Err(MasterKeyError::CommandFailed(status));
    }
    text
}
