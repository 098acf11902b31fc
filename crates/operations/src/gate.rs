//! The one place where a request meets the authoriser: it reads the evidence, asks, and hands out the permit with the
//! records that it was decided on, so that what is authorised is what is executed.

use access::{Evidence, ObjectFacts, Permit, PolicyEvidence, Question, Resource, UploadFacts, Verdict};
use catalog::{Object, Stored, Upload};
use identity::Caller;
use model::{Action, Basis, Bucket, BucketName, ObjectKey, UploadId};

use crate::{Context, Error, Store};

/// A permit and what it was decided on.
pub(crate) struct Gated {
    pub permit: Permit,
    pub bucket: Stored<Bucket>,
    pub object: Option<Stored<Object>>,
}

impl Store {
    /// Asks for `action` on a bucket.
    pub(crate) async fn gate_bucket(&self, ctx: &Context, action: Action, name: &BucketName) -> Result<Gated, Error> {
        let bucket = self.catalog.bucket(name).await?.ok_or(Error::NoSuchBucket)?;
        let permit = self.ask(ctx, action, Resource::Bucket(name), Some(&bucket), None, None)?;
        expected_owner(ctx, &bucket.value)?;
        Ok(Gated { permit, bucket, object: None })
    }

    /// Asks for `action` on an object, there or not.
    pub(crate) async fn gate_object(
        &self,
        ctx: &Context,
        action: Action,
        name: &BucketName,
        key: &ObjectKey,
    ) -> Result<Gated, Error> {
        let (bucket, object) = self.catalog.object(name, key).await?;
        let bucket = bucket.ok_or(Error::NoSuchBucket)?;
        let resource = Resource::Object { bucket: name, key, version: None };
        let permit = self.ask(ctx, action, resource, Some(&bucket), object.as_ref().map(facts), None)?;
        expected_owner(ctx, &bucket.value)?;
        Ok(Gated { permit, bucket, object })
    }

    /// Asks for `action` on an unfinished upload. Whether the upload exists is told only to those who may act on it.
    pub(crate) async fn gate_upload(
        &self,
        ctx: &Context,
        action: Action,
        name: &BucketName,
        key: &ObjectKey,
        id: &str,
    ) -> Result<(Gated, Stored<Upload>), Error> {
        // What is no upload id names no upload; the decision is the same as for one that is gone.
        let (bucket, upload) = match UploadId::new(id) {
            Ok(id) => self.catalog.upload(name, key, &id).await?,
            Err(_) => (self.catalog.bucket(name).await?, None),
        };
        let bucket = bucket.ok_or(Error::NoSuchBucket)?;
        // What is there already may decide over what the upload will put in its place. Whoever does that requires it to be
        // as it was read here.
        let object = self.catalog.object(name, key).await?.1;
        let resource = Resource::Object { bucket: name, key, version: None };
        let permit = self.ask(ctx, action, resource, Some(&bucket), object.as_ref().map(facts), upload.as_ref())?;
        expected_owner(ctx, &bucket.value)?;
        let upload = upload.ok_or(Error::NoSuchUpload)?;
        Ok((Gated { permit, bucket, object }, upload))
    }

    /// Asks for `action` and does nothing: for operations that have nothing to do, or cannot do it yet.
    ///
    /// # Errors
    /// [`Error`], as the operation itself would answer.
    pub async fn may(
        &self,
        ctx: &Context,
        action: Action,
        bucket: &BucketName,
        key: Option<&ObjectKey>,
    ) -> Result<(), Error> {
        let gated = self.gate_either(ctx, action, bucket, key).await?;
        self.count_request(ctx, &gated.bucket);
        Ok(())
    }

    /// Asks for `action` before the request that wants it is read to its end: who may not do it need not send the rest. The
    /// operation itself asks again, and is what counts.
    ///
    /// # Errors
    /// [`Error`], as the operation itself would answer.
    pub async fn would_allow(
        &self,
        ctx: &Context,
        action: Action,
        bucket: &BucketName,
        key: Option<&ObjectKey>,
    ) -> Result<(), Error> {
        self.gate_either(ctx, action, bucket, key).await.map(drop)
    }

    async fn gate_either(
        &self,
        ctx: &Context,
        action: Action,
        bucket: &BucketName,
        key: Option<&ObjectKey>,
    ) -> Result<Gated, Error> {
        match key {
            None => self.gate_bucket(ctx, action, bucket).await,
            Some(key) => self.gate_object(ctx, action, bucket, key).await,
        }
    }

