//! Object records and the changes that store, alter and remove one.

use bytes::Bytes;
use kv::{Change, Require, Write};
use minicbor::{Decode, Encode};
use model::{Acl, BlobId, Bucket, BucketName, CanonicalId, Checksum, ETag, ObjectKey, TagSet, Timestamp, VersionId};

use crate::codec::{self, StoredChecksum, StoredGrant};
use crate::{Error, Stored, grants, keys};

/// Where a piece of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyAt {
    /// In the engine, under the piece's id.
    Inline,
    /// In the store of bodies.
    Blob,
}

/// A run of bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where.
    pub at: BodyAt,
    /// Its name there.
    pub id: BlobId,
    /// Length, in bytes.
    pub len: u64,
    /// CRC-64/NVME of it.
    pub crc64: u64,
}

/// A part of a finished multipart object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPart {
    /// Its number, as uploaded.
    pub number: u16,
    /// Its bytes; `None` if it is empty.
    pub piece: Option<Piece>,
    /// Its checksum, where the upload has an algorithm.
    pub checksum: Option<Checksum>,
}

/// Of which parts a multipart object consists, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest(pub Vec<ManifestPart>);

/// Headers that S3 stores with an object and gives back as they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // named as the headers are
pub struct ContentHeaders {
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub expires: Option<String>,
    pub website_redirect: Option<String>,
}

/// The current version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: ObjectKey,
    /// `None`: written while versioning is off; S3 calls that version `null`.
    pub version: Option<VersionId>,
    /// Who owns it.
    pub owner: CanonicalId,
    /// Who else may do what.
    pub acl: Acl,
    /// Length of the body, in bytes.
    pub len: u64,
    /// Entity tag.
    pub etag: ETag,
    /// When the body was written.
    pub modified: Timestamp,
    /// The checksum that is shown to those who ask.
    pub checksum: Option<Checksum>,
    /// Headers that go with the body.
    pub headers: ContentHeaders,
    /// `x-amz-meta-` names without the prefix, in lower case, with their values.
    pub metadata: Vec<(String, String)>,
    /// Its tags.
    pub tags: TagSet,
    /// The whole body as one piece; `None` for an empty body and for one with a manifest.
    pub piece: Option<Piece>,
    /// Under which id the manifest is, and how many parts it lists: a multipart object.
    pub manifest: Option<(BlobId, u16)>,
    /// Which key caused it: an access key id, empty for anonymous, `operator`.
    pub cause: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct StoredPiece<'a> {
    #[n(0)]
    inline: bool,
    #[cbor(b(1), with = "minicbor::bytes")]
    id: &'a [u8],
    #[n(2)]
    len: u64,
    #[n(3)]
    crc64: u64,
}

impl<'a> StoredPiece<'a> {
    pub(crate) fn store(piece: &'a Piece) -> Self {
        StoredPiece { inline: piece.at == BodyAt::Inline, id: piece.id.as_bytes(), len: piece.len, crc64: piece.crc64 }
    }

