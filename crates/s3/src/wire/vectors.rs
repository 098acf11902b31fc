//! AWS's published examples of signatures ("Signature calculations for the authorization header" and "… transferring
//! payload in multiple chunks" in the S3 API reference; "Signing and authenticating REST requests" for SigV2).

use bytes::Bytes;
use model::{ChecksumAlgorithm, Timestamp};

use super::Config;
use super::chunked::Chunked;
use super::head::Head;
use super::router::{self, Call};
use super::sigv2::V2;
use super::sigv4::V4;

const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20130524T000000Z";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn config() -> Config {
    Config { region: "us-east-1".into(), domains: vec!["s3.amazonaws.com".into()], allow_sigv2: false }
}

fn call(method: &str, uri: &str, headers: &[(&str, &str)]) -> Call {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let head = Head::parse(request.body(()).unwrap().into_parts().0, None).unwrap();
    router::route(head, &config()).unwrap()
}

/// Whether a request of the examples verifies.
fn verifies(call: &Call, authorization: Option<&str>, hash: &str, secret: &[u8]) -> bool {
    let v4 = match authorization {
        Some(fields) => V4::from_header(fields).unwrap(),
        None => V4::from_query(&call.head).unwrap(),
    };
    let (date, at) = v4.date(&call.head).unwrap();
    assert_eq!((&*date, at), (DATE, Timestamp::from_seconds(1_369_353_600)));
    v4.check_scope(&date, &config()).unwrap();
    let prepared = v4.prepare(&call.head, &date, hash).unwrap();
    v4.signing_key(secret).verifies(&prepared.to_sign, v4.signature)
}

fn fields(signed: &str, signature: &str) -> String {
    let credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    format!("Credential={credential},SignedHeaders={signed},Signature={signature}")
}

