//! The one place where a change is committed: with what it was decided on as conditions, and with its ledger entry.

use access::Permit;
use catalog::Stored;
use kv::{Change, Conflict, Require};
use ledger::{Event, Usage, UsageKey};
use model::{Basis, Bucket};

use crate::gate::actor;
use crate::quota::{self, share_with_quota};
use crate::{Context, Error, Store};

/// What a change is, for the ledger.
pub(crate) struct Deed<'a> {
    /// S3's name of the operation, or the command's.
    pub operation: &'static str,
    /// The bucket, account, key or share.
    pub subject: &'a str,
    /// The object's key.
    pub object: Option<&'a str>,
    /// What changed, where the operation does not say it all.
    pub detail: String,
    /// Usage that changes with it, by whom it is booked on.
    pub usage: Vec<(UsageKey, Usage)>,
}

/// How a commit ended.
pub(crate) enum Committed {
    /// It is durable.
    Done,
    /// Something that it rests on has changed: decide anew.
    Conflict,
    /// A counter would exceed its ceiling.
    Ceiling,
}

/// Most attempts of one change.
const ATTEMPTS: u32 = 64;

/// Counts attempts.
#[derive(Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// What to do after a commit that has no ceiling but a share's quota: `true`, it is done; `false`, try again.
    ///
    /// # Errors
    /// [`Error::Contention`] after [`ATTEMPTS`], [`Error::InvalidAccessKey`] if the caller's key no longer works,
    /// [`Error::QuotaExceeded`] if it would store more than its share may.
    pub(crate) async fn done(&mut self, store: &Store, ctx: &mut Context, committed: Committed) -> Result<bool, Error> {
        match committed {
            Committed::Done => Ok(true),
            Committed::Conflict => self.again(store, ctx).await.map(|()| false),
            Committed::Ceiling if share_with_quota(ctx).is_some() => Err(Error::QuotaExceeded),
            Committed::Ceiling => Err(Error::Unavailable("a counter without a ceiling met one".into())),
        }
    }

    /// After a conflict: makes sure that the caller still is who it was, waits a little, and lets the next attempt begin.
    pub(crate) async fn again(&mut self, store: &Store, ctx: &mut Context) -> Result<(), Error> {
        self.0 += 1;
        if self.0 >= ATTEMPTS {
            return Err(Error::Contention);
        }
        ctx.caller = store.directory.refresh(&ctx.caller).await?;
        if self.0 > 3 {
            tokio::time::sleep(std::time::Duration::from_millis(u64::from(self.0))).await;
        }
        Ok(())
    }
}

fn require(basis: &Basis) -> impl Iterator<Item = Require> + '_ {
    basis.0.iter().map(|(key, revision)| {
        let key = key.clone();
        match revision {
            Some(revision) => Require::Unchanged(key, *revision),
            None => Require::Absent(key),
        }
    })
}

impl Store {
    /// Commits `change` on condition that the caller and what `permit` was decided on are unchanged, together with its
    /// event and usage.
    pub(crate) async fn commit(
        &self,
        ctx: &Context,
        permit: Option<&Permit>,
        mut change: Change,
        deed: Deed<'_>,
    ) -> Result<Committed, Error> {
        let conditions = require(ctx.caller.basis()).chain(permit.into_iter().flat_map(|p| require(p.basis())));
        for condition in conditions {
            if !change.require.contains(&condition) {
                change.require.push(condition);
            }
        }
        let bytes = deed.usage.iter().map(|(_, usage)| usage.bytes_stored).sum();
        let usage = quota::merged(deed.usage);
        let ceilings = self.ceilings(ctx, &usage).await?;
        for ((of, usage), ceilings) in usage.iter().zip(ceilings) {
            change.write.extend(ledger::add_within(of, usage, ceilings));
        }
        change.write.push(ledger::append(&Event {
            at: self.now(),
            request_id: ctx.request_id.clone(),
            actor: actor(&ctx.caller),
            operation: deed.operation.to_owned(),
            subject: deed.subject.to_owned(),
            object: deed.object.map(str::to_owned),
            detail: deed.detail,
            bytes,
        }));
        match self.engine.commit(change).await? {
            Ok(_) => Ok(Committed::Done),
            Err(Conflict::Changed(_)) => Ok(Committed::Conflict),
            Err(Conflict::Ceiling(_)) => Ok(Committed::Ceiling),
        }
    }

    /// Whom usage in `bucket` caused by the caller is booked on.
    pub(crate) fn usage_key(&self, ctx: &Context, bucket: &Stored<Bucket>) -> UsageKey {
        usage_key(&bucket.value, actor(&ctx.caller).cause())
    }
}

/// Whom usage in `bucket` caused by `cause` is booked on.
pub(crate) fn usage_key(bucket: &Bucket, cause: &str) -> UsageKey {
    UsageKey { owner: bucket.owner.clone(), bucket: bucket.name.clone(), cause: cause.to_owned() }
}
