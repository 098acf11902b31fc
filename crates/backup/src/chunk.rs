//! Rows in chunks: where one ends, and its bytes. Pure.
//!
//! A chunk ends behind a row whose key's hash says so, the likelier the larger the row is. So where it ends depends on the
//! rows around it and on nothing else, and chunks have some size on average, whatever the rows' sizes.

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use kv::{Entry, Key};
use model::Revision;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"BWROWS\r\n";
const VERSION: u32 = 1;
/// Bytes of rows in a chunk, on average.
const TARGET: u64 = 1 << 20;
/// A chunk takes no further row once it has this many bytes.
const MOST: usize = 4 << 20;
const HEADER: usize = 12;
const CRC: usize = 4;
/// Bytes of a row before its key.
const ROW: usize = 16;

/// A chunk that is being put together.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
}

impl Chunk {
    pub fn new() -> Self {
        Chunk { bytes: [&MAGIC[..], &VERSION.to_le_bytes()].concat() }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER
    }

    /// Adds a row; whether the chunk ends behind it.
    pub fn add(&mut self, row: &Entry) -> bool {
        let (key, value) = (&row.key, &row.value);
        self.bytes.extend_from_slice(&row.revision.0.to_le_bytes());
        self.bytes.extend_from_slice(&length(key).to_le_bytes());
        self.bytes.extend_from_slice(&length(value).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        ends_behind(key, ROW + key.len() + value.len()) || self.bytes.len() >= MOST
    }

    /// All its bytes, and their SHA-256.
    pub fn finish(mut self) -> (Bytes, [u8; 32]) {
        let crc = crc32c(&self.bytes);
        self.bytes.extend_from_slice(&crc);
        let digest = Sha256::digest(&self.bytes).into();
        (self.bytes.into(), digest)
    }
}

/// The rows of a chunk; or what is wrong with it.
pub(crate) fn decode(bytes: &Bytes) -> Result<Vec<Entry>, &'static str> {
    let end = bytes.len().checked_sub(CRC).ok_or("it is cut")?;
    if bytes.get(..8) != Some(MAGIC) {
        return Err("it is no chunk of rows");
    }
    if bytes[8..].first_chunk() != Some(&VERSION.to_le_bytes()) {
        return Err("it is of a version that this program does not read");
    }
    if bytes[end..] != crc32c(&bytes[..end]) {
        return Err("its checksum does not hold");
    }
    let (mut rows, mut at) = (vec![], HEADER);
    while at < end {
        let row = read(bytes, at, end).ok_or("a row does not fit into it")?;
        at += ROW + row.key.len() + row.value.len();
        rows.push(row);
    }
    Ok(rows)
}

fn read(bytes: &Bytes, at: usize, end: usize) -> Option<Entry> {
    let head = bytes.get(at..end)?;
    let (revision, rest) = head.split_first_chunk::<8>()?;
    let (key, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_first_chunk::<4>()?;
    let (key, value) = (u32::from_le_bytes(*key) as usize, u32::from_le_bytes(*value) as usize);
    if key.checked_add(value)? > rest.len() {
        return None;
    }
    let start = at + ROW;
    let (key, value) = (bytes.slice(start..start + key), bytes.slice(start + key..start + key + value));
    Some(Entry::new(Key::copy_from_slice(&key), value, Revision(u64::from_le_bytes(*revision))))
}

/// Whether the key's hash, as a fraction of all, is less than the row's size as one of the target.
fn ends_behind(key: &[u8], bytes: usize) -> bool {
    let hash = u64::from_be_bytes(*Sha256::digest(key).first_chunk().expect("SHA-256 has 32 bytes"));
    u128::from(hash) * u128::from(TARGET) < (bytes as u128) << 64
}

fn length(part: &[u8]) -> u32 {
    u32::try_from(part.len()).expect("a row has less than 4 GiB")
}

fn crc32c(bytes: &[u8]) -> [u8; CRC] {
    let crc = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(crc).expect("CRC-32C has 32 bits").to_le_bytes()
}
