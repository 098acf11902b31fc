//! UploadPart and UploadPartCopy.

use catalog::{Part, PartSlot, Stored, Upload, plan_put_part};
use ledger::Usage;
use model::{Action, ChecksumAlgorithm};

use super::{PartTarget, PartWritten, checksums, deed, freed_part};
use crate::commit::Attempts;
use crate::gate::Gated;
use crate::intake::{Source, Taken};
use crate::objects::{CopySource, FromBody, Wanted};
use crate::quota::{is_own, share_with_quota};
use crate::{Context, Error, Store};

impl Store {
    /// Stores a part, in place of an earlier one of its number.
    ///
    /// # Errors
    /// [`Error`]; nothing became part of the upload.
    pub async fn put_part(
        &self,
        ctx: &mut Context,
        target: PartTarget<'_>,
        algorithm: Option<ChecksumAlgorithm>,
        source: &mut dyn Source,
    ) -> Result<PartWritten, Error> {
        let (gated, upload) =
            self.gate_upload(ctx, Action::PutObject, target.bucket, target.key, target.upload).await?;
        let algorithm = checksums::of_part(upload.value.checksum, algorithm)?;
        let room = self.room_for_part(ctx, &gated, &upload, target.number).await?;
        let taken = self.take_in_paced(ctx, source, algorithm, room).await?;
        self.keep_part(ctx, target, taken, "UploadPart").await
    }

    /// Stores a part whose bytes are those of an object, or of a range of it (both ends included).
    ///
    /// # Errors
    /// [`Error`]; nothing became part of the upload.
    pub async fn copy_part(
        &self,
        ctx: &mut Context,
        target: PartTarget<'_>,
        source: CopySource,
        range: Option<(u64, u64)>,
    ) -> Result<PartWritten, Error> {
        let (gated, upload) =
            self.gate_upload(ctx, Action::PutObject, target.bucket, target.key, target.upload).await?;
        let algorithm = checksums::of_part(upload.value.checksum, None)?;
        let room = self.room_for_part(ctx, &gated, &upload, target.number).await?;
        let wanted = range.map_or(Wanted::Whole, |(first, last)| Wanted::FromTo(first, last));
        let (object, body) = self.open_source(ctx, &source, wanted).await?;
        if range.is_some_and(|(_, last)| last >= object.len) {
            return Err(Error::InvalidArgument {
                name: "x-amz-copy-source-range",
                message: format!("Range specified is not valid for source object of size: {}", object.len),
            });
        }
        let mut bytes = FromBody::new(body);
        let taken = self.take_in_paced(ctx, &mut bytes, algorithm, room).await;
        let taken = taken.map_err(|error| bytes.failed.take().unwrap_or(error))?;
        self.keep_part(ctx, target, taken, "UploadPartCopy").await
    }

    /// See [`Store::room`]: a part takes the place of an earlier one of its number.
    async fn room_for_part(
        &self,
        ctx: &Context,
        gated: &Gated,
        upload: &Stored<Upload>,
        number: u16,
    ) -> Result<Option<u64>, Error> {
        if share_with_quota(ctx).is_none() {
            return Ok(None);
        }
        let old = self.catalog.part(&upload.value.id, number).await?;
        let freed = old.filter(|old| is_own(ctx, &old.value.cause)).map_or(0, |old| old.value.len);
        self.room(ctx, &gated.bucket, freed).await
    }

    async fn keep_part(
        &self,
        ctx: &mut Context,
        target: PartTarget<'_>,
        taken: Taken,
        operation: &'static str,
    ) -> Result<PartWritten, Error> {
        let done = self.place_part(ctx, target, &taken, operation).await;
        self.discard_unless(&done, &taken.body).await;
        done
    }

    async fn place_part(
        &self,
        ctx: &mut Context,
        target: PartTarget<'_>,
        taken: &Taken,
        operation: &'static str,
    ) -> Result<PartWritten, Error> {
        let PartTarget { bucket: name, key, upload, number } = target;
        let mut attempts = Attempts::default();
        loop {
            let (Gated { permit, bucket, .. }, upload) =
                self.gate_upload(ctx, Action::PutObject, name, key, upload).await?;
            let old = self.catalog.part(&upload.value.id, number).await?;
            let part = Part {
                number,
                len: taken.len,
                md5: taken.md5,
                modified: self.now(),
                checksum: Some(taken.checksum.clone()),
                piece: taken.body.piece(),
                cause: ctx.cause(),
            };
            let slot = PartSlot { upload: &upload, number, old: old.as_ref() };
            let (change, garbage) = plan_put_part(&slot, &part, &taken.body);
            let len = taken.len as i64;
            let delta = Usage { bytes_stored: len, requests: 1, bytes_in: len, ..Usage::default() };
            let mut usage = vec![(self.usage_key(ctx, &bucket), delta)];
            usage.extend(old.iter().map(|old| freed_part(&bucket.value, &old.value)));
            let deed = deed(operation, name, key, &upload.value.id, usage);
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                self.remove_blobs(None, garbage).await;
                return Ok(PartWritten { etag: part.etag(), checksum: part.checksum, modified: part.modified });
            }
        }
    }
}
