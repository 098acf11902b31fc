//! From a TCP connection to a request with an id, an address and a moment: everything that bounds a connection before
//! S3 sees it.
//!
//! The key decision: HTTP/1.1 by hyper, one task a connection, and every wait of a connection has an end: the TLS
//! handshake, the head of a request (and the pause before it), a peer that takes no bytes, a peer that sends none.
//! What is past its head has no deadline of its own, because nobody knows how long an honest 5 GiB take.
//!
//! Invariants: at most [`Limits::connections`] connections at a time, the rest wait in the kernel's queue; a request id
//! is given out once; a header changes the client's address only when the socket's peer is a trusted proxy.
//!
//! Absent on purpose: HTTP/2 (no S3 client speaks it), health paths on the S3 port (every path is a bucket's).

mod accept;
mod address;
mod alarm;
mod bind;
mod head_timer;
mod linger;
mod request_id;
mod stall;
mod tls;

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;

pub(crate) use accept::{Drained, Port, run};
pub(crate) use address::TrustedProxies;
pub(crate) use bind::Bound;
pub(crate) use tls::Tls;

/// What the listener knows of a request before anybody read it.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub request_id: String,
    pub peer: IpAddr,
    pub received: model::Timestamp,
    /// By which version of TLS the connection is encrypted: `1.2`, `1.3`; `None`: it is not.
    pub tls: Option<&'static str>,
}

/// Who answers requests. A clone is made for each connection.
pub(crate) trait Handler: Clone + Send + 'static {
    /// What is sent back.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static;

    /// Answers one request; never fails, because what goes wrong is an answer too.
    fn handle(
        &self,
        arrival: Arrival,
        request: http::Request<Incoming>,
    ) -> impl Future<Output = http::Response<Self::Body>> + Send + use<Self>;
}

/// The bounds of one listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections open at a time.
    pub connections: usize,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// From the first moment of waiting for a request's head until it is complete; so also how long a connection may
    /// rest between two requests.
    pub head: Duration,
    /// The size of a head, request line included, in bytes. S3's own is 8 KiB of headers and 2 KiB of metadata;
    /// presigned URLs with a session token are longer. Of header fields hyper takes 100 at the most: it has room for
    /// so many at hand, and would make it anew with each request for any other number.
    pub head_bytes: usize,
    /// How long a peer may take none of the bytes that wait for it.
    pub write_stall: Duration,
    /// How long nothing at all may move while a request is under way. A generous last resort: the server's own work
    /// (a copy of 5 GiB) counts as stillness too.
    pub read_stall: Duration,
    /// For requests in flight, once the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 4096,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(60),
            head_bytes: 32 * 1024,
            write_stall: Duration::from_secs(60),
            read_stall: Duration::from_secs(600),
            drain: Duration::from_secs(30),
        }
    }
}
