//! What is asked, and what is known: the two inputs of a decision.

use std::fmt;
use std::net::IpAddr;

use model::{
    Acl, Action, Basis, Bucket, BucketName, CanonicalId, ObjectKey, ObjectOwnership, Principal, PublicAccessBlock,
    Timestamp, VersionId,
};

use crate::policy::{Facts, Policy};

/// What holds for the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Applies beside each bucket's own block: what either blocks is blocked.
    pub public_access_block: PublicAccessBlock,
    /// Who owns what lands in a bucket on which nobody set it.
    pub default_ownership: ObjectOwnership,
    /// Whether a guest's ListBuckets and CreateBucket fail with NotSignedUp, as in 2010.
    pub strict_signup: bool,
}

impl Settings {
    /// Who owns what lands in a bucket of this setting of its own.
    pub(crate) fn ownership(&self, own: Option<ObjectOwnership>) -> ObjectOwnership {
        own.unwrap_or(self.default_ownership)
    }

    /// What is blocked on a bucket with this block of its own.
    pub(crate) fn block(&self, own: Option<PublicAccessBlock>) -> PublicAccessBlock {
        own.map_or(self.public_access_block, |own| own.or(self.public_access_block))
    }
}

/// What the action is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The service: ListAllMyBuckets.
    Service,
    /// A bucket, there or not.
    Bucket(&'a BucketName),
    /// An object, there or not.
    Object {
        /// In which bucket.
        bucket: &'a BucketName,
        /// Under which key.
        key: &'a ObjectKey,
        /// Which version; `None` is the current one.
        version: Option<&'a VersionId>,
    },
}

impl<'a> Resource<'a> {
    /// The bucket that it is or lies in.
    pub(crate) fn bucket(&self) -> Option<&'a BucketName> {
        match *self {
            Resource::Service => None,
            Resource::Bucket(bucket) | Resource::Object { bucket, .. } => Some(bucket),
        }
    }
}

/// May this principal do this, to this, now?
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// What.
    pub action: Action,
    /// To what.
    pub resource: Resource<'a>,
    /// When: what expires is judged by this.
    pub at: Timestamp,
    /// From which address, where it is known.
    pub source: Option<IpAddr>,
    /// What else a policy's conditions may ask about the request.
    pub facts: &'a dyn Facts,
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Question { principal, action, resource, at, source, facts: _ } = self;
        write!(f, "{} on {resource:?} at {at:?} from {source:?} by {principal:?}", action.as_str())
    }
}

/// A policy, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub enum PolicyEvidence<'a> {
    /// There is none, or nobody looked: where the record says that there is one, everything is denied.
    #[default]
    None,
    /// It was read.
    Read(&'a Policy),
    /// It is there, and cannot be read: it allows nothing and denies everything.
    Unreadable,
}

/// What decides over an object (or one version of it).
#[derive(Debug, Clone, Copy)]
pub struct ObjectFacts<'a> {
    /// Who owns it.
    pub owner: &'a CanonicalId,
    /// The grants on it.
    pub acl: &'a Acl,
    /// Its tags, by name.
    pub tags: &'a [(String, String)],
}

/// What decides over an unfinished multipart upload.
#[derive(Debug, Clone, Copy)]
pub struct UploadFacts<'a> {
    /// Who began it.
    pub initiator: &'a CanonicalId,
}

/// What was read for the decision. What is `None` is taken as absent; the caller owes it to have looked.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The server's.
    pub settings: &'a Settings,
    /// The bucket of the question's resource. Without it only CreateBucket and ListAllMyBuckets can be allowed.
    pub bucket: Option<&'a Bucket>,
    /// The bucket's policy.
    pub policy: PolicyEvidence<'a>,
    /// The policy that restricts the caller's key.
    pub key_policy: PolicyEvidence<'a>,
    /// The object of the question's resource; `None` if there is none.
    pub object: Option<ObjectFacts<'a>>,
    /// The upload, where the request names one that exists (a part, completing, aborting, listing parts). A PutObject
    /// without it begins an upload or writes an object in one request.
    pub upload: Option<UploadFacts<'a>>,
    /// The stored records that all this was read from; goes into the permit.
    pub basis: Basis,
}