    pub(crate) fn load(self, key: &[u8]) -> Result<Piece, Error> {
        Ok(Piece {
            at: if self.inline { BodyAt::Inline } else { BodyAt::Blob },
            id: codec::blob_id(key, self.id)?,
            len: self.len,
            crc64: self.crc64,
        })
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct StoredHeaders {
    #[n(0)]
    content_type: Option<String>,
    #[n(1)]
    cache_control: Option<String>,
    #[n(2)]
    content_disposition: Option<String>,
    #[n(3)]
    content_encoding: Option<String>,
    #[n(4)]
    content_language: Option<String>,
    #[n(5)]
    expires: Option<String>,
    #[n(6)]
    website_redirect: Option<String>,
}

impl From<ContentHeaders> for StoredHeaders {
    fn from(h: ContentHeaders) -> Self {
        StoredHeaders {
            content_type: h.content_type,
            cache_control: h.cache_control,
            content_disposition: h.content_disposition,
            content_encoding: h.content_encoding,
            content_language: h.content_language,
            expires: h.expires,
            website_redirect: h.website_redirect,
        }
    }
}

impl From<StoredHeaders> for ContentHeaders {
    fn from(h: StoredHeaders) -> Self {
        ContentHeaders {
            content_type: h.content_type,
            cache_control: h.cache_control,
            content_disposition: h.content_disposition,
            content_encoding: h.content_encoding,
            content_language: h.content_language,
            expires: h.expires,
            website_redirect: h.website_redirect,
        }
    }
}

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredObject<'a> {
    #[n(0)]
    version: u8,
    #[b(1)]
    version_id: Option<&'a str>,
    #[b(2)]
    owner: &'a str,
    #[b(3)]
    acl: Vec<StoredGrant<'a>>,
    #[n(4)]
    len: u64,
    #[b(5)]
    etag: &'a str,
    #[n(6)]
    modified: u64,
    #[b(7)]
    checksum: Option<StoredChecksum<'a>>,
    #[n(8)]
    headers: StoredHeaders,
    #[n(9)]
    metadata: Vec<(String, String)>,
    #[b(10)]
    piece: Option<StoredPiece<'a>>,
    #[cbor(b(11), with = "minicbor::bytes")]
    manifest: Option<&'a [u8]>,
    #[n(12)]
    manifest_parts: Option<u16>,
    #[n(13)]
    cause: String,
    #[n(14)]
    tags: Option<Vec<(String, String)>>,
}

pub(crate) fn encode(object: &Object) -> Bytes {
    codec::encode(&StoredObject {
        version: 1,
        version_id: object.version.as_ref().map(VersionId::as_str),
        owner: object.owner.as_str(),
        acl: codec::store_acl(&object.acl),
        len: object.len,
        etag: object.etag.as_str(),
        modified: object.modified.millis(),
        checksum: object.checksum.as_ref().map(codec::store_checksum),
        headers: object.headers.clone().into(),
        metadata: object.metadata.clone(),
        piece: object.piece.as_ref().map(StoredPiece::store),
        manifest: object.manifest.as_ref().map(|(id, _)| &id.as_bytes()[..]),
        manifest_parts: object.manifest.map(|(_, parts)| parts),
        cause: object.cause.clone(),
        tags: codec::store_tags(&object.tags),
    })
}

pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Object, Error> {
    let stored: StoredObject<'_> = codec::decode(key, value)?;
    if stored.version != 1 {
        return Err(Error::corrupt(key, format!("record version {} is not known", stored.version)));
    }
    let name = key
        .iter()
        .position(|b| *b == 0)
        .and_then(|at| std::str::from_utf8(&key[at + 1..]).ok())
        .ok_or_else(|| Error::corrupt(key, "the key names no object"))?;
    let manifest = match (stored.manifest, stored.manifest_parts) {
        (Some(id), Some(parts)) => Some((codec::blob_id(key, id)?, parts)),
        (None, None) => None,
        _ => return Err(Error::corrupt(key, "half a manifest")),
    };
    let piece = stored.piece.map(|p| p.load(key)).transpose()?;
    let whole = match (&piece, manifest) {
        (Some(piece), None) => piece.len == stored.len,
        (None, None) => stored.len == 0,
        (None, Some(_)) => true,
        (Some(_), Some(_)) => false,
    };
    if !whole {
        return Err(Error::corrupt(key, "the body is not as long as the object"));
    }
    Ok(Object {
        key: codec::valid(key, ObjectKey::new(name))?,
        version: stored.version_id.map(|v| codec::valid(key, VersionId::new(v))).transpose()?,
        owner: codec::valid(key, CanonicalId::new(stored.owner))?,
        acl: codec::load_acl(key, stored.acl)?,
        len: stored.len,
        etag: ETag::from_stored(stored.etag),
        modified: Timestamp::from_millis(stored.modified),
        checksum: stored.checksum.map(|c| codec::load_checksum(key, c)).transpose()?,
        headers: stored.headers.into(),
        metadata: stored.metadata,
        tags: codec::load_tags(key, stored.tags, TagSet::of_object)?,
        piece,
        manifest,
        cause: stored.cause,
    })
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredManifestPart<'a> {
    #[n(0)]
    number: u16,
    #[b(1)]
    piece: Option<StoredPiece<'a>>,
    #[b(2)]
    checksum: Option<StoredChecksum<'a>>,
}

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredManifest<'a> {
    #[n(0)]
    version: u8,
    #[b(1)]
    parts: Vec<StoredManifestPart<'a>>,
}

