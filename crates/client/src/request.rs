//! A request as it is described, [`Request`], and as it is sent, [`Prepared`].

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, HOST};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;

use crate::body::{Body, Payload};
use crate::encode::{self, Pair, encode_component, encode_key};
use crate::error::Error;
use crate::s3::{Credentials, S3};
use crate::sigv4::{self, Signer};
use crate::{sigv2, source::Source};

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DECODED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
const X_AMZ_TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");

/// How a request is signed, where there is a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    /// Version 4, in the header `authorization`.
    #[default]
    HeaderV4,
    /// Version 4, in the query.
    QueryV4 {
        /// Seconds from the time of signing, as in `X-Amz-Expires`; AWS takes 1…604800, this takes any.
        seconds: i64,
    },
    /// Version 2, in the header `authorization`.
    HeaderV2,
    /// Version 2, in the query.
    QueryV2 {
        /// Seconds from the time of signing; `Expires` is their sum.
        seconds: i64,
    },
    /// None: the request is anonymous.
    None,
}

type Tamper = Arc<dyn Fn(&mut Vec<Vec<u8>>) + Send + Sync>;

/// A request: what it says, who signs it and how, and what happens to it afterwards. Mistakes come up in
/// [`S3::prepare`]. Headers given here are signed, all of them, and win over those that signing would set.
#[derive(Clone)]
pub struct Request {
    method: Method,
    path: String,
    query: Vec<Pair>,
    headers: Vec<(String, String)>,
    body: Body,
    has_length: bool,
    // Who signs it, and how.
    signature: Signature,
    credentials: Option<Credentials>,
    at: Option<Timestamp>,
    region: Option<String>,
    service: String,
    signed_headers: Option<Vec<String>>,
    signed_path: Option<String>,
    // What is done to it once it is signed.
    late_query: Vec<Pair>,
    late_headers: Vec<(String, String)>,
    overrides: Vec<(String, Option<String>)>,
    tamper: Option<Tamper>,
}

