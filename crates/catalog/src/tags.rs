//! Tags of buckets: a record beside the bucket's own, because every request reads that one and almost none wants these.

use kv::{Change, Write};
use minicbor::{Decode, Encode};
use model::{Bucket, TagSet};

use crate::{Error, Stored, codec, keys, plan_create_bucket};

/// The tags of a bucket, and of which bucket of the name.
pub(crate) struct BucketTags {
    /// See [`Bucket::incarnation`].
    pub incarnation: u64,
    pub tags: TagSet,
}

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredTags {
    #[n(0)]
    version: u8,
    #[n(1)]
    incarnation: u64,
    #[n(2)]
    tags: Vec<(String, String)>,
}

pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<BucketTags, Error> {
    let stored: StoredTags = codec::decode(key, value)?;
    if stored.version != 1 {
        return Err(Error::corrupt(key, format!("record version {} is not known", stored.version)));
    }
    let tags = codec::load_tags(key, Some(stored.tags), TagSet::of_bucket)?;
    Ok(BucketTags { incarnation: stored.incarnation, tags })
}

/// Gives a bucket these tags in place of those that it has.
pub fn plan_put_bucket_tags(bucket: &Stored<Bucket>, tags: &TagSet) -> Change {
    Change { require: vec![bucket.unchanged()], write: vec![write(&bucket.value, tags)] }
}

/// Makes `bucket` with these tags, unless one of its name is there.
pub fn plan_create_tagged_bucket(bucket: &Bucket, tags: &TagSet) -> Change {
    let mut change = plan_create_bucket(bucket);
    if !tags.is_empty() {
        change.write.push(write(bucket, tags));
    }
    change
}

fn write(bucket: &Bucket, tags: &TagSet) -> Write {
    let key = keys::bucket_tags(&bucket.name);
    if tags.is_empty() {
        return Write::Delete(key);
    }
    Write::Put(key, codec::encode(&StoredTags { version: 1, incarnation: bucket.incarnation, tags: tags.to_vec() }))
}
