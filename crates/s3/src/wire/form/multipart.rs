//! `multipart/form-data` (RFC 7578, RFC 2046) as it comes: heads and small values whole, the file as a stream.
//!
//! Strict where two readers could disagree: nothing before the first boundary, no folded lines, no name twice, and a
//! boundary followed by anything but its line's end is no file's content but an error.

use std::fmt::Display;

use async_trait::async_trait;
use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::Finder;
use model::limits;
use operations::{Aborted, Expected, Source};

use super::{Sizes, disposition};
use crate::error::{Code, S3Error};
use crate::wire::body::BodySource;

/// Supplies the bytes of a form, and knows why they broke off.
pub(crate) trait Upstream: Source {
    /// Why they did.
    fn take_error(&mut self) -> Option<S3Error>;
}

impl<B> Upstream for BodySource<B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin,
    B::Error: Display,
{
    fn take_error(&mut self) -> Option<S3Error> {
        BodySource::take_error(self)
    }
}

/// A form on its way in.
pub(super) struct Multipart<'s, S> {
    source: &'s mut S,
    /// CR LF, two hyphens, the boundary: what ends each value.
    delimiter: Finder<'static>,
    /// What came and was not read yet.
    buffer: BytesMut,
    /// How many bytes there may still be before the file.
    left: usize,
    begun: bool,
}

/// What the head of a part says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub name: String,
    pub filename: Option<String>,
}

pub(super) fn malformed() -> S3Error {
    Code::MalformedPOSTRequest.into()
}

impl<'s, S: Upstream> Multipart<'s, S> {
    pub fn new(source: &'s mut S, boundary: &str) -> Self {
        // The first boundary may be without a line before it; with one it is like all others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        Multipart { source, delimiter, buffer, left: limits::FORM_HEAD_BYTES, begun: false }
    }

    /// Takes in what comes next; whether something did.
    async fn more(&mut self) -> Result<bool, S3Error> {
        match self.source.next().await {
            Ok(Some(bytes)) => {
                self.buffer.extend_from_slice(&bytes);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(Aborted) => Err(self.source.take_error().unwrap_or(Code::IncompleteBody.into())),
        }
    }

    /// What comes before `pattern`; both are taken.
    async fn until(&mut self, pattern: &Finder<'_>) -> Result<Bytes, S3Error> {
        let len = pattern.needle().len();
        let mut from = 0;
        loop {
            let seen = self.buffer.len().min(self.left);
            if let Some(at) = pattern.find(&self.buffer[from.min(seen)..seen]) {
                let found = self.buffer.split_to(from + at + len).freeze();
                self.left -= found.len();
                return Ok(found.slice(..found.len() - len));
            }
            if self.buffer.len() >= self.left {
                return Err(Code::MaxPostPreDataLengthExceededError.into());
            }
            from = seen.saturating_sub(len - 1);
            if !self.more().await? {
                return Err(malformed());
            }
        }
    }

    /// Takes in at least that many bytes.
    async fn at_least(&mut self, bytes: usize) -> Result<(), S3Error> {
        while self.buffer.len() < bytes {
            if !self.more().await? {
                return Err(malformed());
            }
        }
        Ok(())
    }

    /// The head of the next part; `None` after the last.
    pub async fn part(&mut self) -> Result<Option<Part>, S3Error> {
        if !std::mem::replace(&mut self.begun, true) {
            let before = self.until(&self.delimiter.clone()).await?;
            if !before.is_empty() && &before[..] != b"\r\n" {
                return Err(malformed());
            }
        }
        self.at_least(2).await?;
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        let head = self.until(&Finder::new(b"\r\n\r\n")).await?;
        read_head(&head).map(Some).ok_or_else(malformed)
    }

    /// The value of the part whose head was read.
    pub async fn value(&mut self) -> Result<Bytes, S3Error> {
        self.until(&self.delimiter.clone()).await
    }

    /// The part whose head was read, as the file.
    pub fn into_file(self) -> File<'s, S> {
        File {
            body: self,
            sizes: Sizes::default(),
            expected: Expected::default(),
            len: 0,
            state: State::Open,
            error: None,
        }
    }
}

