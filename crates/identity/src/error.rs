//! What can go wrong with records, with a key that was presented, and with the master key.

use std::path::PathBuf;

/// The directory cannot answer, or cannot plan.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The engine cannot.
    #[error(transparent)]
    Engine(#[from] kv::Error),
    /// A record is not what a record of its kind looks like, or two that belong together disagree. Nothing is assumed
    /// in its place.
    #[error("the record under {key} is damaged: {what}")]
    Corrupt {
        /// The key, printable.
        key: String,
        /// What was found.
        what: String,
    },
    /// A sealed secret does not open: it was altered, or sealed under another master key.
    #[error("the secret under {key} does not open with this master key")]
    Sealed {
        /// The key, printable.
        key: String,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

impl Error {
    pub(crate) fn corrupt(key: &[u8], what: impl Into<String>) -> Self {
        Error::Corrupt { key: key.escape_ascii().to_string(), what: what.into() }
    }
}

/// Why a presented access key yields no candidate.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookupError {
    /// There is no such key; what is not of a key's form is none.
    #[error("there is no such access key")]
    Unknown,
    /// The key is disabled, or its share was revoked.
    #[error("the access key is disabled")]
    Disabled,
    /// The key's account is suspended.
    #[error("the account of the access key is suspended")]
    AccountSuspended,
    /// It cannot be told; nobody is let through.
    #[error(transparent)]
    Internal(#[from] Error),
}

impl From<kv::Error> for LookupError {
    fn from(error: kv::Error) -> Self {
        LookupError::Internal(Error::Engine(error))
    }
}

/// Why there is no master key. None of them repeats what was read.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file is not there, and the store is not new.
    #[error(
        "the master key file {0} is missing; put back the file that this store was made with, as its secrets open with no other"
    )]
    Missing(PathBuf),
    /// Others than the file's owner may read or write it.
    #[error("the master key file {path} is open to others (mode {mode:04o}); run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read or made.
    #[error("the master key file {path} cannot be used: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// The environment variable is not set, or not text.
    #[error("the environment variable {0} is to hold the master key, but is not set")]
    NoVariable(String),
    /// The command could not be run.
    #[error("the master key command cannot be run: {0}")]
    Command(std::io::Error),
    /// The command failed.
    #[error("the master key command failed ({0}); what it printed on stderr says why")]
    CommandFailed(std::process::ExitStatus),
    /// What was read is no key.
    #[error("{0} does not hold a master key: 64 hexadecimal digits are expected, and nothing else")]
    Malformed(String),
    /// What was read is a key that somebody typed.
    #[error("{0} holds a master key that is not random; make one with: openssl rand -hex 32")]
    Weak(String),
    /// The operating system gave no randomness to make one from.
    #[error("a master key cannot be made: {0}")]
    Randomness(String),
}
