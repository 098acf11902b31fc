//! How much may lie in a bucket that came through a share.
//!
//! The counters are the ledger's own: what each key stored in the bucket, to the byte. A share's writes add to them with a
//! ceiling, which the engine checks where it adds, so that no number of writes at once gets past it; and what goes gives
//! its room back by the same booking. A share that was rotated has had other keys. Their counters no longer grow but by
//! the share's own uploads that they began, and what they still hold is taken off the ceiling.

use catalog::Stored;
use ledger::{Ceilings, Usage, UsageKey};
use model::{Bucket, Principal, Quota, Share};

use crate::commit::usage_key;
use crate::{Context, Error, Store};

/// The lines of `usage`, one for each key, so that what one line frees another may fill.
pub(crate) fn merged(usage: Vec<(UsageKey, Usage)>) -> Vec<(UsageKey, Usage)> {
    let mut sums: Vec<(UsageKey, Usage)> = Vec::with_capacity(usage.len());
    for (of, delta) in usage {
        match sums.iter_mut().find(|(other, _)| *other == of) {
            Some((_, sum)) => sum.add(&delta),
            None => sums.push((of, delta)),
        }
    }
    sums
}

/// The caller's share, if it has a quota.
pub(crate) fn share_with_quota(ctx: &Context) -> Option<&Share> {
    match ctx.caller.principal() {
        Principal::Key { share: Some(share), .. } if share.quota != Quota::default() => Some(share),
        _ => None,
    }
}

fn ceiling(quota: Option<u64>, taken: i64) -> Option<i64> {
    quota.map(|quota| i64::try_from(quota).unwrap_or(i64::MAX).saturating_sub(taken.max(0)))
}

impl Store {
    /// Up to where each line of `usage` may grow in the caller's commit.
    pub(crate) async fn ceilings(&self, ctx: &Context, usage: &[(UsageKey, Usage)]) -> Result<Vec<Ceilings>, Error> {
        let Some(share) = share_with_quota(ctx) else { return Ok(vec![Ceilings::default(); usage.len()]) };
        let mut all = Vec::with_capacity(usage.len());
        for (of, delta) in usage {
            let is_shares =
                |cause: &str| cause == share.key.as_str() || share.former_keys.iter().any(|k| k.as_str() == cause);
            let grows = delta.bytes_stored > 0 || delta.objects > 0;
            if of.bucket != share.bucket || !grows || !is_shares(&of.cause) {
                all.push(Ceilings::default());
                continue;
            }
            let others = share.former_keys.iter().chain([&share.key]).filter(|key| key.as_str() != of.cause);
            let others: Vec<UsageKey> = others.map(|key| UsageKey { cause: key.to_string(), ..of.clone() }).collect();
            let mut taken = Usage::default();
            // In the common case of a share with one key there is nothing to read.
            for usage in self.ledger.usage_of(&others).await? {
                taken.add(&usage);
            }
            // What the same change does to them counts as done.
            usage.iter().filter(|(other, _)| others.contains(other)).for_each(|(_, delta)| taken.add(delta));
            all.push(Ceilings {
                bytes_stored: ceiling(share.quota.bytes, taken.bytes_stored),
                objects: ceiling(share.quota.objects, taken.objects),
            });
        }
        Ok(all)
    }

    /// How many bytes more the caller may store in the bucket, as far as can be told before they come; `None`: as many as
    /// it likes. `freed` bytes of its own make room. The commit is what counts; this keeps a body that cannot fit from
    /// being taken in whole.
    pub(crate) async fn room(&self, ctx: &Context, bucket: &Stored<Bucket>, freed: u64) -> Result<Option<u64>, Error> {
        let Some(share) = share_with_quota(ctx) else { return Ok(None) };
        let Some(quota) = share.quota.bytes else { return Ok(None) };
        let keys = share.former_keys.iter().chain([&share.key]);
        let of: Vec<UsageKey> = keys.map(|key| usage_key(&bucket.value, key.as_str())).collect();
        let taken: i64 = self.ledger.usage_of(&of).await?.iter().map(|usage| usage.bytes_stored).sum();
        Ok(Some(quota.saturating_add(freed).saturating_sub(u64::try_from(taken).unwrap_or(0))))
    }
}

/// Whether what `cause` stored counts as the caller's share's.
pub(crate) fn is_own(ctx: &Context, cause: &str) -> bool {
    share_with_quota(ctx)
        .is_some_and(|share| share.former_keys.iter().chain([&share.key]).any(|key| key.as_str() == cause))
}
