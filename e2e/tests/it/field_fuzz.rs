//! Failure 24 of the field (`field.md`, section 3): a request that ends the process. Requests made of pieces that each mean
//! something somewhere, and bytes that are no HTTP; the same ones in every run.

use std::collections::BTreeMap;
use std::time::Duration;

use client::{Body, Chunked, Method, Request, Signature, Source};

use crate::field_rig::{Dice, Rig, TEXT, V4_QUERY, ok, put, raw_status, refused};

/// A request made of pieces that each mean something somewhere.
fn fuzzed(dice: &mut Dice, rig: &Rig) -> Request {
    const METHODS: [&str; 9] = ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "GETT", "put"];
    const PATHS: [&str; 14] = [
        "/",
        "/closed",
        "/closed/",
        "/closed/victim.txt",
        "/granted/k",
        "/granted//",
        "/%ff",
        "/%00",
        "/a",
        "//",
        "/closed/%2e%2e/x",
        "/closed/victim.txt/..",
        "/Closed",
        "/closed%2fvictim.txt",
    ];
    const QUERIES: [&str; 30] = [
        "acl",
        "policy",
        "uploads",
        "uploadId=",
        "uploadId=1",
        "partNumber=0",
        "partNumber=10001",
        "partNumber=x",
        "list-type=2",
        "list-type=3",
        "max-keys=-1",
        "max-keys=99999999999",
        "prefix=%00",
        "marker=%ff",
        "delimiter=%2F",
        "encoding-type=url",
        "continuation-token=AAAA",
        "start-after=%F0%9F%A6%80",
        "versionId=",
        "versionId=null",
        "delete",
        "versions",
        "location",
        "attributes",
        "response-content-type=%0d%0aa:b",
        "X-Amz-Algorithm=",
        "X-Amz-Date=1",
        "AWSAccessKeyId=",
        "=",
        "&&&",
    ];
    const NAMES: [&str; 34] = [
        "range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-range",
        "content-md5",
        "content-type",
        "content-encoding",
        "content-language",
        "content-disposition",
        "cache-control",
        "expires",
        "expect",
        "origin",
        "x-amz-acl",
        "x-amz-copy-source",
        "x-amz-copy-source-range",
        "x-amz-content-sha256",
        "x-amz-checksum-crc32",
        "x-amz-checksum-type",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-grant-read",
        "x-amz-meta-",
        "x-amz-meta-a",
        "x-amz-metadata-directive",
        "x-amz-object-attributes",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-storage-class",
        "x-amz-tagging",
        "x-amz-trailer",
        "x-amz-max-parts",
        "x-amz-mp-object-size",
        "x-amz-expected-bucket-owner",
    ];
    const VALUES: [&str; 30] = [
        "",
        " ",
        "0",
        "-1",
        "18446744073709551616",
        "bytes=0-",
        "bytes=-0",
        "bytes=9-1",
        "bytes=0-0,2-3",
        "*",
        "\"\"",
        "\"abc\"",
        "W/\"a\"",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Thu, 99 Foo 0000 99:99:99 GMT",
        "AAAA",
        "====",
        "private",
        "public-read",
        "/",
        "a/b",
        "/closed/victim.txt",
        "?versionId",
        "é",
        "\u{fffd}",
        "id=",
        "id=\"a",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "UNSIGNED-PAYLOAD",
        "ETag,Checksum,,x",
    ];
    const BODIES: [&str; 9] = [
        "",
        "x",
        "<",
        "<a/>",
        "<Delete/>",
        "<Delete><Object><Key></Key></Object></Delete>",
        "0\r\n\r\n",
        "5\r\nabcde\r\n0\r\n\r\n",
        "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>",
    ];
    let method = Method::from_bytes(dice.pick(&METHODS).as_bytes()).unwrap();
    let mut request = Request::new(method, *dice.pick(&PATHS));
    for _ in 0..dice.roll(4) {
        request = request.raw_query(QUERIES[dice.roll(QUERIES.len())]);
    }
    for _ in 0..dice.roll(5) {
        let value = match dice.roll(12) {
            0 => "a".repeat(5000),
            1 => rig.upload.clone(),
            _ => (*dice.pick(&VALUES)).to_owned(),
        };
        request = request.header(NAMES[dice.roll(NAMES.len())], value);
    }
    if dice.roll(3) > 0 {
        let body = Source::from(*dice.pick(&BODIES));
        request = match dice.roll(4) {
            0 => request.body(Body::Unsigned(body)),
            1 => request.body(Body::Chunked(Chunked::unsigned(body).crc32c())),
            2 => request.header("content-md5", body.md5_base64()).body(Body::Signed(body)),
            _ => request.body(Body::Signed(body)),
        };
    }
    let (signatures, mut at) = ([Signature::HeaderV4, V4_QUERY, Signature::None, Signature::HeaderV2], 0);
    if dice.roll(3) == 0 {
        at = dice.roll(4);
    }
    request.signature(signatures[at])
}