pub(crate) fn encode_manifest(manifest: &Manifest) -> Bytes {
    let parts = manifest.0.iter().map(|p| StoredManifestPart {
        number: p.number,
        piece: p.piece.as_ref().map(StoredPiece::store),
        checksum: p.checksum.as_ref().map(codec::store_checksum),
    });
    codec::encode(&StoredManifest { version: 1, parts: parts.collect() })
}

pub(crate) fn decode_manifest(key: &[u8], value: &[u8]) -> Result<Manifest, Error> {
    let stored: StoredManifest<'_> = codec::decode(key, value)?;
    if stored.version != 1 {
        return Err(Error::corrupt(key, format!("record version {} is not known", stored.version)));
    }
    let part = |p: StoredManifestPart<'_>| {
        Ok(ManifestPart {
            number: p.number,
            piece: p.piece.map(|piece| piece.load(key)).transpose()?,
            checksum: p.checksum.map(|c| codec::load_checksum(key, c)).transpose()?,
        })
    };
    Ok(Manifest(stored.parts.into_iter().map(part).collect::<Result<_, Error>>()?))
}

/// The place of an object in a bucket, and what is there now.
#[derive(Debug, Clone)]
pub struct ObjectSlot<'a> {
    /// The bucket.
    pub bucket: &'a Bucket,
    /// The object's key.
    pub key: &'a ObjectKey,
    /// What is there, as read, with its manifest where it has one.
    pub old: Option<(&'a Stored<Object>, Option<&'a Manifest>)>,
}

impl ObjectSlot<'_> {
    fn require(&self) -> Require {
        match self.old {
            Some((old, _)) => old.unchanged(),
            None => Require::Absent(keys::object(&self.bucket.name, self.key)),
        }
    }

    /// Deletes what the old record names, and says which blobs nothing names any more.
    fn release(&self, write: &mut Vec<Write>) -> Vec<BlobId> {
        let Some((old, manifest)) = self.old else { return vec![] };
        let mut blobs = vec![];
        release_pieces(write, &mut blobs, old.value.piece.iter());
        if let Some((id, _)) = old.value.manifest {
            write.push(Write::Delete(keys::manifest(&id)));
            let pieces = manifest.map(|m| m.0.as_slice()).unwrap_or_default();
            release_pieces(write, &mut blobs, pieces.iter().filter_map(|p| p.piece.as_ref()));
        }
        blobs
    }
}

pub(crate) fn release_pieces<'a>(
    write: &mut Vec<Write>,
    blobs: &mut Vec<BlobId>,
    pieces: impl Iterator<Item = &'a Piece>,
) {
    for piece in pieces {
        match piece.at {
            BodyAt::Inline => write.push(Write::Delete(keys::inline(&piece.id))),
            BodyAt::Blob => {
                write.push(Write::Delete(keys::blob(&piece.id)));
                blobs.push(piece.id);
            }
        }
    }
}

/// A body that was just taken in.
#[derive(Debug, Clone)]
pub enum NewBody {
    /// No bytes at all.
    Empty,
    /// Bytes that go into the engine with the record.
    Inline(Piece, Bytes),
    /// A published blob.
    Blob(Piece),
}

