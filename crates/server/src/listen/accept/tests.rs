//! The accept loop, spoken to over real sockets.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// Tells what it was called with; under `/slow/MILLISECONDS` only after that time.
#[derive(Clone)]
struct Echo;

impl Handler for Echo {
    type Body = Full<Bytes>;

    fn handle(
        &self,
        arrival: Arrival,
        request: http::Request<Incoming>,
    ) -> impl Future<Output = http::Response<Full<Bytes>>> + Send + use<> {
        async move {
            let (head, body) = request.into_parts();
            let read = body.collect().await.map_or(usize::MAX, |body| body.to_bytes().len());
            if let Some(millis) = head.uri.path().strip_prefix("/slow/") {
                tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
            }
            let text =
                format!("id={} peer={} secure={} read={read}", arrival.request_id, arrival.peer, arrival.tls.is_some());
            http::Response::new(Full::new(Bytes::from(text)))
        }
    }
}

struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Drained>,
}

impl Server {
    async fn start(limits: Limits, tls: Option<Arc<Tls>>, proxies: TrustedProxies) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let port = Port { handler: Echo, tls, proxies, limits };
        let running = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            run(listener, port, stop).await.unwrap()
        });
        Server { address, stop: Some(stop), running }
    }

    async fn plain(limits: Limits) -> Server {
        Server::start(limits, None, TrustedProxies::default()).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Reads one answer with a Content-Length and gives its body.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let byte = stream.read_u8().await.expect("an answer");
        bytes.push(byte);
        if bytes.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
    let length: usize = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}

async fn everything(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn each_request_of_a_connection_has_its_own_id_and_the_peers_address() {
    let server = Server::plain(Limits::default()).await;
    let mut client = server.connect().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n").await.unwrap();
        answers.push(answer(&mut client).await);
    }
    assert!(answers.iter().all(|a| a.contains("peer=127.0.0.1 secure=false")), "{answers:?}");
    assert_ne!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_request_it_is() {
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let server = Server::start(Limits::default(), None, proxies).await;
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n").await.unwrap();
    assert!(answer(&mut client).await.contains("peer=198.51.100.1"));
}

#[tokio::test]
async fn beyond_the_limit_a_connection_waits_until_another_ends() {
    let server = Server::plain(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    answer(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(GET).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), second.peek(&mut [0])).await;
    assert!(early.is_err(), "the second connection was served beside the first");
    drop(first);
    assert!(answer(&mut second).await.contains("id="));
}

#[tokio::test]
async fn a_head_that_does_not_end_and_a_connection_that_rests_are_closed() {
    let server = Server::plain(Limits { head: Duration::from_millis(150), ..Limits::default() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut resting = server.connect().await;
    resting.write_all(GET).await.unwrap();
    answer(&mut resting).await;
    let begun = Instant::now();
    everything(&mut slow).await;
    assert_eq!(everything(&mut resting).await, "");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_given_up() {
    let server = Server::plain(Limits { read_stall: Duration::from_millis(150), ..Limits::default() }).await;
    let mut client = server.connect().await;
    client.write_all(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345").await.unwrap();
    let begun = Instant::now();
    let _ = client.read_to_end(&mut Vec::new()).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_that_comes_instead_of_a_100_is_the_connections_last() {
    let server = Server::plain(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert!(answer(&mut stream).await.ends_with("read=0"));
    stream.write_all(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"12345").await.unwrap();
    assert!(answer(&mut stream).await.ends_with("read=5"));
    stream.write_all(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-Continue\r\n\r\n").await.unwrap();
    let last = everything(&mut stream).await.to_ascii_lowercase();
    assert!(last.starts_with("http/1.1 200") && last.contains("connection: close\r\n"), "{last}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::plain(Limits { head_bytes: 1024, ..Limits::default() }).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(2000));
    let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "a: b\r\n".repeat(101));
    for head in [long, many] {
        let mut client = server.connect().await;
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = everything(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_closes_its_side_still_gets_its_answer() {
    let server = Server::plain(Limits::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /slow/100 HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    assert!(answer(&mut client).await.contains("id="));
}

#[tokio::test]
async fn draining_answers_what_is_in_flight_and_closes_what_rests() {
    let mut server = Server::plain(Limits::default()).await;
    let mut resting = server.connect().await;
    resting.write_all(GET).await.unwrap();
    answer(&mut resting).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow/300 HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop();
    assert_eq!(everything(&mut resting).await, "");
    assert!(TcpStream::connect(server.address).await.is_err(), "a new connection came in");
    assert!(answer(&mut busy).await.contains("id="));
    assert_eq!(server.running.await.unwrap(), Drained::Completely);
}

#[tokio::test]
async fn draining_ends_when_its_time_is_over() {
    let mut server = Server::plain(Limits { drain: Duration::from_millis(100), ..Limits::default() }).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow/60000 HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop();
    assert_eq!(server.running.await.unwrap(), Drained::Cut(1));
}

mod tls {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

    use super::*;

    fn write_certificate(dir: &std::path::Path) -> rcgen::Certificate {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert
    }

    async fn get(address: SocketAddr, trusted: &rcgen::Certificate) -> std::io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let name = "localhost".try_into().unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(GET).await?;
        Ok(answer(&mut stream).await)
    }

    #[tokio::test]
    async fn a_new_certificate_is_shown_after_a_reload_and_a_broken_one_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        let first = write_certificate(dir.path());
        let tls = Arc::new(Tls::load(&cert, &key).unwrap());
        let server = Server::start(Limits::default(), Some(tls.clone()), TrustedProxies::default()).await;
        assert!(get(server.address, &first).await.unwrap().contains("secure=true"));

        let second = write_certificate(dir.path());
        assert!(get(server.address, &second).await.is_err());
        tls.reload().unwrap();
        assert!(get(server.address, &second).await.is_ok());

        std::fs::write(&cert, "no certificate").unwrap();
        assert!(tls.reload().unwrap_err().to_string().contains("cert.pem"));
        assert!(get(server.address, &second).await.is_ok());
    }

    #[tokio::test]
    async fn a_client_without_tls_gets_nothing_and_harms_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let cert = write_certificate(dir.path());
        let tls = Arc::new(Tls::load(&dir.path().join("cert.pem"), &dir.path().join("key.pem")).unwrap());
        let server = Server::start(Limits::default(), Some(tls), TrustedProxies::default()).await;
        let mut plain = server.connect().await;
        plain.write_all(GET).await.unwrap();
        let mut bytes = Vec::new();
        let _ = plain.read_to_end(&mut bytes).await;
        assert!(!bytes.starts_with(b"HTTP"));
        assert!(get(server.address, &cert).await.is_ok());
    }

    #[test]
    fn a_key_that_belongs_to_another_certificate_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        write_certificate(dir.path());
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("key.pem"), other.signing_key.serialize_pem()).unwrap();
        let complaint = Tls::load(&dir.path().join("cert.pem"), &dir.path().join("key.pem")).err().unwrap();
        assert!(complaint.to_string().contains("key.pem"), "{complaint}");
    }
}
