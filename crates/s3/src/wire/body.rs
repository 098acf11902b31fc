//! Reading a body: unframed, bounded, and verified as far as the wire can. Nothing is read before somebody asks, so that
//! `Expect: 100-continue` is answered only once the request was let in.

use std::fmt::Display;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;
use model::{ChecksumAlgorithm, limits};
use operations::{Aborted, Expected, Source};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::chunked::Chunked;
use super::digests::Declared;
use super::head::Head;
use super::payload::{Mode, Payload};
use crate::error::{Code, S3Error};

/// How the bytes come.
enum Framing {
    /// As they are; that many are to come.
    Plain(u64),
    /// So, with a hash over all of them.
    Hashed { left: u64, hash: Box<Sha256>, wanted: [u8; 32] },
    /// In chunks.
    Chunked(Box<Chunked>),
}

/// A body on its way in.
pub(crate) struct BodySource<B> {
    body: B,
    /// Bytes that came and were not decoded yet.
    input: Bytes,
    framing: Framing,
    declared: Declared,
    len: u64,
    done: bool,
    /// It broke off, and stays so after somebody took the reason.
    broken: bool,
    error: Option<S3Error>,
}

/// A body that was read whole.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether a Content-MD5 or a checksum came with it; it was verified then.
    pub digested: bool,
}

/// Makes ready to read the body of an object or part. Reads nothing yet.
///
/// # Errors
/// MissingContentLength, EntityTooLarge, InvalidDigest, InvalidRequest, InvalidArgument.
pub(crate) fn open<B>(payload: Payload, head: &Head, body: B) -> Result<BodySource<B>, S3Error> {
    BodySource::new(payload, head, body, Absent::Refused)
}

/// Reads a body of at most `limit` bytes, and verifies it.
///
/// # Errors
/// As [`open`] and [`BodySource`] have them, MaxMessageLengthExceeded, BadDigest.
pub(crate) async fn read_all<B>(payload: Payload, head: &Head, body: B, limit: usize) -> Result<Document, S3Error>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let mut source = BodySource::new(payload, head, body, Absent::Empty)?;
    if source.len > limit as u64 {
        return Err(
            S3Error::new(Code::MaxMessageLengthExceeded).with_detail("MaxMessageLengthBytes", limit.to_string())
        );
    }
    let mut whole = Vec::new();
    while let Some(bytes) = source.read().await? {
        // No more than announced, and so no more than `limit`: both framings count.
        whole.extend_from_slice(&bytes);
    }
    source.declared.verify(&whole)?;
    Ok(Document { digested: source.declared.any(), bytes: whole.into() })
}

/// What a body is that nobody announced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    Refused,
    Empty,
}

/// The value of a header that is a length.
fn length(head: &Head, name: &'static str) -> Result<Option<u64>, S3Error> {
    let Some(text) = head.text(name)? else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = digits.then(|| text.parse().unwrap_or(u64::MAX));
    parsed.map(Some).ok_or_else(|| S3Error::argument(name, text, format!("{name} must be a number of bytes.")))
}

impl<B> BodySource<B> {
    fn new(payload: Payload, head: &Head, body: B, absent: Absent) -> Result<Self, S3Error> {
        let missing = || S3Error::new(Code::MissingContentLength);
        let trailers = matches!(payload.mode, Mode::Chunked { trailer: true, .. });
        let len = match payload.mode {
            Mode::Chunked { .. } => length(head, "x-amz-decoded-content-length")?.ok_or_else(missing)?,
            Mode::Plain | Mode::Sha256(_) => match length(head, "content-length")? {
                Some(len) => len,
                None if absent == Absent::Empty && !head.has("transfer-encoding") => 0,
                None => return Err(missing()),
            },
        };
        if len > limits::SINGLE_PUT_BYTES {
            return Err(S3Error::new(Code::EntityTooLarge)
                .with_detail("ProposedSize", len.to_string())
                .with_detail("MaxSizeAllowed", limits::SINGLE_PUT_BYTES.to_string()));
        }
        let declared = Declared::read(head, trailers, payload.checksums_of_body)?;
        let framing = match payload.mode {
            Mode::Plain => Framing::Plain(len),
            Mode::Sha256(wanted) => Framing::Hashed { left: len, hash: Box::default(), wanted },
            Mode::Chunked { signer, trailer } => {
                Framing::Chunked(Box::new(Chunked::new(signer, len, trailer, declared.promised)))
            }
        };
        Ok(BodySource { body, input: Bytes::new(), framing, declared, len, done: false, broken: false, error: None })
    }

    /// By which algorithm the sender wants, or gives, a checksum.
    pub fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.declared.algorithm
    }

    /// Why the body broke off.
    pub fn take_error(&mut self) -> Option<S3Error> {
        self.error.take()
    }

    /// Checks what can be checked only at the end.
    fn finish(&mut self) -> Result<(), S3Error> {
        match &mut self.framing {
            Framing::Plain(0) => {}
            Framing::Plain(_) | Framing::Hashed { left: 1.., .. } => return Err(S3Error::new(Code::IncompleteBody)),
            Framing::Hashed { hash, wanted, .. } => {
                let got: [u8; 32] = std::mem::take(&mut **hash).finalize().into();
                if !bool::from(got.ct_eq(wanted)) {
                    return Err(S3Error::new(Code::XAmzContentSHA256Mismatch)
                        .with_detail("ClientComputedContentSHA256", hex::encode(*wanted))
                        .with_detail("S3ComputedContentSHA256", hex::encode(got)));
                }
            }
            Framing::Chunked(chunked) => {
                if let Some(found) = chunked.finish()? {
                    self.declared.checksum = Some(found);
                }
            }
        }
        self.done = true;
        Ok(())
    }

    /// Takes the next bytes of the body from what came.
    fn decode(&mut self) -> Result<Option<Bytes>, S3Error> {
        let more = || S3Error::with_message(Code::IncompleteBody, "The body is longer than Content-Length says.");
        match &mut self.framing {
            Framing::Chunked(chunked) => chunked.take(&mut self.input),
            Framing::Plain(left) | Framing::Hashed { left, .. } => {
                let bytes = std::mem::take(&mut self.input);
                *left = left.checked_sub(bytes.len() as u64).ok_or_else(more)?;
                if let Framing::Hashed { hash, .. } = &mut self.framing {
                    hash.update(&bytes);
                }
                Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
            }
        }
    }
}

impl<B> BodySource<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    async fn read(&mut self) -> Result<Option<Bytes>, S3Error> {
        while !self.done {
            if let Some(bytes) = self.decode()? {
                return Ok(Some(bytes));
            }
            match self.body.frame().await {
                // Trailers of HTTP itself say nothing that counts.
                Some(Ok(frame)) => self.input = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    tracing::debug!(%error, "the body broke off");
                    return Err(S3Error::new(Code::IncompleteBody));
                }
                None => self.finish()?,
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl<B> Source for BodySource<B>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Display,
{
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        if self.broken {
            return Err(Aborted);
        }
        self.read().await.map_err(|error| {
            self.broken = true;
            self.error = Some(error);
            Aborted
        })
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        // Before the end, a trailer may be missing.
        if !self.done {
            return Err(Aborted);
        }
        Ok(Expected { md5: self.declared.md5, checksum: self.declared.checksum.take() })
    }
}