/// Reads the head of a part: the rest of the boundary's line, and headers.
fn read_head(head: &[u8]) -> Option<Part> {
    let (rest, lines) = std::str::from_utf8(head).ok()?.split_once("\r\n")?;
    if !rest.bytes().all(is_blank) {
        return None;
    }
    let mut part = None;
    for line in lines.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) || value.contains(['\r', '\n', '\0']) {
            return None;
        }
        if name.eq_ignore_ascii_case("content-disposition") {
            if part.is_some() {
                return None;
            }
            part = Some(read_disposition(value)?);
        } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
            let as_it_is = ["binary", "8bit", "7bit"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain));
            if !as_it_is {
                return None;
            }
        }
    }
    part
}

fn read_disposition(value: &str) -> Option<Part> {
    let (kind, parameters) = disposition::read(value)?;
    let (mut name, mut filename) = (None, None);
    for (parameter, text) in parameters {
        let place = match parameter.as_str() {
            "name" => &mut name,
            "filename" => &mut filename,
            // `filename*` is another reader's name of the file.
            _ => return None,
        };
        if place.replace(text).is_some() {
            return None;
        }
    }
    let name = name.filter(|name| !name.is_empty() && kind.eq_ignore_ascii_case("form-data"))?;
    Some(Part { name, filename })
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Everything was read, and all of it was in order.
    Done,
    /// It broke off, and stays so after somebody took the reason.
    Broken,
}

/// A form's file: an object's bytes. After the last of them it reads the form to its end, so that what the wire verifies of
/// the whole body is verified before anything is stored.
pub(crate) struct File<'s, S> {
    body: Multipart<'s, S>,
    sizes: Sizes,
    expected: Expected,
    len: u64,
    state: State,
    error: Option<S3Error>,
}

impl<S: Upstream> File<'_, S> {
    /// Says what must be true of the bytes.
    pub fn expect(&mut self, sizes: Sizes, expected: Expected) {
        self.sizes = sizes;
        self.expected = expected;
    }

    /// Why it broke off.
    pub fn take_error(&mut self) -> Option<S3Error> {
        self.error.take()
    }

    async fn read(&mut self) -> Result<Option<Bytes>, S3Error> {
        if self.state == State::Done {
            return Ok(None);
        }
        loop {
            let body = &mut self.body;
            let ready = match body.delimiter.find(&body.buffer) {
                Some(0) => {
                    body.buffer.advance(body.delimiter.needle().len());
                    self.sizes.check_least(self.len)?;
                    self.end().await?;
                    self.state = State::Done;
                    return Ok(None);
                }
                Some(at) => at,
                None => body.buffer.len() - begun(body.delimiter.needle(), &body.buffer),
            };
            if ready > 0 {
                let bytes = body.buffer.split_to(ready).freeze();
                self.len += bytes.len() as u64;
                self.sizes.check_most(self.len)?;
                return Ok(Some(bytes));
            }
            if !body.more().await? {
                return Err(malformed());
            }
        }
    }

    /// Reads what follows the boundary after the file, and passes over it.
    async fn end(&mut self) -> Result<(), S3Error> {
        let body = &mut self.body;
        body.at_least(2).await?;
        if !body.buffer.starts_with(b"--") {
            while body.buffer.first().copied().is_some_and(is_blank) {
                body.buffer.advance(1);
                body.at_least(2).await?;
            }
            if !body.buffer.starts_with(b"\r\n") {
                return Err(malformed());
            }
        }
        let mut passed = 0;
        loop {
            passed += body.buffer.len() as u64;
            body.buffer.clear();
            if passed > limits::FORM_TAIL_BYTES {
                return Err(S3Error::with_message(
                    Code::MalformedPOSTRequest,
                    "Too much follows the file of the form.",
                ));
            }
            if !body.more().await? {
                return Ok(());
            }
        }
    }
}

/// How many bytes at the end of `buffer` could be the beginning of `delimiter`.
fn begun(delimiter: &[u8], buffer: &[u8]) -> usize {
    let most = buffer.len().min(delimiter.len() - 1);
    (1..=most).rev().find(|n| delimiter.starts_with(&buffer[buffer.len() - n..])).unwrap_or(0)
}

#[async_trait]
impl<S: Upstream> Source for File<'_, S> {
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        if self.state == State::Broken {
            return Err(Aborted);
        }
        self.read().await.map_err(|error| {
            self.state = State::Broken;
            self.error = Some(error);
            Aborted
        })
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        if self.state == State::Done { Ok(self.expected.clone()) } else { Err(Aborted) }
    }
}
