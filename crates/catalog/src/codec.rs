//! Records as CBOR: one struct for each, with numbered fields, so that a later version can add some.
//!
//! `model` knows nothing of encodings; the stored forms live here and are turned into domain values by constructors
//! that check, so that a damaged record is an error and never a default.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use model::{
    Acl, BlobId, Checksum, ChecksumAlgorithm, ChecksumKind, Grant, Grantee, Group, Permission, PublicAccessBlock,
    TagError, TagSet,
};

use crate::Error;

/// Encodes a stored form; infallible, as it goes to memory.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Bytes {
    minicbor::to_vec(value).expect("encoding to memory cannot fail").into()
}

/// Decodes a stored form, which must be all there is.
pub(crate) fn decode<'a, T: Decode<'a, ()>>(key: &[u8], value: &'a [u8]) -> Result<T, Error> {
    let mut decoder = minicbor::Decoder::new(value);
    let decoded = decoder.decode().map_err(|e| Error::corrupt(key, e.to_string()))?;
    if decoder.position() != value.len() {
        return Err(Error::corrupt(key, "something follows the record"));
    }
    Ok(decoded)
}

/// A grant: an account (64 hexadecimal digits) or a group (its place in `Group::ALL`), and what.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct StoredGrant<'a> {
    #[b(0)]
    account: Option<&'a str>,
    #[n(1)]
    group: Option<u8>,
    #[n(2)]
    permission: u8,
}

pub(crate) fn store_acl(acl: &Acl) -> Vec<StoredGrant<'_>> {
    acl.grants()
        .iter()
        .map(|grant| {
            let (account, group) = match &grant.grantee {
                Grantee::Account(id) => (Some(id.as_str()), None),
                Grantee::Group(group) => (None, Some(index(&Group::ALL, group))),
            };
            StoredGrant { account, group, permission: index(&Permission::ALL, &grant.permission) }
        })
        .collect()
}

pub(crate) fn load_acl(key: &[u8], stored: Vec<StoredGrant<'_>>) -> Result<Acl, Error> {
    let grants = stored
        .into_iter()
        .map(|grant| {
            let grantee = match (grant.account, grant.group) {
                (Some(id), None) => Grantee::Account(valid(key, model::CanonicalId::new(id))?),
                (None, Some(group)) => Grantee::Group(pick(key, &Group::ALL, group)?),
                _ => return Err(Error::corrupt(key, "a grant names no grantee, or two")),
            };
            Ok(Grant { grantee, permission: pick(key, &Permission::ALL, grant.permission)? })
        })
        .collect::<Result<_, _>>()?;
    valid(key, Acl::new(grants))
}

/// The place of `value` in its declared list: what is stored for an enumeration.
pub(crate) fn index<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|v| v == value).and_then(|i| u8::try_from(i).ok()).expect("the list holds every value")
}

/// The value at a stored place.
pub(crate) fn pick<T: Copy>(key: &[u8], all: &[T], index: u8) -> Result<T, Error> {
    all.get(usize::from(index)).copied().ok_or_else(|| Error::corrupt(key, "an enumeration holds an unknown value"))
}

/// A checked domain value, or the record is damaged.
pub(crate) fn valid<T>(key: &[u8], made: Result<T, model::Invalid>) -> Result<T, Error> {
    made.map_err(|invalid| Error::corrupt(key, invalid.to_string()))
}

/// A blob id from its 16 stored bytes.
pub(crate) fn blob_id(key: &[u8], stored: &[u8]) -> Result<BlobId, Error> {
    let bytes = stored.try_into().map_err(|_| Error::corrupt(key, "a blob id is not 16 bytes long"))?;
    Ok(BlobId::from_bytes(bytes))
}

/// Keys and values.
pub(crate) type Pairs = Vec<(String, String)>;

/// Tags as they are stored: not at all, if there are none.
pub(crate) fn store_tags(tags: &TagSet) -> Option<Pairs> {
    (!tags.is_empty()).then(|| tags.to_vec())
}

/// Tags from what is stored; `make` knows how many there may be.
pub(crate) fn load_tags(
    key: &[u8],
    stored: Option<Pairs>,
    make: fn(Pairs) -> Result<TagSet, TagError>,
) -> Result<TagSet, Error> {
    make(stored.unwrap_or_default()).map_err(|error| Error::corrupt(key, error.to_string()))
}

/// Four switches as bits, the first the lowest.
pub(crate) fn store_block(block: PublicAccessBlock) -> u8 {
    u8::from(block.block_public_acls)
        | u8::from(block.ignore_public_acls) << 1
        | u8::from(block.block_public_policy) << 2
        | u8::from(block.restrict_public_buckets) << 3
}

pub(crate) fn load_block(key: &[u8], bits: u8) -> Result<PublicAccessBlock, Error> {
    if bits > 15 {
        return Err(Error::corrupt(key, "the public access block holds an unknown switch"));
    }
    Ok(PublicAccessBlock {
        block_public_acls: bits & 1 != 0,
        ignore_public_acls: bits & 2 != 0,
        block_public_policy: bits & 4 != 0,
        restrict_public_buckets: bits & 8 != 0,
    })
}

/// A checksum.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct StoredChecksum<'a> {
    #[n(0)]
    algorithm: u8,
    #[n(1)]
    composite: bool,
    #[cbor(b(2), with = "minicbor::bytes")]
    value: &'a [u8],
    #[n(3)]
    parts: Option<u16>,
}

pub(crate) fn store_checksum(checksum: &Checksum) -> StoredChecksum<'_> {
    StoredChecksum {
        algorithm: index(&ChecksumAlgorithm::ALL, &checksum.algorithm),
        composite: checksum.kind == ChecksumKind::Composite,
        value: &checksum.value,
        parts: checksum.parts,
    }
}

pub(crate) fn load_checksum(key: &[u8], stored: StoredChecksum<'_>) -> Result<Checksum, Error> {
    let algorithm = pick(key, &ChecksumAlgorithm::ALL, stored.algorithm)?;
    if stored.value.len() != algorithm.len() {
        return Err(Error::corrupt(key, "a checksum is not as long as its algorithm's"));
    }
    Ok(Checksum {
        algorithm,
        kind: if stored.composite { ChecksumKind::Composite } else { ChecksumKind::FullObject },
        value: stored.value.into(),
        parts: stored.parts,
    })
}
