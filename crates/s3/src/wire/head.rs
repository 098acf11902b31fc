//! A request's head, parsed once: everything later (routing, signature, execution) reads this value and nothing else, so
//! that no two of them can disagree about what was asked.
//!
//! SDKs that presign by SigV4 move `x-amz-*` headers into the query, where the signature covers them, and S3 reads them
//! there as the headers they were. So does [`Head::parse`]: afterwards they are headers, remembered as
//! [hoisted](Head::is_hoisted), because they must not count as headers in the canonical request.

use std::ops::Range;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

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

/// A key or a value of the query, decoded.
#[derive(Debug, Clone, Copy)]
enum Text {
    /// As it was sent, from there to there: it holds nothing but what no encoding changes.
    Plain(usize, usize),
    /// From there to there of what was decoded.
    Decoded(usize, usize),
}

/// One pair of the query.
#[derive(Debug, Clone)]
struct Pair {
    key: Text,
    value: Text,
    purpose: Purpose,
    /// Where it stands in the query as it was sent, if it was sent as a signature lists it.
    canonical: Option<Range<usize>>,
}

/// What a query key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It says something of the request.
    Request,
    /// It belongs to a signature by SigV4 and selects nothing.
    V4(V4Key),
    /// It belongs to a signature by SigV2 and selects nothing.
    V2,
    /// It repeats the operation's name and selects nothing.
    Repetition,
    /// It would be one of those, were it spelt in the case that is read.
    Misspelt,
}

/// The query keys of a signature by SigV4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum V4Key {
    Algorithm,
    Credential,
    Date,
    Expires,
    SignedHeaders,
    Signature,
    SecurityToken,
}

/// Which names there are, roughly: what is lacking here is lacking. Most questions about a head are whether it has what it
/// has not; they end here.
#[derive(Debug, Clone, Copy, Default)]
struct Names(u128);

impl Names {
    /// One of 128, by what tells names apart best: their length, last letter and middle.
    #[inline]
    const fn bit(name: &str) -> u128 {
        let bytes = name.as_bytes();
        match bytes {
            [] => 1,
            [.., last] => 1 << ((bytes.len() + 5 * *last as usize + 11 * bytes[bytes.len() / 2] as usize) % 128),
        }
    }

    fn add(&mut self, name: &str) {
        self.0 |= Names::bit(name);
    }

