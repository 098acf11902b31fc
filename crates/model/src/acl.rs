//! Access control lists, as S3 writes them (S3 user guide, "Access control list (ACL) overview").

use crate::{CanonicalId, Invalid, limits};

/// What a grant permits. The meaning differs between a bucket and an object; `access` holds the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// List a bucket; read an object.
    Read,
    /// Create, overwrite and delete objects of a bucket; nothing on an object.
    Write,
    /// Read the ACL.
    ReadAcp,
    /// Change the ACL.
    WriteAcp,
    /// All of the above.
    FullControl,
}

impl Permission {
    /// All, in the order of S3's documentation.
    pub const ALL: [Permission; 5] =
        [Permission::Read, Permission::Write, Permission::ReadAcp, Permission::WriteAcp, Permission::FullControl];

    /// As S3 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::Read => "READ",
            Permission::Write => "WRITE",
            Permission::ReadAcp => "READ_ACP",
            Permission::WriteAcp => "WRITE_ACP",
            Permission::FullControl => "FULL_CONTROL",
        }
    }

    /// From S3's spelling; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        Permission::ALL.into_iter().find(|p| p.as_str() == text)
    }

    /// Whether holding `self` includes `wanted`.
    pub fn includes(self, wanted: Permission) -> bool {
        self == Permission::FullControl || self == wanted
    }
}

/// The groups that S3 predefines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Everyone, signed or not.
    AllUsers,
    /// Everyone with an account of this server.
    AuthenticatedUsers,
    /// The service that writes access logs.
    LogDelivery,
}

impl Group {
    /// All of them.
    pub const ALL: [Group; 3] = [Group::AllUsers, Group::AuthenticatedUsers, Group::LogDelivery];

    /// The URI that names the group on the wire.
    pub const fn uri(self) -> &'static str {
        match self {
            Group::AllUsers => "http://acs.amazonaws.com/groups/global/AllUsers",
            Group::AuthenticatedUsers => "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
            Group::LogDelivery => "http://acs.amazonaws.com/groups/s3/LogDelivery",
        }
    }

    /// From its URI; nothing else is one.
    pub fn parse(uri: &str) -> Option<Self> {
        Group::ALL.into_iter().find(|g| g.uri() == uri)
    }

    /// Whether a grant to it opens something to people whom nobody named.
    pub const fn is_public(self) -> bool {
        matches!(self, Group::AllUsers | Group::AuthenticatedUsers)
    }
}

/// Whom a grant names. An e-mail address is never stored: it is resolved once, when the grant is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grantee {
    /// One account.
    Account(CanonicalId),
    /// A predefined group.
    Group(Group),
}

/// One line of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// The grants on a bucket or object, in the order in which they were given; at most [`limits::ACL_GRANTS`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acl(Vec<Grant>);

impl Acl {
    /// A list of `grants`, kept in their order; the same grantee is not merged.
    ///
    /// # Errors
    /// [`Invalid`] if there are more than [`limits::ACL_GRANTS`].
    pub fn new(grants: Vec<Grant>) -> Result<Self, Invalid> {
        if grants.len() > limits::ACL_GRANTS {
            return Err(Invalid::new("access control list", "has more than 100 grants"));
        }
        Ok(Acl(grants))
    }

    /// `private`: FULL_CONTROL for `owner`, and nothing else.
    pub fn private(owner: CanonicalId) -> Self {
        Acl(vec![Grant { grantee: Grantee::Account(owner), permission: Permission::FullControl }])
    }

    /// The grants, in order.
    pub fn grants(&self) -> &[Grant] {
        &self.0
    }

    /// Whether any grant names AllUsers or AuthenticatedUsers.
    pub fn is_public(&self) -> bool {
        self.0.iter().any(|g| matches!(&g.grantee, Grantee::Group(group) if group.is_public()))
    }
}

/// The ACLs that S3 has names for (S3 user guide, "Canned ACL").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannedAcl {
    /// The owner alone.
    Private,
    /// And everyone may read.
    PublicRead,
    /// And everyone may read and write.
    PublicReadWrite,
    /// And every account may read.
    AuthenticatedRead,
    /// And, on an object, the bucket's owner may read.
    BucketOwnerRead,
    /// And, on an object, the bucket's owner has FULL_CONTROL.
    BucketOwnerFullControl,
    /// And, on a bucket, LogDelivery may write and read the ACL.
    LogDeliveryWrite,
}

impl CannedAcl {
    /// All of them.
    pub const ALL: [CannedAcl; 7] = [
        CannedAcl::Private,
        CannedAcl::PublicRead,
        CannedAcl::PublicReadWrite,
        CannedAcl::AuthenticatedRead,
        CannedAcl::BucketOwnerRead,
        CannedAcl::BucketOwnerFullControl,
        CannedAcl::LogDeliveryWrite,
    ];

    /// As S3 spells it in `x-amz-acl`.
    pub const fn as_str(self) -> &'static str {
        match self {
            CannedAcl::Private => "private",
            CannedAcl::PublicRead => "public-read",
            CannedAcl::PublicReadWrite => "public-read-write",
            CannedAcl::AuthenticatedRead => "authenticated-read",
            CannedAcl::BucketOwnerRead => "bucket-owner-read",
            CannedAcl::BucketOwnerFullControl => "bucket-owner-full-control",
            CannedAcl::LogDeliveryWrite => "log-delivery-write",
        }
    }

    /// From S3's spelling; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        CannedAcl::ALL.into_iter().find(|c| c.as_str() == text)
    }

    /// The list that it stands for, for something that `owner` owns in a bucket of `bucket_owner` (the same, for a
    /// bucket itself). Order as S3 shows it: the owner first. `log-delivery-write` means something on a bucket only,
    /// the two `bucket-owner-` ones on an object only; elsewhere each is `private`.
    pub fn expand(self, owner: &CanonicalId, bucket_owner: &CanonicalId, is_bucket: bool) -> Acl {
        let group = |group, permission| Grant { grantee: Grantee::Group(group), permission };
        let bucket_owner_gets = |permission| {
            (!is_bucket && bucket_owner != owner)
                .then(|| Grant { grantee: Grantee::Account(bucket_owner.clone()), permission })
                .into_iter()
                .collect()
        };
        let more: Vec<Grant> = match self {
            CannedAcl::Private => vec![],
            CannedAcl::PublicRead => vec![group(Group::AllUsers, Permission::Read)],
            CannedAcl::PublicReadWrite => {
                vec![group(Group::AllUsers, Permission::Read), group(Group::AllUsers, Permission::Write)]
            }
            CannedAcl::AuthenticatedRead => vec![group(Group::AuthenticatedUsers, Permission::Read)],
            CannedAcl::BucketOwnerRead => bucket_owner_gets(Permission::Read),
            CannedAcl::BucketOwnerFullControl => bucket_owner_gets(Permission::FullControl),
            CannedAcl::LogDeliveryWrite if is_bucket => {
                vec![group(Group::LogDelivery, Permission::Write), group(Group::LogDelivery, Permission::ReadAcp)]
            }
            CannedAcl::LogDeliveryWrite => vec![],
        };
        let mut grants = Acl::private(owner.clone()).0;
        grants.extend(more);
        Acl(grants)
    }
}
