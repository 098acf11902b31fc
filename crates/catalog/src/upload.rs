//! Unfinished multipart uploads: begun, filled part by part, completed or given up.

use std::collections::BTreeSet;

use kv::{Change, Key, KeyRange, Require, Write};
use minicbor::{Decode, Encode};
use model::{
    Acl, BlobId, Bucket, BucketName, CanonicalId, Checksum, ChecksumAlgorithm, ChecksumKind, ETag, ObjectKey, TagSet,
    Timestamp, UploadId, limits,
};

use crate::codec::{self, StoredChecksum, StoredGrant};
use crate::object::{self, ContentHeaders, Manifest, NewBody, Object, ObjectSlot, Piece, StoredHeaders, StoredPiece};
use crate::{Error, Stored, keys};

/// An unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Names it.
    pub id: UploadId,
    /// The bucket that the object will be in.
    pub bucket: BucketName,
    /// The object's key.
    pub key: ObjectKey,
    /// Who began it.
    pub initiator: CanonicalId,
    /// Who will own the object.
    pub owner: CanonicalId,
    /// The ACL that the object will have.
    pub acl: Acl,
    /// The checksum that the client asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Headers for the object.
    pub headers: ContentHeaders,
    /// User metadata for the object.
    pub metadata: Vec<(String, String)>,
    /// Tags for the object.
    pub tags: TagSet,
    /// When it began.
    pub began: Timestamp,
    /// Which key began it.
    pub cause: String,
}

/// An uploaded part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1–10,000.
    pub number: u16,
    /// Length, in bytes.
    pub len: u64,
    /// The MD5 of its bytes; its ETag shows it.
    pub md5: [u8; 16],
    /// When it was written.
    pub modified: Timestamp,
    /// By the upload's algorithm.
    pub checksum: Option<Checksum>,
    /// Its bytes; `None` if it is empty.
    pub piece: Option<Piece>,
    /// Which key uploaded it.
    pub cause: String,
}

impl Part {
    /// Its entity tag.
    pub fn etag(&self) -> ETag {
        ETag::from_md5(self.md5)
    }
}

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredUpload<'a> {
    #[n(0)]
    version: u8,
    #[n(1)]
    key: String,
    #[n(2)]
    initiator: String,
    #[n(3)]
    owner: String,
    #[b(4)]
    acl: Vec<StoredGrant<'a>>,
    #[n(5)]
    algorithm: Option<u8>,
    #[n(6)]
    composite: bool,
    #[n(7)]
    headers: StoredHeaders,
    #[n(8)]
    metadata: Vec<(String, String)>,
    #[n(9)]
    began: u64,
    #[n(10)]
    cause: String,
    #[n(11)]
    bucket: String,
    #[n(12)]
    id: String,
    #[n(13)]
    tags: Option<Vec<(String, String)>>,
}

fn encode_upload(upload: &Upload) -> bytes::Bytes {
    codec::encode(&StoredUpload {
        version: 1,
        key: upload.key.to_string(),
        initiator: upload.initiator.to_string(),
        owner: upload.owner.to_string(),
        acl: codec::store_acl(&upload.acl),
        algorithm: upload.checksum.map(|(a, _)| codec::index(&ChecksumAlgorithm::ALL, &a)),
        composite: upload.checksum.is_some_and(|(_, kind)| kind == ChecksumKind::Composite),
        headers: upload.headers.clone().into(),
        metadata: upload.metadata.clone(),
        began: upload.began.millis(),
        cause: upload.cause.clone(),
        bucket: upload.bucket.to_string(),
        id: upload.id.to_string(),
        tags: codec::store_tags(&upload.tags),
    })
}

pub(crate) fn decode_upload(key: &[u8], value: &[u8]) -> Result<Upload, Error> {
    let stored: StoredUpload<'_> = codec::decode(key, value)?;
    if stored.version != 1 {
        return Err(Error::corrupt(key, format!("record version {} is not known", stored.version)));
    }
    if stored.composite && stored.algorithm.is_none() {
        return Err(Error::corrupt(key, "a kind of checksum, but no algorithm"));
    }
    let kind = if stored.composite { ChecksumKind::Composite } else { ChecksumKind::FullObject };
    let algorithm = stored.algorithm.map(|a| codec::pick(key, &ChecksumAlgorithm::ALL, a)).transpose()?;
    Ok(Upload {
        id: codec::valid(key, UploadId::new(&stored.id))?,
        bucket: codec::valid(key, BucketName::new(&stored.bucket))?,
        key: codec::valid(key, ObjectKey::new(stored.key))?,
        initiator: codec::valid(key, CanonicalId::new(&stored.initiator))?,
        owner: codec::valid(key, CanonicalId::new(&stored.owner))?,
        acl: codec::load_acl(key, stored.acl)?,
        checksum: algorithm.map(|a| (a, kind)),
        headers: stored.headers.into(),
        metadata: stored.metadata,
        tags: codec::load_tags(key, stored.tags, TagSet::of_object)?,
        began: Timestamp::from_millis(stored.began),
        cause: stored.cause,
    })
}

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredPart<'a> {
    #[n(0)]
    version: u8,
    #[n(1)]
    len: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    md5: Vec<u8>,
    #[n(3)]
    modified: u64,
    #[b(4)]
    checksum: Option<StoredChecksum<'a>>,
    #[b(5)]
    piece: Option<StoredPiece<'a>>,
    #[n(6)]
    cause: String,
}