    #[inline]
    fn lack(self, name: &str) -> bool {
        self.0 & Names::bit(name) == 0
    }
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// By which version of TLS the connection is encrypted: `1.2`, `1.3`; `None`: it is not.
    pub tls: Option<&'static str>,
    uri: Uri,
    /// Each occurs once but those that merely inform.
    headers: HeaderMap,
    header_names: Names,
    /// Keys and values of the query that were not sent plainly, decoded, one after the other.
    decoded: String,
    /// In the order in which a signature lists them.
    pairs: Vec<Pair>,
    query_names: Names,
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
        let header_names = names(&headers);
        if !header_names.lack(LISTED) {
            join_listed(&mut headers)?;
        }
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
        let Query { decoded, pairs, names: query_names } = Query::parse(uri.query().unwrap_or(""))?;
        let hoisted = Vec::new();
        let mut head = Head { method, tls, uri, headers, header_names, decoded, pairs, query_names, hoisted };
        if head.pairs.iter().any(|pair| pair.purpose == Purpose::V4(V4Key::Algorithm)) {
            head.hoist()?;
        }
        Ok(head)
    }

    /// The headers that were sent as such: all but the hoisted.
    pub(crate) fn sent_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().filter(|(name, _)| self.hoisted.is_empty() || !self.is_hoisted(name.as_str()))
    }

    /// As the request line has it.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Where in the query, as it was sent, the signature by SigV4 stands; `None` if there is none, or it is written in
    /// another way than signatures are.
    pub(crate) fn raw_signature(&self) -> Option<Range<usize>> {
        let pair = self.pairs.iter().find(|pair| pair.purpose == Purpose::V4(V4Key::Signature))?;
        match pair.value {
            Text::Plain(start, end) => Some(start..end),
            Text::Decoded(..) => None,
        }
    }

    /// The same head in memory of its own. What comes from a connection is a part of the buffer into which it was read, and
    /// keeps all of that.
    pub(crate) fn detached(&self) -> Self {
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let copy = HeaderValue::from_bytes(value.as_bytes()).expect("it is the value of a header");
            headers.append(name.clone(), copy);
        }
        let uri = self.uri.to_string().parse().expect("it is a URI");
        Head { uri, headers, ..self.clone() }
    }

    /// The same request with other headers.
    pub(crate) fn with_headers(&self, headers: HeaderMap) -> Self {
        let header_names = names(&headers);
        Head { headers, header_names, ..self.clone() }
    }

    /// All headers; each occurs once but those that merely inform.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
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

    fn read(&self, text: Text) -> &str {
        match text {
            Text::Plain(start, end) => &self.raw_query()[start..end],
            Text::Decoded(start, end) => &self.decoded[start..end],
        }
    }

    /// The value of a query key; `Some("")` for a key without a value.
    #[inline]
    pub fn query(&self, key: &str) -> Option<&str> {
        if self.query_names.lack(key) { None } else { self.find_query(key) }
    }

    fn find_query(&self, key: &str) -> Option<&str> {
        self.query_pairs().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The pairs of the query, decoded (`+` is a blank); each key occurs once. Their order is that of a SigV4 canonical
    /// query: by encoded key.
    pub fn query_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (self.read(pair.key), self.read(pair.value)))
    }

    /// What the keys of the query are for, in the same order.
    pub(crate) fn purposes(&self) -> impl Iterator<Item = Purpose> {
        self.pairs.iter().map(|pair| pair.purpose)
    }

    /// The first pair whose key is spelt in a case that is not read.
    pub(crate) fn misspelt(&self) -> Option<(&str, &str)> {
        let pair = self.pairs.iter().find(|pair| pair.purpose == Purpose::Misspelt)?;
        Some((self.read(pair.key), self.read(pair.value)))
    }

    /// The keys that say something of the request, in the same order.
    pub(crate) fn request_keys(&self) -> impl Iterator<Item = &str> {
        let of_request = self.pairs.iter().filter(|pair| pair.purpose == Purpose::Request);
        of_request.map(|pair| self.read(pair.key))
    }

    /// The values of the query, in the same order, and what each is for.
    pub(crate) fn query_values(&self) -> impl Iterator<Item = (Purpose, &str)> {
        self.pairs.iter().map(|pair| (pair.purpose, self.read(pair.value)))
    }

    /// Appends the query as a signature by SigV4 lists it: all of it but the signature.
    pub(crate) fn canonical_query(&self, out: &mut Vec<u8>) {
        let mut first = true;
        for pair in self.pairs.iter().filter(|pair| pair.purpose != Purpose::V4(V4Key::Signature)) {
            if !std::mem::take(&mut first) {
                out.push(b'&');
            }
            match &pair.canonical {
                Some(sent) => out.extend_from_slice(self.raw_query()[sent.clone()].as_bytes()),
                None => {
                    encoding::encode(self.read(pair.key), out);
                    out.push(b'=');
                    encoding::encode(self.read(pair.value), out);
                }
            }
        }
    }

    /// The first value of a header.
    #[inline]
    fn get(&self, name: &str) -> Option<&HeaderValue> {
        if self.header_names.lack(name) { None } else { self.find(name) }
    }

    fn find(&self, name: &str) -> Option<&HeaderValue> {
        if self.headers.len() > FEW_HEADERS {
            return self.headers.get(name);
        }
        self.headers.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }

    /// All values of a header, in their order.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        let first = self.get(name);
        let several = first.is_some() && self.headers.len() != self.headers.keys_len();
        let rest = several.then(|| self.headers.get_all(name).iter().skip(1));
        first.into_iter().chain(rest.into_iter().flatten())
    }

    /// Whether there is such a header.
    #[inline]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the header `name` came as a query parameter of a presigned URL.
    pub fn is_hoisted(&self, name: &str) -> bool {
        self.hoisted.iter().any(|hoisted| hoisted.as_str() == name)
    }

    /// The value of a header, as text with surrounding blanks removed. A header that is no UTF-8 counts as absent here;
    /// what decides over anything uses [`Head::text`].
    #[inline]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(self.get(name)?).ok()
    }

    /// The value of a header that must be text.
    ///
    /// # Errors
    /// [`HeadError::HeaderNotText`].
    #[inline]
    pub fn text(&self, name: &str) -> Result<Option<&str>, HeadError> {
        self.get(name).map(text).transpose()
    }

    /// Makes headers of the `x-amz-` parameters of a presigned URL that are not the signature's own.
    fn hoist(&mut self) -> Result<(), HeadError> {
        for at in 0..self.pairs.len() {
            let Pair { key, value, purpose, .. } = self.pairs[at];
            let key = self.read(key);
            if purpose != Purpose::Request || !is_amz(key) {
                continue;
            }
            let name = HeaderName::from_bytes(key.as_bytes()).map_err(|_| HeadError::HoistedNotHeader)?;
            let value = HeaderValue::from_bytes(self.read(value).as_bytes());
            let value = value.map_err(|_| HeadError::HoistedNotHeader)?;
            if self.headers.insert(name.clone(), value).is_some() {
                return Err(HeadError::DuplicateHeader);
            }
            self.header_names.add(name.as_str());
            self.hoisted.push(name);
        }
        Ok(())
    }
}

