//! What files on the shelf are called.

use blobs::BlobRef;

/// Says what the place is, and whose.
pub(crate) const REPOSITORY: &str = "repository";
/// What manifests' names begin with.
pub(crate) const BACKUPS: &str = "backups/";

/// A chunk of rows, by its SHA-256.
pub(crate) fn rows(digest: &[u8; 32]) -> String {
    let text = hex::encode(digest);
    format!("rows/{}/{text}", &text[..2])
}

/// A body, by its id and CRC-64: two stores that grew from one may give an id to two bodies.
pub(crate) fn body(blob: &BlobRef) -> String {
    format!("bodies/{:02x}/{}-{:016x}", blob.id.as_bytes()[15], blob.id, blob.crc64)
}

/// A manifest, by the backup's id.
pub(crate) fn backup(id: &str) -> String {
    format!("{BACKUPS}{id}")
}
