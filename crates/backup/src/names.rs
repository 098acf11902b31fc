//! What files on the shelf are called.

use blobs::BlobRef;

/// Says what the place is, and whose.
pub(crate) const REPOSITORY: &str = "repository";
/// What manifests' names begin with.
pub(crate) const BACKUPS: &str = "backups/";
/// What names of chunks of rows begin with.
pub(crate) const ROWS: &str = "rows/";
/// What names of bodies begin with.
pub(crate) const BODIES: &str = "bodies/";

/// A chunk of rows, by its SHA-256.
pub(crate) fn rows(digest: &[u8; 32]) -> String {
    let text = hex::encode(digest);
    format!("{ROWS}{}/{text}", &text[..2])
}

/// A body, by its id and CRC-64: two stores that grew from one may give an id to two bodies.
pub(crate) fn body(blob: &BlobRef) -> String {
    format!("{BODIES}{:02x}/{}-{:016x}", blob.id.as_bytes()[15], blob.id, blob.crc64)
}

/// A manifest, by the backup's id.
pub(crate) fn backup(id: &str) -> String {
    format!("{BACKUPS}{id}")
}

/// A row that is not in a backup, in one line.
pub(crate) fn row(key: &kv::Key) -> String {
    format!("row {}", key.escape_ascii())
}

/// The ids of manifests of these names, the oldest first: by the revision that each ends with. Clocks may be wrong.
pub(crate) fn in_order(names: Vec<String>) -> Vec<String> {
    let mut ids: Vec<String> = names.iter().filter_map(|name| name.strip_prefix(BACKUPS)).map(str::to_owned).collect();
    let revision = |id: &str| id.rsplit('-').next().and_then(|revision| revision.parse::<u64>().ok()).unwrap_or(0);
    ids.sort_by(|a, b| (revision(a), a).cmp(&(revision(b), b)));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_in_the_order_of_their_revisions_whatever_the_clock_said() {
        let names = ["20990101T000000Z-9", "20260101T000000Z-10", "20260101T000000Z-100", "20260102T000000Z-11", "x"];
        let ids = in_order(names.iter().map(|id| backup(id)).collect());
        assert_eq!(ids, ["x", names[0], names[1], names[3], names[2]]);
    }
}