fn encode_part(part: &Part) -> bytes::Bytes {
    codec::encode(&StoredPart {
        version: 1,
        len: part.len,
        md5: part.md5.to_vec(),
        modified: part.modified.millis(),
        checksum: part.checksum.as_ref().map(codec::store_checksum),
        piece: part.piece.as_ref().map(StoredPiece::store),
        cause: part.cause.clone(),
    })
}

pub(crate) fn decode_part(key: &[u8], value: &[u8]) -> Result<Part, Error> {
    let stored: StoredPart<'_> = codec::decode(key, value)?;
    if stored.version != 1 {
        return Err(Error::corrupt(key, format!("record version {} is not known", stored.version)));
    }
    let number = key.last_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let number = number.filter(|number| (1..=limits::PART_NUMBER_MAX).contains(number));
    Ok(Part {
        number: number.ok_or_else(|| Error::corrupt(key, "the key names no part"))?,
        len: stored.len,
        md5: stored.md5.try_into().map_err(|_| Error::corrupt(key, "an MD5 is not 16 bytes long"))?,
        modified: Timestamp::from_millis(stored.modified),
        checksum: stored.checksum.map(|c| codec::load_checksum(key, c)).transpose()?,
        piece: stored.piece.map(|p| p.load(key)).transpose()?,
        cause: stored.cause,
    })
}

/// Begins an upload.
pub fn plan_begin_upload(upload: &Upload) -> Change {
    let key = keys::upload(&upload.bucket, &upload.key, &upload.id);
    Change { require: vec![Require::Absent(key.clone())], write: vec![Write::Put(key, encode_upload(upload))] }
}

/// The place of a part in an upload, and what is there now.
#[derive(Debug, Clone, Copy)]
pub struct PartSlot<'a> {
    /// The upload, which must still be under way when the part is committed.
    pub upload: &'a Stored<Upload>,
    /// The part's number.
    pub number: u16,
    /// An earlier part of that number.
    pub old: Option<&'a Stored<Part>>,
}

/// Stores `part` with `body`. Also says which blobs are garbage once that is committed.
pub fn plan_put_part(slot: &PartSlot<'_>, part: &Part, body: &NewBody) -> (Change, Vec<BlobId>) {
    let key = keys::part(&slot.upload.value.id, slot.number);
    let mut write = vec![];
    let mut garbage = vec![];
    let require = match slot.old {
        Some(old) => {
            object::release_pieces(&mut write, &mut garbage, old.value.piece.iter());
            old.unchanged()
        }
        None => Require::Absent(key.clone()),
    };
    body.store(&mut write);
    write.push(Write::Put(key, encode_part(part)));
    (Change { require: vec![slot.upload.unchanged(), require], write }, garbage)
}

/// Gives up an upload with all its parts. Also says which blobs are garbage once that is committed.
///
/// A part that arrives between the reading of `parts` and the commit makes the commit fail, so that none is forgotten.
pub fn plan_abort_upload(upload: &Stored<Upload>, parts: &[Stored<Part>]) -> (Change, Vec<BlobId>) {
    let mut change = close(upload, parts);
    let mut garbage = vec![];
    object::release_pieces(&mut change.write, &mut garbage, parts.iter().filter_map(|p| p.value.piece.as_ref()));
    (change, garbage)
}

/// What completing an upload makes of it.
#[derive(Debug, Clone)]
pub struct CompletedUpload<'a> {
    /// The upload.
    pub upload: &'a Stored<Upload>,
    /// All its parts.
    pub parts: &'a [Stored<Part>],
    /// The numbers of those that become part of the object; the others are discarded.
    pub used: &'a BTreeSet<u16>,
    /// The object's parts, in order.
    pub manifest: &'a Manifest,
    /// The object. Its manifest names [`CompletedUpload::manifest`].
    pub object: &'a Object,
}

/// Turns an upload into an object in `slot`. Also says which blobs are garbage once that is committed.
pub fn plan_complete_upload(slot: &ObjectSlot<'_>, done: &CompletedUpload<'_>) -> (Change, Vec<BlobId>) {
    let mut change = close(done.upload, done.parts);
    let (put, mut garbage) = object::plan_put_assembled(slot, done.object);
    change.require.extend(put.require);
    change.write.extend(put.write);
    if let Some((id, _)) = done.object.manifest {
        change.write.push(Write::Put(keys::manifest(&id), object::encode_manifest(done.manifest)));
    }
    let unused =
        done.parts.iter().filter(|p| !done.used.contains(&p.value.number)).filter_map(|p| p.value.piece.as_ref());
    object::release_pieces(&mut change.write, &mut garbage, unused);
    (change, garbage)
}

/// Removes the rows of an upload and its parts, on condition that they are exactly these.
fn close(upload: &Stored<Upload>, parts: &[Stored<Part>]) -> Change {
    let mut change = Change { require: vec![upload.unchanged()], write: vec![Write::Delete(upload.key.clone())] };
    let all = keys::parts(&upload.value.id);
    let mut from: Key = all.start.clone();
    for part in parts {
        if from != part.key {
            change.require.push(Require::Vacant(KeyRange { start: from, end: Some(part.key.clone()) }));
        }
        change.require.push(part.unchanged());
        change.write.push(Write::Delete(part.key.clone()));
        let next = part.value.number.checked_add(1).map(|next| keys::part(&upload.value.id, next));
        from = next.unwrap_or_else(|| [part.key.as_ref(), b"\0"].concat().into());
    }
    change.require.push(Require::Vacant(KeyRange { start: from, end: all.end }));
    change
}

/// A bucket without its settings is enough to say where its uploads are.
pub(crate) fn range(bucket: &Bucket) -> KeyRange {
    KeyRange::prefix(keys::uploads(&bucket.name))
}
