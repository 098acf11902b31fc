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
            standing.owns(bucket) || Scene::new(bucket, settings).names(&account.canonical_id)
        }
    }
}