impl Request {
    /// `path` is sent exactly as it is and begins with `/`; see [`encode_key`].
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Request {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            has_length: true,
            signature: Signature::default(),
            credentials: None,
            at: None,
            region: None,
            service: "s3".into(),
            signed_headers: None,
            signed_path: None,
            late_query: Vec::new(),
            late_headers: Vec::new(),
            overrides: Vec::new(),
            tamper: None,
        }
    }

    /// For a place such as `bucket/a key?acl`: what is before the first `?` is plain text and gets encoded; what is after
    /// it is a query as it stands in a URL. No `/` at the start.
    pub fn at_place(method: Method, place: &str) -> Self {
        let (path, query) = place.split_once('?').unwrap_or((place, ""));
        Request::new(method, format!("/{}", encode_key(path))).raw_query(query)
    }

    /// Adds a parameter, encoded here. An empty value is sent as `name=`.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((encode_component(name), Some(encode_component(value))));
        self
    }

    /// Adds parameters exactly as they stand: `acl`, `list-type=2&prefix=a%2Fb`.
    pub fn raw_query(mut self, query: &str) -> Self {
        self.query.extend(encode::split(query));
        self
    }

    /// Adds a header that is signed. One that is there already gets another value besides. A `content-length` that is longer than the
    /// body cannot be sent so: see [`S3::exchange_and_hang_up`].
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(self, body: Body) -> Self {
        Request { body, ..self }
    }

    /// Sets a body whose SHA-256 is signed.
    pub fn bytes(self, source: impl Into<Source>) -> Self {
        self.body(Body::Signed(source.into()))
    }

    /// Sends the body without `content-length`, in HTTP's own chunks.
    pub fn without_length(self) -> Self {
        Request { has_length: false, ..self }
    }

    /// Sets how it is signed; version 4 in a header unless told.
    pub fn signature(self, signature: Signature) -> Self {
        Request { signature, ..self }
    }

    /// Signs with this key in place of the client's.
    pub fn credentials(self, credentials: Credentials) -> Self {
        Request { credentials: Some(credentials), ..self }
    }

    /// Signs as of that time in place of now.
    pub fn at(self, at: Timestamp) -> Self {
        Request { at: Some(at), ..self }
    }

    /// Signs for that region in place of the client's.
    pub fn region(self, region: &str) -> Self {
        Request { region: Some(region.into()), ..self }
    }

    /// Signs for that service in place of `s3`.
    pub fn service(self, service: &str) -> Self {
        Request { service: service.into(), ..self }
    }

    /// Signs exactly these headers with version 4, in this order, in place of all there are, sorted.
    pub fn signed_headers(self, names: &[&str]) -> Self {
        Request { signed_headers: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..self }
    }

    /// Signs that path in place of the one that is sent. Version 2 signs `/bucket/key` also where the bucket is in the host's name.
    pub fn signed_path(self, path: impl Into<String>) -> Self {
        Request { signed_path: Some(path.into()), ..self }
    }

    /// Adds a header once the request is signed.
    pub fn unsigned_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.late_headers.push((name.into(), value.into()));
        self
    }

    /// Adds parameters once the request is signed, exactly as they stand.
    pub fn unsigned_query(mut self, query: &str) -> Self {
        self.late_query.extend(encode::split(query));
        self
    }

    /// Replaces a header, or with `None` removes it, once everything else is done.
    pub fn override_header(mut self, name: &str, value: Option<&str>) -> Self {
        self.overrides.push((name.into(), value.map(str::to_owned)));
        self
    }

    /// Alters the body as it is on the wire, frame by frame: for aws-chunked that is a frame for each chunk, then one for the last,
    /// of size 0, then one with trailers and the final empty line. `content-length` is that of the outcome. All of the body is in
    /// memory for it.
    pub fn tamper(self, tamper: impl Fn(&mut Vec<Vec<u8>>) + Send + Sync + 'static) -> Self {
        Request { tamper: Some(Arc::new(tamper)), ..self }
    }

    /// Method and path, for errors; a query may hold a signature.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn prepare(&self, s3: &S3) -> Result<Prepared, Error> {
        self.try_prepare(s3).map_err(|why| Error::Request { request: self.name(), why })
    }

    fn try_prepare(&self, s3: &S3) -> Result<Prepared, String> {
        let mut sent = Prepared {
            method: self.method.clone(),
            target: String::new(),
            headers: self.headers(&s3.authority)?,
            signature: String::new(),
            string_to_sign: String::new(),
            canonical_request: String::new(),
            scheme: s3.scheme.clone(),
            authority: s3.authority.clone(),
            name: self.name(),
            payload: Payload::new(Box::new(std::iter::empty()), Some(0)),
        };
        let mut query = self.query.clone();
        let credentials = self.credentials.as_ref().or(s3.credentials.as_ref());
        let at = self.at.unwrap_or_else(Timestamp::now);
        let signer =
            credentials.map(|key| Signer::new(key, at, self.region.as_deref().unwrap_or(&s3.region), &self.service));
        match (self.signature, credentials.zip(signer.as_ref())) {
            (Signature::None, _) | (_, None) => (),
            (Signature::HeaderV4, Some((_, signer))) => self.header_v4(&mut sent, signer)?,
            (Signature::QueryV4 { seconds }, Some((_, signer))) => {
                self.query_v4(&mut sent, &mut query, signer, seconds)?
            }
            (Signature::HeaderV2, Some((key, _))) => self.header_v2(&mut sent, key, at)?,
            (Signature::QueryV2 { seconds }, Some((key, _))) => self.query_v2(&mut sent, &mut query, key, at, seconds),
        }
        query.extend(self.late_query.iter().cloned());
        let mark = if query.is_empty() { "" } else { "?" };
        sent.target = format!("{}{mark}{}", self.path, encode::join(&query));
        self.finish(sent, signer)
    }

    /// Those that are signed whatever the signature is.
    fn headers(&self, authority: &str) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(header_name(name)?, header_value(name, value)?);
        }
        set(&mut headers, HOST, authority)?;
        if let Body::Chunked(chunked) = &self.body {
            set(&mut headers, CONTENT_ENCODING, "aws-chunked")?;
            set(&mut headers, X_AMZ_CONTENT_SHA256, chunked.payload())?;
            set(&mut headers, X_AMZ_DECODED_CONTENT_LENGTH, &chunked.source.length().to_string())?;
            if let Some(names) = chunked.promised() {
                set(&mut headers, X_AMZ_TRAILER, &names)?;
            }
        }
        Ok(headers)
    }

    fn header_v4(&self, sent: &mut Prepared, signer: &Signer) -> Result<(), String> {
        set(&mut sent.headers, X_AMZ_DATE, signer.date())?;
        if !sent.headers.contains_key(X_AMZ_CONTENT_SHA256) {
            set(&mut sent.headers, X_AMZ_CONTENT_SHA256, &self.body.payload())?;
        }
        let signed = self.signed(&sent.headers)?;
        let payload = sigv4::canonical_value(&sent.headers, &X_AMZ_CONTENT_SHA256);
        self.sign_v4(sent, &self.query, &signed, &payload, signer);
        set(&mut sent.headers, AUTHORIZATION, &signer.authorization(&sigv4::names(&signed), &sent.signature))
    }

    fn query_v4(
        &self,
        sent: &mut Prepared,
        query: &mut Vec<Pair>,
        signer: &Signer,
        seconds: i64,
    ) -> Result<(), String> {
        let signed = self.signed(&sent.headers)?;
        let payload = match sent.headers.contains_key(X_AMZ_CONTENT_SHA256) {
            true => sigv4::canonical_value(&sent.headers, &X_AMZ_CONTENT_SHA256),
            false => "UNSIGNED-PAYLOAD".into(),
        };
        for (name, value) in [
            ("X-Amz-Algorithm", sigv4::ALGORITHM),
            ("X-Amz-Credential", &signer.credential()),
            ("X-Amz-Date", signer.date()),
            ("X-Amz-Expires", &seconds.to_string()),
            ("X-Amz-SignedHeaders", &sigv4::names(&signed)),
        ] {
            query.push((name.into(), Some(encode_component(value))));
        }
        self.sign_v4(sent, query, &signed, &payload, signer);
        query.push(("X-Amz-Signature".into(), Some(sent.signature.clone())));
        Ok(())
    }

    fn sign_v4(&self, sent: &mut Prepared, query: &[Pair], signed: &[HeaderName], payload: &str, signer: &Signer) {
        let (method, path) = (self.method.as_str(), self.signed_path.as_ref().unwrap_or(&self.path));
        sent.canonical_request = sigv4::canonical_request(method, path, query, &sent.headers, signed, payload);
        sent.string_to_sign = signer.string_to_sign(&sent.canonical_request);
        sent.signature = signer.sign(&sent.string_to_sign);
    }

    fn header_v2(&self, sent: &mut Prepared, key: &Credentials, at: Timestamp) -> Result<(), String> {
        let date = if sent.headers.contains_key(X_AMZ_DATE) {
            String::new()
        } else {
            set(&mut sent.headers, DATE, &sigv2::http_date(at))?;
            sigv4::canonical_value(&sent.headers, &DATE)
        };
        self.sign_v2(sent, key, &date);
        let authorization = format!("AWS {}:{}", key.access_key_id, sent.signature);
        set(&mut sent.headers, AUTHORIZATION, &authorization)
    }

    fn query_v2(&self, sent: &mut Prepared, query: &mut Vec<Pair>, key: &Credentials, at: Timestamp, seconds: i64) {
        let expires = at.as_second().saturating_add(seconds).to_string();
        self.sign_v2(sent, key, &expires);
        let signature = sent.signature.as_str();
        for (name, value) in
            [("AWSAccessKeyId", key.access_key_id.as_str()), ("Expires", &expires), ("Signature", signature)]
        {
            query.push((name.into(), Some(encode_component(value))));
        }
    }

    fn sign_v2(&self, sent: &mut Prepared, key: &Credentials, date: &str) {
        let (method, path) = (self.method.as_str(), self.signed_path.as_ref().unwrap_or(&self.path));
        sent.string_to_sign = sigv2::string_to_sign(method, date, path, &self.query, &sent.headers);
        sent.signature = sigv2::sign(key, &sent.string_to_sign);
    }

    /// Which headers version 4 signs.
    fn signed(&self, headers: &HeaderMap) -> Result<Vec<HeaderName>, String> {
        if let Some(names) = &self.signed_headers {
            return names.iter().map(|name| header_name(name)).collect();
        }
        let mut names: Vec<HeaderName> = headers.keys().cloned().collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        Ok(names)
    }

    /// What comes after the signature: the body, its length, and what was to be damaged.
    fn finish(&self, mut sent: Prepared, signer: Option<Signer>) -> Result<Prepared, String> {
        if signer.is_none() && matches!(&self.body, Body::Chunked(chunked) if chunked.signed) {
            return Err("chunks cannot be signed without a key; give credentials or send Chunked::unsigned".into());
        }
        let frames = self.body.frames(signer.map(|signer| (signer, sent.signature.clone())));
        let (frames, mut length) = match &self.tamper {
            None => (frames, self.body.length()),
            Some(tamper) => {
                let mut frames: Vec<Vec<u8>> = frames.map(|frame| frame.to_vec()).collect();
                tamper(&mut frames);
                let length = frames.iter().map(|frame| frame.len() as u64).sum();
                (Box::new(frames.into_iter().map(Bytes::from)) as crate::body::Frames, length)
            }
        };
        let may_be_silent = matches!(self.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
        if self.has_length && !(length == 0 && may_be_silent) {
            set(&mut sent.headers, CONTENT_LENGTH, &length.to_string())?;
        }
        for (name, value) in &self.late_headers {
            sent.headers.append(header_name(name)?, header_value(name, value)?);
        }
        for (name, value) in &self.overrides {
            match value {
                Some(value) => sent.headers.insert(header_name(name)?, header_value(name, value)?),
                None => sent.headers.remove(header_name(name)?),
            };
        }
        // A length that was said by hand is what HTTP goes by.
        if let Some(said) = sent.headers.get(CONTENT_LENGTH).and_then(|said| said.to_str().ok()?.parse().ok()) {
            length = said;
        }
        sent.payload = Payload::new(frames, self.has_length.then_some(length));
        Ok(sent)
    }
}

