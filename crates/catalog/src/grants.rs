//! The index from a grantee to what names it, kept in the commit that changes the grant.

use std::collections::BTreeSet;

use bytes::Bytes;
use kv::Write;
use model::{AccountId, Acl, Bucket, BucketName, CanonicalId, Grantee, Group, ObjectKey};

use crate::keys;

/// Whom an index row is filed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantTarget<'a> {
    /// An account.
    Account(&'a CanonicalId),
    /// An account, where a policy names it by its number.
    AccountNumber(&'a AccountId),
    /// A predefined group.
    Group(Group),
}

impl GrantTarget<'_> {
    pub(crate) fn text(&self) -> &str {
        match self {
            GrantTarget::Account(id) => id.as_str(),
            GrantTarget::AccountNumber(id) => id.as_str(),
            GrantTarget::Group(Group::AllUsers) => "AllUsers",
            GrantTarget::Group(Group::AuthenticatedUsers) => "AuthenticatedUsers",
            GrantTarget::Group(Group::LogDelivery) => "LogDelivery",
        }
    }
}

/// Everybody that `acl` names, but `except`: the bucket's owner reaches its bucket without being granted anything.
fn named(acl: &Acl, except: &CanonicalId) -> BTreeSet<String> {
    acl.grants()
        .iter()
        .filter_map(|grant| match &grant.grantee {
            Grantee::Account(id) if id == except => None,
            Grantee::Account(id) => Some(id.to_string()),
            Grantee::Group(group) => Some(GrantTarget::Group(*group).text().to_owned()),
        })
        .collect()
}

fn replace(write: &mut Vec<Write>, old: BTreeSet<String>, new: BTreeSet<String>, key: impl Fn(&str) -> kv::Key) {
    write.extend(old.difference(&new).map(|grantee| Write::Delete(key(grantee))));
    write.extend(new.difference(&old).map(|grantee| Write::Put(key(grantee), Bytes::new())));
}

/// Whom the index names for `bucket`.
pub(crate) fn of_bucket(bucket: &Bucket) -> BTreeSet<String> {
    let mut all = named(&bucket.acl, &bucket.owner_canonical);
    let by_policy = bucket.policy.iter().flat_map(|policy| &policy.names);
    let owner = [bucket.owner.as_str(), bucket.owner_canonical.as_str()];
    all.extend(by_policy.filter(|name| !owner.contains(&&***name)).map(|name| name.to_string()));
    all
}

/// Whom the index names for an object of `owner`. An owner that is not the bucket's is indexed too: it reaches the object
/// without a grant.
pub(crate) fn of_object(bucket_owner: &CanonicalId, owner: &CanonicalId, acl: &Acl) -> BTreeSet<String> {
    let mut all = named(acl, bucket_owner);
    if owner != bucket_owner {
        all.insert(owner.to_string());
    }
    all
}

/// Index changes for a bucket that was `old` and becomes `new`.
pub(crate) fn bucket(write: &mut Vec<Write>, old: Option<&Bucket>, new: Option<&Bucket>) {
    let Some(name) = old.or(new).map(|b| b.name.clone()) else { return };
    let of = |bucket: Option<&Bucket>| bucket.map(of_bucket).unwrap_or_default();
    replace(write, of(old), of(new), |grantee| keys::bucket_grant(grantee, &name));
}

/// Index changes for an object whose (owner, ACL) was `old` and becomes `new`.
pub(crate) fn object(
    write: &mut Vec<Write>,
    bucket_owner: &CanonicalId,
    (bucket, key): (&BucketName, &ObjectKey),
    old: Option<(&CanonicalId, &Acl)>,
    new: Option<(&CanonicalId, &Acl)>,
) {
    let of = |facts: Option<(&CanonicalId, &Acl)>| {
        facts.map(|(owner, acl)| of_object(bucket_owner, owner, acl)).unwrap_or_default()
    };
    replace(write, of(old), of(new), |grantee| keys::object_grant(grantee, bucket, key));
}
