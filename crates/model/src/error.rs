//! Why a value could not be made.

use std::borrow::Cow;

/// Names the kind of value, what was wrong with it, and, where it is safe to repeat, what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {reason}")]
pub struct Invalid {
    /// The kind of value, as people call it: `bucket name`, `e-mail address`.
    pub what: &'static str,
    /// The rule that was broken, as the end of a sentence: `is longer than 63 bytes`.
    pub reason: Cow<'static, str>,
}

impl Invalid {
    /// A broken rule of `what`.
    pub fn new(what: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Invalid { what, reason: reason.into() }
    }
}
