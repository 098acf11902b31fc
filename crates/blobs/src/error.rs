//! What can go wrong with a body.

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
