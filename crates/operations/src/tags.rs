//! Tags of buckets and objects: read, put, removed, and set by who writes an object.
//!
//! Tags are settings: no ACL conveys them. Who sets some while it writes an object needs what PutObjectTagging on that
//! object would take, beside the right to write; who reads an object is told how many it has only if it may read them.

use access::{NewObject, ObjectFacts, Resource};
use catalog::{Object, Stored, plan_put_bucket_tags, plan_replace_object_tags};
use ledger::Usage;
use model::{Action, Bucket, BucketName, ObjectKey, TagSet};

use crate::commit::{Attempts, Deed};
use crate::gate::{Gated, facts, only_version};
use crate::{Context, Error, Store};

impl Store {
    /// An object's tags.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn object_tags(
        &self,
        ctx: &Context,
        name: &BucketName,
        key: &ObjectKey,
        version: Option<&str>,
    ) -> Result<TagSet, Error> {
        let gated = self.gate_object(ctx, Action::GetObjectTagging, name, key).await?;
        only_version(version)?;
        self.count_request(ctx, &gated.bucket);
        Ok(gated.object.ok_or(Error::NoSuchKey)?.value.tags.clone())
    }

    /// Gives an object these tags in place of those that it has; its date stays.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn put_object_tags(
        &self,
        ctx: &mut Context,
        object: (&BucketName, &ObjectKey, Option<&str>),
        tags: &TagSet,
    ) -> Result<(), Error> {
        self.retag(ctx, Action::PutObjectTagging, object, tags).await
    }

    /// Removes an object's tags; its date stays.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn delete_object_tags(
        &self,
        ctx: &mut Context,
        object: (&BucketName, &ObjectKey, Option<&str>),
    ) -> Result<(), Error> {
        self.retag(ctx, Action::DeleteObjectTagging, object, &TagSet::default()).await
    }

    async fn retag(
        &self,
        ctx: &mut Context,
        action: Action,
        (name, key, version): (&BucketName, &ObjectKey, Option<&str>),
        tags: &TagSet,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, object } = self.gate_object(ctx, action, name, key).await?;
            only_version(version)?;
            let old = object.ok_or(Error::NoSuchKey)?;
            let change = plan_replace_object_tags(&bucket.value, &old, tags.clone());
            let deed = Deed {
                operation: operation(action),
                subject: name.as_str(),
                object: Some(key.as_str()),
                detail: format!("{} tags", tags.len()),
                usage: vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })],
            };
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(());
            }
        }
    }

    /// A bucket's tags; none, if nobody set any.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn bucket_tags(&self, ctx: &Context, name: &BucketName) -> Result<TagSet, Error> {
        let bucket = self.gate_bucket(ctx, Action::GetBucketTagging, name).await?.bucket;
        self.count_request(ctx, &bucket);
        Ok(self.catalog.bucket_tags(&bucket.value).await?)
    }

    /// Gives a bucket these tags in place of those that it has; none removes them.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn put_bucket_tags(&self, ctx: &mut Context, name: &BucketName, tags: &TagSet) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } = self.gate_bucket(ctx, Action::PutBucketTagging, name).await?;
            let change = plan_put_bucket_tags(&bucket, tags);
            let deed = Deed {
                operation: operation(Action::PutBucketTagging),
                subject: name.as_str(),
                object: None,
                detail: format!("{} tags", tags.len()),
                usage: vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })],
            };
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(());
            }
        }
    }

    /// Refuses `tags` on an object that the caller is about to write as `new`, unless it could put them there afterwards.
    ///
    /// The question is asked of the object as it will be, but for its tags: those that the caller chooses are no evidence
    /// for its right to choose them.
    pub(crate) fn may_tag(
        &self,
        ctx: &Context,
        bucket: &Stored<Bucket>,
        key: &ObjectKey,
        new: &NewObject,
        tags: &TagSet,
    ) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(());
        }
        let resource = Resource::Object { bucket: &bucket.value.name, key, version: None };
        let object = Some(ObjectFacts { owner: &new.owner, acl: &new.acl, tags: &[] });
        // Decided on the same record as the write itself, whose permit the commit rests on.
        self.ask(ctx, Action::PutObjectTagging, resource, Some(bucket), object, None).map(drop)
    }

    /// How many tags an object has, for whom may know; 0 for all others.
    pub(crate) fn tags_to_tell(&self, ctx: &Context, bucket: &Stored<Bucket>, object: &Stored<Object>) -> usize {
        let tags = object.value.tags.len();
        let resource = Resource::Object { bucket: &bucket.value.name, key: &object.value.key, version: None };
        let allowed = || self.ask(ctx, Action::GetObjectTagging, resource, Some(bucket), Some(facts(object)), None);
        if tags > 0 && allowed().is_ok() { tags } else { 0 }
    }

    /// Refuses to hand an object's tags on to a copy to whom may not read them.
    pub(crate) async fn may_copy_tags(&self, ctx: &Context, name: &BucketName, object: &Object) -> Result<(), Error> {
        if object.tags.is_empty() {
            return Ok(());
        }
        self.gate_object(ctx, Action::GetObjectTagging, name, &object.key).await.map(drop)
    }
}

/// What the ledger calls what `action` does.
fn operation(action: Action) -> &'static str {
    let name = action.as_str();
    name.strip_prefix("s3:").unwrap_or(name)
}
