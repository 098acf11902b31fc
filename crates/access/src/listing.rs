//! Which buckets a caller's ListBuckets shows.

use model::{Bucket, Principal, Timestamp};

use crate::Settings;
use crate::decide::Scene;
use crate::standing::{Standing, covers};

/// Whether `bucket` is a row of `principal`'s ListBuckets: the account owns it, or a grant on it names the account; for a
/// share's key, the share is on it. Grants to groups do not count: a bucket that is open to everyone is in nobody's
/// list. Whoever sees a row may at least ask for the bucket's location.
///
/// Whether ListBuckets is answered at all is [`crate::decide`]'s.
pub fn lists_bucket(principal: &Principal, bucket: &Bucket, settings: &Settings, at: Timestamp) -> bool {
    match Standing::of(principal, at) {
        Err(_) | Ok(Standing::Anonymous) => false,
        Ok(Standing::Share(_, share)) => covers(share, bucket).is_ok(),
        Ok(standing @ Standing::Account(account)) => {
            let key_covers = match principal {
                Principal::Key { key, .. } => key.restriction.covers_bucket(&bucket.name),
                Principal::Anonymous => true,
            };
            let by_policy = bucket.policy.as_ref().is_some_and(|policy| {
                policy.names.iter().any(|name| [account.id.as_str(), account.canonical_id.as_str()].contains(&&**name))
            });
            let named = Scene::new(bucket, settings).names(&account.canonical_id) || by_policy;
            key_covers && (standing.owns(bucket) || named)
        }
    }
}