/// Whether a request line says nothing but path and query; then `Host` names the host.
pub(crate) fn names_no_host(uri: &Uri) -> bool {
    uri.authority().is_none() && uri.scheme().is_none()
}

fn names(headers: &HeaderMap) -> Names {
    let mut names = Names::default();
    headers.keys().for_each(|name| names.add(name.as_str()));
    names
}

fn text(value: &HeaderValue) -> Result<&str, HeadError> {
    std::str::from_utf8(value.as_bytes()).map(str::trim).map_err(|_| HeadError::HeaderNotText)
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
pub(crate) fn purpose(key: &str) -> Purpose {
    match key {
        "X-Amz-Algorithm" => Purpose::V4(V4Key::Algorithm),
        "X-Amz-Credential" => Purpose::V4(V4Key::Credential),
        "X-Amz-Date" => Purpose::V4(V4Key::Date),
        "X-Amz-Expires" => Purpose::V4(V4Key::Expires),
        "X-Amz-SignedHeaders" => Purpose::V4(V4Key::SignedHeaders),
        "X-Amz-Signature" => Purpose::V4(V4Key::Signature),
        "X-Amz-Security-Token" => Purpose::V4(V4Key::SecurityToken),
        "AWSAccessKeyId" | "Expires" | "Signature" => Purpose::V2,
        "x-id" => Purpose::Repetition,
        _ if SIGNATURE_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) => Purpose::Misspelt,
        _ => Purpose::Request,
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

/// A query, read in one go.
struct Query {
    decoded: String,
    pairs: Vec<Pair>,
    names: Names,
}

impl Query {
    fn parse(raw: &str) -> Result<Self, HeadError> {
        let bytes = raw.as_bytes();
        let mut decoded = Vec::new();
        let mut pairs = Vec::with_capacity(if raw.is_empty() { 0 } else { USUAL_PAIRS });
        let mut names = Names::default();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let (key, key_as_signed);
            (key, key_as_signed, at) = read_text(raw, at, b'=', &mut decoded)?;
            let has_value = bytes.get(at) == Some(&b'=');
            let (value, value_as_signed);
            (value, value_as_signed, at) = match has_value {
                true => read_text(raw, at + 1, b'&', &mut decoded)?,
                false => (Text::Plain(at, at), true, at),
            };
            let end = at;
            at += 1;
            // What `&` separates may be nothing.
            if start == end {
                continue;
            }
            if pairs.len() == QUERY_KEYS {
                return Err(HeadError::TooManyQueries);
            }
            let canonical = (has_value && key_as_signed && value_as_signed).then_some(start..end);
            pairs.push(Pair { key, value, purpose: Purpose::Request, canonical });
        }
        let decoded = String::from_utf8(decoded).map_err(|_| HeadError::NotUtf8)?;
        let read = |text| match text {
            Text::Plain(start, end) => &raw[start..end],
            Text::Decoded(start, end) => &decoded[start..end],
        };
        for pair in &mut pairs {
            let key = read(pair.key);
            pair.purpose = purpose(key);
            names.add(key);
        }
        pairs.sort_unstable_by(|a, b| match (a.key, b.key) {
            (Text::Plain(..), Text::Plain(..)) => read(a.key).cmp(read(b.key)),
            _ => encoding::cmp_encoded(read(a.key), read(b.key)),
        });
        if pairs.windows(2).any(|two| read(two[0].key) == read(two[1].key)) {
            return Err(HeadError::DuplicateQuery);
        }
        Ok(Query { decoded, pairs, names })
    }
}

/// Pairs of a presigned URL, and some more.
const USUAL_PAIRS: usize = 8;

/// Reads a key or a value, which begins at `start` and ends before `end` or `&`: with whether it was sent as a signature
/// lists it, and where it ends.
fn read_text(raw: &str, start: usize, end: u8, decoded: &mut Vec<u8>) -> Result<(Text, bool, usize), HeadError> {
    let ends = |byte: &u8| *byte == end || *byte == b'&';
    let bytes = &raw.as_bytes()[start..];
    let plain = encoding::unreserved(bytes);
    if bytes.get(plain).is_none_or(ends) {
        return Ok((Text::Plain(start, start + plain), true, start + plain));
    }
    let len = plain + bytes[plain..].iter().position(ends).unwrap_or(bytes.len() - plain);
    let from = decoded.len();
    // Never longer than what was sent; so it grows but once.
    decoded.reserve(if from == 0 { bytes.len() } else { 0 });
    let as_signed = encoding::decode_query(&bytes[..len], decoded)?;
    // Each by itself: bytes that become text only together are none.
    let part = &decoded[from..];
    if !part.is_ascii() && std::str::from_utf8(part).is_err() {
        return Err(HeadError::NotUtf8);
    }
    Ok((Text::Decoded(from, decoded.len()), as_signed, start + len))
}

impl From<NotDecodable> for HeadError {
    fn from(_: NotDecodable) -> Self {
        HeadError::NotUtf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_signature_is_one_in_its_own_case_and_in_no_other() {
        for key in SIGNATURE_KEYS {
            assert!(!matches!(purpose(key), Purpose::Request | Purpose::Misspelt), "{key}");
            for other in [key.to_ascii_lowercase(), key.to_ascii_uppercase()] {
                assert!(other == key || purpose(&other) == Purpose::Misspelt, "{other}");
            }
        }
        for key in ["", "partNumber", "X-Amz-Algorithms", "X-Amz", "expire"] {
            assert_eq!(purpose(key), Purpose::Request, "{key}");
        }
    }

    #[test]
    fn a_name_that_is_there_is_never_taken_for_one_that_lacks() {
        let mut request = http::Request::get("/b/k?a=%2f&b&partNumber=1&X-Amz-Date=2&&d+e=+&%66=x=y&=z");
        for name in ["host", "range", "x-amz-acl", "x-amz-meta-a", "a", "if-match"] {
            request = request.header(name, name);
        }
        let head = Head::parse(request.header("via", "1").header("via", "2").body(()).unwrap().into_parts().0, None);
        let head = head.unwrap();
        for name in ["host", "range", "x-amz-acl", "x-amz-meta-a", "a", "if-match"] {
            assert_eq!(head.text(name), Ok(Some(name)));
            assert_eq!(head.values(name).count(), 1);
        }
        assert_eq!(head.values("via").map(HeaderValue::as_bytes).collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(head.values("x").count(), 0);
        let pairs: Vec<_> = head.query_pairs().collect();
        let known =
            [("", "z"), ("X-Amz-Date", "2"), ("a", "/"), ("b", ""), ("d e", " "), ("f", "x=y"), ("partNumber", "1")];
        assert_eq!(pairs, known);
        for (key, value) in known {
            assert_eq!(head.query(key), Some(value), "{key}");
        }
        assert_eq!(head.query("c"), None);
        let mut canonical = vec![];
        head.canonical_query(&mut canonical);
        assert_eq!(canonical, b"=z&X-Amz-Date=2&a=%2F&b=&d%20e=%20&f=x%3Dy&partNumber=1");
    }
}
