//! Bodies in chunks (S3 API reference, "Signature calculations: transferring payload in multiple chunks", and "… including
//! trailing headers"): the framing is taken off, each chunk's signature and the trailers are verified.
//!
//! Bytes are handed on while their chunk is still being hashed, so that memory does not depend on the size of a chunk.
//! That is safe because nobody may believe them before [`Chunked::finish`]: a chunk that turns out false fails the body.

use bytes::{Buf as _, Bytes};
use model::ChecksumAlgorithm;
use sha2::{Digest as _, Sha256};

use super::sigv4::ChunkSigner;
use crate::checksum;
use crate::error::{Code, S3Error};

/// Longest first line of a chunk, in bytes: a size, a signature and room to spare.
const CHUNK_LINE_BYTES: usize = 256;
/// Most bytes of trailers, line ends included.
const TRAILER_BYTES: usize = 16 * 1024;
/// The trailer that signs the others.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Where in the framing the decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a chunk's first line.
    Size,
    /// In a chunk's bytes; that many are to come.
    Data(u64),
    /// In the line end after a chunk's bytes.
    DataEnd,
    /// After the last chunk.
    Trailer,
}

/// A decoder of chunks.
pub(super) struct Chunked {
    state: State,
    /// The line that is being read.
    line: Vec<u8>,
    signer: Option<Box<ChunkSigner>>,
    /// Over the chunk, if it is signed.
    hash: Sha256,
    /// The chunk's signature, as it says.
    signature: String,
    /// Bytes of the body that are to come yet.
    left: u64,
    trailers: Trailers,
}

/// What follows the last chunk.
struct Trailers {
    expected: bool,
    promised: Option<ChecksumAlgorithm>,
    found: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// Over the trailers, as their signature has them.
    hash: Sha256,
    signed: bool,
    /// Bytes that were read.
    bytes: usize,
    /// Empty lines that were read; the first closes the trailers.
    empty_lines: usize,
}

fn malformed() -> S3Error {
    S3Error::with_message(Code::InvalidRequest, "The body is not framed as x-amz-content-sha256 says it is.")
}

fn bad_trailer(message: &'static str) -> S3Error {
    S3Error::with_message(Code::MalformedTrailerError, message)
}

fn bad_signature() -> S3Error {
    S3Error::with_message(
        Code::SignatureDoesNotMatch,
        "The signature of a chunk or trailer of the body does not match.",
    )
}

fn wrong_length() -> S3Error {
    let message =
        "The body does not have the number of bytes specified by the x-amz-decoded-content-length HTTP header.";
    S3Error::with_message(Code::IncompleteBody, message)
}

impl Chunked {
    /// For a body of `len` bytes. Chunks are signed if there is a signer; `trailers` tells whether trailers follow, and
    /// `promised` which.
    pub fn new(
        signer: Option<Box<ChunkSigner>>,
        len: u64,
        trailers: bool,
        promised: Option<ChecksumAlgorithm>,
    ) -> Self {
        let trailers = Trailers {
            expected: trailers,
            promised,
            found: None,
            hash: Sha256::new(),
            signed: false,
            bytes: 0,
            empty_lines: 0,
        };
        Chunked {
            state: State::Size,
            line: Vec::with_capacity(CHUNK_LINE_BYTES),
            signer,
            hash: Sha256::new(),
            signature: String::new(),
            left: len,
            trailers,
        }
    }

    /// Takes from `input` until there are bytes of the body; `None` if it is used up.
    ///
    /// # Errors
    /// InvalidRequest, IncompleteBody, SignatureDoesNotMatch, MalformedTrailerError; the body has failed.
    pub fn take(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        while !input.is_empty() {
            match self.state {
                State::Data(left) => {
                    // It fits: it is no more than there is input.
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let bytes = input.split_to(here);
                    if self.signer.is_some() {
                        self.hash.update(&bytes);
                    }
                    self.state = State::Data(left - here as u64);
                    if left == here as u64 {
                        self.end_of_chunk()?;
                        self.state = State::DataEnd;
                    }
                    return Ok(Some(bytes));
                }
                State::Size => {
                    if self.read_line(input, CHUNK_LINE_BYTES)? {
                        self.begin_chunk()?;
                    }
                }
                State::DataEnd => {
                    if self.read_line(input, 2)? {
                        if self.line != b"\r\n" {
                            return Err(malformed());
                        }
                        self.line.clear();
                        self.state = State::Size;
                    }
                }
                State::Trailer => {
                    let before = self.line.len();
                    let whole = self.read_line(input, TRAILER_BYTES)?;
                    self.trailers.bytes += self.line.len() - before;
                    if self.trailers.bytes > TRAILER_BYTES {
                        return Err(bad_trailer("The trailers are too long."));
                    }
                    if whole {
                        self.trailer_line()?;
                    }
                }
            }
        }
        Ok(None)
    }

