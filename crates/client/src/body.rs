//! Bodies in each form that S3 takes, as frames that are made while they are sent.
//!
//! An aws-chunked body is a frame for each chunk (size, signature, data and line ends together), then one for the last chunk,
//! whose size is 0, then one for the trailers and the empty line that ends them. Those are what
//! [`Request::tamper`](crate::Request::tamper) sees.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::sigv4::{EMPTY_SHA256, Signer};
use crate::source::{PIECE_BYTES, Source};

/// What is sent after the headers.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// As it is; its SHA-256 is signed.
    Signed(Source),
    /// As it is, as `UNSIGNED-PAYLOAD`.
    Unsigned(Source),
    /// In the framing that S3 calls aws-chunked.
    Chunked(Chunked),
}

impl Body {
    /// What stands for the body in a signature, and in `x-amz-content-sha256`.
    pub(crate) fn payload(&self) -> String {
        match self {
            Body::None => EMPTY_SHA256.into(),
            Body::Signed(source) => source.sha256_hex(),
            Body::Unsigned(_) => "UNSIGNED-PAYLOAD".into(),
            Body::Chunked(chunked) => chunked.payload().into(),
        }
    }

    /// How many bytes are sent.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Body::None => 0,
            Body::Signed(source) | Body::Unsigned(source) => source.length(),
            Body::Chunked(chunked) => chunked.length(),
        }
    }

    /// The bytes. `seed` signs chunks, after the request's signature.
    pub(crate) fn frames(&self, seed: Option<(Signer, String)>) -> Frames {
        match self {
            Body::None => Box::new(std::iter::empty()),
            Body::Signed(source) | Body::Unsigned(source) => Box::new(source.pieces(PIECE_BYTES)),
            Body::Chunked(chunked) => Box::new(chunked.frames(seed)),
        }
    }
}

/// A body in aws-chunked framing. `content-encoding`, `x-amz-content-sha256`, `x-amz-decoded-content-length` and `x-amz-trailer`
/// are set to fit, each unless the request has its own.
#[derive(Debug, Clone)]
pub struct Chunked {
    pub(crate) source: Source,
    pub(crate) signed: bool,
    chunk_bytes: usize,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Chunked {
    /// Chunks that sign one another: `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, or with trailers
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`.
    pub fn signed(source: impl Into<Source>) -> Self {
        Chunked { source: source.into(), signed: true, chunk_bytes: PIECE_BYTES, trailers: Vec::new() }
    }

    /// Chunks without signatures: `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
    pub fn unsigned(source: impl Into<Source>) -> Self {
        Chunked { signed: false, ..Chunked::signed(source) }
    }

    /// Bytes of data in each chunk but the last of them, which may be shorter; at least 1. 64 KiB unless told.
    pub fn chunk_size(self, bytes: usize) -> Self {
        Chunked { chunk_bytes: bytes.max(1), ..self }
    }

    /// Adds a trailer, which `x-amz-trailer` then promises.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Adds the trailer `x-amz-checksum-crc32c` with the right value.
    pub fn crc32c(self) -> Self {
        let value = self.source.crc32c_base64();
        self.trailer("x-amz-checksum-crc32c", &value)
    }

    pub(crate) fn payload(&self) -> &'static str {
        match (self.signed, self.trailers.is_empty()) {
            (true, true) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            (true, false) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            (false, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    /// As in `x-amz-trailer`.
    pub(crate) fn promised(&self) -> Option<String> {
        let names: Vec<&str> = self.trailers.iter().map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    fn length(&self) -> u64 {
        let signature = if self.signed { ";chunk-signature=".len() as u64 + 64 } else { 0 };
        // Size, signature, line end; data and line end, which the last chunk has not.
        let chunk = |bytes: u64| {
            let data = if bytes == 0 { 0 } else { bytes + 2 };
            format!("{bytes:x}").len() as u64 + signature + 2 + data
        };
        let (whole, size) = (self.source.length() / self.chunk_bytes as u64, self.chunk_bytes as u64);
        let rest = self.source.length() % size;
        let chunks = if whole > 0 { whole * chunk(size) } else { 0 } + if rest > 0 { chunk(rest) } else { 0 };
        let trailers: u64 = self.trailers.iter().map(|(name, value)| (name.len() + value.len() + 3) as u64).sum();
        let signed = self.signed && !self.trailers.is_empty();
        let signed = if signed { "x-amz-trailer-signature:".len() as u64 + 64 + 2 } else { 0 };
        chunks + chunk(0) + trailers + signed + 2
    }

    fn frames(&self, seed: Option<(Signer, String)>) -> impl Iterator<Item = Bytes> + Send + 'static {
        let mut chain = Chain(seed.filter(|_| self.signed));
        let mut pieces = self.source.pieces(self.chunk_bytes);
        let trailers = self.trailers.clone();
        let mut step = Step::Data;
        std::iter::from_fn(move || match step {
            Step::Data => Some(match pieces.next() {
                Some(data) => chain.chunk(&data),
                None => {
                    step = Step::Trailers;
                    chain.chunk(&[])
                }
            }),
            Step::Trailers => {
                step = Step::End;
                Some(chain.trailers(&trailers))
            }
            Step::End => None,
        })
    }
}

#[derive(Clone, Copy)]
enum Step {
    Data,
    Trailers,
    End,
}

/// The signatures, each of which covers the one before.
struct Chain(Option<(Signer, String)>);

impl Chain {
    fn chunk(&mut self, data: &[u8]) -> Bytes {
        let mut frame = format!("{:x}", data.len()).into_bytes();
        if let Some((signer, previous)) = &mut self.0 {
            *previous = signer.sign_chunk(previous, data);
            frame.extend_from_slice(b";chunk-signature=");
            frame.extend_from_slice(previous.as_bytes());
        }
        frame.extend_from_slice(b"\r\n");
        if !data.is_empty() {
            frame.extend_from_slice(data);
            frame.extend_from_slice(b"\r\n");
        }
        frame.into()
    }

    fn trailers(&mut self, trailers: &[(String, String)]) -> Bytes {
        let mut frame: String = trailers.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
        if let (Some((signer, previous)), false) = (&self.0, trailers.is_empty()) {
            let lines: String = trailers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
            let signature = signer.sign_trailers(previous, &lines);
            frame.push_str(&format!("x-amz-trailer-signature:{signature}\r\n"));
        }
        frame.push_str("\r\n");
        frame.into()
    }
}

pub(crate) type Frames = Box<dyn Iterator<Item = Bytes> + Send>;

/// What hyper takes: frames when it has room for them, so that nothing queues up here.
pub(crate) struct Payload {
    frames: Frames,
    /// Bytes left; without it the body goes in HTTP's own chunks.
    left: Option<u64>,
    progress: Arc<AtomicU64>,
}

impl Payload {
    pub(crate) fn new(frames: Frames, length: Option<u64>) -> Self {
        Payload { frames, left: length, progress: Arc::default() }
    }

    /// Grows with each frame that is taken.
    pub(crate) fn progress(&self) -> Arc<AtomicU64> {
        self.progress.clone()
    }

    pub(crate) fn into_frames(self) -> Frames {
        self.frames
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        this.progress.fetch_add(1, Ordering::Relaxed);
        let frame = this.frames.next();
        if let (Some(left), Some(frame)) = (&mut this.left, &frame) {
            *left = left.saturating_sub(frame.len() as u64);
        }
        Poll::Ready(frame.map(|frame| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
