//! Where each record is stored. The first byte is the table; `docs/format/catalog.md` lists them.

use kv::{Key, KeyRange};
use model::{AccountId, BlobId, BucketName, ObjectKey, UploadId};

#[inline]
fn join<const N: usize>(parts: &[&[u8]; N]) -> Key {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key.into()
}

/// `b/NAME`: a bucket.
pub(crate) fn bucket(name: &BucketName) -> Key {
    join(&[b"b/", name.as_str().as_bytes()])
}

/// All buckets.
pub(crate) fn buckets() -> KeyRange {
    KeyRange::prefix(&b"b/"[..])
}

/// `t/NAME`: the tags of a bucket.
pub(crate) fn bucket_tags(name: &BucketName) -> Key {
    join(&[b"t/", name.as_str().as_bytes()])
}

/// `o/NAME NUL KEY`: the current version of an object.
pub(crate) fn object(bucket: &BucketName, key: &ObjectKey) -> Key {
    join(&[b"o/", bucket.as_str().as_bytes(), b"\0", key.as_str().as_bytes()])
}

/// What all objects of a bucket begin with.
pub(crate) fn objects(bucket: &BucketName) -> Key {
    join(&[b"o/", bucket.as_str().as_bytes(), b"\0"])
}

/// `v/NAME NUL`: noncurrent versions of a bucket's objects. None are written yet; the range is required vacant when a
/// bucket is removed, so that whoever writes the first needs not to remember it.
pub(crate) fn versions(bucket: &BucketName) -> Key {
    join(&[b"v/", bucket.as_str().as_bytes(), b"\0"])
}

/// `p/NAME NUL escaped-KEY NUL 0x01 UPLOAD`: an unfinished upload. NUL within the key is written NUL 0xFF, so that uploads
/// sort by key and then by age.
pub(crate) fn upload(bucket: &BucketName, key: &ObjectKey, id: &UploadId) -> Key {
    join(&[b"p/", bucket.as_str().as_bytes(), b"\0", &escape(key.as_str()), b"\0\x01", id.as_str().as_bytes()])
}

/// What all unfinished uploads of a bucket begin with.
pub(crate) fn uploads(bucket: &BucketName) -> Key {
    join(&[b"p/", bucket.as_str().as_bytes(), b"\0"])
}

/// Where the uploads of `key` in `bucket` begin.
pub(crate) fn uploads_of(bucket: &BucketName, key: &str) -> Key {
    join(&[b"p/", bucket.as_str().as_bytes(), b"\0", &escape(key), b"\0\x01"])
}

/// Escapes NUL as `upload` keys do.
pub(crate) fn escape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
    out
}

/// `q/UPLOAD/NUMBER`: a part, its number as 2 bytes big-endian.
pub(crate) fn part(upload: &UploadId, number: u16) -> Key {
    join(&[b"q/", upload.as_str().as_bytes(), b"/", &number.to_be_bytes()])
}

/// All parts of an upload.
pub(crate) fn parts(upload: &UploadId) -> KeyRange {
    KeyRange::prefix(join(&[b"q/", upload.as_str().as_bytes(), b"/"]))
}

/// `R/BLOB`: this blob is named by a record.
pub(crate) fn blob(id: &BlobId) -> Key {
    join(&[b"R/", id.as_bytes()])
}

/// `D/BLOB`: a small body, stored in the engine.
pub(crate) fn inline(id: &BlobId) -> Key {
    join(&[b"D/", id.as_bytes()])
}

/// `M/BLOB`: of which parts a multipart object consists; under the id of its first piece.
pub(crate) fn manifest(id: &BlobId) -> Key {
    join(&[b"M/", id.as_bytes()])
}

/// `B/ACCOUNT/NAME`: this account owns this bucket.
pub(crate) fn owned(account: &AccountId, bucket: &BucketName) -> Key {
    join(&[b"B/", account.as_str().as_bytes(), b"/", bucket.as_str().as_bytes()])
}

/// Buckets that an account owns.
pub(crate) fn owned_by(account: &AccountId) -> Key {
    join(&[b"B/", account.as_str().as_bytes(), b"/"])
}

/// `G/GRANTEE/NAME`: the ACL of this bucket names this grantee.
pub(crate) fn bucket_grant(grantee: &str, bucket: &BucketName) -> Key {
    join(&[b"G/", grantee.as_bytes(), b"/", bucket.as_str().as_bytes()])
}

/// Buckets whose ACL names a grantee.
pub(crate) fn bucket_grants(grantee: &str) -> Key {
    join(&[b"G/", grantee.as_bytes(), b"/"])
}

/// `H/GRANTEE/NAME NUL KEY`: the ACL of this object names this grantee, or it owns the object and not the bucket.
pub(crate) fn object_grant(grantee: &str, bucket: &BucketName, key: &ObjectKey) -> Key {
    join(&[b"H/", grantee.as_bytes(), b"/", bucket.as_str().as_bytes(), b"\0", key.as_str().as_bytes()])
}

/// Objects whose ACL names a grantee.
pub(crate) fn object_grants(grantee: &str) -> Key {
    join(&[b"H/", grantee.as_bytes(), b"/"])
}
