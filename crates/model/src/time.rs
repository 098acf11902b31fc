//! A moment.

/// Milliseconds since 1970-01-01T00:00:00Z. This crate reads no clock: moments come in from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Timestamp(millis)
    }

    /// From whole seconds since the epoch; saturates.
    pub const fn from_seconds(seconds: u64) -> Self {
        Timestamp(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: what S3's dates in headers can tell.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This moment and `seconds` more; saturates.
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}