    /// What came as the trailer, after all of the body is there and was verified.
    ///
    /// # Errors
    /// IncompleteBody if something is missing; MalformedTrailerError.
    pub fn finish(&mut self) -> Result<Option<(ChecksumAlgorithm, Vec<u8>)>, S3Error> {
        let trailers = &mut self.trailers;
        if self.state != State::Trailer || !self.line.is_empty() || trailers.empty_lines == 0 {
            let message = "The request body terminated unexpectedly";
            return Err(S3Error::with_message(Code::IncompleteBody, message));
        }
        if trailers.promised != trailers.found.as_ref().map(|(algorithm, _)| *algorithm) {
            return Err(bad_trailer("A trailer that x-amz-trailer promises is missing."));
        }
        if trailers.expected && self.signer.is_some() && !trailers.signed {
            return Err(bad_trailer("The trailer x-amz-trailer-signature is missing."));
        }
        Ok(trailers.found.take())
    }

    /// Reads on in a line of at most `limit` bytes; whether it is whole, its line feed included.
    fn read_line(&mut self, input: &mut Bytes, limit: usize) -> Result<bool, S3Error> {
        let end = input.iter().position(|b| *b == b'\n').map(|at| at + 1);
        let here = end.unwrap_or(input.len());
        if self.line.len() + here > limit {
            return Err(malformed());
        }
        self.line.extend_from_slice(&input[..here]);
        input.advance(here);
        Ok(end.is_some())
    }

    /// Understands a chunk's first line.
    fn begin_chunk(&mut self) -> Result<(), S3Error> {
        let line =
            std::str::from_utf8(&self.line).ok().and_then(|line| line.strip_suffix("\r\n")).ok_or_else(malformed)?;
        let size = match &self.signer {
            None => line,
            Some(_) => {
                let (size, signature) = line.split_once(";chunk-signature=").ok_or_else(malformed)?;
                self.signature.clear();
                self.signature.push_str(signature);
                size
            }
        };
        if size.is_empty() || size.len() > 16 || !size.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let size = u64::from_str_radix(size, 16).map_err(|_| malformed())?;
        self.left = self.left.checked_sub(size).ok_or_else(wrong_length)?;
        self.line.clear();
        self.state = State::Data(size);
        if size == 0 {
            if self.left > 0 {
                return Err(wrong_length());
            }
            self.end_of_chunk()?;
            self.state = State::Trailer;
        }
        Ok(())
    }

    /// Verifies the chunk whose last byte was read.
    fn end_of_chunk(&mut self) -> Result<(), S3Error> {
        let Some(signer) = &mut self.signer else { return Ok(()) };
        let hash = std::mem::take(&mut self.hash).finalize().into();
        if signer.verify_chunk(&hash, &self.signature) { Ok(()) } else { Err(bad_signature()) }
    }

    /// Understands a line after the last chunk. Lines end in CR LF, those of trailers also in LF alone (as AWS's
    /// documentation has them, and clients that follow it). Between a trailer and its signature, and at the end, such
    /// clients put an empty line more.
    fn trailer_line(&mut self) -> Result<(), S3Error> {
        let trailers = &mut self.trailers;
        let line = std::str::from_utf8(&self.line).map_err(|_| bad_trailer("A trailer is not UTF-8."))?;
        let line = line.trim_end_matches('\n').trim_end_matches('\r');
        if line.is_empty() {
            trailers.empty_lines += 1;
            if self.line != b"\r\n" || trailers.empty_lines > if trailers.expected { 2 } else { 1 } {
                return Err(malformed());
            }
            self.line.clear();
            return Ok(());
        }
        if !trailers.expected {
            return Err(malformed());
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad_trailer("A trailer is not name:value."))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if trailers.signed {
            return Err(bad_trailer("Nothing may follow x-amz-trailer-signature."));
        }
        if let (TRAILER_SIGNATURE, Some(signer)) = (name.as_str(), &mut self.signer) {
            let hash = std::mem::take(&mut trailers.hash).finalize().into();
            if !signer.verify_trailer(&hash, value) {
                return Err(bad_signature());
            }
            trailers.signed = true;
            // What closes the section comes after its last line.
            trailers.empty_lines = 0;
        } else {
            let promised = trailers.promised.filter(|algorithm| algorithm.header() == name);
            let algorithm =
                promised.ok_or_else(|| bad_trailer("A trailer came that x-amz-trailer does not promise."))?;
            if trailers.empty_lines > 0 || trailers.found.is_some() {
                return Err(bad_trailer("A trailer came twice, or after the end."));
            }
            let bytes = checksum::read(algorithm, value);
            trailers.found =
                Some((algorithm, bytes.ok_or_else(|| bad_trailer("A trailer's value is not a checksum."))?));
            for part in [name.as_str(), ":", value, "\n"] {
                trailers.hash.update(part);
            }
        }
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `body` in unsigned chunks of these sizes, with a trailer for it.
    fn frame(body: &[u8], sizes: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        let (mut rest, mut at) = (body, 0);
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(sizes[at % sizes.len()].min(rest.len()));
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
            (rest, at) = (after, at + 1);
        }
        out.extend_from_slice(b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
        out
    }

    fn decoder(len: u64) -> Chunked {
        Chunked::new(None, len, true, Some(ChecksumAlgorithm::Crc32))
    }

    /// Decodes `framed`, which arrives in pieces of these sizes.
    fn decode(mut decoder: Chunked, framed: &[u8], pieces: &[usize]) -> Result<Vec<u8>, S3Error> {
        let (mut out, mut rest, mut at) = (Vec::new(), framed, 0);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(pieces[at % pieces.len()].min(rest.len()));
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(bytes) = decoder.take(&mut input)? {
                out.extend_from_slice(&bytes);
            }
            (rest, at) = (after, at + 1);
        }
        decoder.finish()?;
        Ok(out)
    }

