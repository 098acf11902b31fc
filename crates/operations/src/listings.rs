//! Listings of a bucket: its objects, its unfinished uploads, the parts of one.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{ListObjects, ListUploads, ObjectPage, Part, PrefixOr, Upload, UploadPage};
use model::{Action, BucketName, CanonicalId, ObjectKey};

use crate::acls::Party;
use crate::{Context, Error, Store};

/// A page of objects, with the names of their owners.
#[derive(Debug, Clone)]
pub struct ObjectListing {
    /// The page.
    pub page: ObjectPage,
    /// The owners, where they were asked for.
    pub owners: HashMap<CanonicalId, Party>,
}

/// A page of unfinished uploads, with the names of those who began them and who will own them.
#[derive(Debug, Clone)]
pub struct UploadListing {
    /// The page.
    pub page: UploadPage,
    /// Initiators and owners.
    pub parties: HashMap<CanonicalId, Party>,
}

/// A page of the parts of an unfinished upload.
#[derive(Debug, Clone)]
pub struct PartsPage {
    /// The upload.
    pub upload: Arc<Upload>,
    /// Who began it.
    pub initiator: Party,
    /// Who will own the object.
    pub owner: Party,
    /// By number.
    pub parts: Vec<Arc<Part>>,
    /// Whether there are more.
    pub more: bool,
}

impl Store {
    /// A page of a bucket's objects, for a caller who asks for `action`: to list objects, or their versions.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn list_objects(
        &self,
        ctx: &Context,
        action: Action,
        name: &BucketName,
        wanted: &ListObjects,
        with_owner: bool,
    ) -> Result<ObjectListing, Error> {
        let bucket = self.gate_bucket(ctx, action, name).await?.bucket;
        self.count_request(ctx, &bucket);
        let page = match wanted.limit {
            0 => ObjectPage { lines: vec![], more: false },
            _ => self.catalog.list_objects(&bucket.value, wanted).await?,
        };
        let owners = page.lines.iter().filter_map(|line| match line {
            PrefixOr::One(object) if with_owner => Some(&object.owner),
            PrefixOr::One(_) | PrefixOr::Prefix(_) => None,
        });
        let owners = self.parties_by_id(owners).await?;
        Ok(ObjectListing { page, owners })
    }

    /// A page of a bucket's unfinished uploads.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn list_uploads(
        &self,
        ctx: &Context,
        name: &BucketName,
        wanted: &ListUploads,
    ) -> Result<UploadListing, Error> {
        let bucket = self.gate_bucket(ctx, Action::ListBucketMultipartUploads, name).await?.bucket;
        self.count_request(ctx, &bucket);
        let page = match wanted.limit {
            0 => UploadPage { lines: vec![], more: false },
            _ => self.catalog.list_uploads(&bucket.value, wanted).await?,
        };
        let parties = page.lines.iter().flat_map(|line| match line {
            PrefixOr::One(upload) => vec![&upload.initiator, &upload.owner],
            PrefixOr::Prefix(_) => vec![],
        });
        let parties = self.parties_by_id(parties).await?;
        Ok(UploadListing { page, parties })
    }

    /// A page of the parts of an unfinished upload, those after the number `after`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn list_parts(
        &self,
        ctx: &Context,
        (name, key): (&BucketName, &ObjectKey),
        upload: &str,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, Error> {
        let (gated, upload) = self.gate_upload(ctx, Action::ListMultipartUploadParts, name, key, upload).await?;
        self.count_request(ctx, &gated.bucket);
        let upload = upload.value;
        let (parts, more) = match limit {
            0 => (vec![], false),
            _ => self.catalog.parts(&upload.id, after, limit).await?,
        };
        let parts = parts.into_iter().map(|part| part.value).collect();
        let mut parties = self.parties(&[upload.initiator.clone(), upload.owner.clone()]).await?.into_iter();
        let mut party = |id: &CanonicalId| parties.next().unwrap_or(Party { id: id.clone(), display_name: None });
        let (initiator, owner) = (party(&upload.initiator), party(&upload.owner));
        Ok(PartsPage { upload, initiator, owner, parts, more })
    }

    async fn parties_by_id<'a>(
        &self,
        ids: impl Iterator<Item = &'a CanonicalId>,
    ) -> Result<HashMap<CanonicalId, Party>, Error> {
        let mut ids: Vec<CanonicalId> = ids.cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(self.parties(&ids).await?.into_iter().map(|party| (party.id.clone(), party)).collect())
    }
}
