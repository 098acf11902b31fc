//! What can go wrong with records.

/// The catalog cannot answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The engine cannot.
    #[error(transparent)]
    Engine(#[from] kv::Error),
    /// A record is not what a record of its kind looks like. Nothing is assumed in its place.
    #[error("the record under {key} is damaged: {what}")]
    Corrupt {
        /// The key, printable.
        key: String,
        /// What was found.
        what: String,
    },
}

impl Error {
    pub(crate) fn corrupt(key: &[u8], what: impl Into<String>) -> Self {
        Error::Corrupt { key: key.escape_ascii().to_string(), what: what.into() }
    }
}
