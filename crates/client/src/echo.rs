//! The client against a server that notes what arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::{Body, Chunked, Credentials, Error, Generated, Request, Roots, S3, Signature};

/// A request as it arrived.
struct Seen {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers each request with its own body.
struct Echo {
    s3: S3,
    seen: mpsc::UnboundedReceiver<Seen>,
    connections: Arc<AtomicUsize>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let s3 = client(&listener);
        let (sender, seen) = mpsc::unbounded_channel();
        let connections: Arc<AtomicUsize> = Arc::default();
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let sender = sender.clone();
                let service = service_fn(move |request| echo(request, sender.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Echo { s3, seen, connections }
    }

    async fn sees(&mut self, request: &Request) -> Seen {
        self.s3.send(request).await.expect("the echo answers");
        self.seen.recv().await.expect("what is answered was seen")
    }
}

async fn echo(
    request: http::Request<Incoming>,
    sender: mpsc::UnboundedSender<Seen>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let _ = sender.send(Seen { method: head.method, target, headers: head.headers, body: body.clone() });
    Ok(Response::new(Full::new(body)))
}

fn client(listener: &TcpListener) -> S3 {
    let address = listener.local_addr().expect("a listener has an address");
    let key = Credentials::new("AKIDEXAMPLE", "not-to-be-seen");
    S3::new(&format!("http://{address}"), "us-east-1", Some(key)).expect("the address is an endpoint")
}

/// A server that reads a little, says `words` and no more, or with `None` says nothing and stays.
async fn saying(words: Option<&'static str>) -> S3 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let s3 = client(&listener);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            match words {
                // The sending side alone is closed: closing both with bytes unread would reset what was said.
                Some(words) => {
                    let _ = stream.write_all(words.as_bytes()).await;
                    let _ = stream.shutdown().await;
                    tokio::spawn(async move {
                        let _open = stream;
                        std::future::pending::<()>().await;
                    });
                }
                None => std::future::pending().await,
            }
        }
    });
    s3
}

#[tokio::test]
async fn what_is_asked_for_arrives_exactly_so() {
    let mut echo = Echo::start().await;
    let seen = echo
        .sees(
            &Request::new(Method::PUT, "/b//../%2f./a%00!'(é")
                .raw_query("x=%2f&x=2&acl")
                .query("a b", "c/d")
                .header("x-amz-meta-a", "é")
                .header("x-amz-meta-a", "2")
                .header("x-amz-acl", "private")
                .unsigned_header("x-amz-acl", "public-read")
                .unsigned_query("x=3")
                .override_header("x-amz-date", Some("yesterday"))
                .override_header("x-amz-content-sha256", None)
                .bytes("hello"),
        )
        .await;
    assert_eq!((seen.method, &seen.body[..]), (Method::PUT, b"hello".as_slice()));
    assert_eq!(seen.target, "/b//../%2f./a%00!'(é?x=%2f&x=2&acl&a%20b=c%2Fd&x=3");
    let all = |name| seen.headers.get_all(name).iter().map(|value| value.as_bytes()).collect::<Vec<_>>();
    assert_eq!(all("x-amz-meta-a"), ["é".as_bytes(), b"2"]);
    assert_eq!(all("x-amz-acl"), [b"private".as_slice(), b"public-read"]);
    assert_eq!(all("x-amz-date"), [b"yesterday"]);
    assert_eq!(all("content-length"), [b"5"]);
    assert_eq!(all("x-amz-content-sha256"), Vec::<&[u8]>::new());

    let unsized_body = Request::new(Method::PUT, "/b/k").bytes("hello").without_length();
    let seen = echo.sees(&unsized_body).await;
    assert!(!seen.headers.contains_key("content-length") && seen.body == "hello");

    let fragment = echo.s3.send(&Request::new(Method::GET, "/b/a#b")).await;
    assert!(matches!(fragment, Err(Error::Request { .. })), "what would be cut off is not sent");
}

#[tokio::test]
async fn a_link_is_followed_to_where_it_leads_and_a_key_signs_nothing_there() {
    let mut echo = Echo::start().await;
    let link =
        echo.s3.presign(&Request::at_place(Method::GET, "b/a key?versionId=1"), 60).expect("the link can be made");
    echo.s3.follow(Method::GET, &link, Body::None).await.expect("the echo answers");
    let seen = echo.seen.recv().await.expect("what is answered was seen");
    assert!(link.ends_with(&seen.target) && seen.target.starts_with("/b/a%20key?versionId=1&X-Amz-Algorithm="));
    assert!(!seen.headers.contains_key("authorization"));
    let elsewhere = echo.s3.follow(Method::GET, "http://example.com/b", Body::None).await;
    assert!(matches!(elsewhere, Err(Error::Request { .. })));
}

