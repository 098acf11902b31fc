//! The bytes of a body's file: `docs/format/blobs.md`. Pure.
//!
//! A header, then blocks, each followed by its checksum. The header says what the whole is and is written last, over
//! zeros, so that a file that was not finished is never taken for one that was. Checksums stand beside their blocks and
//! not in a table, so that an upload of any length needs no memory for them and a range needs one read.
//!
//! A block's checksum covers the blob's id and the block's number too: a block that turns up in another file, or in
//! another place, does not verify.

use crc_fast::{CrcAlgorithm, Digest};
use model::BlobId;

use crate::{BlobRef, Error};

/// Bytes of the body in each block but the last, which has 1 to as many.
pub(super) const BLOCK: usize = 64 * 1024;
/// Bytes of a checksum.
pub(super) const CRC: usize = 4;
/// Bytes of the file that a full block takes.
pub(super) const STORED_BLOCK: usize = BLOCK + CRC;
/// Bytes before the first block.
pub(super) const HEADER: usize = 48;

const MAGIC: [u8; 8] = *b"BWBLOB\r\n";
const VERSION: u32 = 1;

/// How long the file of a body of `len` bytes is; `None` if no file can be so long.
pub(super) fn file_len(len: u64) -> Option<u64> {
    len.div_ceil(BLOCK as u64).checked_mul(CRC as u64)?.checked_add(len)?.checked_add(HEADER as u64)
}

/// Where block number `index` of a body of at least so many blocks begins. Callers know that the file has it.
pub(super) fn block_at(index: u64) -> u64 {
    HEADER as u64 + index * STORED_BLOCK as u64
}

/// CRC-32C of `bytes`.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    narrow(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes))
}

/// The checksum of block number `index` of blob `id`.
pub(super) fn block_crc(id: BlobId, index: u64, block: &[u8]) -> [u8; CRC] {
    let mut place = [0; 24];
    place[..16].copy_from_slice(id.as_bytes());
    place[16..].copy_from_slice(&index.to_le_bytes());
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(&place);
    digest.update(block);
    narrow(digest.finalize()).to_le_bytes()
}

fn narrow(crc: u64) -> u32 {
    u32::try_from(crc).expect("CRC-32C has 32 bits")
}

/// The header of `blob`'s file.
pub(super) fn header(blob: &BlobRef) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..28].copy_from_slice(blob.id.as_bytes());
    header[28..36].copy_from_slice(&blob.len.to_le_bytes());
    header[36..44].copy_from_slice(&blob.crc64.to_le_bytes());
    let crc = crc32c(&header[..44]);
    header[44..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Whether a file of `found_len` bytes that begins with `found` can be `blob`'s.
pub(super) fn check(blob: &BlobRef, found_len: u64, found: &[u8; HEADER]) -> Result<(), Error> {
    check_len(blob, found_len)?;
    let expected = header(blob);
    if *found == expected {
        return Ok(());
    }
    // It is damaged in any case; what follows finds out how to say so.
    let what = if crc32c(&found[..44]).to_le_bytes() != found[44..] || found[..8] != MAGIC {
        "its header does not verify"
    } else if found[8..12] != expected[8..12] {
        "its header is of a version that this program does not read"
    } else if found[12..28] != expected[12..28] {
        "its file is another blob's"
    } else {
        "its header has another length or checksum than recorded"
    };
    Err(Error::corrupt(blob.id, what))
}

/// Whether a file of `found_len` bytes is as long as `blob`'s must be.
pub(super) fn check_len(blob: &BlobRef, found_len: u64) -> Result<(), Error> {
    match file_len(blob.len) {
        Some(expected) if expected == found_len => Ok(()),
        Some(expected) => {
            Err(Error::corrupt(blob.id, format!("its file has {found_len} bytes where {expected} are recorded")))
        }
        None => Err(Error::corrupt(blob.id, format!("no file has the recorded length of {} bytes", blob.len))),
    }
}
