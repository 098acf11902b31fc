//! The digests that a request declares for its body: `Content-MD5`, `x-amz-checksum-*`, and the trailer that it promises.
//!
//! A checksum that is not understood is refused, never ignored: who sends one relies on its being verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use model::ChecksumAlgorithm;
use subtle::ConstantTimeEq as _;

use super::head::Head;
use crate::checksum;
use crate::error::{Code, S3Error};

/// What is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// A checksum: from a header, or later from the trailer.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// Which checksum comes as the trailer.
    pub promised: Option<ChecksumAlgorithm>,
    /// By which algorithm a checksum is kept, if any was named at all.
    pub algorithm: Option<ChecksumAlgorithm>,
}

/// Headers that begin like a checksum and are none.
const NOT_CHECKSUMS: [&str; 3] = ["x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"];

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::with_message(Code::InvalidRequest, message)
}

fn by_header(name: &str) -> Option<ChecksumAlgorithm> {
    ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.header() == name)
}

fn several() -> S3Error {
    invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

impl Declared {
    /// Reads the headers. `trailers` tells whether the body has some; `checksums_of_body`, whether `x-amz-checksum-*` are
    /// about the body at all.
    ///
    /// # Errors
    /// InvalidDigest for a Content-MD5 that is none; InvalidRequest for all else.
    pub fn read(head: &Head, trailers: bool, checksums_of_body: bool) -> Result<Self, S3Error> {
        let md5 = head.text("content-md5")?.map(md5_of).transpose()?;
        let promised = promised(head, trailers)?;
        let mut declared = Declared { md5, checksum: None, promised, algorithm: promised };
        if !checksums_of_body {
            return Ok(declared);
        }
        let names = head.headers().keys().map(|name| name.as_str());
        for name in names.filter(|name| name.starts_with("x-amz-checksum-") && !NOT_CHECKSUMS.contains(name)) {
            let algorithm = by_header(name).ok_or_else(|| invalid(format!("The checksum {name} is not supported.")))?;
            if declared.checksum.is_some() || promised.is_some() {
                return Err(several());
            }
            let value = head.text(name)?.and_then(|text| checksum::read(algorithm, text));
            let value = value.ok_or_else(|| invalid(format!("Value for {name} header is invalid.")))?;
            declared.checksum = Some((algorithm, value));
            declared.algorithm = Some(algorithm);
        }
        if let Some(text) = head.text("x-amz-sdk-checksum-algorithm")? {
            let named = ChecksumAlgorithm::parse(text).ok_or_else(|| {
                invalid(
                    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, \
                     CRC32C, CRC64NVME, SHA1, SHA256]",
                )
            })?;
            if *declared.algorithm.get_or_insert(named) != named {
                return Err(invalid("Value for x-amz-sdk-checksum-algorithm header is invalid."));
            }
        }
        Ok(declared)
    }

    /// Whether there is anything to verify the body by.
    pub fn any(&self) -> bool {
        self.md5.is_some() || self.checksum.is_some()
    }

    /// Verifies a body that is at hand.
    ///
    /// # Errors
    /// BadDigest.
    pub fn verify(&self, body: &[u8]) -> Result<(), S3Error> {
        let md5_fits = self.md5.is_none_or(|wanted| bool::from(wanted[..].ct_eq(&md5::Md5::digest(body)[..])));
        let fits =
            |(algorithm, wanted): &(ChecksumAlgorithm, Vec<u8>)| bool::from(wanted.ct_eq(&digest(*algorithm, body)));
        if !md5_fits || !self.checksum.as_ref().is_none_or(fits) {
            return Err(S3Error::new(Code::BadDigest));
        }
        Ok(())
    }
}

fn md5_of(text: &str) -> Result<[u8; 16], S3Error> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| S3Error::with_message(Code::InvalidDigest, "The Content-MD5 you specified was invalid."))
}

/// What `x-amz-trailer` promises: one checksum, or nothing.
fn promised(head: &Head, trailers: bool) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let mut found = None;
    for name in head.text("x-amz-trailer")?.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !trailers {
            return Err(invalid("x-amz-trailer needs a value of x-amz-content-sha256 that ends in -TRAILER."));
        }
        let algorithm = by_header(&name.to_ascii_lowercase())
            .ok_or_else(|| invalid("The value specified in the x-amz-trailer header is not supported"))?;
        if found.replace(algorithm).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

/// The checksum of `body`.
fn digest(algorithm: ChecksumAlgorithm, body: &[u8]) -> Vec<u8> {
    let crc = |crc, len: usize| crc_fast::checksum(crc, body).to_be_bytes()[8 - len..].to_vec();
    match algorithm {
        ChecksumAlgorithm::Crc32 => crc(crc_fast::CrcAlgorithm::Crc32IsoHdlc, 4),
        ChecksumAlgorithm::Crc32c => crc(crc_fast::CrcAlgorithm::Crc32Iscsi, 4),
        ChecksumAlgorithm::Crc64Nvme => crc(crc_fast::CrcAlgorithm::Crc64Nvme, 8),
        ChecksumAlgorithm::Sha1 => sha1::Sha1::digest(body).to_vec(),
        ChecksumAlgorithm::Sha256 => sha2::Sha256::digest(body).to_vec(),
    }
}
