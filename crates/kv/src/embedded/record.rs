//! The bytes of a store: its two tables and the form of a stored value. Described in `docs/format/kv.md`.

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use model::Revision;
use redb::TableDefinition;

use crate::{Entry, Error, Key};

pub(super) const DATA: TableDefinition<&[u8], &[u8]> = TableDefinition::new("data");
pub(super) const HEADER: TableDefinition<&str, &[u8]> = TableDefinition::new("header");

/// The rows of the header.
pub(super) const FORMAT: &str = "format";
pub(super) const STORE: &str = "store";
pub(super) const REVISION: &str = "revision";

/// What the row `format` begins with; four bytes of version follow, big-endian.
pub(super) const MAGIC: &[u8] = b"bailiwick-kv";
pub(super) const VERSION: u32 = 1;

const REVISION_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// Revision (8 bytes, big-endian) ‖ checksum (4, big-endian) ‖ value.
pub(super) fn encode(key: &[u8], revision: Revision, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(REVISION_BYTES + CHECKSUM_BYTES + value.len());
    out.extend_from_slice(&revision.0.to_be_bytes());
    out.extend_from_slice(&checksum(key, &revision.0.to_be_bytes(), value).to_be_bytes());
    out.extend_from_slice(value);
    out
}

/// The revision and the value of what is stored under `key`.
///
/// # Errors
/// [`Error::Corrupt`] if it is not what was written under that key.
pub(super) fn decode<'a>(key: &[u8], stored: &'a [u8]) -> Result<(Revision, &'a [u8]), Error> {
    let parts = stored
        .split_first_chunk::<REVISION_BYTES>()
        .and_then(|(revision, rest)| Some((revision, rest.split_first_chunk::<CHECKSUM_BYTES>()?)));
    match parts {
        Some((revision, (sum, value))) if u32::from_be_bytes(*sum) == checksum(key, revision, value) => {
            Ok((Revision(u64::from_be_bytes(*revision)), value))
        }
        _ => Err(corrupt("a value with a wrong checksum", key)),
    }
}

pub(super) fn entry(key: &[u8], stored: &[u8]) -> Result<Entry, Error> {
    let (revision, value) = decode(key, stored)?;
    Ok(Entry::new(Key::copy_from_slice(key), Bytes::copy_from_slice(value), revision))
}

pub(super) fn corrupt(what: &str, key: &[u8]) -> Error {
    Error::Corrupt(format!("{what} is stored under \"{}\"", key.escape_ascii()))
}

/// CRC-32C over key ‖ revision ‖ value, so that a value under another key is noticed too.
fn checksum(key: &[u8], revision: &[u8], value: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(key);
    digest.update(revision);
    digest.update(value);
    u32::try_from(digest.finalize()).expect("CRC-32C has 32 bits")
}
