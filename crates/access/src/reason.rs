//! What settled a decision: a small value while deciding, a sentence when somebody asks.

use std::fmt;

use model::{Group, Permission, Preset};

use crate::policy::StatementAt;

/// By what a grant names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The account itself.
    Account,
    /// A group that the caller belongs to.
    Group(Group),
}

/// One grant of an ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantAt {
    /// Its place in the ACL, from 0.
    pub index: usize,
    /// By what it names the caller.
    pub via: Via,
    /// What it permits.
    pub permission: Permission,
}

/// What settled a decision, or bore on it. Its `Display` is for owners and operators: it tells what exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    // What allows.
    /// The caller owns the bucket.
    BucketOwner,
    /// The caller owns the object.
    ObjectOwner,
    /// A grant on the bucket.
    BucketGrant(GrantAt),
    /// A grant on the object.
    ObjectGrant(GrantAt),
    /// The key's share, by its preset.
    SharePreset(Preset),
    /// The key's share, action by action.
    ShareActions,
    /// A statement of the bucket's policy.
    PolicyAllows(StatementAt),
    /// Any account may ask for its own list of buckets.
    OwnList,
    /// The account may make buckets.
    MayOwnBuckets,

    // What bears on it.
    /// The object is not there, so the right to list the bucket decided.
    ObjectAbsent,
    /// The caller began the upload.
    UploadInitiator,
    /// The share's giver, who owns the bucket, owns the object.
    GiverOwnsObject,
    /// The share's giver may read the object by a grant on it.
    GiverGranted(GrantAt),

    // What denies, or does not count.
    /// A statement of the bucket's policy.
    PolicyDenies(StatementAt),
    /// The bucket's policy cannot be read, or was not.
    PolicyUnreadable,
    /// The bucket's policy is public, and RestrictPublicBuckets lets only the owner's account through it.
    PublicPolicyRestricted,
    /// The bucket's policy would allow it, but the object is another account's.
    PolicyOnObjectOfAnother,
    /// The bucket's policy would allow it, but no other account than the owner's handles a bucket's policy. S3: 405.
    PolicyOfOwnersAlone,
    /// A statement of the policy that restricts the key denies it.
    KeyPolicyDenies(StatementAt),
    /// No statement of the policy that restricts the key allows it.
    NotInKeyPolicy,
    /// The policy that restricts the key cannot be read, or was not.
    KeyPolicyUnreadable,
    /// The key is restricted to other buckets.
    BucketNotOfKey,
    /// The key is restricted to other prefixes.
    PrefixNotOfKey,
    /// The share is of another part of the bucket.
    PrefixNotOfShare,
    /// The share only creates, and the object is there.
    CreatesOnly,
    /// The share deletes only some objects, and not this one.
    DeletesOnlySome,
    /// No rule allows it.
    NoRule,
    /// Only the bucket's owner may do it; no grant conveys it.
    OwnerOnly,
    /// A grant to a group on the bucket would allow it, but public access is blocked.
    BucketGrantIgnored(GrantAt),
    /// A grant to a group on the object would allow it, but public access is blocked.
    ObjectGrantIgnored(GrantAt),
    /// ACLs are off in the bucket: its ownership is BucketOwnerEnforced.
    AclsOff,
    /// Somebody else began the upload.
    UploadOfAnother,
    /// A guest owns no buckets.
    GuestOwnsNothing,
    /// Guests are not signed up for this, by the server's strict-signup setting.
    StrictSignup,
    /// Only the holder of a key may ask.
    NeedsKey,
    /// The key belongs to a share that is not there.
    ShareMissing,
    /// The share that was found belongs to another key or account.
    ShareOfAnother,
    /// The share is revoked.
    ShareRevoked,
    /// The share has expired.
    ShareExpired,
    /// The share is of another bucket, or of an earlier one of the same name.
    ShareElsewhere,
    /// Who gave the share does not own the bucket.
    ShareGiverNotOwner,
    /// The actions of the share do not include it.
    NotInShareActions,
    /// The share's preset does not include the action.
    NotInPreset(Preset),
    /// Who gave the share may not read the object.
    GiverMayNotRead,
    /// The account is suspended.
    AccountSuspended,
    /// The key is disabled.
    KeyDisabled,
    /// The key has expired.
    KeyExpired,
    /// The key is restricted to other addresses.
    AddressNotOfKey,
    /// The share is restricted to other addresses.
    AddressNotOfShare,
    /// The share is pinned to the addresses that it was used from in its first days, and this is none of them.
    AddressNotPinned,
    /// The key belongs to another account than the one it came with.
    KeyOfAnother,
    /// The action is not one of this kind of resource.
    WrongResource,
    /// The bucket's record is not part of the evidence.
    NoBucket,
    /// The evidence is of another bucket than the question.
    OtherBucket,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Via::Account => "the account",
            Via::Group(Group::AllUsers) => "AllUsers",
            Via::Group(Group::AuthenticatedUsers) => "AuthenticatedUsers",
            Via::Group(Group::LogDelivery) => "LogDelivery",
        })
    }
}

