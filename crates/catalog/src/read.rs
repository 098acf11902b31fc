//! Reading records.

use std::sync::Arc;

use kv::{Engine, Entry, Key, KeyRange, Require};
use model::{AccountId, BlobId, Bucket, BucketName, ObjectKey, Revision, TagSet, UploadId, limits};

use crate::object::{self, Manifest, Object, Piece};
use crate::upload::{self, Part, Upload};
use crate::{Error, GrantTarget, bucket, keys, tags};

/// A record with where it is stored and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The record; whoever read it before shares it.
    pub value: Arc<T>,
    /// Its key.
    pub key: Key,
    /// The commit that wrote it.
    pub revision: Revision,
}

impl<T> Stored<T> {
    /// The condition that it is still what was read.
    pub fn unchanged(&self) -> Require {
        Require::Unchanged(self.key.clone(), self.revision)
    }
}

type Decoder<T> = fn(&[u8], &[u8]) -> Result<T, Error>;

fn load<T: Send + Sync + 'static>(entry: Option<Entry>, decode: Decoder<T>) -> Result<Option<Stored<T>>, Error> {
    let Some(entry) = entry else { return Ok(None) };
    let value = entry.decoded(decode)?;
    Ok(Some(Stored { value, key: entry.key.clone(), revision: entry.revision }))
}

/// Reads records.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) engine: Arc<dyn Engine>,
}

