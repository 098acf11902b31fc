//! What can go wrong, and whose move it is.

use crate::Key;

/// A condition that did not hold. Nothing was changed; read again and decide anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// This key is not as required.
    Changed(Key),
    /// A counter would exceed its ceiling.
    Ceiling(Key),
}

/// The engine cannot do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A write or sync failed earlier; nothing is written until the store is reopened.
    #[error("the store stopped after a failed write or sync ({0}); restart it to recover what is on disk")]
    Poisoned(String),
    /// There is no room on the device.
    #[error("no space is left on the device that holds the store")]
    Full,
    /// What is stored is not what was written.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The file is of another format or version.
    #[error("{0}")]
    Format(String),
    /// Another process has the store open.
    #[error("the store is in use by another process")]
    InUse,
    /// Reading failed.
    #[error("the store cannot be read: {0}")]
    Io(String),
}
