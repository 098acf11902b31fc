//! The client: an endpoint, a region, a key perhaps, and connections that are used again.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::answer::{Answer, Download};
use crate::body::{Body, Payload};
use crate::encode::{encode_component, encode_key};
use crate::error::{Error, chain};
use crate::request::{Prepared, Request, Signature};
use crate::source::Source;
use crate::tls::{self, Roots};

/// How long connecting may take.
pub const CONNECT: Duration = Duration::from_secs(5);

/// How long nothing may move, in either direction, unless [`S3::with_stall`] says otherwise.
pub const STALL: Duration = Duration::from_secs(30);

/// The longest body that is read into memory: 64 MiB.
pub const ANSWER_BYTES: usize = 64 << 20;

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Its public half.
    pub access_key_id: String,
    /// Its secret half.
    pub secret_access_key: String,
}

impl Credentials {
    /// From both halves.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Credentials { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, secret redacted)", self.access_key_id)
    }
}

/// An S3 service, as one key (or nobody) sees it. Clones share their connections.
#[derive(Clone)]
pub struct S3 {
    pub(crate) scheme: Scheme,
    pub(crate) authority: String,
    pub(crate) region: String,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) stall: Duration,
    http: Client<HttpsConnector<HttpConnector>, Payload>,
}

impl S3 {
    /// Speaks to `endpoint`, `http://host:port` or `https://host:port`, and trusts whom the system trusts. Nothing is sent
    /// yet.
    ///
    /// # Errors
    /// [`Error::Endpoint`]
    pub fn new(endpoint: &str, region: &str, credentials: Option<Credentials>) -> Result<Self, Error> {
        S3::trusting(endpoint, region, credentials, Roots::System)
    }