#[tokio::test(flavor = "multi_thread")]
async fn field_24_whatever_is_sent_is_answered_by_4xx_at_the_worst_and_the_next_is_served() {
    let rig = Rig::lenient().await;
    let mut dice = Dice(24);
    let mut seen = BTreeMap::new();
    for round in 0..1500 {
        let request = fuzzed(&mut dice, &rig);
        let s3 = if round % 4 == 0 { &rig.guest.s3 } else { &rig.owner };
        let prepared = match s3.prepare(&request) {
            Ok(prepared) => prepared,
            Err(_) => continue,
        };
        let told = format!("round {round}: {} {} {:?}", prepared.method, prepared.target, prepared.headers);
        let answer = s3.send_prepared(prepared).await.unwrap_or_else(|e| panic!("{told}: {e}"));
        let told = format!("{told}: {} {}", answer.status, answer.text());
        assert!(answer.status < 500 || answer.status == 501, "{told}");
        assert!(answer.header("x-amz-request-id").is_some(), "{told}");
        assert!(answer.status < 400 || answer.code().is_some() || answer.body.is_empty(), "{told}");
        *seen.entry(answer.status).or_insert(0) += 1;
    }
    assert!(seen.len() > 5 && seen.contains_key(&200), "the requests say too little: {seen:?}");
    ok(&rig.owner.put("granted/alive", TEXT).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_24_bytes_that_are_no_http_end_their_connection_and_nobody_elses() {
    let rig = Rig::new().await;
    let s3 = rig.owner.with_stall(Duration::from_secs(2));
    let good = s3.prepare(&put("granted/k").bytes(TEXT)).unwrap().into_bytes();
    let mut dice = Dice(25);
    let mut broken: Vec<Vec<u8>> = vec![
        b"\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET closed HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET * HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nHost: b\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nConnection: close\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(50),
        [b"GET /".as_slice(), &vec![b'a'; 200_000], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat(),
        [b"GET / HTTP/1.1\r\nHost: a\r\n".as_slice(), &b"a: b\r\n".repeat(5000), b"\r\n"].concat(),
        [b"GET / HTTP/1.1\r\nHost: a\r\nA: ".as_slice(), &vec![b'a'; 1_000_000], b"\r\n\r\n"].concat(),
        b"PUT /closed/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n".to_vec(),
        b"PUT /closed/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nffffffffffffffff1\r\n".to_vec(),
    ];
    for _ in 0..150 {
        let mut bytes = good.clone();
        for _ in 0..1 + dice.roll(3) {
            let at = dice.roll(bytes.len());
            match dice.roll(3) {
                0 => bytes[at] = dice.roll(256) as u8,
                1 => drop(bytes.drain(at..(at + 1 + dice.roll(8)).min(bytes.len()))),
                _ => bytes.insert(at, *dice.pick(b"\r\n\0: ;%&=/\xff")),
            }
        }
        broken.push(bytes);
    }
    let mut all = tokio::task::JoinSet::new();
    for bytes in broken {
        let s3 = s3.clone();
        all.spawn(async move {
            let answer = s3.exchange_and_hang_up(&bytes).await;
            (bytes, answer)
        });
    }
    while let Some(done) = all.join_next().await {
        let (bytes, answer) = done.unwrap();
        let told = || format!("{:?}: {answer:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(500)]));
        let status = raw_status(&answer);
        assert!(status.is_none_or(|status| status < 500 || status == 501 || status == 505), "{}", told());
    }
    ok(&rig.owner.put("granted/alive", TEXT).await.unwrap());
    // What was missing a length, a source, or a document.
    for (request, code) in [
        (put("granted/k").header("x-amz-copy-source", ""), "InvalidArgument"),
        (put("granted?acl").bytes("x"), "MalformedACLError"),
        (
            Request::at_place(Method::POST, "granted?delete").header("content-md5", Source::from("").md5_base64()),
            "MalformedXML",
        ),
    ] {
        refused(&rig.owner.send(&request).await.unwrap(), 400, code, code);
    }
}
