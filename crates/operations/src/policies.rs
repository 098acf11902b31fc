//! Bucket policies: put, read, removed, and told whether they are public.
//!
//! The text is stored as it came; what it means is parsed from it, once for each state of the bucket. A policy that
//! cannot be read any more allows nothing and denies everything but its own replacement.

use std::collections::HashMap;
use std::sync::Arc;

use access::policy::{Effect, Named, Policy};
use access::{Evidence, PolicyEvidence, Question, Resource, Verdict};
use catalog::{Stored, plan_replace_bucket};
use ledger::Usage;
use model::{Action, Basis, Bucket, BucketName, BucketPolicy, Principal, Revision, limits};
use parking_lot::Mutex;

use crate::commit::{Attempts, Deed};
use crate::gate::Gated;
use crate::{Context, Error, Store};

/// Parsed policies kept at a time.
const KEPT: usize = 1000;

/// A parsed policy; `None`: its text cannot be read.
type Kept = Option<Arc<Policy>>;

/// Parsed policies: of buckets, each of one state of the bucket (a commit that changes the bucket changes its revision, so
/// that what is kept here is never taken for what holds later); and of keys, by their text.
#[derive(Default)]
pub(crate) struct Policies {
    of_buckets: Mutex<HashMap<BucketName, (Revision, Kept)>>,
    of_keys: Mutex<HashMap<Box<str>, Kept>>,
}

/// A policy that decides, or what is there in its place.
pub(crate) enum Parsed {
    None,
    Read(Arc<Policy>),
    Unreadable,
}

impl Parsed {
    fn from(found: Option<Option<Arc<Policy>>>) -> Self {
        match found {
            None => Parsed::None,
            Some(Some(policy)) => Parsed::Read(policy),
            Some(None) => Parsed::Unreadable,
        }
    }

    pub(crate) fn of(policy: Policy) -> Self {
        Parsed::Read(Arc::new(policy))
    }

    pub(crate) fn evidence(&self) -> PolicyEvidence<'_> {
        match self {
            Parsed::None => PolicyEvidence::None,
            Parsed::Read(policy) => PolicyEvidence::Read(policy),
            Parsed::Unreadable => PolicyEvidence::Unreadable,
        }
    }
}

impl Policies {
    /// The policy that restricts the principal's key.
    pub(crate) fn of_key(&self, principal: &Principal) -> Parsed {
        let Principal::Key { key, .. } = principal else { return Parsed::None };
        let Some(text) = &key.restriction.policy else { return Parsed::None };
        let mut kept = self.of_keys.lock();
        if let Some(policy) = kept.get(text) {
            return Parsed::from(Some(policy.clone()));
        }
        let policy = Policy::parse_for_key(text).map(Arc::new);
        if let Err(error) = &policy {
            tracing::error!(key = %key.id, %error, "a key's policy cannot be read: the key reaches nothing");
        }
        let policy = policy.ok();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(text.clone(), policy.clone());
        Parsed::from(Some(policy))
    }

    /// The policy of that state of the bucket.
    pub(crate) fn of_bucket(&self, bucket: Option<&Stored<Bucket>>) -> Parsed {
        Parsed::from(bucket.and_then(|bucket| self.of(bucket)))
    }

    fn of(&self, bucket: &Stored<Bucket>) -> Option<Option<Arc<Policy>>> {
        let text = &bucket.value.policy.as_ref()?.text;
        let mut kept = self.of_buckets.lock();
        if let Some((revision, policy)) = kept.get(&bucket.value.name)
            && *revision == bucket.revision
        {
            return Some(policy.clone());
        }
        let policy = Policy::parse(text).map(Arc::new);
        if let Err(error) = &policy {
            tracing::error!(bucket = %bucket.value.name, %error, "a stored bucket policy cannot be read: nothing is allowed by it");
        }
        let policy = policy.ok();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(bucket.value.name.clone(), (bucket.revision, policy.clone()));
        Some(policy)
    }
}

impl Store {
    /// A bucket's policy, as it was put.
    ///
    /// # Errors
    /// [`Error::NotSet`] where it has none.
    pub async fn bucket_policy(&self, ctx: &Context, name: &BucketName) -> Result<Box<str>, Error> {
        let bucket = self.gate_bucket(ctx, Action::GetBucketPolicy, name).await?.bucket;
        self.count_request(ctx, &bucket);
        bucket.value.policy.as_ref().map(|policy| policy.text.clone()).ok_or(Error::NotSet)
    }

    /// Whether a bucket's policy opens it to people whom nobody named.
    ///
    /// # Errors
    /// [`Error::NotSet`] where it has none.
    pub async fn bucket_policy_is_public(&self, ctx: &Context, name: &BucketName) -> Result<bool, Error> {
        let bucket = self.gate_bucket(ctx, Action::GetBucketPolicyStatus, name).await?.bucket;
        self.count_request(ctx, &bucket);
        match self.policies.of(&bucket) {
            None => Err(Error::NotSet),
            Some(policy) => Ok(policy.is_some_and(|policy| policy.is_public())),
        }
    }

