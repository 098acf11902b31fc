//! DeleteObject, alone or up to a thousand at once.

use catalog::{Manifest, Object, ObjectSlot, Stored, plan_delete_object};
use futures_util::StreamExt as _;
use ledger::Usage;
use model::{Action, BucketName, ObjectKey};

use crate::commit::{Attempts, Deed};
use crate::gate::Gated;
use crate::preconditions::WriteConditions;
use crate::{Context, Error, Store};

/// How the deletion of one of many ended.
pub type DeleteOutcome = Result<(), Error>;

/// How many of a batch are under way at once, so that their commits share syncs.
const AT_ONCE: usize = 32;

impl Store {
    /// Removes an object. It is no error if it is not there.
    ///
    /// # Errors
    /// [`Error`]; nothing was removed.
    pub async fn delete_object(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        key: &ObjectKey,
        version: Option<&str>,
        conditions: &WriteConditions,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, object } = self.gate_object(ctx, Action::DeleteObject, name, key).await?;
            crate::gate::only_version(version)?;
            conditions.check(object.as_ref().map(|o| &*o.value))?;
            let Some(old) = object else { return Ok(()) };
            let manifest = self.manifest_of(Some(&old)).await?;
            let slot =
                ObjectSlot { bucket: &bucket.value, key, old: Some((&old, manifest.as_ref().map(|m| &*m.value))) };
            let Some((change, garbage)) = plan_delete_object(&slot) else { return Ok(()) };
            let one = (self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() });
            let deed = Deed {
                operation: "DeleteObject",
                subject: name.as_str(),
                object: Some(key.as_str()),
                detail: String::new(),
                usage: vec![one, crate::objects::freed(&bucket.value, &old.value)],
            };
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                self.remove_blobs(old.value.manifest.map(|(id, _)| id), garbage).await;
                return Ok(());
            }
        }
    }

    /// Removes objects, each decided and committed for itself; answers in the order asked.
    pub async fn delete_objects(
        &self,
        ctx: &Context,
        name: &BucketName,
        objects: Vec<(ObjectKey, Option<String>, WriteConditions)>,
    ) -> Result<Vec<DeleteOutcome>, Error> {
        self.catalog.bucket(name).await?.ok_or(Error::NoSuchBucket)?;
        let each = objects.into_iter().map(|(key, version, conditions)| {
            let mut ctx = ctx.clone();
            async move { self.delete_object(&mut ctx, name, &key, version.as_deref(), &conditions).await }
        });
        Ok(futures_util::stream::iter(each).buffered(AT_ONCE).collect().await)
    }

    /// The manifest of a multipart object that is about to be replaced. If it is gone, so is the object: the commit will
    /// say so.
    pub(crate) async fn manifest_of(&self, object: Option<&Stored<Object>>) -> Result<Option<Stored<Manifest>>, Error> {
        match object.and_then(|o| o.value.manifest) {
            Some((id, _)) => Ok(self.catalog.manifest(&id).await?),
            None => Ok(None),
        }
    }
}