    /// Asks for an action of the service itself, or for CreateBucket, of which the bucket may exist or not.
    pub(crate) fn ask(
        &self,
        ctx: &Context,
        action: Action,
        resource: Resource<'_>,
        bucket: Option<&Stored<Bucket>>,
        object: Option<ObjectFacts<'_>>,
        upload: Option<&Stored<Upload>>,
    ) -> Result<Permit, Error> {
        let basis = Basis(bucket.iter().map(|b| (b.key.clone(), Some(b.revision))).collect());
        let principal = ctx.caller.principal();
        let (policy, key_policy) = (self.policies.of_bucket(bucket), self.policies.of_key(principal));
        let evidence = Evidence {
            settings: &self.settings.access,
            bucket: bucket.map(|b| &*b.value),
            policy: policy.evidence(),
            key_policy: key_policy.evidence(),
            object,
            upload: upload.map(|u| UploadFacts { initiator: &u.value.initiator }),
            basis,
        };
        self.judge(ctx, action, resource, evidence)
    }

    /// Asks for `action` on a bucket that the caller is about to make, as if it were there. Nothing that is stored decides
    /// over it, so that the permit for making the bucket is all that the commit rests on.
    pub(crate) fn ask_of_new(&self, ctx: &Context, action: Action, bucket: &Bucket) -> Result<(), Error> {
        let key_policy = self.policies.of_key(ctx.caller.principal());
        let evidence = Evidence {
            settings: &self.settings.access,
            bucket: Some(bucket),
            policy: PolicyEvidence::None,
            key_policy: key_policy.evidence(),
            object: None,
            upload: None,
            basis: Basis::default(),
        };
        self.judge(ctx, action, Resource::Bucket(&bucket.name), evidence).map(drop)
    }

    fn judge(
        &self,
        ctx: &Context,
        action: Action,
        resource: Resource<'_>,
        evidence: Evidence<'_>,
    ) -> Result<Permit, Error> {
        let (at, source, facts) = (self.now(), ctx.source, ctx.facts());
        let question = Question { principal: ctx.caller.principal(), action, resource, at, source, facts };
        match access::decide(&question, evidence) {
            Verdict::Allowed(permit) => Ok(permit),
            Verdict::Denied(denial) => {
                self.denials.note(&ctx.request_id, &question, denial.reasons());
                tracing::debug!(request_id = %ctx.request_id, action = action.as_str(), reasons = ?denial.reasons(), "denied");
                Err(Error::AccessDenied(denial))
            }
        }
    }
}

/// What decides over an object that is there.
pub(crate) fn facts(object: &Stored<Object>) -> ObjectFacts<'_> {
    ObjectFacts { owner: &object.value.owner, acl: &object.value.acl, tags: &object.value.tags }
}

/// `x-amz-expected-bucket-owner`: who names the wrong owner is about to talk to somebody else's bucket. It is judged after
/// the permit, so that it tells nothing to whom the bucket is closed.
fn expected_owner(ctx: &Context, bucket: &Bucket) -> Result<(), Error> {
    match &ctx.expected_owner {
        Some(expected) if expected != bucket.owner.as_str() => Err(Error::WrongBucketOwner),
        _ => Ok(()),
    }
}

/// Checks a version id that a caller named. Versions are not kept yet, so the only one there is is `null`.
pub(crate) fn only_version(version: Option<&str>) -> Result<(), Error> {
    match version {
        None | Some("null") => Ok(()),
        Some(text) if model::VersionId::new(text).is_ok() => Err(Error::NoSuchVersion),
        Some(_) => Err(Error::InvalidArgument { name: "versionId", message: "Invalid version id specified".into() }),
    }
}

/// Which key usage is booked on.
pub(crate) fn actor(caller: &Caller) -> ledger::Actor {
    match caller.kind() {
        identity::CallerKind::Operator { uid } => ledger::Actor::Operator { uid },
        identity::CallerKind::Anonymous => ledger::Actor::Anonymous,
        identity::CallerKind::Key => match (caller.principal().account(), caller.principal().key_id()) {
            (Some(account), Some(key)) => ledger::Actor::Key { account: account.id.clone(), key: key.clone() },
            _ => ledger::Actor::Anonymous,
        },
    }
}
