//! Rows as they are met one after the other, by whoever looks after the store: what each is, and which others must be there
//! because of it.
//!
//! Pure. Nothing here is on a request's way.

use kv::{Entry, Key};
use model::{BlobId, Bucket, BucketName, CanonicalId, UploadId};

use crate::codec::blob_id;
use crate::object::split;
use crate::{BodyAt, Error, Manifest, Object, Part, Piece, Upload, bucket, grants, keys, object, tags, upload};

/// A row of the catalog.
#[derive(Debug)]
pub enum Row {
    /// A bucket.
    Bucket(Box<Bucket>),
    /// The tags of the bucket of that name.
    Tags(BucketName),
    /// The current version of an object.
    Object(BucketName, Box<Object>),
    /// An unfinished upload.
    Upload(Box<Upload>),
    /// A part of one.
    Part(UploadId, Box<Part>),
    /// Of which parts a multipart object consists.
    Manifest(BlobId, Manifest),
    /// A row that is there because of another one: a body's name, a small body, an index.
    Companion,
}

/// What the row is; `None` if it is of no table of the catalog.
///
/// # Errors
/// [`Error::Corrupt`] if it is not what a row of its table looks like.
pub fn row(entry: &Entry) -> Option<Result<Row, Error>> {
    let (key, value) = (entry.key.as_ref(), entry.value.as_ref());
    let (table, rest) = key.split_first_chunk::<2>()?;
    Some(match table {
        b"b/" => bucket::decode(key, value).map(|bucket| Row::Bucket(bucket.into())),
        b"t/" => tags::decode(key, value).and_then(|_| Ok(Row::Tags(name(key, rest)?))),
        b"o/" => object::decode(key, value).and_then(|object| Ok(Row::Object(bucket_of(key, rest)?, object.into()))),
        b"p/" => upload::decode_upload(key, value).and_then(|upload| at_its_place(key, upload)),
        b"q/" => upload::decode_part(key, value).and_then(|part| Ok(Row::Part(upload_of(key, rest)?, part.into()))),
        b"M/" => object::decode_manifest(key, value).and_then(|all| Ok(Row::Manifest(blob_id(key, rest)?, all))),
        b"D/" => blob_id(key, rest).map(|_| Row::Companion),
        b"R/" => blob_id(key, rest).and_then(|_| empty(key, value)),
        b"B/" | b"G/" | b"H/" => empty(key, value),
        b"v/" => Err(Error::corrupt(key, "versions that are not current are not written by this program")),
        _ => return None,
    })
}

/// The keys of the rows that are there because `row` is, and because of no other. Whose bucket an object is in decides over
/// some; where that is not known, `None`, those are left out.
pub fn companions(row: &Row, bucket_owner: Option<&CanonicalId>) -> Vec<Key> {
    match row {
        Row::Bucket(bucket) => {
            let named = grants::of_bucket(bucket);
            let grants = named.iter().map(|grantee| keys::bucket_grant(grantee, &bucket.name));
            grants.chain([keys::owned(&bucket.owner, &bucket.name)]).collect()
        }
        Row::Object(bucket, object) => {
            let named = bucket_owner.map(|owner| grants::of_object(owner, &object.owner, &object.acl));
            let grants = named.iter().flatten().map(|grantee| keys::object_grant(grantee, bucket, &object.key));
            let manifest = object.manifest.map(|(id, _)| keys::manifest(&id));
            grants.chain(object.piece.as_ref().map(piece)).chain(manifest).collect()
        }
        Row::Part(_, part) => part.piece.as_ref().map(piece).into_iter().collect(),
        Row::Manifest(_, manifest) => manifest.0.iter().filter_map(|part| part.piece.as_ref()).map(piece).collect(),
        Row::Tags(_) | Row::Upload(_) | Row::Companion => vec![],
    }
}

/// Whether rows of that key's table are there only because of others.
pub fn is_companion(key: &[u8]) -> bool {
    matches!(key.first_chunk(), Some(b"M/" | b"D/" | b"R/" | b"B/" | b"G/" | b"H/"))
}

/// The bodies that lie outside of the engine and are named by this row itself, by whatever record it holds.
///
/// # Errors
/// [`Error::Corrupt`] if the record cannot be read.
pub fn bodies(entry: &Entry) -> Result<Vec<Piece>, Error> {
    let row = match entry.key.first_chunk() {
        Some(b"o/" | b"q/" | b"M/") => row(entry).transpose()?,
        _ => None,
    };
    let pieces = match row {
        Some(Row::Object(_, object)) => object.piece.into_iter().collect(),
        Some(Row::Part(_, part)) => part.piece.into_iter().collect(),
        Some(Row::Manifest(_, manifest)) => manifest.0.into_iter().filter_map(|part| part.piece).collect(),
        _ => vec![],
    };
    Ok(pieces.into_iter().filter(|piece| piece.at == BodyAt::Blob).collect())
}

fn piece(piece: &Piece) -> Key {
    match piece.at {
        BodyAt::Inline => keys::inline(&piece.id),
        BodyAt::Blob => keys::blob(&piece.id),
    }
}

fn empty(key: &[u8], value: &[u8]) -> Result<Row, Error> {
    if value.is_empty() { Ok(Row::Companion) } else { Err(Error::corrupt(key, "the row should hold nothing")) }
}

fn name(key: &[u8], rest: &[u8]) -> Result<BucketName, Error> {
    let name = std::str::from_utf8(rest).ok().and_then(|name| BucketName::new(name).ok());
    name.ok_or_else(|| Error::corrupt(key, "the key names no bucket"))
}

fn bucket_of(key: &[u8], rest: &[u8]) -> Result<BucketName, Error> {
    split(rest).map(|(bucket, _)| bucket).ok_or_else(|| Error::corrupt(key, "the key names no object"))
}

fn upload_of(key: &[u8], rest: &[u8]) -> Result<UploadId, Error> {
    let id = rest.len().checked_sub(3).and_then(|end| std::str::from_utf8(&rest[..end]).ok());
    id.and_then(|id| UploadId::new(id).ok()).ok_or_else(|| Error::corrupt(key, "the key names no upload"))
}

/// An upload's key repeats what its record says.
fn at_its_place(key: &[u8], upload: Upload) -> Result<Row, Error> {
    if keys::upload(&upload.bucket, &upload.key, &upload.id) != key {
        return Err(Error::corrupt(key, "the record is another upload's"));
    }
    Ok(Row::Upload(upload.into()))
}