impl Catalog {
    /// Reads from `engine`.
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Catalog { engine }
    }

    async fn one(&self, key: Key) -> Result<Option<Entry>, Error> {
        Ok(self.engine.get(&key).await?)
    }

    /// A bucket.
    pub async fn bucket(&self, name: &BucketName) -> Result<Option<Stored<Bucket>>, Error> {
        load(self.one(keys::bucket(name)).await?, bucket::decode)
    }

    /// The tags of a bucket that was read; none if it has none, or is gone.
    pub async fn bucket_tags(&self, bucket: &Bucket) -> Result<TagSet, Error> {
        let stored = load(self.one(keys::bucket_tags(&bucket.name)).await?, tags::decode)?;
        // A later bucket of the name has another incarnation.
        let of_this = stored.filter(|tags| tags.value.incarnation == bucket.incarnation);
        Ok(of_this.map(|tags| tags.value.tags.clone()).unwrap_or_default())
    }

    /// A bucket and an object in it, as they were at one moment.
    pub async fn object(
        &self,
        name: &BucketName,
        key: &ObjectKey,
    ) -> Result<(Option<Stored<Bucket>>, Option<Stored<Object>>), Error> {
        let mut found = self.engine.get_many(&[keys::bucket(name), keys::object(name, key)]).await?;
        let object = load(found.pop().flatten(), object::decode)?;
        Ok((load(found.pop().flatten(), bucket::decode)?, object))
    }

    /// A bucket and an unfinished upload in it, as they were at one moment.
    pub async fn upload(
        &self,
        name: &BucketName,
        key: &ObjectKey,
        id: &UploadId,
    ) -> Result<(Option<Stored<Bucket>>, Option<Stored<Upload>>), Error> {
        let mut found = self.engine.get_many(&[keys::bucket(name), keys::upload(name, key, id)]).await?;
        let upload = load(found.pop().flatten(), upload::decode_upload)?;
        Ok((load(found.pop().flatten(), bucket::decode)?, upload))
    }

    /// One part of an upload.
    pub async fn part(&self, upload: &UploadId, number: u16) -> Result<Option<Stored<Part>>, Error> {
        load(self.one(keys::part(upload, number)).await?, upload::decode_part)
    }

    /// The parts of an upload after the number `after`, by number: at most `limit`, and whether there are more.
    pub async fn parts(&self, upload: &UploadId, after: u16, limit: usize) -> Result<(Vec<Stored<Part>>, bool), Error> {
        let all = keys::parts(upload);
        let start = keys::part(upload, after.saturating_add(1));
        let page = self.engine.scan(KeyRange { start, end: all.end }, limit).await?;
        let parts =
            page.entries.into_iter().map(|e| load(Some(e), upload::decode_part)).collect::<Result<Vec<_>, _>>()?;
        Ok((parts.into_iter().flatten().collect(), page.more))
    }

    /// All parts of an upload, of which there are at most 10,000.
    pub async fn all_parts(&self, upload: &UploadId) -> Result<Vec<Stored<Part>>, Error> {
        Ok(self.parts(upload, 0, usize::from(limits::PART_NUMBER_MAX)).await?.0)
    }

    /// The manifest of a multipart object; `None` if the object was replaced since its record was read.
    pub async fn manifest(&self, id: &BlobId) -> Result<Option<Stored<Manifest>>, Error> {
        load(self.one(keys::manifest(id)).await?, object::decode_manifest)
    }

    /// A small body, as the value of its entry; `None` if the object was replaced since its record was read.
    pub async fn inline(&self, piece: &Piece) -> Result<Option<Entry>, Error> {
        let Some(entry) = self.one(keys::inline(&piece.id)).await? else { return Ok(None) };
        if entry.value.len() as u64 != piece.len {
            return Err(Error::corrupt(&entry.key, "a body is not as long as recorded"));
        }
        Ok(Some(entry))
    }

    /// Which of `blobs` are named by a record.
    pub async fn named(&self, blobs: &[BlobId]) -> Result<Vec<bool>, Error> {
        let keys: Vec<Key> = blobs.iter().map(keys::blob).collect();
        Ok(self.engine.get_many(&keys).await?.into_iter().map(|e| e.is_some()).collect())
    }

    /// Names of the buckets that `account` owns, in order, all of them.
    pub async fn owned_buckets(&self, account: &AccountId) -> Result<Vec<BucketName>, Error> {
        self.names_under(keys::owned_by(account)).await
    }

    /// Names of the buckets whose ACL names `grantee`, in order, all of them. The bucket's owner is not indexed.
    pub async fn granted_buckets(&self, grantee: &GrantTarget<'_>) -> Result<Vec<BucketName>, Error> {
        self.names_under(keys::bucket_grants(grantee.text())).await
    }

    /// The first `limit` objects whose ACL names `grantee` (or that it owns in another's bucket), and whether there are
    /// more.
    pub async fn granted_objects(
        &self,
        grantee: &GrantTarget<'_>,
        limit: usize,
    ) -> Result<(Vec<(BucketName, ObjectKey)>, bool), Error> {
        let prefix = keys::object_grants(grantee.text());
        let page = self.engine.scan(KeyRange::prefix(prefix.clone()), limit).await?;
        let split = |e: Entry| {
            object::split(&e.key[prefix.len()..]).ok_or_else(|| Error::corrupt(&e.key, "the key names no object"))
        };
        Ok((page.entries.into_iter().map(split).collect::<Result<_, _>>()?, page.more))
    }

    async fn names_under(&self, prefix: Key) -> Result<Vec<BucketName>, Error> {
        let entries = self.all(KeyRange::prefix(prefix.clone())).await?;
        let name = |e: Entry| {
            let text = std::str::from_utf8(&e.key[prefix.len()..]).ok();
            text.and_then(|t| BucketName::new(t).ok()).ok_or_else(|| Error::corrupt(&e.key, "the key names no bucket"))
        };
        entries.into_iter().map(name).collect()
    }

    /// All buckets of the server, by name.
    pub async fn buckets(&self) -> Result<Vec<Stored<Bucket>>, Error> {
        let entries = self.all(keys::buckets()).await?;
        let all: Result<Vec<_>, _> = entries.into_iter().map(|e| load(Some(e), bucket::decode)).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// These buckets, those that are there.
    pub async fn buckets_named(&self, names: &[BucketName]) -> Result<Vec<Stored<Bucket>>, Error> {
        let keys: Vec<Key> = names.iter().map(keys::bucket).collect();
        let found = self.engine.get_many(&keys).await?;
        let all: Result<Vec<_>, _> = found.into_iter().map(|e| load(e, bucket::decode)).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    async fn all(&self, mut range: KeyRange) -> Result<Vec<Entry>, Error> {
        let mut all = vec![];
        loop {
            let page = self.engine.scan(range.clone(), limits::PAGE_KEYS).await?;
            all.extend(page.entries);
            let Some(last) = all.last().filter(|_| page.more) else { return Ok(all) };
            range.start = [last.key.as_ref(), b"\0"].concat().into();
        }
    }
}
