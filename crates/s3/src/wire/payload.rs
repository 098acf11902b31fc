//! How a body comes: what `x-amz-content-sha256` says, against who signed the request how.

use super::head::Head;
use super::sigv4::ChunkSigner;
use crate::error::{Code, S3Error};

/// How a body is to be read and verified. Made by authentication alone.
pub(crate) struct Payload {
    pub(super) mode: Mode,
    /// Whether `x-amz-checksum-*` headers are about the body, rather than about an object that the body describes.
    pub(super) checksums_of_body: bool,
}

impl Payload {
    /// A body of a request whose signature says nothing of it; it describes no object.
    pub(super) const PLAIN: Payload = Payload { mode: Mode::Plain, checksums_of_body: true };

    /// Whether it is such a body.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Payload { mode: Mode::Plain, checksums_of_body: true })
    }
}

/// The ways in which a body can come.
pub(super) enum Mode {
    /// As it is; the signature does not cover it.
    Plain,
    /// As it is, with this SHA-256.
    Sha256([u8; 32]),
    /// In chunks.
    Chunked {
        /// Who verifies the chunks' signatures, if they have some.
        signer: Option<Box<ChunkSigner>>,
        /// Whether trailers follow.
        trailer: bool,
    },
}

/// What the request says about its body, before anybody knows whether it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// Nothing.
    Nothing,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// A hash.
    Sha256([u8; 32]),
    /// `STREAMING-…`.
    Chunked {
        /// Each chunk has a signature.
        signed: bool,
        /// Trailers follow.
        trailer: bool,
    },
}

const HEADER: &str = "x-amz-content-sha256";

impl Announced {
    /// Reads `x-amz-content-sha256`.
    ///
    /// # Errors
    /// NotImplemented for chunks signed by an asymmetric key; InvalidArgument for what is no value of the header.
    pub fn read(head: &Head) -> Result<Self, S3Error> {
        let chunked = |signed, trailer| Announced::Chunked { signed, trailer };
        Ok(match head.text(HEADER)? {
            None => Announced::Nothing,
            Some("UNSIGNED-PAYLOAD") => Announced::Unsigned,
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => chunked(true, false),
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => chunked(true, true),
            Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => chunked(false, true),
            Some(ecdsa) if ecdsa.starts_with("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD") => {
                return Err(asymmetric());
            }
            Some(text) => {
                let mut hash = [0; 32];
                hex::decode_to_slice(text, &mut hash).map_err(|_| {
                    let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                                   STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a \
                                   valid sha256 value.";
                    S3Error::argument(HEADER, text, message)
                })?;
                Announced::Sha256(hash)
            }
        })
    }

    /// The mode for a body whose request is signed as a whole only, or not at all.
    ///
    /// # Errors
    /// InvalidRequest for signed chunks, which need the signature in the Authorization header to begin with, and for
    /// chunks that are not announced.
    pub fn without_chunk_signatures(self, head: &Head) -> Result<Mode, S3Error> {
        let mode = match self {
            Announced::Nothing | Announced::Unsigned => Mode::Plain,
            Announced::Sha256(hash) => Mode::Sha256(hash),
            Announced::Chunked { signed: false, trailer } => return Ok(Mode::Chunked { signer: None, trailer }),
            Announced::Chunked { signed: true, .. } => {
                let message = "Signed chunks need a signature by AWS4-HMAC-SHA256 in the Authorization header.";
                return Err(S3Error::with_message(Code::InvalidRequest, message));
            }
        };
        not_framed(head)?;
        Ok(mode)
    }
}

/// What SigV4A is told.
pub(super) fn asymmetric() -> S3Error {
    let message = "Signatures by AWS4-ECDSA-P256-SHA256 are not supported. Use AWS4-HMAC-SHA256.";
    S3Error::with_message(Code::NotImplemented, message)
}

/// Whether `Content-Encoding` says that the body is framed in chunks.
pub(super) fn says_aws_chunked(head: &Head) -> bool {
    let codings = head.header("content-encoding").unwrap_or("");
    codings.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked"))
}

/// Refuses a body that is said to be framed where no framing is announced: framing must not be stored.
pub(super) fn not_framed(head: &Head) -> Result<(), S3Error> {
    if says_aws_chunked(head) {
        let message = "Content-Encoding says aws-chunked, and x-amz-content-sha256 does not say STREAMING-…";
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    Ok(())
}