impl fmt::Display for GrantAt {
    /// As `grant 2 (READ to AllUsers)`, counted from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grant {} ({} to {})", self.index + 1, self.permission.as_str(), self.via)
    }
}

/// As `statement 2`, counted from 1.
fn statement(at: &StatementAt) -> String {
    format!("statement {}", at.index + 1)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Reason::BucketGrant(grant) => return write!(f, "{grant} of the bucket's ACL"),
            Reason::ObjectGrant(grant) => return write!(f, "{grant} of the object's ACL"),
            Reason::SharePreset(preset) => return write!(f, "the key's share allows {}", preset.as_str()),
            Reason::GiverGranted(grant) => {
                return write!(f, "who gave the share may read the object by {grant} of its ACL");
            }
            Reason::BucketGrantIgnored(grant) => {
                return write!(f, "{grant} of the bucket's ACL does not count: public access is blocked");
            }
            Reason::ObjectGrantIgnored(grant) => {
                return write!(f, "{grant} of the object's ACL does not count: public access is blocked");
            }
            Reason::NotInPreset(preset) => {
                return write!(f, "the key's share allows {}, which does not include it", preset.as_str());
            }
            Reason::PolicyAllows(at) => return write!(f, "{} of the bucket's policy", statement(at)),
            Reason::PolicyDenies(at) if at.untold => {
                return write!(f, "{} of the bucket's policy cannot be evaluated, and denies for that", statement(at));
            }
            Reason::PolicyDenies(at) => return write!(f, "{} of the bucket's policy denies it", statement(at)),
            Reason::KeyPolicyDenies(at) => return write!(f, "{} of the key's policy denies it", statement(at)),
            Reason::ShareActions => "the key's share allows it by name",
            Reason::NotInShareActions => "the key's share does not name it",
            Reason::PolicyUnreadable => "the bucket's policy cannot be read",
            Reason::PublicPolicyRestricted => {
                "the bucket's policy is public, and only the owner's account gets through it: RestrictPublicBuckets"
            }
            Reason::PolicyOnObjectOfAnother => "the bucket's policy does not reach an object that another account owns",
            Reason::PolicyOfOwnersAlone => {
                "only the owner's account handles a bucket's policy, whatever the policy says"
            }
            Reason::NotInKeyPolicy => "the key's policy does not allow it",
            Reason::KeyPolicyUnreadable => "the key's policy cannot be read",
            Reason::BucketNotOfKey => "the key is restricted to other buckets",
            Reason::PrefixNotOfKey => "the key is restricted to other prefixes",
            Reason::PrefixNotOfShare => "the key's share is of another part of the bucket",
            Reason::CreatesOnly => "the key's share only creates, and there is an object",
            Reason::DeletesOnlySome => "the key's share does not delete this object",
            Reason::BucketOwner => "the caller owns the bucket",
            Reason::ObjectOwner => "the caller owns the object",
            Reason::OwnList => "every account may ask for its own list of buckets",
            Reason::MayOwnBuckets => "the account may make buckets",
            Reason::ObjectAbsent => "the object does not exist, so the right to list the bucket decides",
            Reason::UploadInitiator => "the caller began the upload",
            Reason::GiverOwnsObject => "who gave the share owns the object",
            Reason::NoRule => "no rule allows it",
            Reason::OwnerOnly => "only the bucket's owner may do it",
            Reason::AclsOff => "ACLs are off in this bucket: its ownership is BucketOwnerEnforced",
            Reason::UploadOfAnother => "another account began the upload",
            Reason::GuestOwnsNothing => "a guest owns no buckets",
            Reason::StrictSignup => "guests are not signed up for it: the server runs with strict signup",
            Reason::NeedsKey => "it takes an access key",
            Reason::ShareMissing => "the key belongs to a share that is not there",
            Reason::ShareOfAnother => "the share belongs to another key or account",
            Reason::ShareRevoked => "the key's share is revoked",
            Reason::ShareExpired => "the key's share has expired",
            Reason::ShareElsewhere => "the key's share is of another bucket",
            Reason::ShareGiverNotOwner => "who gave the share does not own the bucket",
            Reason::GiverMayNotRead => "who gave the share may not read the object",
            Reason::AccountSuspended => "the account is suspended",
            Reason::KeyDisabled => "the key is disabled",
            Reason::KeyExpired => "the key has expired",
            Reason::AddressNotOfKey => "the key is restricted to other addresses",
            Reason::AddressNotOfShare => "the key's share is restricted to other addresses",
            Reason::AddressNotPinned => {
                "the key's share is pinned to the addresses of its first days, and this is another"
            }
            Reason::KeyOfAnother => "the key belongs to another account",
            Reason::WrongResource => "the action is not one of this kind of resource",
            Reason::NoBucket => "the bucket's record was not read",
            Reason::OtherBucket => "the records read are of another bucket",
        };
        f.write_str(text)
    }
}
