//! A request that does not exist: what it would say of itself, chosen so that policies can be asked about it.

use std::net::IpAddr;

use model::{Action, BucketName, ObjectKey, Timestamp, VersionId};

use crate::policy::{Facts, Values};

/// What a request says beside who asks for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it comes.
    pub at: Timestamp,
    /// From where; `None`: nobody knows.
    pub source: Option<IpAddr>,
    /// Which version it names.
    pub version: Option<VersionId>,
    /// Tags of the object that it finds, by name.
    pub tags: Vec<(String, String)>,
    /// Values of condition keys, by the key's name in lower case.
    pub values: Vec<(Box<str>, Box<str>)>,
}

impl Request {
    /// One that says nothing but when and from where it comes.
    pub fn plain(at: Timestamp, source: Option<IpAddr>) -> Self {
        Request { at, source, version: None, tags: vec![], values: vec![] }
    }
}

impl Facts for Request {
    fn values(&self, key: &str) -> Values<'_> {
        Values::text(self.values.iter().find(|(name, _)| **name == *key).map(|(_, value)| &**value))
    }
}

/// What lies under the key that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// An object of the bucket's owner, with no grants.
    Owners,
    /// An object of another account, with everything granted to the bucket's owner.
    Others,
    /// The object that stands there, with its owner and its ACL.
    Itself,
}

/// A request that is allowed: the proof of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What it is for.
    pub action: Action,
    /// On or in which bucket; `None`: the service's.
    pub bucket: Option<BucketName>,
    /// On which key; `None`: the bucket itself.
    pub key: Option<ObjectKey>,
    /// What lies there.
    pub found: Found,
    /// What else it says.
    pub request: Request,
}
