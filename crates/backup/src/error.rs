//! What can go wrong with a backup.

/// It cannot be made, or not be restored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The shelf cannot be read or written.
    #[error("{0}")]
    Shelf(String),
    /// The place holds something else, another version, or another store's backups.
    #[error("{0}")]
    Refused(String),
    /// A file on the shelf is not what was written.
    #[error("the backup's file {name} is damaged: {what}")]
    Damaged {
        /// Its name on the shelf.
        name: String,
        /// What was found.
        what: String,
    },
    /// The backup was made under another master key.
    #[error("the master key is not the one that the backup {0} was made under")]
    WrongKey(String),
    /// There is no such backup.
    #[error("{0}")]
    NotFound(String),
    /// The rows cannot be read or written.
    #[error(transparent)]
    Rows(#[from] kv::Error),
    /// The bodies cannot be read or written.
    #[error(transparent)]
    Bodies(#[from] blobs::Error),
}

impl Error {
    pub(crate) fn damaged(name: &str, what: impl Into<String>) -> Self {
        Error::Damaged { name: name.into(), what: what.into() }
    }
}
