//! PutObject: decide, take the body in, decide again, commit.

use access::NewObject;
use catalog::{ContentHeaders, Object, ObjectSlot, plan_put_object};
use ledger::Usage;
use model::{Action, Checksum, ChecksumAlgorithm, ETag, ObjectKey, TagSet, Timestamp};

use crate::acls::AclInput;
use crate::commit::{Attempts, Deed, usage_key};
use crate::gate::Gated;
use crate::intake::{Source, Taken};
use crate::preconditions::WriteConditions;
use crate::quota::is_own;
use crate::{Context, Error, Store};
use model::BucketName;

/// What a caller says of an object beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Headers that go with the body.
    pub headers: ContentHeaders,
    /// User metadata: names in lower case without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// Tags. Who writes an object with some needs the right to tag it.
    pub tags: TagSet,
}

/// A PutObject.
pub struct PutObject<'a> {
    /// Into which bucket.
    pub bucket: &'a BucketName,
    /// Under which key.
    pub key: &'a ObjectKey,
    /// What goes with it.
    pub described: Described,
    /// Its ACL.
    pub acl: AclInput,
    /// On which conditions.
    pub conditions: WriteConditions,
    /// By which algorithm the checksum is that is kept.
    pub algorithm: ChecksumAlgorithm,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The object's tag.
    pub etag: ETag,
    /// Its date.
    pub modified: Timestamp,
    /// Its length, in bytes.
    pub len: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

impl Store {
    /// Stores an object. When this returns, it is durable and visible.
    ///
    /// # Errors
    /// [`Error`]; nothing became visible.
    pub async fn put_object(
        &self,
        ctx: &mut Context,
        put: PutObject<'_>,
        source: &mut dyn Source,
    ) -> Result<Written, Error> {
        // Before the body: who may not write, or whose condition fails already, need not send it.
        let gated = self.gate_object(ctx, Action::PutObject, put.bucket, put.key).await?;
        put.conditions.check(gated.object.as_ref().map(|o| &*o.value))?;
        // Only who may write is told which e-mail addresses have an account.
        let requested = self.resolve_object_acl(ctx, &gated.bucket.value, &put.acl).await?;
        let new = access::new_object(&gated.bucket.value, &self.settings.access, ctx.caller.principal(), &requested)?;
        self.may_tag(ctx, &gated.bucket, put.key, &new, &put.described.tags)?;
        let old = gated.object.as_ref().map(|old| &old.value);
        let freed = old.filter(|old| is_own(ctx, &old.cause)).map_or(0, |old| old.len);
        let room = self.room(ctx, &gated.bucket, freed).await?;
        drop(gated);
        let taken = self.take_in_paced(ctx, source, put.algorithm, room).await?;
        let done = self.place(ctx, &put, &requested, &taken).await;
        self.discard_unless(&done, &taken.body).await;
        done
    }

    async fn place(
        &self,
        ctx: &mut Context,
        put: &PutObject<'_>,
        requested: &access::RequestedAcl,
        taken: &Taken,
    ) -> Result<Written, Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, object: old } =
                self.gate_object(ctx, Action::PutObject, put.bucket, put.key).await?;
            put.conditions.check(old.as_ref().map(|o| &*o.value))?;
            let new = access::new_object(&bucket.value, &self.settings.access, ctx.caller.principal(), requested)?;
            self.may_tag(ctx, &bucket, put.key, &new, &put.described.tags)?;
            let NewObject { owner, acl } = new;
            let object = Object {
                key: put.key.clone(),
                version: None,
                owner,
                acl,
                len: taken.len,
                etag: ETag::from_md5(taken.md5),
                modified: self.now(),
                checksum: Some(taken.checksum.clone()),
                headers: put.described.headers.clone(),
                metadata: put.described.metadata.clone(),
                tags: put.described.tags.clone(),
                piece: taken.body.piece(),
                manifest: None,
                cause: crate::gate::actor(&ctx.caller).cause().to_owned(),
            };
            let manifest = self.manifest_of(old.as_ref()).await?;
            let slot = ObjectSlot {
                bucket: &bucket.value,
                key: put.key,
                old: old.as_ref().map(|old| (old, manifest.as_ref().map(|m| &*m.value))),
            };
            let (change, garbage) = plan_put_object(&slot, &object, &taken.body);
            let mut usage = vec![(
                self.usage_key(ctx, &bucket),
                Usage {
                    bytes_stored: taken.len as i64,
                    objects: 1,
                    requests: 1,
                    bytes_in: taken.len as i64,
                    ..Usage::default()
                },
            )];
            usage.extend(old.as_ref().map(|old| freed(&bucket.value, &old.value)));
            let deed = Deed {
                operation: "PutObject",
                subject: put.bucket.as_str(),
                object: Some(put.key.as_str()),
                detail: String::new(),
                usage,
            };
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                let pinned = old.and_then(|old| old.value.manifest.map(|(id, _)| id));
                self.remove_blobs(pinned, garbage).await;
                return Ok(Written {
                    etag: object.etag,
                    modified: object.modified,
                    len: object.len,
                    checksum: object.checksum,
                });
            }
        }
    }
}

/// What usage loses when `object` goes.
pub(crate) fn freed(bucket: &model::Bucket, object: &Object) -> (ledger::UsageKey, Usage) {
    let delta = Usage { bytes_stored: -(object.len as i64), objects: -1, ..Usage::default() };
    (usage_key(bucket, &object.cause), delta)
}