    /// Gives a bucket a policy, in place of the one it has. `confirmed`: the caller knows that it takes away its own right to
    /// change it again.
    ///
    /// # Errors
    /// [`Error::MalformedPolicy`], [`Error::PublicPolicyBlocked`], [`Error::SelfLockout`]; nothing changed.
    pub async fn put_bucket_policy(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        text: &str,
        confirmed: bool,
    ) -> Result<(), Error> {
        // Who may not change it is told nothing about it.
        self.gate_bucket(ctx, Action::PutBucketPolicy, name).await?;
        let (policy, record) = read_policy(name, text)?;
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } = self.gate_bucket(ctx, Action::PutBucketPolicy, name).await?;
            self.may_be_policy(&bucket.value, &policy)?;
            let new = Bucket { policy: Some(record.clone()), ..Bucket::clone(&bucket.value) };
            if !confirmed && !self.may_still_change(ctx, &new, &policy) {
                return Err(Error::SelfLockout);
            }
            let change = plan_replace_bucket(&bucket, &new);
            if self.commit_setting(ctx, &mut attempts, (permit, &bucket), "PutBucketPolicy", change).await? {
                return Ok(());
            }
        }
    }

    /// Takes a bucket's policy away. It is no error if it has none.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn delete_bucket_policy(&self, ctx: &mut Context, name: &BucketName) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } = self.gate_bucket(ctx, Action::DeleteBucketPolicy, name).await?;
            if bucket.value.policy.is_none() {
                self.count_request(ctx, &bucket);
                return Ok(());
            }
            let change = plan_replace_bucket(&bucket, &Bucket { policy: None, ..Bucket::clone(&bucket.value) });
            if self.commit_setting(ctx, &mut attempts, (permit, &bucket), "DeleteBucketPolicy", change).await? {
                return Ok(());
            }
        }
    }

    /// Whether a bucket takes a policy, as far as it may be public.
    pub(crate) fn may_be_policy(&self, bucket: &Bucket, policy: &Policy) -> Result<(), Error> {
        let server = self.settings.access.public_access_block;
        let block = bucket.public_access_block.map_or(server, |own| own.or(server));
        if block.block_public_policy && policy.is_public() { Err(Error::PublicPolicyBlocked) } else { Ok(()) }
    }

    /// Whether the caller could change the policy again once it is this one.
    fn may_still_change(&self, ctx: &Context, bucket: &Bucket, policy: &Policy) -> bool {
        let key_policy = self.policies.of_key(ctx.caller.principal());
        let evidence = Evidence {
            settings: &self.settings.access,
            bucket: Some(bucket),
            policy: PolicyEvidence::Read(policy),
            key_policy: key_policy.evidence(),
            object: None,
            upload: None,
            basis: Basis::default(),
        };
        let question = Question {
            principal: ctx.caller.principal(),
            action: Action::PutBucketPolicy,
            resource: Resource::Bucket(&bucket.name),
            at: self.now(),
            source: ctx.source,
            facts: ctx.facts(),
        };
        matches!(access::decide(&question, evidence), Verdict::Allowed(_))
    }

    async fn commit_setting(
        &self,
        ctx: &mut Context,
        attempts: &mut Attempts,
        (permit, bucket): (access::Permit, &Stored<Bucket>),
        operation: &'static str,
        change: kv::Change,
    ) -> Result<bool, Error> {
        let usage = vec![(self.usage_key(ctx, bucket), Usage { requests: 1, ..Usage::default() })];
        let subject = bucket.value.name.as_str();
        let deed = Deed { operation, subject, object: None, detail: String::new(), usage };
        let committed = self.commit(ctx, Some(&permit), change, deed).await?;
        attempts.done(self, ctx, committed).await
    }
}

/// A text as a policy of that bucket: read, and as it is stored.
pub(crate) fn read_policy(bucket: &BucketName, text: &str) -> Result<(Policy, BucketPolicy), Error> {
    if text.len() > limits::POLICY_BYTES {
        return Err(Error::MalformedPolicy("Policies must be at most 20 KB.".into()));
    }
    let policy = Policy::parse(text).map_err(malformed)?;
    policy.check_bucket(bucket).map_err(malformed)?;
    let record = BucketPolicy { text: text.into(), names: names(&policy) };
    Ok((policy, record))
}

/// Whom the policy's Allow statements name, for the index.
fn names(policy: &Policy) -> Vec<Box<str>> {
    let name = |named: &Named| match named {
        Named::Everyone => "AllUsers".into(),
        Named::Account(id) => id.as_str().into(),
        Named::Canonical(id) => id.as_str().into(),
    };
    let allows = policy.statements().iter().filter(|statement| statement.effect() == Effect::Allow);
    let mut names: Vec<Box<str>> =
        allows.filter_map(|statement| statement.principals()).flat_map(|p| p.named()).map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn malformed(error: access::policy::PolicyError) -> Error {
    Error::MalformedPolicy(error.to_string())
}
