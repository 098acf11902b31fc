//! Which ACL a bucket or an object may get, and who owns a new object: S3's object ownership settings (user guide,
//! "Controlling ownership of objects"), Bailiwick's own default, and BlockPublicAcls.
//!
//! Where both ACLs are off and the ACL is public, the former is said: no unblocking would help.

use model::{
    Acl, Bucket, CannedAcl, CanonicalId, Grant, Grantee, ObjectOwnership, Permission, Principal, PublicAccessBlock,
};

use crate::Settings;

/// The ACL that a request asks for, its grantees resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedAcl {
    /// None: what the bucket's ownership setting makes of it.
    Default,
    /// By name.
    Canned(CannedAcl),
    /// Grant by grant; kept exactly as given.
    Grants(Acl),
}

/// Whose a new object is, and its ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// Who owns it.
    pub owner: CanonicalId,
    /// The grants on it.
    pub acl: Acl,
}

/// Why an ACL is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AclRefusal {
    /// It grants to everyone or to all accounts, and BlockPublicAcls is on, on the bucket or the server. S3: 403
    /// AccessDenied.
    #[error("the ACL grants to a public group, and public ACLs are blocked")]
    PublicAclBlocked,
    /// The bucket takes no ACL from this writer, or from anyone. S3: 400 AccessControlListNotSupported.
    #[error("the bucket's object ownership does not allow this ACL")]
    AclsDisabled,
}

/// Owner and ACL of an object that `writer` writes into `bucket`. `writer` is somebody whom [`crate::decide`] let write.
///
/// | ownership | the bucket's owner writes | another account writes |
/// | --- | --- | --- |
/// | OwnerOwns | its own, any ACL | the bucket owner's; the writer may READ it; no other ACL |
/// | ObjectWriter | its own, any ACL | the writer's, any ACL |
/// | BucketOwnerPreferred | its own, any ACL | with `bucket-owner-full-control` the bucket owner's, else the writer's |
/// | BucketOwnerEnforced | its own, no other ACL | the bucket owner's, no other ACL |
///
/// What lands by a share's key or unsigned is the bucket owner's alone, whatever the setting: a share gives its account
/// nothing beyond the share, and who is nobody owns nothing. "No other ACL": `private`,
/// `bucket-owner-full-control`, or the same spelt as a grant, are taken and change nothing.
///
/// # Errors
/// [`AclRefusal`], if the ACL that is asked for is not one that the writer may give.
pub fn new_object(
    bucket: &Bucket,
    settings: &Settings,
    writer: &Principal,
    requested: &RequestedAcl,
) -> Result<NewObject, AclRefusal> {
    let bucket_owner = &bucket.owner_canonical;
    let owners_alone = || NewObject { owner: bucket_owner.clone(), acl: Acl::private(bucket_owner.clone()) };
    let writer = match writer {
        Principal::Anonymous => {
            return without_acl(bucket_owner, requested).map(|()| owners_alone());
        }
        Principal::Key { key, share, .. } if key.share.is_some() || share.is_some() => {
            return without_acl(bucket_owner, requested).map(|()| owners_alone());
        }
        Principal::Key { account, .. } => account,
    };
    let is_bucket_owner = writer.id == bucket.owner && writer.canonical_id == *bucket_owner;
    let owner = match settings.ownership(bucket.ownership) {
        ObjectOwnership::BucketOwnerEnforced => {
            return without_acl(bucket_owner, requested).map(|()| owners_alone());
        }
        ObjectOwnership::OwnerOwns if !is_bucket_owner => {
            without_acl(bucket_owner, requested)?;
            let acl = readable_by(&writer.canonical_id, bucket_owner);
            return Ok(NewObject { owner: bucket_owner.clone(), acl });
        }
        ObjectOwnership::BucketOwnerPreferred
            if *requested == RequestedAcl::Canned(CannedAcl::BucketOwnerFullControl) =>
        {
            bucket_owner
        }
        ObjectOwnership::OwnerOwns | ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => {
            &writer.canonical_id
        }
    };
    let acl = unblocked(expand(requested, owner, bucket_owner, false), bucket.public_access_block, settings)?;
    Ok(NewObject { owner: owner.clone(), acl })
}

