//! What is between a client and S3: host names, TLS, proxies, connections, request ids.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Answer, Body, Method, Request, S3};
use rustls_pki_types::{CertificateDer, ServerName};
use testkit::{Launch, Place, Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::BINARY;

const BUCKET: &str = "my.bucket";

fn ok(answer: &Answer) {
    assert_eq!(answer.status / 100, 2, "{}: {}", answer.status, answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_a_host_name_under_configured_domains_and_nowhere_else() {
    let program = Program::start(BINARY, Launch::with(&["--domain", "s3.test", "--domain", "other.test"]));
    program.bucket(BUCKET);
    let s3 = program.owner();
    ok(&s3.put(&format!("{BUCKET}/k"), "bytes").await.unwrap());
    let at = |method: Method, host: &str, path: &str| Request::new(method, path).header("host", host);
    for host in ["my.bucket.s3.test", "MY.Bucket.S3.Test", "my.bucket.s3.test:8080", "my.bucket.other.test"] {
        assert_eq!(s3.send(&at(Method::GET, host, "/k")).await.unwrap().text(), "bytes", "{host}");
        let listed = s3.send(&at(Method::GET, host, "/")).await.unwrap();
        assert_eq!(listed.elements(&["ListBucketResult", "Name"]), [BUCKET], "{host}: {}", listed.text());
    }
    let put = at(Method::PUT, "my.bucket.s3.test", "/my.bucket/k").bytes("nested");
    ok(&s3.send(&put).await.unwrap());
    assert_eq!(s3.get(&format!("{BUCKET}/{BUCKET}/k")).await.unwrap().text(), "nested");
    // The domain itself, this machine's address, and names that nobody configured: the path says which bucket.
    for host in ["s3.test", "S3.TEST:1", "evil.test", "my.bucket.evil.test", "my.bucket.s3.test.evil.test", "xs3.test"]
    {
        let path = format!("/{BUCKET}/k");
        assert_eq!(s3.send(&at(Method::GET, host, &path)).await.unwrap().text(), "bytes", "{host}");
        let missing = s3.send(&at(Method::GET, host, "/k")).await.unwrap();
        assert_eq!(missing.status, 404, "{host} does not name a bucket: {}", missing.text());
    }
    // Which key is asked for is as closed as ever, whatever the host says.
    let guest = program.guest("guest@example.com");
    for (host, path) in [("my.bucket.s3.test", "/k"), ("evil.test", "/my.bucket/k")] {
        assert_eq!(guest.s3.send(&at(Method::GET, host, path)).await.unwrap().status, 403, "{host}");
    }
}

/// A certificate for `localhost`, written where the program reads it.
fn certificate(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// A connection to a server that must have that certificate.
async fn connect(address: &str, certificate: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn exchange(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = vec![];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    // A peer that closes without TLS's own farewell has still answered.
    let _ = read.expect("it answers and closes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_the_certificate_given_and_with_its_successor_after_sighup() {
    let place = Place::new();
    let first = certificate(place.dir.path());
    let paths = ["cert.pem", "key.pem"].map(|name| place.dir.path().join(name).to_str().unwrap().to_owned());
    let program = Program::start(BINARY, Launch::with(&["--tls-cert", &paths[0], "--tls-key", &paths[1]]));
    assert!(program.stdout().contains("https://"), "{}", program.stdout());
    program.bucket(BUCKET);
    let signed = |program: &Program| program.owner().prepare(&Request::new(Method::GET, "/")).unwrap().into_bytes();
    let mut stream = connect(program.address(), &first).await.unwrap();
    let answer = exchange(&mut stream, &signed(&program)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(BUCKET), "{answer}");
    // Who speaks no TLS gets no answer to what it asked.
    let plain = program.owner().with_stall(Duration::from_secs(5)).get("").await;
    assert!(plain.as_ref().map_or(true, |answer| answer.status / 100 == 4), "{plain:?}");

    // What cannot be read changes nothing; what can, serves the next connection. One that is open stays as it is.
    let mut open = connect(program.address(), &first).await.unwrap();
    std::fs::write(&paths[0], "no certificate").unwrap();
    program.signal("HUP");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(connect(program.address(), &first).await.is_ok());
    let second = certificate(place.dir.path());
    program.signal("HUP");
    let begun = Instant::now();
    while connect(program.address(), &second).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the new certificate is not served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(connect(program.address(), &first).await.is_err());
    let answer = exchange(&mut open, &signed(&program)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Sends bad signatures as if from `address` until they are no longer judged; how many were.
async fn judged(s3: &S3, most: usize, address: impl Fn(usize) -> String) -> usize {
    let wrong = s3.with_wrong_secret();
    for number in 0..most {
        let request = Request::new(Method::GET, "/").header("x-forwarded-for", address(number));
        let answer = wrong.send(&request).await.unwrap();
        match (answer.status, answer.code().as_deref()) {
            (403, Some("SignatureDoesNotMatch")) => {}
            (503, Some("SlowDown")) => return number,
            other => panic!("{other:?}: {}", answer.text()),
        }
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_the_address_that_a_trusted_proxy_names_and_by_no_other_word() {
    const MOST: usize = 2000;
    let behind = Program::start(BINARY, Launch::with(&["--trusted-proxy", "127.0.0.1"]));
    let s3 = behind.owner();
    let first = judged(&s3, MOST, |_| "203.0.113.9".into()).await;
    assert!(first > 50 && first < MOST, "{first}");
    // That address has to wait; another one, and the proxy itself, do not.
    let other = Request::new(Method::GET, "/").header("x-forwarded-for", "203.0.113.10");
    ok(&s3.send(&other).await.unwrap());
    ok(&s3.get("").await.unwrap());
    // What the client wrote itself, left of the proxy's word, helps nothing.
    let forged = judged(&s3, MOST, |number| format!("198.51.100.{}, 203.0.113.9", number % 250)).await;
    assert!(forged < first / 2, "{forged}, after {first}: what it wrote itself bought it patience");

    // Without a trusted proxy the header is anybody's word: a new address each time does not help.
    let direct = Program::start(BINARY, Launch::default());
    let s3 = direct.owner();
    let first = judged(&s3, MOST, |number| format!("203.0.{}.{}", number / 250, number % 250)).await;
    assert!(first < MOST, "{first} failures from one peer were judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_of_its_own_and_an_errors_body_names_it() {
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner();
    ok(&s3.put(&format!("{BUCKET}/k"), "bytes").await.unwrap());
    let mut ids = HashSet::new();
    let places =
        ["", BUCKET, "my.bucket/k", "my.bucket/none", "none", "my.bucket?policy", "my.bucket?nosuch", "Bad_Name"];
    for place in places {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH] {
            for caller in [s3.clone(), program.anonymous(), s3.with_wrong_secret()] {
                let answer = caller.send(&Request::at_place(method.clone(), place)).await.unwrap();
                let told = format!("{method} {place}: {} {:?} {}", answer.status, answer.headers, answer.text());
                let id = answer.header("x-amz-request-id").unwrap_or_else(|| panic!("{told}")).to_owned();
                assert!(
                    answer.header("x-amz-id-2").is_some() && answer.header("server") == Some("Bailiwick"),
                    "{told}"
                );
                assert!(answer.header("date").is_some(), "{told}");
                if method == Method::HEAD {
                    assert!(answer.body.is_empty(), "{told}");
                } else if answer.status >= 400 {
                    assert!(answer.code().is_some(), "{told}");
                    assert_eq!(answer.elements(&["Error", "RequestId"]), [id.as_str()], "{told}");
                    assert_eq!(answer.elements(&["Error", "HostId"]).len(), 1, "{told}");
                    assert_eq!(answer.elements(&["Error", "Resource"]).len(), 1, "{told}");
                }
                assert!(ids.insert(id), "{told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_on_after_a_refusal_and_the_next_request_on_it_is_read_as_one() {
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner().with_stall(Duration::from_secs(5));
    let bytes = |request: &Request, s3: &S3, last: bool| {
        let mut bytes = s3.prepare(request).unwrap().into_bytes();
        if !last {
            let text = b"connection: close\r\n";
            let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
            bytes.drain(at..at + text.len());
        }
        bytes
    };
    let refused = Request::at_place(Method::GET, &format!("{BUCKET}/none"));
    let granted = Request::new(Method::GET, "/");
    let several = [
        bytes(&refused, &s3, false),
        bytes(&Request::at_place(Method::HEAD, "none"), &s3, false),
        bytes(&granted, &s3.with_wrong_secret(), false),
        bytes(&granted, &s3, true),
    ];
    let answer = String::from_utf8_lossy(&s3.exchange(&several.concat()).await.unwrap()).into_owned();
    let statuses: Vec<&str> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["404", "404", "403", "200"], "{answer}");

    // A body that nobody read must not be taken for a request: it is one, and by somebody who may.
    let smuggled = bytes(&Request::at_place(Method::PUT, &format!("{BUCKET}/smuggled")), &s3, true);
    let outer = Request::at_place(Method::PUT, &format!("{BUCKET}/outer")).bytes(smuggled);
    let outer = bytes(&outer, &s3.with_wrong_secret(), false);
    let answer = String::from_utf8_lossy(&s3.exchange(&outer).await.unwrap()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 403") && answer.matches("HTTP/1.1 ").count() == 1, "{answer}");
    let head = s3.head(&format!("{BUCKET}/smuggled")).await.unwrap();
    assert_eq!(head.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_100_continue_gets_the_refusal_instead_and_the_100_only_if_the_body_is_wanted() {
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner().with_stall(Duration::from_secs(3));
    let guest = program.guest("guest@example.com").s3.with_stall(Duration::from_secs(3));
    let revoked = s3.with_wrong_secret();
    let request =
        |body: Body| Request::at_place(Method::PUT, &format!("{BUCKET}/k")).header("expect", "100-continue").body(body);
    let head = |s3: &S3, body: Body| {
        let mut bytes = s3.prepare(&request(body)).unwrap().into_bytes();
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        bytes.truncate(end);
        bytes
    };
    let large = || vec![1u8; 1_000_000];
    for (who, s3) in [("a wrong secret", &revoked), ("a guest", &guest), ("nobody", &s3.without_key())] {
        for body in [Body::Signed(large().into()), Body::Unsigned(large().into())] {
            let answer = String::from_utf8_lossy(&s3.exchange(&head(s3, body)).await.unwrap()).into_owned();
            assert!(answer.starts_with("HTTP/1.1 403"), "{who}: {answer}");
            assert!(!answer.contains("100 Continue"), "{who}: {answer}");
        }
    }
    // Who may write is told to go on, and when it does, is answered.
    let (mut stream, bytes) =
        (TcpStream::connect(program.address()).await.unwrap(), head(&s3, Body::Signed(large().into())));
    stream.write_all(&bytes).await.unwrap();
    let mut answer = [0; 25];
    tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&large()).await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.starts_with("HTTP/1.1 200"), "{rest}");
    assert_eq!(s3.head(&format!("{BUCKET}/k")).await.unwrap().header("content-length"), Some("1000000"));
}
