//! Checksums as the wire shows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use model::{Checksum, ChecksumAlgorithm};

/// The value in base64; for a composite one, with the number of parts after a hyphen.
pub(crate) fn text(checksum: &Checksum) -> String {
    let mut text = STANDARD.encode(&checksum.value);
    if let Some(parts) = checksum.parts {
        text.push('-');
        text.push_str(&parts.to_string());
    }
    text
}

/// The header that carries one.
pub(crate) fn header(algorithm: ChecksumAlgorithm) -> HeaderName {
    HeaderName::from_static(algorithm.header())
}

/// The XML element that carries one.
pub(crate) const fn element(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
        ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
        ChecksumAlgorithm::Crc64Nvme => "ChecksumCRC64NVME",
        ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
        ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
    }
}

/// A value by `algorithm` from base64; `None` if it is not one.
pub(crate) fn read(algorithm: ChecksumAlgorithm, text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok().filter(|value| value.len() == algorithm.len())
}
