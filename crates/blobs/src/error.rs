//! What can go wrong with a body.

use std::fmt::Display;
use std::io;

use model::BlobId;

/// The store cannot do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No such blob: it was deleted, or never published.
    #[error("blob {0} is not there")]
    Missing(BlobId),
    /// What is stored is not what was written.
    #[error("blob {id} is damaged: {what}")]
    Corrupt {
        /// Which.
        id: BlobId,
        /// What was found.
        what: String,
    },
    /// There is no room on the device.
    #[error("no space is left on the device that holds the bodies")]
    Full,
    /// Any other failure of the device.
    #[error("the bodies cannot be read or written: {0}")]
    Io(String),
}

impl Error {
    /// The device's answer to an attempt at `what` (a path, or a path and a verb). No room and no quota are [`Error::Full`].
    pub(crate) fn device(what: impl Display, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::Io(format!("{what}: {error}")),
        }
    }

    /// `blob` is not what was written.
    pub(crate) fn corrupt(id: BlobId, what: impl Into<String>) -> Self {
        Error::Corrupt { id, what: what.into() }
    }
}