#[test]
fn aws_examples_of_sigv4_headers_verify_and_no_other_secret_does() {
    let host = ("host", "examplebucket.s3.amazonaws.com");
    let date = ("x-amz-date", DATE);
    let put = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let cases = [
        (
            call("GET", "/test.txt", &[host, date, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY)]),
            fields(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            EMPTY,
        ),
        (
            call(
                "PUT",
                "/test$file.text",
                &[
                    host,
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                    date,
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                    ("x-amz-content-sha256", put),
                ],
            ),
            fields(
                "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
            put,
        ),
        (
            call("GET", "/?lifecycle", &[host, date, ("x-amz-content-sha256", EMPTY)]),
            fields(signed, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            EMPTY,
        ),
        (
            call("GET", "/?prefix=J&max-keys=2", &[host, date, ("x-amz-content-sha256", EMPTY)]),
            fields(signed, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            EMPTY,
        ),
    ];
    for (call, fields, hash) in &cases {
        assert!(verifies(call, Some(fields), hash, SECRET), "{fields}");
        assert!(!verifies(call, Some(fields), hash, &SECRET[1..]), "{fields}");
        assert!(!verifies(call, Some(&fields.replace(";x-amz-date", "")), hash, SECRET), "{fields}");
    }
}

#[test]
fn aws_example_of_a_presigned_url_verifies_and_no_change_of_it_does() {
    let uri = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
               &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
               &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
               &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let host = ("host", "examplebucket.s3.amazonaws.com");
    assert!(verifies(&call("GET", uri, &[host]), None, "UNSIGNED-PAYLOAD", SECRET));
    for (method, changed) in [
        ("HEAD", uri.to_owned()),
        ("GET", uri.replace("86400", "86401")),
        ("GET", uri.replace("test.txt", "test.tx")),
        ("GET", uri.replace("/test.txt", "//test.txt")),
        ("GET", format!("{uri}&versionId=1")),
        ("GET", format!("{uri}&x-amz-acl=private")),
        ("GET", format!("{uri}&anything=1")),
    ] {
        assert!(!verifies(&call(method, &changed, &[host]), None, "UNSIGNED-PAYLOAD", SECRET), "{changed}");
    }
}

/// A decoder of AWS's chunked examples, whose first signature is `seed`.
fn chunked(seed: &str, trailer: Option<ChecksumAlgorithm>) -> Chunked {
    let fields = fields("host", seed);
    let v4 = V4::from_header(&fields).unwrap();
    let signer = v4.chunk_signer(v4.signing_key(SECRET).into(), DATE);
    Chunked::new(Some(Box::new(signer)), 66_560, trailer.is_some(), trailer)
}

fn decode(mut chunked: Chunked, mut input: Bytes) -> Result<Vec<u8>, crate::error::S3Error> {
    let mut out = Vec::new();
    while let Some(bytes) = chunked.take(&mut input)? {
        out.extend_from_slice(&bytes);
    }
    chunked.finish()?;
    Ok(out)
}

fn two_chunks(signatures: [&str; 3], end: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in [65_536, 1024, 0].into_iter().zip(signatures) {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(std::iter::repeat_n(b'a', size));
        body.extend_from_slice(if size > 0 { b"\r\n" } else { end.as_bytes() });
    }
    body
}

#[test]
fn aws_examples_of_signed_chunks_and_trailers_decode() {
    let body = two_chunks(
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "\r\n",
    );
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    assert_eq!(decode(chunked(seed, None), body.clone().into()).unwrap(), vec![b'a'; 66_560]);
    assert!(decode(chunked(&seed.replace('4', "5"), None), body.into()).is_err());

    let trailer = "x-amz-checksum-crc32c:sOO8/Q==\r\n\
                   x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
    let signatures = [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ];
    let seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let open = || chunked(seed, Some(ChecksumAlgorithm::Crc32c));
    // As the documentation's text has the line ends, and clients that follow it.
    let loose = trailer.replace("==\r\n", "==\n\r\n");
    for trailer in [trailer, &loose] {
        assert_eq!(decode(open(), two_chunks(signatures, trailer).into()).unwrap().len(), 66_560);
    }
    for bad in [trailer.replace("sOO8", "sOO9"), trailer.replace("d81f", "d81e"), trailer[33..].to_owned()] {
        assert!(decode(open(), two_chunks(signatures, &bad).into()).is_err(), "{bad}");
    }
}

#[test]
fn aws_examples_of_sigv2_verify() {
    let host = ("host", "johnsmith.s3.amazonaws.com");
    let header = |call: &Call, signature: &str| {
        let text = format!("AKIAIOSFODNN7EXAMPLE:{signature}");
        let v2 = V2::from_header(&text).unwrap();
        v2.verifies(SECRET, &v2.to_sign(call))
    };
    let get = [host, ("date", "Tue, 27 Mar 2007 19:36:42 +0000")];
    assert!(header(&call("GET", "/photos/puppy.jpg", &get), "bWq2s1WEIj+Ydj0vQ697zp+IXMU="));
    assert!(!header(&call("GET", "/photos/puppy.jpg", &get), "bWq2s1WEIj+Ydj0vQ697zp+IXMV="));
    assert!(!header(&call("GET", "/photos/puppy.jpg?acl", &get), "bWq2s1WEIj+Ydj0vQ697zp+IXMU="));
    let put = [
        host,
        ("content-type", "image/jpeg"),
        ("content-length", "94328"),
        ("date", "Tue, 27 Mar 2007 21:15:45 +0000"),
    ];
    assert!(header(&call("PUT", "/photos/puppy.jpg", &put), "MyyxeRY7whkBe+bq8fHCL/2kKUg="));
    let list = [host, ("date", "Tue, 27 Mar 2007 19:42:41 +0000")];
    let list = call("GET", "/?prefix=photos&max-keys=50&marker=puppy", &list);
    assert!(header(&list, "htDYFYduRNen8P9ZfE/s9SuKy0U="));
    let acl = [host, ("date", "Tue, 27 Mar 2007 19:44:46 +0000")];
    assert!(header(&call("GET", "/?acl", &acl), "c2WLPFtWHVgbEmeEG93a4cG37dM="));

    let url = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620\
               &Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D";
    for (url, valid) in [(url.to_owned(), true), (url.replace("1175139620", "1175139621"), false)] {
        let call = call("GET", &url, &[host]);
        let v2 = V2::from_query(&call.head).unwrap();
        assert_eq!(v2.verifies(SECRET, &v2.to_sign(&call)), valid);
    }
}