impl NewBody {
    /// The piece that a record names it by.
    pub fn piece(&self) -> Option<Piece> {
        match self {
            NewBody::Empty => None,
            NewBody::Inline(piece, _) | NewBody::Blob(piece) => Some(*piece),
        }
    }

    /// What makes it findable, in the commit of the record that names it.
    pub(crate) fn store(&self, write: &mut Vec<Write>) {
        match self {
            NewBody::Empty => {}
            NewBody::Inline(piece, bytes) => write.push(Write::Put(keys::inline(&piece.id), bytes.clone())),
            NewBody::Blob(piece) => write.push(Write::Put(keys::blob(&piece.id), Bytes::new())),
        }
    }
}

/// Stores `object` with `body` in the slot. Also says which blobs are garbage once that is committed.
pub fn plan_put_object(slot: &ObjectSlot<'_>, object: &Object, body: &NewBody) -> (Change, Vec<BlobId>) {
    let mut write = vec![];
    let garbage = slot.release(&mut write);
    body.store(&mut write);
    put_record(slot, object, &mut write);
    (Change { require: vec![slot.require()], write }, garbage)
}

/// The record and its index rows.
pub(crate) fn put_record(slot: &ObjectSlot<'_>, object: &Object, write: &mut Vec<Write>) {
    let name = &slot.bucket.name;
    write.push(Write::Put(keys::object(name, slot.key), encode(object)));
    let old = slot.old.map(|(old, _)| (&old.value.owner, &old.value.acl));
    let new = Some((&object.owner, &object.acl));
    grants::object(write, &slot.bucket.owner_canonical, (name, slot.key), old, new);
}

/// Like [`plan_put_object`] for an object whose pieces are stored already.
pub(crate) fn plan_put_assembled(slot: &ObjectSlot<'_>, object: &Object) -> (Change, Vec<BlobId>) {
    let mut write = vec![];
    let garbage = slot.release(&mut write);
    put_record(slot, object, &mut write);
    (Change { require: vec![slot.require()], write }, garbage)
}

/// Removes what is in the slot; `None` if nothing is. Also says which blobs are garbage once that is committed.
pub fn plan_delete_object(slot: &ObjectSlot<'_>) -> Option<(Change, Vec<BlobId>)> {
    let (old, _) = slot.old?;
    let mut write = vec![];
    let garbage = slot.release(&mut write);
    write.push(Write::Delete(old.key.clone()));
    let name = &slot.bucket.name;
    let was = Some((&old.value.owner, &old.value.acl));
    grants::object(&mut write, &slot.bucket.owner_canonical, (name, slot.key), was, None);
    Some((Change { require: vec![slot.require()], write }, garbage))
}

/// Gives an object another ACL and leaves all else alone, its date included.
pub fn plan_replace_object_acl(bucket: &Bucket, old: &Stored<Object>, acl: Acl) -> Change {
    replace(bucket, old, &Object { acl, ..Object::clone(&old.value) })
}

/// Gives an object other tags and leaves all else alone, its date included.
pub fn plan_replace_object_tags(bucket: &Bucket, old: &Stored<Object>, tags: TagSet) -> Change {
    replace(bucket, old, &Object { tags, ..Object::clone(&old.value) })
}

/// Another record for the same body.
fn replace(bucket: &Bucket, old: &Stored<Object>, object: &Object) -> Change {
    let slot = ObjectSlot { bucket, key: &old.value.key, old: Some((old, None)) };
    let mut write = vec![];
    put_record(&slot, object, &mut write);
    Change { require: vec![old.unchanged()], write }
}

/// The bucket's name and the object's key in the key of an `H` or `o` row, after its prefix.
pub(crate) fn split(rest: &[u8]) -> Option<(BucketName, ObjectKey)> {
    let at = rest.iter().position(|b| *b == 0)?;
    let bucket = BucketName::new(std::str::from_utf8(&rest[..at]).ok()?).ok()?;
    let key = ObjectKey::new(std::str::from_utf8(&rest[at + 1..]).ok()?).ok()?;
    Some((bucket, key))
}