    proptest! {
        #[test]
        fn however_it_is_framed_and_however_it_arrives_the_body_is_the_same(
            body in prop::collection::vec(any::<u8>(), 0..300),
            sizes in prop::collection::vec(1usize..100, 1..5),
            pieces in prop::collection::vec(1usize..100, 1..5),
        ) {
            let framed = frame(&body, &sizes);
            prop_assert_eq!(decode(decoder(body.len() as u64), &framed, &pieces).unwrap(), body);
        }

        #[test]
        fn a_body_that_is_cut_or_is_followed_by_anything_is_refused(
            body in prop::collection::vec(any::<u8>(), 0..100), pieces in prop::collection::vec(1usize..50, 1..5),
            cut in any::<prop::sample::Index>(), more in prop::collection::vec(any::<u8>(), 1..20),
        ) {
            let framed = frame(&body, &[40]);
            let cut = cut.index(framed.len());
            prop_assert!(decode(decoder(body.len() as u64), &framed[..cut], &pieces).is_err());
            // One empty line more is what some clients send.
            if !more.starts_with(b"\r\n") || more.len() > 2 {
                let framed = [&framed[..], &more].concat();
                prop_assert!(decode(decoder(body.len() as u64), &framed, &pieces).is_err());
            }
        }

        #[test]
        fn no_corruption_of_the_framing_panics_or_yields_a_body_of_another_length(
            body in prop::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>(), to in any::<u8>(),
        ) {
            let mut framed = frame(&body, &[40]);
            let at = at.index(framed.len());
            framed[at] = to;
            if let Ok(got) = decode(decoder(body.len() as u64), &framed, &[7]) {
                prop_assert_eq!(got.len(), body.len());
            }
        }
    }

    #[test]
    fn a_claim_of_any_size_is_bounded_by_the_declared_length_and_costs_no_memory() {
        for (framed, code) in [
            ("6\r\nabcdef\r\n0\r\n\r\n", Code::IncompleteBody),
            ("ffffffffffffffff\r\na", Code::IncompleteBody),
            ("10000000000000000\r\na", Code::InvalidRequest),
            ("4\r\nabcd\r\n0\r\n\r\n", Code::IncompleteBody),
            ("+5\r\nabcde\r\n0\r\n\r\n", Code::InvalidRequest),
            ("5\nabcde\r\n0\r\n\r\n", Code::InvalidRequest),
            ("5;chunk-signature=00\r\nabcde\r\n0\r\n\r\n", Code::InvalidRequest),
            ("5\r\nabcdeX\r\n0\r\n\r\n", Code::InvalidRequest),
            ("\r\n", Code::InvalidRequest),
            ("5\r\nabcde\r\n0\r\n\r\n", Code::MalformedTrailerError),
            ("5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", Code::MalformedTrailerError),
            ("5\r\nabcde\r\n0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n", Code::MalformedTrailerError),
            ("5\r\nabcde\r\n0\r\nx-amz-meta-a:b\r\n\r\n", Code::MalformedTrailerError),
            ("5\r\nabcde\r\n0\r\n\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", Code::MalformedTrailerError),
            (
                "5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
                Code::MalformedTrailerError,
            ),
        ] {
            assert_eq!(decode(decoder(5), framed.as_bytes(), &[3]).unwrap_err().code(), code, "{framed:?}");
        }
        let endless = "a".repeat(CHUNK_LINE_BYTES + 1);
        assert!(decode(decoder(5), endless.as_bytes(), &[64]).is_err());
        let endless = format!("5\r\nabcde\r\n0\r\n{}", "a".repeat(TRAILER_BYTES + 1));
        assert!(decode(decoder(5), endless.as_bytes(), &[64]).is_err());
        let plain = Chunked::new(None, 5, false, None);
        assert!(decode(plain, b"5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", &[64]).is_err());
    }
}
