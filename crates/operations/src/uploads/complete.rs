//! CompleteMultipartUpload.

use std::collections::BTreeSet;

use catalog::{
    CompletedUpload, Manifest, ManifestPart, Object, ObjectSlot, Part, Stored, Upload, plan_complete_upload,
};
use ledger::{Usage, UsageKey};
use md5::Digest as _;
use model::{Action, Bucket, BucketName, Checksum, ChecksumAlgorithm, ChecksumKind, ETag, ObjectKey, limits};
use subtle::ConstantTimeEq as _;

use super::{checksums, deed, freed_part};
use crate::commit::{Attempts, usage_key};
use crate::gate::Gated;
use crate::objects::{Written, freed};
use crate::preconditions::WriteConditions;
use crate::{Context, Error, Store};

/// A part that the caller wants in the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPart {
    /// Its number.
    pub number: u16,
    /// Its tag, without quotes.
    pub etag: String,
    /// Its checksum.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

/// A CompleteMultipartUpload.
pub struct CompleteUpload<'a> {
    /// In which bucket.
    pub bucket: &'a BucketName,
    /// Of which object.
    pub key: &'a ObjectKey,
    /// The upload's id, as the caller names it.
    pub upload: &'a str,
    /// The object's parts, in order.
    pub parts: Vec<NamedPart>,
    /// What the object's checksum must be.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// Of which kind the caller takes it to be.
    pub kind: Option<ChecksumKind>,
    /// How long the object must be, in bytes.
    pub size: Option<u64>,
    /// On which conditions on what is there.
    pub conditions: WriteConditions,
}

impl Store {
    /// Makes an object of the parts that were uploaded. When this returns, it is durable and visible, and the upload is
    /// gone.
    ///
    /// # Errors
    /// [`Error`]; nothing became visible, and the upload goes on.
    pub async fn complete_upload(&self, ctx: &mut Context, complete: CompleteUpload<'_>) -> Result<Written, Error> {
        let CompleteUpload { bucket: name, key, .. } = complete;
        let mut attempts = Attempts::default();
        loop {
            let (Gated { permit, bucket, object: old }, upload) =
                self.gate_upload(ctx, Action::PutObject, name, key, complete.upload).await?;
            let stored = self.catalog.all_parts(&upload.value.id).await?;
            let chosen = choose(&stored, &complete.parts)?;
            let checksum = checksums::of_object(upload.value.checksum, &chosen)?;
            let object = self.assemble(&upload.value, &chosen, checksum)?;
            check(&complete, &object)?;

            complete.conditions.check(old.as_ref().map(|o| &*o.value))?;
            let replaced = self.manifest_of(old.as_ref()).await?;
            let manifest = Manifest(chosen.iter().map(|part| in_manifest(part)).collect());
            let used: BTreeSet<u16> = chosen.iter().map(|part| part.number).collect();
            let slot = ObjectSlot {
                bucket: &bucket.value,
                key,
                old: old.as_ref().map(|old| (old, replaced.as_ref().map(|m| &*m.value))),
            };
            let done =
                CompletedUpload { upload: &upload, parts: &stored, used: &used, manifest: &manifest, object: &object };
            let (change, garbage) = plan_complete_upload(&slot, &done);
            let mut usage = rebooked(&bucket.value, &stored, &object);
            usage.push((self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() }));
            usage.extend(old.iter().map(|old| freed(&bucket.value, &old.value)));
            let deed = deed("CompleteMultipartUpload", name, key, &upload.value.id, usage);
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                self.remove_blobs(old.and_then(|old| old.value.manifest.map(|(id, _)| id)), garbage).await;
                let Object { etag, modified, len, checksum, .. } = object;
                return Ok(Written { etag, modified, len, checksum });
            }
        }
    }

    fn assemble(&self, upload: &Upload, parts: &[&Part], checksum: Checksum) -> Result<Object, Error> {
        let mut md5 = md5::Md5::new();
        parts.iter().for_each(|part| md5.update(part.md5));
        let len = parts.iter().map(|part| part.len).sum();
        if len > limits::OBJECT_BYTES {
            return Err(Error::EntityTooLarge);
        }
        let first = parts.iter().find_map(|part| part.piece).map(|piece| piece.id);
        let count = u16::try_from(parts.len()).map_err(|_| Error::InvalidPart)?;
        Ok(Object {
            key: upload.key.clone(),
            version: None,
            owner: upload.owner.clone(),
            acl: upload.acl.clone(),
            len,
            etag: ETag::from_parts(md5.finalize().into(), parts.len()),
            modified: self.now(),
            checksum: Some(checksum),
            headers: upload.headers.clone(),
            metadata: upload.metadata.clone(),
            tags: upload.tags.clone(),
            piece: None,
            manifest: Some((first.unwrap_or_else(|| self.fresh_inline_id()), count)),
            cause: upload.cause.clone(),
        })
    }
}

