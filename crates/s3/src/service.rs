//! From a request to its answer: parse, route, prove who asks, carry out, render.
//!
//! Each stage takes what only the stage before can make: a [`Head`] is parsed, a call is a head that the table allows, a
//! claim is a caller whose signature was checked, a context holds that caller. The body is not touched before the
//! operation that wants it was allowed.
//!
//! Invariants: every answer carries the request's id; a connection whose request body was not read to its end is closed,
//! because what follows on it is not a request.

use std::fmt::Display;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, SERVER};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::{Frame, SizeHint};
use model::Timestamp;
use operations::{Context, Store};

use crate::handlers::{self, Asked, Failure, Sent, headers};
use crate::reply::{self, Reply, ReplyBody};
use crate::wire::auth::Claim;
use crate::wire::head::Head;
use crate::wire::router::Call;
use crate::wire::seen::Seen;
use crate::wire::{self, Config};

/// What the listener knows of a request before anybody read it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Names the request in answer, log and ledger.
    pub request_id: String,
    /// From which address, where it is known.
    pub source: Option<IpAddr>,
    /// When its head was complete.
    pub received: Timestamp,
    /// By which version of TLS the connection is encrypted: `1.2`, `1.3`; `None`: it is not.
    pub tls: Option<&'static str>,
}

/// S3, as a function from requests to answers. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    store: Store,
    config: Config,
    seen: Seen,
    /// Names this process in answers (`x-amz-id-2`), so that a report can be matched with a log.
    host_id: Box<str>,
    host_id_value: HeaderValue,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

impl Service {
    /// S3 over `store`.
    pub fn new(store: Store, config: Config) -> Self {
        // A name, not a secret: the standard library's randomness is enough, and it cannot fail.
        let host_id = format!("{:016x}", RandomState::new().build_hasher().finish());
        let host_id_value = HeaderValue::from_str(&host_id).expect("hexadecimal digits are visible ASCII");
        Service(Arc::new(Inner { store, config, seen: Seen::new(), host_id: host_id.into(), host_id_value }))
    }

    /// How many requests came by a presigned URL that was found right before, and were not read anew.
    pub fn recalled(&self) -> u64 {
        self.0.seen.recalled()
    }

    /// Answers one request; what goes wrong is an answer too. `Date` is left to the server, which knows it.
    pub fn handle<B>(
        &self,
        mut arrival: Arrival,
        request: http::Request<B>,
    ) -> impl Future<Output = http::Response<ReplyBody>> + use<B>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display + Send,
    {
        // Taken apart before the future begins, which would keep both.
        let (parts, body) = request.into_parts();
        let mut body = Watched { body, ended: false };
        let (uri, is_head) = (parts.uri.clone(), parts.method == Method::HEAD);
        let service = self.clone();
        async move {
            let answered = service.answer(&mut arrival, parts, &mut body).await;
            let mut reply = answered.unwrap_or_else(|failure| {
                let error = failure.explain(&arrival.request_id);
                tracing::debug!(request_id = %arrival.request_id, %error, "refused");
                reply::refuse(&error, uri.path(), &arrival.request_id, &service.0.host_id, is_head)
            });
            let headers = reply.headers_mut();
            if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(arrival.request_id)) {
                headers.insert(REQUEST_ID, id);
            }
            headers.insert(HOST_ID, service.0.host_id_value.clone());
            headers.insert(SERVER, HeaderValue::from_static("Bailiwick"));
            if body.unread() {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            reply
        }
    }

    /// What is asked, and who proved to ask it; and the request's map of headers, emptied, if nobody needs it any more.
    async fn understand(
        &self,
        parts: http::request::Parts,
        arrival: &Arrival,
    ) -> Result<(Arc<Call>, Claim, HeaderMap), Failure> {
        let Inner { store, config, seen, .. } = &*self.0;
        let &Arrival { received, source, tls, .. } = arrival;
        if let Some(url) = seen.find(&parts, tls)
            && let Some(claim) = url.claim(seen, store, received, source).await?
        {
            let mut room = parts.headers;
            room.clear();
            return Ok((url.call().clone(), claim, room));
        }
        let head = Head::parse(parts, tls)?;
        let call = wire::router::route(head, config)?;
        let claim = wire::auth::prove(&call, config, store, received, source).await?;
        seen.keep(&call, &claim);
        Ok((Arc::new(call), claim, HeaderMap::new()))
    }

    async fn answer<B>(
        &self,
        arrival: &mut Arrival,
        parts: http::request::Parts,
        body: &mut Watched<B>,
    ) -> Result<Reply, Failure>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display + Send,
    {
        let Inner { store, config, .. } = &*self.0;
        let (call, claim, room) = self.understand(parts, arrival).await?;
        store.key_used(&claim.caller, arrival.source, call.head.header("user-agent"));
        store.admit(&claim.caller)?;
        tracing::debug!(request_id = %arrival.request_id, operation = call.operation.name, "asked");
        let asked = Asked { store, config, call: &call, proof: claim.proof, received: arrival.received };
        let expected_owner = headers::expected_owner(&asked, "x-amz-expected-bucket-owner")?;
        let facts = headers::facts(&asked, claim.proof)?;
        // Lent to the context, for as long as it is needed there.
        let request_id = std::mem::take(&mut arrival.request_id);
        let mut ctx = Context { caller: claim.caller, request_id, source: arrival.source, expected_owner, facts };
        let carried_out = handlers::carry_out(&asked, &mut ctx, Sent { payload: claim.payload, body, room }).await;
        arrival.request_id = ctx.request_id;
        carried_out
    }
}

/// A request's body that remembers whether it was read to its end.
pub(crate) struct Watched<B> {
    body: B,
    ended: bool,
}

impl<B: http_body::Body> Watched<B> {
    fn unread(&self) -> bool {
        !self.ended && !self.body.is_end_stream()
    }
}

impl<B: http_body::Body + Unpin> http_body::Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(task);
        self.ended |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
