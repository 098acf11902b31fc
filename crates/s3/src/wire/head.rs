//! A request's head, parsed once: everything later (routing, signature, execution) reads this value and nothing else, so
//! that no two of them can disagree about what was asked.
//!
//! SDKs that presign by SigV4 move `x-amz-*` headers into the query, where the signature covers them, and S3 reads them
//! there as the headers they were. So does [`Head::parse`]: afterwards they are headers, remembered as
//! [hoisted](Head::is_hoisted), because they must not count as headers in the canonical request.

use std::ops::Range;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use memchr::{memchr, memchr_iter};

use super::encoding::{self, NotDecodable};
use crate::error::{Code, S3Error};

/// Up to so many headers are looked through in less time than a name takes to be hashed.
const FEW_HEADERS: usize = 16;
/// Most query keys of one request; what signs and lists them stays cheap.
pub const QUERY_KEYS: usize = 128;

/// What is wrong with a head before anybody asks what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Percent-decoding gave bytes that are no UTF-8, or `%` is not followed by two hexadecimal digits.
    #[error("The request URI is not valid UTF-8 after percent-decoding.")]
    NotUtf8,
    /// A query key occurs twice.
    #[error("A query parameter occurs more than once.")]
    DuplicateQuery,
    /// There are more query keys than any operation takes.
    #[error("The request has too many query parameters.")]
    TooManyQueries,
    /// A header that decides something occurs twice.
    #[error("A header that may occur once occurs more than once.")]
    DuplicateHeader,
    /// A header that decides something is no text.
    #[error("A header value is not valid UTF-8.")]
    HeaderNotText,
    /// A query parameter that stands for a header is none.
    #[error("A query parameter that stands for an x-amz- header is not a valid header.")]
    HoistedNotHeader,
    /// Neither an absolute path nor a Host.
    #[error("The request line is malformed.")]
    Malformed,
}

impl From<HeadError> for S3Error {
    fn from(error: HeadError) -> Self {
        let code = match error {
            HeadError::NotUtf8 | HeadError::Malformed => Code::InvalidURI,
            HeadError::DuplicateQuery
            | HeadError::TooManyQueries
            | HeadError::DuplicateHeader
            | HeadError::HeaderNotText
            | HeadError::HoistedNotHeader => Code::InvalidArgument,
        };
        S3Error::with_message(code, error.to_string())
    }
}

/// One pair of the query, as places in the decoded text.
#[derive(Debug, Clone)]
struct Pair {
    key: Range<usize>,
    value: Range<usize>,
    purpose: Purpose,
}

/// What a query key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It says something of the request.
    Request,
    /// It belongs to a signature and selects nothing.
    Signature,
    /// It would belong to a signature, were it spelt in the case that is read.
    Misspelt,
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// All headers; each occurs once but those that merely inform.
    pub headers: HeaderMap,
    /// By which version of TLS the connection is encrypted: `1.2`, `1.3`; `None`: it is not.
    pub tls: Option<&'static str>,
    uri: Uri,
    /// Keys and values of the query, decoded, one after the other.
    decoded: String,
    /// In the order in which a signature lists them.
    pairs: Vec<Pair>,
    hoisted: Vec<HeaderName>,
}

/// Headers that may legitimately occur several times; every other header occurs once.
const REPEATABLE: [&str; 13] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "cookie",
    "forwarded",
    "te",
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
];

/// The one header whose repetitions are a list (GetObjectAttributes): they are joined.
const LISTED: &str = "x-amz-object-attributes";

impl Head {
    /// Parses a head.
    ///
    /// # Errors
    /// [`HeadError`]; the request is refused before any signature is computed.
    pub fn parse(parts: http::request::Parts, tls: Option<&'static str>) -> Result<Self, HeadError> {
        let http::request::Parts { method, uri, mut headers, .. } = parts;
        if !uri.path().starts_with('/') {
            return Err(HeadError::Malformed);
        }
        join_listed(&mut headers)?;
        if headers.len() != headers.keys_len() {
            for name in headers.keys() {
                if !REPEATABLE.contains(&name.as_str()) && headers.get_all(name).iter().nth(1).is_some() {
                    return Err(HeadError::DuplicateHeader);
                }
            }
        }
        match headers.get(http::header::HOST) {
            Some(host) if host.to_str().is_err() => return Err(HeadError::HeaderNotText),
            None if uri.authority().is_none() => return Err(HeadError::Malformed),
            _ => {}
        }
        let (decoded, pairs) = parse_query(uri.query().unwrap_or(""))?;
        let mut head = Head { method, headers, tls, uri, decoded, pairs, hoisted: Vec::new() };
        if head.query("X-Amz-Algorithm").is_some() {
            head.hoist()?;
        }
        Ok(head)
    }

    /// The path exactly as sent, still percent-encoded, beginning with `/`.
    pub fn raw_path(&self) -> &str {
        self.uri.path()
    }

    /// The query exactly as sent, without `?`.
    pub fn raw_query(&self) -> &str {
        self.uri.query().unwrap_or("")
    }

    /// The `Host` (or the authority of the request line), as sent.
    pub fn host(&self) -> &str {
        // Both were checked when the head was parsed.
        match self.headers.get(http::header::HOST) {
            Some(host) => host.to_str().unwrap_or("").trim(),
            None => self.uri.authority().map_or("", |authority| authority.as_str()),
        }
    }

