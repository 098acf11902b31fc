//! Bucket records and the changes that make, alter and remove one.

use kv::{Change, KeyRange, Require, Write};
use minicbor::{Decode, Encode};
use model::{AccountId, Bucket, BucketName, BucketPolicy, CanonicalId, ObjectOwnership, Timestamp};

use crate::codec::{self, StoredGrant};
use crate::{Error, Stored, grants, keys};

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredBucket<'a> {
    #[n(0)]
    version: u8,
    #[n(1)]
    incarnation: u64,
    #[b(2)]
    owner: &'a str,
    #[b(3)]
    owner_canonical: &'a str,
    #[b(4)]
    acl: Vec<StoredGrant<'a>>,
    #[n(5)]
    ownership: Option<u8>,
    #[n(6)]
    public_access_block: Option<u8>,
    #[n(7)]
    created: u64,
    #[b(8)]
    policy: Option<StoredPolicy<'a>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredPolicy<'a> {
    #[b(0)]
    text: &'a str,
    #[b(1)]
    names: Vec<&'a str>,
}

pub(crate) fn encode(bucket: &Bucket) -> bytes::Bytes {
    codec::encode(&StoredBucket {
        version: 1,
        incarnation: bucket.incarnation,
        owner: bucket.owner.as_str(),
        owner_canonical: bucket.owner_canonical.as_str(),
        acl: codec::store_acl(&bucket.acl),
        ownership: bucket.ownership.map(|o| codec::index(&ObjectOwnership::ALL, &o)),
        public_access_block: bucket.public_access_block.map(codec::store_block),
        created: bucket.created.millis(),
        policy: bucket.policy.as_ref().map(|policy| StoredPolicy {
            text: &policy.text,
            names: policy.names.iter().map(|name| &**name).collect(),
        }),
    })
}

pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Bucket, Error> {
    let stored: StoredBucket<'_> = codec::decode(key, value)?;
    if stored.version != 1 {
        return Err(Error::corrupt(key, format!("record version {} is not known", stored.version)));
    }
    let name = key.get(2..).and_then(|n| std::str::from_utf8(n).ok()).unwrap_or_default();
    Ok(Bucket {
        name: codec::valid(key, BucketName::new(name))?,
        incarnation: stored.incarnation,
        owner: codec::valid(key, AccountId::new(stored.owner))?,
        owner_canonical: codec::valid(key, CanonicalId::new(stored.owner_canonical))?,
        acl: codec::load_acl(key, stored.acl)?,
        ownership: stored.ownership.map(|o| codec::pick(key, &ObjectOwnership::ALL, o)).transpose()?,
        public_access_block: stored.public_access_block.map(|bits| codec::load_block(key, bits)).transpose()?,
        policy: stored.policy.map(|policy| BucketPolicy {
            text: policy.text.into(),
            names: policy.names.into_iter().map(Into::into).collect(),
        }),
        created: Timestamp::from_millis(stored.created),
    })
}

/// Makes `bucket`, unless one of its name is there.
pub fn plan_create_bucket(bucket: &Bucket) -> Change {
    let key = keys::bucket(&bucket.name);
    let mut write = vec![
        Write::Put(key.clone(), encode(bucket)),
        Write::Put(keys::owned(&bucket.owner, &bucket.name), bytes::Bytes::new()),
    ];
    grants::bucket(&mut write, None, Some(bucket));
    Change { require: vec![Require::Absent(key)], write }
}

/// Puts `bucket` in the place of `old`: same name, incarnation and owner, other settings.
pub fn plan_replace_bucket(old: &Stored<Bucket>, bucket: &Bucket) -> Change {
    let mut write = vec![Write::Put(old.key.clone(), encode(bucket))];
    grants::bucket(&mut write, Some(&old.value), Some(bucket));
    Change { require: vec![old.unchanged()], write }
}

/// Removes a bucket if nothing is stored in it: no object, no version, no unfinished upload.
pub fn plan_delete_bucket(old: &Stored<Bucket>) -> Change {
    let name = &old.value.name;
    let mut write = vec![
        Write::Delete(old.key.clone()),
        Write::Delete(keys::owned(&old.value.owner, name)),
        Write::Delete(keys::bucket_tags(name)),
    ];
    grants::bucket(&mut write, Some(&old.value), None);
    let vacant =
        [keys::objects(name), keys::versions(name), keys::uploads(name)].map(KeyRange::prefix).map(Require::Vacant);
    Change { require: [vec![old.unchanged()], vacant.to_vec()].concat(), write }
}
