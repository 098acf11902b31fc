//! Where the bytes of a body come from: memory, or a generator that makes any amount in any order.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, Digest as Crc};
use md5::Md5;
use sha2::{Digest, Sha256};

/// How much of a long body is handled at a time, where nothing else says so.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// Bytes of one block of a [`Generated`] body, which repeats it. A prime, so that no two of the offsets at which stores cut
/// (multiples of powers of two) fall on the same place of it, and a part that lands elsewhere is noticed.
const BLOCK_BYTES: usize = 1_048_583;

/// A body's bytes.
#[derive(Debug, Clone)]
pub enum Source {
    /// In memory.
    Bytes(Bytes),
    /// Made while they are sent.
    Generated(Generated),
}

impl Source {
    /// How many bytes.
    pub fn length(&self) -> u64 {
        match self {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::Generated(generated) => generated.length,
        }
    }

    /// All of them in order, in pieces of `size` bytes of which the last may be shorter; none is empty.
    pub fn pieces(&self, size: usize) -> impl Iterator<Item = Bytes> + Send + 'static {
        let (source, size) = (self.clone(), size.max(1));
        let mut offset = 0;
        std::iter::from_fn(move || {
            let length = (source.length() - offset).min(size as u64) as usize;
            let piece = source.at(offset, length);
            offset += length as u64;
            (length > 0).then_some(piece)
        })
    }

    fn at(&self, offset: u64, length: usize) -> Bytes {
        match self {
            // An offset in memory is a usize.
            Source::Bytes(bytes) => bytes.slice(offset as usize..offset as usize + length),
            Source::Generated(generated) => generated.at(offset, length),
        }
    }

    /// SHA-256 in hex, as in `x-amz-content-sha256`.
    pub fn sha256_hex(&self) -> String {
        hex::encode(self.sha256())
    }

    /// SHA-256 in Base64, as in `x-amz-checksum-sha256`.
    pub fn sha256_base64(&self) -> String {
        STANDARD.encode(self.sha256())
    }

    /// CRC32C in Base64, as in `x-amz-checksum-crc32c`.
    pub fn crc32c_base64(&self) -> String {
        let mut crc = Crc::new(CrcAlgorithm::Crc32Iscsi);
        self.pieces(PIECE_BYTES).for_each(|piece| crc.update(&piece));
        // A CRC of 32 bits stands in the lower half.
        STANDARD.encode((crc.finalize() as u32).to_be_bytes())
    }

    /// MD5 in Base64, as in `content-md5`.
    pub fn md5_base64(&self) -> String {
        let mut md5 = Md5::new();
        self.pieces(PIECE_BYTES).for_each(|piece| md5.update(&piece));
        STANDARD.encode(md5.finalize())
    }

    fn sha256(&self) -> [u8; 32] {
        let mut sha256 = Sha256::new();
        self.pieces(PIECE_BYTES).for_each(|piece| sha256.update(&piece));
        sha256.finalize().into()
    }
}

impl<T: Into<Bytes>> From<T> for Source {
    fn from(bytes: T) -> Self {
        Source::Bytes(bytes.into())
    }
}

impl From<Generated> for Source {
    fn from(generated: Generated) -> Self {
        Source::Generated(generated)
    }
}

/// A body of any length that costs one block of memory: pseudo-random, the same for the same seed, and checkable at
/// any offset.
#[derive(Debug, Clone)]
pub struct Generated {
    length: u64,
    block: Bytes,
}

impl Generated {
    /// `length` bytes that depend on `seed`.
    pub fn new(seed: u64, length: u64) -> Self {
        // SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
        let mut state = seed;
        let block: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)).to_le_bytes()
        })
        .flatten()
        .take(BLOCK_BYTES)
        .collect();
        Generated { length, block: block.into() }
    }

    /// The `length` bytes from `offset`.
    pub fn at(&self, offset: u64, length: usize) -> Bytes {
        let start = (offset % BLOCK_BYTES as u64) as usize;
        if start + length <= BLOCK_BYTES {
            return self.block.slice(start..start + length);
        }
        let mut bytes = BytesMut::with_capacity(length);
        bytes.extend_from_slice(&self.block[start..]);
        while bytes.len() < length {
            let more = (length - bytes.len()).min(BLOCK_BYTES);
            bytes.extend_from_slice(&self.block[..more]);
        }
        bytes.freeze()
    }

    /// Whether these are the bytes from `offset`; false where they go beyond the end.
    pub fn matches(&self, offset: u64, bytes: &[u8]) -> bool {
        offset.checked_add(bytes.len() as u64).is_some_and(|end| end <= self.length)
            && self.at(offset, bytes.len()) == bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_body_reads_the_same_in_any_pieces_and_notices_a_displaced_one() {
        let generated = Generated::new(7, 3 * BLOCK_BYTES as u64 + 17);
        let whole = generated.at(0, 3 * BLOCK_BYTES + 17);
        let pieces: Vec<u8> = Source::from(generated.clone()).pieces(1 << 20).flatten().collect();
        assert_eq!(pieces, whole);
        assert!(generated.matches(999, &whole[999..2_000_000]));
        assert!(!generated.matches(2 << 20, &whole[1 << 20..2 << 20]), "another block's bytes are other bytes");
        assert!(!generated.matches(whole.len() as u64 - 1, &whole[whole.len() - 2..]), "beyond the end is nothing");
        assert_ne!(Generated::new(8, 100).at(0, 100), whole[..100]);
    }

    #[test]
    fn digests_are_those_of_the_published_check_strings() {
        let source = Source::from("123456789");
        assert_eq!(source.crc32c_base64(), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(Source::from("").md5_base64(), "1B2M2Y8AsgTpgAmY7PhCfg==");
        assert_eq!(Source::from("").sha256_hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