    /// The value of a query key; `Some("")` for a key without a value.
    pub fn query(&self, key: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|pair| &self.decoded[pair.key.clone()] == key)?;
        Some(&self.decoded[pair.value.clone()])
    }

    /// The pairs of the query, decoded (`+` is a blank); each key occurs once. Their order is that of a SigV4 canonical
    /// query: by encoded key.
    pub fn query_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (&self.decoded[pair.key.clone()], &self.decoded[pair.value.clone()]))
    }

    /// The keys of the query, in the same order, and what each is for.
    pub(crate) fn query_keys(&self) -> impl Iterator<Item = (&str, Purpose)> {
        self.pairs.iter().map(|pair| (&self.decoded[pair.key.clone()], pair.purpose))
    }

    /// The first value of a header.
    fn get(&self, name: &str) -> Option<&HeaderValue> {
        if self.headers.len() > FEW_HEADERS {
            return self.headers.get(name);
        }
        self.headers.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }

    /// Whether there is such a header.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the header `name` came as a query parameter of a presigned URL.
    pub fn is_hoisted(&self, name: &str) -> bool {
        self.hoisted.iter().any(|hoisted| hoisted.as_str() == name)
    }

    /// The value of a header, as text with surrounding blanks removed. A header that is no UTF-8 counts as absent here;
    /// what decides over anything uses [`Head::text`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok()).map(str::trim)
    }

    /// The value of a header that must be text.
    ///
    /// # Errors
    /// [`HeadError::HeaderNotText`].
    pub fn text(&self, name: &str) -> Result<Option<&str>, HeadError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                std::str::from_utf8(value.as_bytes()).map(|t| Some(t.trim())).map_err(|_| HeadError::HeaderNotText)
            }
        }
    }

    /// Makes headers of the `x-amz-` parameters of a presigned URL that are not the signature's own.
    fn hoist(&mut self) -> Result<(), HeadError> {
        for pair in &self.pairs {
            let key = &self.decoded[pair.key.clone()];
            if !is_amz(key) || pair.purpose != Purpose::Request {
                continue;
            }
            let name = HeaderName::from_bytes(key.as_bytes()).map_err(|_| HeadError::HoistedNotHeader)?;
            let value = HeaderValue::from_bytes(self.decoded[pair.value.clone()].as_bytes());
            let value = value.map_err(|_| HeadError::HoistedNotHeader)?;
            if self.headers.insert(name.clone(), value).is_some() {
                return Err(HeadError::DuplicateHeader);
            }
            self.hoisted.push(name);
        }
        Ok(())
    }
}

/// Query keys that carry a signature and select nothing, and `x-id`, with which SDKs repeat the operation's name.
const SIGNATURE_KEYS: [&str; 11] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Expires",
    "Signature",
    "x-id",
];

/// What a query key is for. A signature's own in a wrong case is no other parameter either.
fn purpose(key: &str) -> Purpose {
    match SIGNATURE_KEYS.iter().find(|known| known.eq_ignore_ascii_case(key)) {
        None => Purpose::Request,
        Some(known) if *known == key => Purpose::Signature,
        Some(_) => Purpose::Misspelt,
    }
}

/// Whether a name begins with `x-amz-`, in any case.
pub(crate) fn is_amz(name: &str) -> bool {
    name.as_bytes().get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"x-amz-"))
}

fn join_listed(headers: &mut HeaderMap) -> Result<(), HeadError> {
    if headers.get_all(LISTED).iter().nth(1).is_none() {
        return Ok(());
    }
    let values: Vec<&[u8]> = headers.get_all(LISTED).iter().map(HeaderValue::as_bytes).collect();
    let joined = HeaderValue::from_bytes(&values.join(&b","[..])).map_err(|_| HeadError::HeaderNotText)?;
    headers.insert(LISTED, joined);
    Ok(())
}

/// What `&` separates in a query, empty pieces left out.
fn pieces(raw: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    memchr_iter(b'&', raw.as_bytes())
        .chain(std::iter::once(raw.len()))
        .map(move |end| &raw[std::mem::replace(&mut start, end + 1)..end])
        .filter(|piece| !piece.is_empty())
}

fn parse_query(raw: &str) -> Result<(String, Vec<Pair>), HeadError> {
    let pieces = || pieces(raw);
    let count = pieces().count();
    if count > QUERY_KEYS {
        return Err(HeadError::TooManyQueries);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut pairs = Vec::with_capacity(count);
    for piece in pieces() {
        let (key, value) = match memchr(b'=', piece.as_bytes()) {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, ""),
        };
        let start = decoded.len();
        encoding::decode_query(key, &mut decoded)?;
        let middle = decoded.len();
        encoding::decode_query(value, &mut decoded)?;
        // Both apart: bytes that become text only together are none.
        for part in [start..middle, middle..decoded.len()] {
            let part = &decoded[part];
            if !part.is_ascii() && std::str::from_utf8(part).is_err() {
                return Err(HeadError::NotUtf8);
            }
        }
        pairs.push(Pair { key: start..middle, value: middle..decoded.len(), purpose: Purpose::Request });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| HeadError::NotUtf8)?;
    let key = |pair: &Pair| &decoded[pair.key.clone()];
    pairs.iter_mut().for_each(|pair| pair.purpose = purpose(key(pair)));
    pairs.sort_unstable_by(|a, b| encoding::cmp_encoded(key(a), key(b)));
    if pairs.windows(2).any(|two| key(&two[0]) == key(&two[1])) {
        return Err(HeadError::DuplicateQuery);
    }
    Ok((decoded, pairs))
}

impl From<NotDecodable> for HeadError {
    fn from(_: NotDecodable) -> Self {
        HeadError::NotUtf8
    }
}
