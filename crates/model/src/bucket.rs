//! Buckets and the settings that decide over access to them.

use crate::{AccountId, Acl, BucketName, CanonicalId, Timestamp};

/// Who owns what lands in a bucket (S3 user guide, "Controlling ownership of objects"), and Bailiwick's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectOwnership {
    /// Bailiwick's default; not a value on the wire. The bucket's owner owns what lands, bucket grants work, and the
    /// writer's account may read back what it wrote.
    OwnerOwns,
    /// Who writes it owns it: 2006's meaning.
    ObjectWriter,
    /// The bucket's owner owns it if it was written with `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// The bucket's owner owns all of it, and ACLs are off.
    BucketOwnerEnforced,
}

impl ObjectOwnership {
    /// All four.
    pub const ALL: [ObjectOwnership; 4] = [
        ObjectOwnership::OwnerOwns,
        ObjectOwnership::ObjectWriter,
        ObjectOwnership::BucketOwnerPreferred,
        ObjectOwnership::BucketOwnerEnforced,
    ];

    /// As S3 spells it (and as `--default-object-ownership` does).
    pub const fn as_str(self) -> &'static str {
        match self {
            ObjectOwnership::OwnerOwns => "OwnerOwns",
            ObjectOwnership::ObjectWriter => "ObjectWriter",
            ObjectOwnership::BucketOwnerPreferred => "BucketOwnerPreferred",
            ObjectOwnership::BucketOwnerEnforced => "BucketOwnerEnforced",
        }
    }

    /// From that spelling; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        ObjectOwnership::ALL.into_iter().find(|o| o.as_str() == text)
    }
}

/// The four switches against public access (S3 user guide, "Blocking public access").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAccessBlock {
    /// Refuse ACLs that grant to AllUsers or AuthenticatedUsers.
    pub block_public_acls: bool,
    /// Ignore such grants where they exist.
    pub ignore_public_acls: bool,
    /// Refuse policies that are public.
    pub block_public_policy: bool,
    /// Let only the owner's account through a policy that is public.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// Everything blocked.
    pub const ALL: PublicAccessBlock = PublicAccessBlock {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
    /// Nothing blocked.
    pub const NONE: PublicAccessBlock = PublicAccessBlock {
        block_public_acls: false,
        ignore_public_acls: false,
        block_public_policy: false,
        restrict_public_buckets: false,
    };

    /// What is blocked where both `self` and `other` apply.
    pub const fn or(self, other: PublicAccessBlock) -> Self {
        PublicAccessBlock {
            block_public_acls: self.block_public_acls | other.block_public_acls,
            ignore_public_acls: self.ignore_public_acls | other.ignore_public_acls,
            block_public_policy: self.block_public_policy | other.block_public_policy,
            restrict_public_buckets: self.restrict_public_buckets | other.restrict_public_buckets,
        }
    }
}

/// A bucket's policy, as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPolicy {
    /// The document, byte for byte; at most [`crate::limits::POLICY_BYTES`].
    pub text: Box<str>,
    /// Whom its Allow statements name: accounts, by their 12-digit or canonical ids as it names them, and `AllUsers` for
    /// everyone. What the index behind ListBuckets and `reach` is made from.
    pub names: Vec<Box<str>>,
}

/// A bucket: a name, an owner that never changes, and what decides over access to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Unique on the server.
    pub name: BucketName,
    /// Tells this bucket from an earlier one of the same name: its objects are stored under this.
    pub incarnation: u64,
    /// The account that made it, owns it and pays for it.
    pub owner: AccountId,
    /// The same account, as ACLs name it.
    pub owner_canonical: CanonicalId,
    /// Grants on the bucket.
    pub acl: Acl,
    /// `None` where nobody set it: then the server's default decides.
    pub ownership: Option<ObjectOwnership>,
    /// `None` where nobody set it: then only the server-wide block applies.
    pub public_access_block: Option<PublicAccessBlock>,
    /// `None` where it has none.
    pub policy: Option<BucketPolicy>,
    /// When it was made.
    pub created: Timestamp,
}
