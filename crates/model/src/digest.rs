//! Digests that the wire shows: entity tags and checksums.

use std::fmt;

/// An object's entity tag without its quotes: the MD5 in hexadecimal, or, for a multipart object, the MD5 of the parts'
/// MD5s, a hyphen and the number of parts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ETag(Box<str>);

impl ETag {
    /// Of a body with this MD5.
    pub fn from_md5(md5: [u8; 16]) -> Self {
        ETag(hex(&md5).into())
    }

    /// Of a multipart object whose parts' MD5s, one after the other, have this MD5.
    pub fn from_parts(md5_of_md5s: [u8; 16], parts: usize) -> Self {
        ETag(format!("{}-{parts}", hex(&md5_of_md5s)).into())
    }

    /// As stored; trusted, for records that this store wrote.
    pub fn from_stored(text: &str) -> Self {
        ETag(text.into())
    }

    /// Without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)] as char, DIGITS[usize::from(b & 15)] as char]).collect()
}

/// Checksums that S3 lets a client choose (S3 user guide, "Checking object integrity").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-32 as in zlib, 4 bytes.
    Crc32,
    /// CRC-32C (Castagnoli), 4 bytes.
    Crc32c,
    /// CRC-64/NVME, 8 bytes; always of the full object.
    Crc64Nvme,
    /// SHA-1, 20 bytes; composite on multipart objects.
    Sha1,
    /// SHA-256, 32 bytes; composite on multipart objects.
    Sha256,
}

impl ChecksumAlgorithm {
    /// All of them.
    pub const ALL: [ChecksumAlgorithm; 5] = [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ];

    /// As `x-amz-checksum-algorithm` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "CRC32",
            ChecksumAlgorithm::Crc32c => "CRC32C",
            ChecksumAlgorithm::Crc64Nvme => "CRC64NVME",
            ChecksumAlgorithm::Sha1 => "SHA1",
            ChecksumAlgorithm::Sha256 => "SHA256",
        }
    }

    /// The header that carries one.
    pub const fn header(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
            ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
            ChecksumAlgorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
            ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// From its name, in any case, as S3 takes it.
    pub fn parse(text: &str) -> Option<Self> {
        ChecksumAlgorithm::ALL.into_iter().find(|a| a.as_str().eq_ignore_ascii_case(text))
    }

    /// Length of a value, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no value is empty")]
    pub const fn len(self) -> usize {
        match self {
            ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => 4,
            ChecksumAlgorithm::Crc64Nvme => 8,
            ChecksumAlgorithm::Sha1 => 20,
            ChecksumAlgorithm::Sha256 => 32,
        }
    }
}

/// What a checksum of a multipart object was computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumKind {
    /// Over the object's bytes.
    FullObject,
    /// Over the parts' checksums, one after the other.
    Composite,
}

impl ChecksumKind {
    /// As `x-amz-checksum-type` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ChecksumKind::FullObject => "FULL_OBJECT",
            ChecksumKind::Composite => "COMPOSITE",
        }
    }

    /// From that spelling; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        [ChecksumKind::FullObject, ChecksumKind::Composite].into_iter().find(|k| k.as_str() == text)
    }
}

/// A checksum that was verified or computed while the bytes came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Which.
    pub algorithm: ChecksumAlgorithm,
    /// Over what.
    pub kind: ChecksumKind,
    /// The value, [`ChecksumAlgorithm::len`] bytes, big-endian for CRCs.
    pub value: Box<[u8]>,
    /// For a composite one, of how many parts; shown after a hyphen.
    pub parts: Option<u16>,
}
