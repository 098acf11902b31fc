//! What redb and the files say, told apart: what concerns one caller, and what concerns the store.

use std::any::Any;

use redb::StorageError;

use crate::Error;

/// Why a call into redb gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// It concerns what was asked for.
    Told(Error),
    /// It concerns the file.
    Storage(StorageError),
    /// The device would have to be waited for.
    Waits,
    /// A file of the log is not there, under this name: the moment that was read is over, or the store is damaged.
    Gone(String),
}

impl Failure {
    /// Whether redb refuses the handle because of an earlier failure, so that another handle might do.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self, Failure::Storage(StorageError::PreviousIo | StorageError::DatabaseClosed))
    }

    /// Whether the same may succeed on a thread that may wait.
    pub(super) fn is_for_elsewhere(&self) -> bool {
        self.is_stale() || matches!(self, Failure::Waits | Failure::Gone(_))
    }

    /// What a reader is told.
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Waits => Error::Io("the device was not waited for".into()),
            Failure::Gone(path) => Error::Corrupt(format!("the log file {path} is missing")),
            Failure::Told(error) => error,
            Failure::Storage(StorageError::Corrupted(what)) => Error::Corrupt(what),
            Failure::Storage(StorageError::LockPoisoned(_)) => {
                Error::Corrupt("it could not be read before; restart to check it".into())
            }
            Failure::Storage(other) => Error::Io(other.to_string()),
        }
    }

    /// What an operator is told.
    pub(super) fn describe(&self) -> String {
        match self {
            Failure::Told(error) => error.to_string(),
            Failure::Storage(error) => error.to_string(),
            Failure::Waits => "the device was not waited for".into(),
            Failure::Gone(path) => format!("the log file {path} is missing"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Told(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Failure::Storage(error)
    }
}

impl From<redb::TransactionError> for Failure {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(error) => Failure::Storage(error),
            other => Failure::Told(Error::Io(other.to_string())),
        }
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Self {
        match error {
            redb::TableError::Storage(error) => Failure::Storage(error),
            other => Failure::Told(Error::Corrupt(other.to_string())),
        }
    }
}

impl From<redb::CommitError> for Failure {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(error) => Failure::Storage(error),
            other => Failure::Storage(StorageError::Corrupted(other.to_string())),
        }
    }
}

impl From<redb::SetDurabilityError> for Failure {
    fn from(error: redb::SetDurabilityError) -> Self {
        Failure::Told(Error::Io(error.to_string()))
    }
}

/// Runs `work`, in which redb panics where a damaged page surprises it, and takes the panic for the damage it is.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Failure::Storage(StorageError::Corrupted(format!("a page makes no sense ({})", text(panic.as_ref())))))
    })
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let string = panic.downcast_ref::<String>().map(String::as_str);
    string.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}
