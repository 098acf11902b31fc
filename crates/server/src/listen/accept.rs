//! The accept loop: takes connections up to the limit, serves each in a task, and drains when told to stop.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use hyper::body::Body as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use model::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::rustls;
use tokio_rustls::server::TlsStream;

use super::head_timer::HeadTimer;
use super::linger::Lingering;
use super::request_id::RequestIds;
use super::stall::Stalling;
use super::{Arrival, Handler, Limits, Tls, TrustedProxies};

/// How long to wait when the system gives out no more connections (it is out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections of a port have in common.
pub(crate) struct Port<H> {
    pub(crate) handler: H,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: Limits,
}

/// How the port was closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Every request was answered.
    Completely,
    /// Time ran out; that many connections were cut.
    Cut(usize),
}

/// Serves `listener` until `stop` is ready, then lets requests in flight finish within [`Limits::drain`].
pub(crate) async fn run<H: Handler + Sync>(
    listener: TcpListener,
    port: Port<H>,
    stop: impl Future<Output = ()>,
) -> Result<Drained, getrandom::Error> {
    let shared = Arc::new(Shared { port, ids: RequestIds::new()? });
    let limits = shared.port.limits;
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        // The place comes first: without one the connection stays in the kernel's queue and costs us nothing.
        let next = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = connections.join_next() => report(ended),
            (accepted, place) = next => match accepted {
                Ok((stream, peer)) => {
                    let (shared, watcher) = (shared.clone(), graceful.watcher());
                    connections.spawn(async move {
                        let _place = place;
                        connection(stream, peer, shared, watcher).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(limits.drain, graceful.shutdown()).await;
    while let Some(ended) = connections.try_join_next() {
        report(ended);
    }
    let left = connections.len();
    connections.shutdown().await;
    Ok(if drained.is_ok() { Drained::Completely } else { Drained::Cut(left) })
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked: this is a bug; the connection was closed");
    }
}

struct Shared<H> {
    port: Port<H>,
    ids: RequestIds,
}

async fn connection<H: Handler + Sync>(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared<H>>, watcher: Watcher) {
    let limits = shared.port.limits;
    // An answer is often one small segment; it is not to wait for an acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let stream = Stalling::new(Lingering::new(stream), limits.read_stall, limits.write_stall);
    let Some(tls) = shared.port.tls.as_ref().map(|tls| tls.acceptor()) else {
        return speak_http(stream, peer.ip(), None, shared, watcher).await;
    };
    match tokio::time::timeout(limits.handshake, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let version = version(&stream);
            speak_http(stream, peer.ip(), Some(version), shared, watcher).await
        }
        Ok(Err(error)) => tracing::debug!(%error, %peer, "the TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

/// The version of TLS that both sides agreed on.
fn version(stream: &TlsStream<impl Sized>) -> &'static str {
    match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
        _ => "1.3",
    }
}

async fn speak_http<H: Handler + Sync>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    tls: Option<&'static str>,
    shared: Arc<Shared<H>>,
    watcher: Watcher,
) {
    let limits = shared.port.limits;
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let arrival = Arrival {
            request_id: shared.ids.next(),
            peer: shared.port.proxies.client(peer, request.headers()),
            received: now(),
            tls,
        };
        let unasked = no_continue_comes(&request);
        let answering = shared.port.handler.handle(arrival, request).map(move |mut response| {
            if unasked {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        });
        // hyper moves it to its place with every request, and it is large.
        Box::pin(answering)
    });
    let connection = http1::Builder::new()
        .timer(HeadTimer::default())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        // A client may close its side after the request and still wait for the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

/// Whether the client waits for a `100 Continue` that hyper does not send: there is no body to go on with.
///
/// aws-cli and boto3 wait for one before an empty body as before any other, and take the answer that comes instead; but
/// the next request with `Expect` on the same connection they then misread, and hang until they give up. A connection
/// whose next answer is its last has no such next request. (hyper closes where a body was neither asked for nor read.)
fn no_continue_comes(request: &http::Request<hyper::body::Incoming>) -> bool {
    request.body().is_end_stream()
        && request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn now() -> Timestamp {
    // Before 1970 there is no S3.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
