//! What an access key is held back by, beside what its account may do.

use crate::{BucketName, Network, ObjectKey, Timestamp};

/// Holds a key back. All of it must allow a request, and none of it gives anything: it only ever narrows. What is empty
/// or absent does not hold back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restriction {
    /// A policy (AWS's language, without Principal) of which a statement must allow the request and none may deny it.
    pub policy: Option<Box<str>>,
    /// The only buckets.
    pub buckets: Vec<BucketName>,
    /// What an object's key must begin with: one of these.
    pub prefixes: Vec<Box<str>>,
    /// Where a request must come from: one of these.
    pub networks: Vec<Network>,
    /// From when on the key does nothing.
    pub expires: Option<Timestamp>,
}

impl Restriction {
    /// Holds nothing back.
    pub const NONE: Restriction =
        Restriction { policy: None, buckets: Vec::new(), prefixes: Vec::new(), networks: Vec::new(), expires: None };

    /// Whether it allows this bucket.
    pub fn covers_bucket(&self, bucket: &BucketName) -> bool {
        self.buckets.is_empty() || self.buckets.contains(bucket)
    }

    /// Whether it allows this object's key, in a bucket that it allows.
    pub fn covers_key(&self, key: &ObjectKey) -> bool {
        self.covers_prefix(key.as_str())
    }

    /// Whether it allows every key that begins with `prefix`.
    pub fn covers_prefix(&self, prefix: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|allowed| prefix.starts_with(&**allowed))
    }
}
