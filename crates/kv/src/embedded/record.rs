//! The bytes of the index: its tables and the form of a row. Described in `docs/format/kv.md`.

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use model::Revision;
use redb::TableDefinition;

use crate::{Entry, Error, Key};

pub(super) const DATA: TableDefinition<&[u8], &[u8]> = TableDefinition::new("data");
pub(super) const HEADER: TableDefinition<&str, &[u8]> = TableDefinition::new("header");
/// Number of a log file → bytes of values in it that rows of `data` point to.
pub(super) const LIVE: TableDefinition<u64, u64> = TableDefinition::new("live");

/// The rows of the header.
pub(super) const FORMAT: &str = "format";
pub(super) const STORE: &str = "store";
pub(super) const CHECKPOINT: &str = "checkpoint";

/// What the row `format` begins with; four bytes of version follow, big-endian.
pub(super) const MAGIC: &[u8] = b"bailiwick-kv";
pub(super) const VERSION: u32 = 2;

/// Values of more bytes stay in the log; what the index holds of them is where they are. Measured: a B-tree writes each
/// value again with every page that it moves to, and rounds long ones up to powers of two of pages.
pub(super) const LONG_BYTES: usize = 1024;

const REVISION_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;
const HERE: u8 = 0;
const LOGGED: u8 = 1;

/// Where in the log a value is, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the log file.
    pub file: u64,
    /// Where in it the value begins.
    pub offset: u64,
    /// Bytes of the value.
    pub len: u32,
    /// [`checksum`] of the value under its key.
    pub crc: u32,
}

/// A value, or where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Here(Bytes),
    Logged(Place),
}

/// What is stored under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub revision: Revision,
    pub value: Value,
}

impl Row {
    /// As the index holds it: kind (1 byte) ‖ revision (8, big-endian) ‖ checksum (4, big-endian) ‖ value or place.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let revision = self.revision.0.to_be_bytes();
        let place;
        let (kind, rest): (u8, &[u8]) = match &self.value {
            Value::Here(value) => (HERE, value),
            Value::Logged(at) => {
                place = at.encode();
                (LOGGED, &place)
            }
        };
        let mut out = Vec::with_capacity(1 + REVISION_BYTES + CHECKSUM_BYTES + rest.len());
        out.push(kind);
        out.extend_from_slice(&revision);
        out.extend_from_slice(&sum(&[&[kind], key, &revision, rest]).to_be_bytes());
        out.extend_from_slice(rest);
        out
    }

    /// What [`encode`](Row::encode) made.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is not what was written under `key`.
    pub fn decode(key: &[u8], stored: &[u8]) -> Result<Row, Error> {
        let damaged = || corrupt("a row with a wrong checksum", key);
        let (kind, rest) = stored.split_first().ok_or_else(damaged)?;
        let (revision, rest) = rest.split_first_chunk::<REVISION_BYTES>().ok_or_else(damaged)?;
        let (crc, rest) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or_else(damaged)?;
        if u32::from_be_bytes(*crc) != sum(&[&[*kind], key, revision, rest]) {
            return Err(damaged());
        }
        let value = match *kind {
            HERE => Value::Here(Bytes::copy_from_slice(rest)),
            LOGGED => Value::Logged(Place::decode(rest).ok_or_else(damaged)?),
            _ => return Err(corrupt("a row of an unknown kind", key)),
        };
        Ok(Row { revision: Revision(u64::from_be_bytes(*revision)), value })
    }

    /// The place of what is stored, if it is in the log; nothing is checked but the form.
    pub fn place_of(stored: &[u8]) -> Option<Place> {
        match stored.split_first() {
            Some((&LOGGED, rest)) => Place::decode(rest.get(REVISION_BYTES + CHECKSUM_BYTES..)?),
            _ => None,
        }
    }

    /// Bytes that it takes in memory beside its key, about.
    pub fn weight(&self) -> usize {
        match &self.value {
            Value::Here(value) => value.len(),
            Value::Logged(_) => size_of::<Place>(),
        }
    }
}

impl Place {
    const BYTES: usize = 24;

    fn encode(&self) -> [u8; Place::BYTES] {
        let mut out = [0; Place::BYTES];
        out[..8].copy_from_slice(&self.file.to_be_bytes());
        out[8..16].copy_from_slice(&self.offset.to_be_bytes());
        out[16..20].copy_from_slice(&self.len.to_be_bytes());
        out[20..].copy_from_slice(&self.crc.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Place> {
        let bytes: &[u8; Place::BYTES] = bytes.try_into().ok()?;
        let long = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let short = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        Some(Place { file: long(0), offset: long(8), len: short(16), crc: short(20) })
    }

    /// `value`, if it is what was written under `key`.
    pub fn check(&self, key: &[u8], revision: Revision, value: Vec<u8>) -> Result<Entry, Error> {
        if checksum(key, revision, &value) != self.crc {
            let Place { file, offset, .. } = self;
            return Err(corrupt(&format!("a damaged value (log file {file}, byte {offset})"), key));
        }
        Ok(Entry::new(Key::copy_from_slice(key), value.into(), revision))
    }
}

pub(super) fn corrupt(what: &str, key: &[u8]) -> Error {
    Error::Corrupt(format!("{what} is stored under \"{}\"", key.escape_ascii()))
}

/// CRC-32C over key ‖ revision ‖ value, so that a value under another key is noticed too.
pub(super) fn checksum(key: &[u8], revision: Revision, value: &[u8]) -> u32 {
    sum(&[key, &revision.0.to_be_bytes(), value])
}

/// CRC-32C over all of `parts`.
pub(super) fn sum(parts: &[&[u8]]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    parts.iter().for_each(|part| digest.update(part));
    u32::try_from(digest.finalize()).expect("CRC-32C has 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_under_its_key_and_no_other_and_no_flipped_bit_is_taken() {
        let place = Place { file: 3, offset: 4096, len: 70_000, crc: 0xDEAD_BEEF };
        for value in [Value::Here("some value".into()), Value::Here(Bytes::new()), Value::Logged(place)] {
            let row = Row { revision: Revision(77), value };
            let stored = row.encode(b"key");
            assert_eq!(Row::decode(b"key", &stored).unwrap(), row);
            assert_eq!(Row::place_of(&stored).is_some(), matches!(row.value, Value::Logged(_)));
            assert!(Row::decode(b"kez", &stored).is_err());
            for at in 0..stored.len() {
                let mut flipped = stored.clone();
                flipped[at] ^= 0x04;
                assert!(Row::decode(b"key", &flipped).is_err(), "byte {at}");
                assert!(Row::decode(b"key", &stored[..at]).is_err(), "cut at {at}");
            }
        }
    }
}