/// The parts that are named, in order.
fn choose<'a>(stored: &'a [Stored<Part>], named: &[NamedPart]) -> Result<Vec<&'a Part>, Error> {
    if !named.is_sorted_by(|a, b| a.number < b.number) {
        return Err(Error::InvalidPartOrder);
    }
    let mut chosen = Vec::with_capacity(named.len());
    for wanted in named {
        let found = stored.binary_search_by_key(&wanted.number, |part| part.value.number);
        let part = &*stored[found.map_err(|_| Error::InvalidPart)?].value;
        let same_checksum = match (&wanted.checksum, &part.checksum) {
            (None, _) => true,
            (Some((algorithm, value)), Some(stored)) => {
                *algorithm == stored.algorithm && bool::from(value.ct_eq(&stored.value))
            }
            (Some(_), None) => false,
        };
        if part.etag().as_str() != wanted.etag || !same_checksum {
            return Err(Error::InvalidPart);
        }
        chosen.push(part);
    }
    let Some((_, but_last)) = chosen.split_last() else { return Err(Error::InvalidPart) };
    if but_last.iter().any(|part| part.len < limits::PART_MIN_BYTES) {
        return Err(Error::EntityTooSmall);
    }
    Ok(chosen)
}

/// Whether the object is what the caller takes it to be.
fn check(complete: &CompleteUpload<'_>, object: &Object) -> Result<(), Error> {
    if let Some(size) = complete.size
        && size != object.len
    {
        let len = object.len;
        return Err(Error::InvalidRequest(format!(
            "The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {len}"
        )));
    }
    let Some(checksum) = &object.checksum else { return Ok(()) };
    if complete.kind.is_some_and(|kind| kind != checksum.kind) {
        return Err(Error::InvalidRequest(format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            checksum.kind.as_str()
        )));
    }
    if let Some((algorithm, value)) = &complete.checksum
        && (*algorithm != checksum.algorithm || !bool::from(value.ct_eq(&checksum.value)))
    {
        return Err(Error::BadDigest { header: algorithm.header() });
    }
    Ok(())
}

fn in_manifest(part: &Part) -> ManifestPart {
    ManifestPart { number: part.number, piece: part.piece, checksum: part.checksum.clone() }
}

/// The parts' bytes go from who uploaded each to who caused the object; unused ones are gone.
fn rebooked(bucket: &Bucket, parts: &[Stored<Part>], object: &Object) -> Vec<(UsageKey, Usage)> {
    let object_of = usage_key(bucket, &object.cause);
    let gained = Usage { bytes_stored: object.len as i64, objects: 1, ..Usage::default() };
    let mut usage: Vec<(UsageKey, Usage)> = vec![(object_of, gained)];
    for part in parts {
        let (of, delta) = freed_part(bucket, &part.value);
        match usage.iter_mut().find(|(other, _)| *other == of) {
            Some((_, sum)) => sum.add(&delta),
            None => usage.push((of, delta)),
        }
    }
    usage
}