#[tokio::test]
async fn a_generated_body_goes_up_and_comes_down_unchanged_on_one_connection() {
    let echo = Echo::start().await;
    let body = Generated::new(1, (16 << 20) + 1);
    for body in [Body::Unsigned(body.clone().into()), Body::Signed(body.clone().into())] {
        let request = Request::new(Method::PUT, "/b/large").body(body);
        let mut same = true;
        let sent = Generated::new(1, (16 << 20) + 1);
        let download = echo.s3.download(&request, |offset, piece| same &= sent.matches(offset, piece)).await;
        assert_eq!((download.expect("the echo answers").length, same), ((16 << 20) + 1, true));
    }
    assert_eq!(echo.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_damaged_body_arrives_damaged_with_the_length_that_it_has() {
    let mut echo = Echo::start().await;
    let chunked = Chunked::signed("abcdefgh").chunk_size(3).trailer("x-amz-meta-t", "v");
    let cut = Request::new(Method::PUT, "/b/k").body(Body::Chunked(chunked)).tamper(|frames| {
        assert_eq!(frames.len(), 5, "three chunks, the last one, and the trailers");
        frames.remove(3);
        frames.swap(0, 1);
        frames[0][0] = b'4';
    });
    let seen = echo.sees(&cut).await;
    assert!(seen.body.starts_with(b"4;chunk-signature="));
    assert_eq!(seen.headers["content-length"], seen.body.len().to_string());
    assert_eq!(seen.headers["x-amz-decoded-content-length"], "8");
    assert_eq!(seen.headers["x-amz-trailer"], "x-amz-meta-t");
}

#[tokio::test]
async fn each_way_to_have_no_answer_is_named() {
    let silent = saying(None).await.with_stall(Duration::from_millis(200));
    assert!(matches!(silent.get("b").await, Err(Error::Stalled { request, .. }) if request == "GET /b"));
    assert!(matches!(silent.exchange(b"GET / HTTP/1.1\r\n\r\n").await, Err(Error::Stalled { .. })));

    let cut = saying(Some("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")).await;
    assert!(matches!(cut.get("b").await, Err(Error::Answer { bytes: 3, .. })));
    let stuck = saying(Some("nonsense\r\n\r\n")).await;
    assert!(matches!(stuck.get("b").await, Err(Error::Exchange { .. })));

    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        client(&listener)
    };
    assert!(matches!(nobody.get("b").await, Err(Error::Connect { .. })));
    for endpoint in ["ftp://a:1", "a:1", "http://a:1/b", "http://a:1?b", "http://u@a:1", ""] {
        assert!(matches!(S3::new(endpoint, "r", None), Err(Error::Endpoint { .. })), "{endpoint}");
    }
    for pem in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let refused = S3::trusting("https://a:1", "r", None, Roots::Pem(pem));
        assert!(matches!(refused, Err(Error::Endpoint { .. })), "nobody is trusted by {pem:?}");
        assert!(S3::trusting("http://a:1", "r", None, Roots::Pem(pem)).is_ok(), "plain http asks nobody");
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_read_is_the_answer() {
    const DENIED: &str =
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 40\r\n\r\n<Error><Code>AccessDenied</Code></Error>\n";
    let s3 = saying(Some(DENIED)).await;
    let answer = s3.upload("b/k", Generated::new(1, 1 << 40)).await.expect("there is an answer");
    assert_eq!((answer.status, answer.code().as_deref()), (403, Some("AccessDenied")));
    let bytes = Request::new(Method::PUT, "/b/k").bytes(vec![0; 32 << 20]);
    let bytes = s3.prepare(&bytes).expect("the request can be made").into_bytes();
    assert_eq!(s3.exchange(&bytes).await.expect("there is an answer"), DENIED.as_bytes());
}

#[tokio::test]
async fn of_an_answer_no_more_is_read_than_was_asked_for() {
    let s3 = saying(Some("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhello")).await;
    let request = Request::new(Method::GET, "/b/k");
    // The rest never comes.
    assert_eq!(s3.send_for(&request, 4).await.expect("there is an answer").text(), "hell");
    let s3 = saying(Some("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")).await;
    assert_eq!(s3.send_for(&request, 9).await.expect("there is an answer").text(), "hello");
}

#[tokio::test]
async fn bytes_written_by_hand_are_answered_and_a_cut_upload_is_cut() {
    let mut echo = Echo::start().await;
    let request = Request::new(Method::PUT, "/b/k").bytes("hello");
    let bytes = echo.s3.prepare(&request).expect("the request can be made").into_bytes();
    let answer = echo.s3.exchange(&bytes).await.expect("the echo answers");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"\r\n\r\nhello"));
    assert_eq!(echo.seen.recv().await.expect("what is answered was seen").body, "hello");
    echo.s3.exchange_and_hang_up(&bytes[..bytes.len() - 1]).await.expect("the server closes");
    assert!(echo.seen.try_recv().is_err(), "a cut body never ends");
}

