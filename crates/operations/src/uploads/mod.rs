//! Multipart uploads: begun, filled part by part, completed or given up.
//!
//! Who will own the object and with which ACL is settled when the upload begins, as S3 does it; each later step asks anew
//! whether the caller may still write, and requires that the upload is still under way when it is committed.

mod checksums;
mod complete;
mod parts;

use access::NewObject;
use catalog::{Part, Stored, Upload, plan_abort_upload, plan_begin_upload};
use ledger::{Usage, UsageKey};
use model::{
    Action, Bucket, BucketName, Checksum, ChecksumAlgorithm, ChecksumKind, ETag, ObjectKey, Principal, Timestamp,
    UploadId,
};

use crate::acls::AclInput;
use crate::commit::{Attempts, Committed, Deed, usage_key};
use crate::gate::Gated;
use crate::objects::Described;
use crate::{Context, Error, Store};

pub use complete::{CompleteUpload, NamedPart};

/// A CreateMultipartUpload.
pub struct BeginUpload<'a> {
    /// Into which bucket.
    pub bucket: &'a BucketName,
    /// Under which key.
    pub key: &'a ObjectKey,
    /// What goes with the object.
    pub described: Described,
    /// The object's ACL.
    pub acl: AclInput,
    /// The checksum that the client asked for; CRC-64/NVME of the whole object where it asked for none.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// Which part of which upload.
#[derive(Debug, Clone, Copy)]
pub struct PartTarget<'a> {
    /// In which bucket.
    pub bucket: &'a BucketName,
    /// Of which object.
    pub key: &'a ObjectKey,
    /// The upload's id, as the caller names it.
    pub upload: &'a str,
    /// 1–10,000.
    pub number: u16,
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartWritten {
    /// Its tag.
    pub etag: ETag,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// When it was written.
    pub modified: Timestamp,
}

impl Store {
    /// Begins an upload.
    ///
    /// # Errors
    /// [`Error`]; nothing was begun.
    pub async fn begin_upload(&self, ctx: &mut Context, begin: BeginUpload<'_>) -> Result<UploadId, Error> {
        checksums::check_kind(begin.checksum)?;
        let random = getrandom::u64().map_err(|error| Error::Unavailable(error.to_string()))?;
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } =
                self.gate_object(ctx, Action::PutObject, begin.bucket, begin.key).await?;
            // Nobody in particular cannot come back for an upload.
            let Principal::Key { account, .. } = permit.principal() else { return Err(Error::NeedsAccount) };
            let settings = &self.settings.access;
            let requested = self.resolve_object_acl(ctx, &bucket.value, &begin.acl).await?;
            let new = access::new_object(&bucket.value, settings, permit.principal(), &requested)?;
            self.may_tag(ctx, &bucket, begin.key, &new, &begin.described.tags)?;
            let NewObject { owner, acl } = new;
            let began = self.now();
            let upload = Upload {
                id: UploadId::from_parts(began.millis(), random),
                bucket: begin.bucket.clone(),
                key: begin.key.clone(),
                initiator: account.canonical_id.clone(),
                owner,
                acl,
                checksum: begin.checksum,
                headers: begin.described.headers.clone(),
                metadata: begin.described.metadata.clone(),
                tags: begin.described.tags.clone(),
                began,
                cause: ctx.cause(),
            };
            let usage = vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })];
            let deed = deed("CreateMultipartUpload", begin.bucket, begin.key, &upload.id, usage);
            let committed = self.commit(ctx, Some(&permit), plan_begin_upload(&upload), deed).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(upload.id);
            }
        }
    }

    /// Gives up an upload and all its parts.
    ///
    /// # Errors
    /// [`Error::NoSuchUpload`] if there is none, any more.
    pub async fn abort_upload(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        key: &ObjectKey,
        upload: &str,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let (Gated { permit, bucket, .. }, upload) =
                self.gate_upload(ctx, Action::AbortMultipartUpload, name, key, upload).await?;
            let parts = self.catalog.all_parts(&upload.value.id).await?;
            let (change, garbage) = plan_abort_upload(&upload, &parts);
            let mut usage = vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })];
            usage.extend(parts.iter().map(|part| freed_part(&bucket.value, &part.value)));
            let deed = deed("AbortMultipartUpload", name, key, &upload.value.id, usage);
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                self.remove_blobs(None, garbage).await;
                return Ok(());
            }
        }
    }

    /// Gives up all uploads of a bucket that is about to be removed by somebody who may.
    pub(crate) async fn give_up_uploads(&self, ctx: &mut Context, bucket: &Stored<Bucket>) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let some = self.catalog.uploads(&bucket.value, model::limits::PAGE_KEYS).await?;
            if some.is_empty() {
                return Ok(());
            }
            for upload in some {
                let parts = self.catalog.all_parts(&upload.value.id).await?;
                let (mut change, garbage) = plan_abort_upload(&upload, &parts);
                change.require.push(bucket.unchanged());
                let usage = parts.iter().map(|part| freed_part(&bucket.value, &part.value)).collect();
                let (name, key) = (&bucket.value.name, &upload.value.key);
                let deed = deed("AbortMultipartUpload", name, key, &upload.value.id, usage);
                match self.commit(ctx, None, change, deed).await? {
                    Committed::Done => self.remove_blobs(None, garbage).await,
                    Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
                }
            }
        }
    }
}

fn deed<'a>(
    operation: &'static str,
    name: &'a BucketName,
    key: &'a ObjectKey,
    upload: &UploadId,
    usage: Vec<(UsageKey, Usage)>,
) -> Deed<'a> {
    let object = Some(key.as_str());
    Deed { operation, subject: name.as_str(), object, detail: format!("upload {upload}"), usage }
}

/// What usage loses when `part` goes.
fn freed_part(bucket: &Bucket, part: &Part) -> (UsageKey, Usage) {
    (usage_key(bucket, &part.cause), Usage { bytes_stored: -(part.len as i64), ..Usage::default() })
}