/// All but the body and the secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, signed as {:?} by {:?})", self.name(), self.signature, self.credentials)
    }
}

/// A request as it is going to be sent: signed, and damaged where that was asked for.
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The signature: hex for version 4, Base64 for version 2, empty for none.
    pub signature: String,
    /// What was signed, to compare with what the server says it computed.
    pub string_to_sign: String,
    /// What version 4 hashed into it.
    pub canonical_request: String,
    pub(crate) scheme: Scheme,
    pub(crate) authority: String,
    pub(crate) name: String,
    pub(crate) payload: Payload,
}

impl Prepared {
    /// The address, which with a signature in its query is a link that works by itself.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.target)
    }

    /// The bytes of an HTTP/1.1 request, for [`S3::exchange`]. They ask the server to close the connection afterwards,
    /// unless there is a `connection` header.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        if !self.headers.contains_key(http::header::CONNECTION) {
            bytes.extend_from_slice(b"connection: close\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        self.payload.into_frames().for_each(|frame| bytes.extend_from_slice(&frame));
        bytes
    }
}

/// Without the query and the headers: both may hold a signature that works.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({})", self.name)
    }
}

/// Sets a header unless the caller has.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), String> {
    let value = header_value(name.as_str(), value)?;
    headers.entry(name).or_insert(value);
    Ok(())
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    name.parse().map_err(|_| format!("{name:?} is no name of a header"))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| format!("the header {name} cannot have the value given"))
}
