//! A plain HTTP/1.1 listener in front of [`s3::Service`]: what the program's own does, without its limits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::in_process::Clock;

/// How long bytes that nobody wants are read after an answer, so that the answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);

/// What all connections have in common.
struct Front {
    service: s3::Service,
    clock: Clock,
    with_source: bool,
    requests: AtomicU64,
}

/// A listener that serves until it is closed.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    pub(crate) async fn start(service: s3::Service, clock: Clock, with_source: bool) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine");
        let address = listener.local_addr().expect("a bound socket has an address");
        let front = Arc::new(Front { service, clock, with_source, requests: AtomicU64::new(1) });
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Some(_) = connections.join_next() => {}
                    Ok((stream, peer)) = listener.accept() => {
                        connections.spawn(serve(front.clone(), stream, peer));
                    }
                }
            }
        });
        Listener { address, task }
    }

    /// Cuts every connection.
    pub(crate) async fn close(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(front: Arc<Front>, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: http::Request<Incoming>| {
        let arrival = s3::Arrival {
            request_id: format!("TEST{:012}", front.requests.fetch_add(1, Ordering::Relaxed)),
            source: front.with_source.then_some(peer.ip()),
            received: (front.clock)(),
            tls: None,
        };
        let service = front.service.clone();
        Box::pin(async move { Ok::<_, Infallible>(service.handle(arrival, request).await) })
    });
    let mut connection =
        http1::Builder::new().timer(TokioTimer::new()).half_close(true).serve_connection(TokioIo::new(stream), service);
    if std::future::poll_fn(|task| connection.poll_without_shutdown(task)).await.is_err() {
        return;
    }
    let mut stream = connection.into_parts().io.into_inner();
    let _ = stream.shutdown().await;
    let mut unwanted = vec![0; 64 * 1024];
    let drained = async { while stream.read(&mut unwanted).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(LINGER, drained).await;
}