#[test]
fn a_secret_is_in_no_debug_output_and_a_signature_in_no_error() {
    let key = Credentials::new("AKIDEXAMPLE", "not-to-be-seen");
    let s3 = S3::new("http://127.0.0.1:9", "us-east-1", Some(key.clone())).expect("the address is an endpoint");
    let request = Request::new(Method::GET, "/b").credentials(key.clone()).signature(Signature::QueryV4 { seconds: 1 });
    let prepared = s3.prepare(&request).expect("the request can be made");
    let signer = crate::Signer::new(&key, crate::Timestamp::UNIX_EPOCH, "r", "s3");
    let shown = format!("{s3:?} {request:?} {prepared:?} {key:?} {signer:?}");
    assert!(!shown.contains("not-to-be-seen") && !shown.contains(&prepared.signature), "{shown}");
    let bad = s3.prepare(&request.header("a b", "c")).expect_err("a name holds no space").to_string();
    assert_eq!(bad, "GET /b cannot be made: \"a b\" is no name of a header");
    assert_ne!(s3.with_wrong_secret().credentials(), s3.credentials());
}

/// Data and trailers of an aws-chunked body, read as naively as can be.
fn decode(mut body: &[u8], signed: bool) -> (Vec<u8>, Vec<String>) {
    let line = |body: &mut &[u8]| {
        let end = body.windows(2).position(|two| two == b"\r\n").expect("a line ends");
        let line = String::from_utf8(body[..end].to_vec()).expect("a line is text");
        *body = &body[end + 2..];
        line
    };
    let mut data = Vec::new();
    loop {
        let head = line(&mut body);
        let size = if signed { head.split_once(";chunk-signature=").expect("a chunk is signed").0 } else { &head };
        let size = usize::from_str_radix(size, 16).expect("a size is hex");
        if size == 0 {
            break;
        }
        data.extend_from_slice(&body[..size]);
        body = &body[size..];
        assert_eq!(line(&mut body), "");
    }
    let mut trailers = Vec::new();
    loop {
        match line(&mut body) {
            end if end.is_empty() => break,
            trailer => trailers.push(trailer),
        }
    }
    assert!(body.is_empty(), "nothing follows the end");
    (data, trailers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_chunked_body_decodes_to_what_was_given_and_has_the_length_it_says(
        data in proptest::collection::vec(any::<u8>(), 0..600),
        size in 1_usize..300,
        signed: bool,
        has_trailer: bool,
    ) {
        let key = Credentials::new("AKIDEXAMPLE", "secret");
        let s3 = S3::new("http://127.0.0.1:9", "us-east-1", Some(key)).expect("the address is an endpoint");
        let chunked = if signed { Chunked::signed(data.clone()) } else { Chunked::unsigned(data.clone()) };
        let chunked = if has_trailer { chunked.chunk_size(size).crc32c() } else { chunked.chunk_size(size) };
        let request = Request::new(Method::PUT, "/b/k").body(Body::Chunked(chunked));
        let prepared = s3.prepare(&request).expect("the request can be made");
        let said: usize = prepared.headers["content-length"].to_str().expect("text").parse().expect("a number");
        let bytes = prepared.into_bytes();
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the head ends") + 4;
        prop_assert_eq!(bytes.len() - head, said);
        let (decoded, trailers) = decode(&bytes[head..], signed);
        prop_assert_eq!(decoded, data);
        let names: Vec<&str> = trailers.iter().filter_map(|trailer| Some(trailer.split_once(':')?.0)).collect();
        let expected: &[&str] = match (has_trailer, signed) {
            (true, true) => &["x-amz-checksum-crc32c", "x-amz-trailer-signature"],
            (true, false) => &["x-amz-checksum-crc32c"],
            (false, _) => &[],
        };
        prop_assert_eq!(names, expected);
    }
}