/// The ACL that an existing object of `object_owner` gets. `caller` is somebody whom [`crate::decide`] let change it: an
/// owner, or a grantee of WRITE_ACP, who may give it any ACL, as S3 has it. Where ACLs are off, none but the owner's own;
/// and none by a share's key.
///
/// # Errors
/// [`AclRefusal`]
pub fn object_acl(
    bucket: &Bucket,
    settings: &Settings,
    caller: &Principal,
    object_owner: &CanonicalId,
    requested: &RequestedAcl,
) -> Result<Acl, AclRefusal> {
    let bucket_owner = &bucket.owner_canonical;
    if matches!(caller, Principal::Key { key, share, .. } if key.share.is_some() || share.is_some()) {
        return Err(AclRefusal::AclsDisabled);
    }
    if settings.ownership(bucket.ownership) == ObjectOwnership::BucketOwnerEnforced {
        without_acl(bucket_owner, requested)?;
        return Ok(Acl::private(bucket_owner.clone()));
    }
    unblocked(expand(requested, object_owner, bucket_owner, false), bucket.public_access_block, settings)
}

/// The ACL that a bucket gets, new or not: `ownership` and `bucket_block` are the bucket's own settings, where it has
/// any.
///
/// # Errors
/// [`AclRefusal`]
pub fn bucket_acl(
    bucket_owner: &CanonicalId,
    ownership: Option<ObjectOwnership>,
    bucket_block: Option<PublicAccessBlock>,
    settings: &Settings,
    requested: &RequestedAcl,
) -> Result<Acl, AclRefusal> {
    if settings.ownership(ownership) == ObjectOwnership::BucketOwnerEnforced {
        without_acl(bucket_owner, requested)?;
        return Ok(Acl::private(bucket_owner.clone()));
    }
    unblocked(expand(requested, bucket_owner, bucket_owner, true), bucket_block, settings)
}

/// Takes what says no more than that the bucket's owner has full control.
fn without_acl(bucket_owner: &CanonicalId, requested: &RequestedAcl) -> Result<(), AclRefusal> {
    let idle = match requested {
        RequestedAcl::Default => true,
        RequestedAcl::Canned(canned) => matches!(canned, CannedAcl::Private | CannedAcl::BucketOwnerFullControl),
        RequestedAcl::Grants(acl) => *acl == Acl::private(bucket_owner.clone()),
    };
    if idle { Ok(()) } else { Err(AclRefusal::AclsDisabled) }
}

/// FULL_CONTROL for `owner`, READ for `reader`.
fn readable_by(reader: &CanonicalId, owner: &CanonicalId) -> Acl {
    let grant = |account: &CanonicalId, permission| Grant { grantee: Grantee::Account(account.clone()), permission };
    Acl::new(vec![grant(owner, Permission::FullControl), grant(reader, Permission::Read)])
        .unwrap_or_else(|_| Acl::private(owner.clone()))
}

fn expand(requested: &RequestedAcl, owner: &CanonicalId, bucket_owner: &CanonicalId, is_bucket: bool) -> Acl {
    match requested {
        RequestedAcl::Default => Acl::private(owner.clone()),
        RequestedAcl::Canned(canned) => canned.expand(owner, bucket_owner, is_bucket),
        RequestedAcl::Grants(acl) => acl.clone(),
    }
}

fn unblocked(acl: Acl, own: Option<PublicAccessBlock>, settings: &Settings) -> Result<Acl, AclRefusal> {
    if settings.block(own).block_public_acls && acl.is_public() {
        return Err(AclRefusal::PublicAclBlocked);
    }
    Ok(acl)
}