    /// The same, trusting these certificate authorities to say who the server is.
    ///
    /// # Errors
    /// [`Error::Endpoint`]
    pub fn trusting(
        endpoint: &str,
        region: &str,
        credentials: Option<Credentials>,
        roots: Roots<'_>,
    ) -> Result<Self, Error> {
        let refused = |why: String| Error::Endpoint { given: endpoint.into(), why };
        let uri: Uri = endpoint.parse().map_err(|e: http::uri::InvalidUri| refused(e.to_string()))?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme)).cloned();
        let scheme = scheme.ok_or_else(|| refused("it is neither http nor https".into()))?;
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
            return Err(refused("there is more behind the port".into()));
        }
        let authority = uri.authority().ok_or_else(|| refused("there is no host".into()))?;
        if authority.as_str().contains('@') {
            return Err(refused("there is a user in it".into()));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = tls::connector(connector, scheme == Scheme::HTTPS, roots).map_err(refused)?;
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // Only what was never written, because the connection had been closed meanwhile, is sent on another one.
            .retry_canceled_requests(true)
            .build(connector);
        Ok(S3 { scheme, authority: authority.to_string(), region: region.into(), credentials, stall: STALL, http })
    }

    /// The same service with another key.
    pub fn with_key(&self, credentials: Credentials) -> Self {
        S3 { credentials: Some(credentials), ..self.clone() }
    }

    /// The same service without a key: requests are anonymous.
    pub fn without_key(&self) -> Self {
        S3 { credentials: None, ..self.clone() }
    }

    /// The same key id with a secret that is not its own.
    pub fn with_wrong_secret(&self) -> Self {
        let wrong = |key: Credentials| {
            let x = if key.secret_access_key.starts_with('x') { "y" } else { "x" };
            Credentials { secret_access_key: x.repeat(40), ..key }
        };
        S3 { credentials: self.credentials.clone().map(wrong), ..self.clone() }
    }

    /// The same, giving up after that long without progress.
    pub fn with_stall(&self, stall: Duration) -> Self {
        S3 { stall, ..self.clone() }
    }

    /// The same service at another host, over the same connections and trusting the same authorities: that of a bucket, in
    /// virtual-host style.
    pub fn at_host(&self, authority: &str) -> Self {
        S3 { authority: authority.into(), ..self.clone() }
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The key that signs.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// HEAD of a place such as `bucket/key`; see [`Request::at_place`].
    pub async fn head(&self, place: &str) -> Result<Answer, Error> {
        self.send(&Request::at_place(Method::HEAD, place)).await
    }

    /// GET of a place; `""` lists the buckets.
    pub async fn get(&self, place: &str) -> Result<Answer, Error> {
        self.send(&Request::at_place(Method::GET, place)).await
    }

    /// PUT of a body whose SHA-256 is signed.
    pub async fn put(&self, place: &str, body: impl Into<Source>) -> Result<Answer, Error> {
        self.send(&Request::at_place(Method::PUT, place).bytes(body)).await
    }

    /// POST of a body whose SHA-256 is signed.
    pub async fn post(&self, place: &str, body: impl Into<Source>) -> Result<Answer, Error> {
        self.send(&Request::at_place(Method::POST, place).bytes(body)).await
    }

    /// DELETE of a place.
    pub async fn delete(&self, place: &str) -> Result<Answer, Error> {
        self.send(&Request::at_place(Method::DELETE, place)).await
    }

    /// CopyObject from one `bucket/key`, in plain text, to another.
    pub async fn copy(&self, from: &str, to: &str) -> Result<Answer, Error> {
        let source = format!("/{}", encode_key(from));
        self.send(&Request::at_place(Method::PUT, to).header("x-amz-copy-source", source)).await
    }

    /// ListObjectsV2 below a prefix, the first page. The keys are [`Answer::elements`] at
    /// `&["ListBucketResult", "Contents", "Key"]`.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Answer, Error> {
        self.get(&format!("{bucket}?list-type=2&prefix={}", encode_component(prefix))).await
    }

    /// PUT of a body of any length, made while it is sent, as `UNSIGNED-PAYLOAD`.
    pub async fn upload(&self, place: &str, body: impl Into<Source>) -> Result<Answer, Error> {
        self.send(&Request::at_place(Method::PUT, place).body(Body::Unsigned(body.into()))).await
    }

    /// Sends a request whose answer may be of any length: a body with status 2xx goes to `sink` piece by piece, with the offset of
    /// each.
    pub async fn download(&self, request: &Request, mut sink: impl FnMut(u64, &[u8])) -> Result<Download, Error> {
        let (name, answer) = self.begin(self.prepare(request)?).await?;
        if !answer.status().is_success() {
            return Ok(Download { answer: self.whole(&name, answer).await?, length: 0 });
        }
        let (head, mut body) = answer.into_parts();
        let mut length = 0;
        while let Some(piece) = self.piece(&name, &mut body, length).await? {
            sink(length, &piece);
            length += piece.len() as u64;
        }
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body: bytes::Bytes::new() };
        Ok(Download { answer, length })
    }

    /// Sends a request and reads its answer. Any status is an answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, Error> {
        self.send_prepared(self.prepare(request)?).await
    }

    /// Sends what [`prepare`](S3::prepare) gave.
    pub async fn send_prepared(&self, prepared: Prepared) -> Result<Answer, Error> {
        let (name, answer) = self.begin(prepared).await?;
        self.whole(&name, answer).await
    }

    /// Sends a request to a server that may answer anything: a body is cut behind its first `most` bytes, and the rest of it
    /// is not waited for.
    ///
    /// # Errors
    /// [`Error`], but never [`Error::TooLong`].
    pub async fn send_for(&self, request: &Request, most: usize) -> Result<Answer, Error> {
        let (name, answer) = self.begin(self.prepare(request)?).await?;
        let (head, mut incoming) = answer.into_parts();
        let mut body = BytesMut::new();
        while body.len() < most
            && let Some(piece) = self.piece(&name, &mut incoming, body.len() as u64).await?
        {
            body.extend_from_slice(&piece[..piece.len().min(most - body.len())]);
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.freeze() })
    }

    /// Signs a request and sends nothing.
    pub fn prepare(&self, request: &Request) -> Result<Prepared, Error> {
        request.prepare(self)
    }

    /// A link that works for `seconds` without a key (SigV4). Its headers, if it has any, must be sent with it.
    pub fn presign(&self, request: &Request, seconds: i64) -> Result<String, Error> {
        Ok(self.prepare(&request.clone().signature(Signature::QueryV4 { seconds }))?.url())
    }

    /// Sends to a link of this endpoint, exactly as it stands and without a signature of its own.
    pub async fn follow(&self, method: Method, url: &str, body: Body) -> Result<Answer, Error> {
        let endpoint = format!("{}://{}", self.scheme, self.authority);
        let target = url.strip_prefix(&endpoint);
        let target = target.filter(|target| target.starts_with('/')).ok_or_else(|| Error::Request {
            request: format!("{method} of a link"),
            why: format!("it does not lead to {endpoint}/"),
        })?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.send(&Request::new(method, path).raw_query(query).body(body).signature(Signature::None)).await
    }

    /// Sends the head and as much of the body as the server wants; returns when the answer begins.
    async fn begin(&self, prepared: Prepared) -> Result<(String, Response<Incoming>), Error> {
        let Prepared { method, target, headers, name, payload, scheme, authority, .. } = prepared;
        let uri = uri(scheme, &authority, &target).map_err(|why| Error::Request { request: name.clone(), why })?;
        let progress = payload.progress();
        let mut request = http::Request::new(payload);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let answer =
            self.watched(&name, "sending it and waiting for the answer", &progress, self.http.request(request));
        match answer.await? {
            Ok(answer) => Ok((name, answer)),
            Err(e) if e.is_connect() => Err(Error::Connect { endpoint: authority, request: name, why: chain(&e) }),
            Err(e) => Err(Error::Exchange { request: name, why: chain(&e) }),
        }
    }

    async fn whole(&self, name: &str, answer: Response<Incoming>) -> Result<Answer, Error> {
        let (head, mut incoming) = answer.into_parts();
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece(name, &mut incoming, body.len() as u64).await? {
            if body.len() + piece.len() > ANSWER_BYTES {
                return Err(Error::TooLong { request: name.into(), limit: ANSWER_BYTES });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.freeze() })
    }

    /// The next piece of a body. Trailers of an answer are passed over.
    async fn piece(&self, name: &str, body: &mut Incoming, bytes: u64) -> Result<Option<bytes::Bytes>, Error> {
        loop {
            let frame = self.watched(name, "reading the answer", &AtomicU64::new(0), body.frame()).await?;
            match frame.transpose() {
                Err(e) => return Err(Error::Answer { request: name.into(), bytes, why: chain(&e) }),
                Ok(None) => return Ok(None),
                Ok(Some(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Waits as long as `progress` moves: what has stood still is given up after one to two times the limit.
    async fn watched<T>(
        &self,
        name: &str,
        step: &'static str,
        progress: &AtomicU64,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let mut work = std::pin::pin!(work);
        let mut seen = progress.load(Ordering::Relaxed);
        loop {
            if let Ok(done) = tokio::time::timeout(self.stall, &mut work).await {
                return Ok(done);
            }
            let now = progress.load(Ordering::Relaxed);
            if now == seen {
                return Err(Error::Stalled { request: name.into(), step, limit: self.stall });
            }
            seen = now;
        }
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({}://{}, {}, {:?})", self.scheme, self.authority, self.region, self.credentials)
    }
}

/// The target exactly as it is, or an error: a library that would send another one is not to be used for it.
fn uri(scheme: Scheme, authority: &str, target: &str) -> Result<Uri, String> {
    let remedy = "write it yourself, with Prepared::into_bytes and S3::exchange";
    let parsed: PathAndQuery = target
        .parse()
        .map_err(|e: http::uri::InvalidUri| format!("its path or query is not HTTP's ({e}); {remedy}"))?;
    if parsed.as_str() != target {
        return Err(format!("its path would be sent as {parsed}; {remedy}"));
    }
    let authority: Authority = authority.parse().map_err(|e: http::uri::InvalidUri| e.to_string())?;
    Uri::builder().scheme(scheme).authority(authority).path_and_query(parsed).build().map_err(|e| e.to_string())
}
