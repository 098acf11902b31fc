//! Who signed what, and what arrives: requests by the independent client, damaged in every way that other servers let
//! through. What must not be stored is looked for afterwards.

use bytes::Bytes;
use client::{Body, Chunked, Credentials, Method, Prepared, Request, Signature};
use http_body_util::{BodyExt as _, Full};
use model::Timestamp;
use operations::admin::{Command, KeyOrder, Outcome};
use s3::wire::Config;
use s3::{Arrival, Service};

use crate::world::{Answer, BUCKET, NOW, World};

const V4_QUERY: Signature = Signature::QueryV4 { seconds: 60 };
const V2_QUERY: Signature = Signature::QueryV2 { seconds: 60 };

/// Damages the frames of a body.
type Tamper = Box<dyn Fn(&mut Vec<Vec<u8>>) + Send + Sync>;

/// A world and a client that signs with the owner's key at the world's time.
struct Rig {
    world: World,
    s3: client::S3,
}

impl Rig {
    async fn new() -> Rig {
        let world = World::new().await;
        let key = Credentials::new(&*world.owner.access_key_id, &*world.owner.secret_access_key);
        let s3 = client::S3::new("http://127.0.0.1:9000", "us-east-1", Some(key)).unwrap();
        Rig { world, s3 }
    }

    fn prepare(&self, request: Request) -> Prepared {
        self.s3.prepare(&request).unwrap()
    }

    async fn send(&self, request: Request) -> Answer {
        self.send_at(request, NOW * 1000).await
    }

    async fn send_at(&self, request: Request, millis: u64) -> Answer {
        deliver(&self.world.service, self.prepare(request), millis).await
    }

    /// What is stored at `/bucket/key`, if anything.
    async fn stored(&self, key: &str) -> Option<String> {
        let answer = self.send(at(Method::GET, key)).await;
        (answer.status == 200).then_some(answer.body)
    }

    /// The same, where every key may sign by SigV2 and virtual hosts are known.
    fn lenient(&self) -> Service {
        let config = Config { region: "us-east-1".into(), domains: vec!["s3.test".into()], allow_sigv2: true };
        Service::new(self.world.store.clone(), config)
    }
}

/// A request of the world's time.
fn at(method: Method, key_and_query: &str) -> Request {
    let (key, query) = key_and_query.split_once('?').unwrap_or((key_and_query, ""));
    let request = Request::new(method, format!("/{BUCKET}/{key}")).raw_query(query);
    request.at(client::Timestamp::from_second(NOW as i64).unwrap())
}

fn put(key_and_query: &str) -> Request {
    at(Method::PUT, key_and_query)
}

async fn deliver(service: &Service, prepared: Prepared, millis: u64) -> Answer {
    let mut request = http::Request::builder().method(prepared.method.clone()).uri(&prepared.target);
    *request.headers_mut().unwrap() = prepared.headers.clone();
    let bytes = prepared.into_bytes();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = Bytes::copy_from_slice(&bytes[end..]);
    let received = Timestamp::from_millis(millis);
    let arrival = Arrival { request_id: "R2".into(), source: None, received, tls: None };
    let answer = service.handle(arrival, request.body(Full::new(body)).unwrap()).await;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.code(), code, "{answer:?}");
}

const TEXT: &str = "what is stored is what was sent, and nothing that was around it";

/// Every form in which a body can come.
fn forms() -> Vec<(&'static str, Body)> {
    vec![
        ("signed", Body::Signed(TEXT.into())),
        ("unsigned", Body::Unsigned(TEXT.into())),
        ("chunks", Body::Chunked(Chunked::signed(TEXT).chunk_size(20))),
        ("chunks and trailer", Body::Chunked(Chunked::signed(TEXT).chunk_size(20).crc32c())),
        ("unsigned chunks", Body::Chunked(Chunked::unsigned(TEXT).chunk_size(20).crc32c())),
    ]
}

fn has_chunk_signatures(form: &str) -> bool {
    matches!(form, "chunks" | "chunks and trailer")
}

async fn begin_upload(rig: &Rig) -> String {
    let answer = rig.send(at(Method::POST, "part?uploads")).await.is(200);
    answer.element("UploadId").to_owned()
}

#[tokio::test]
async fn every_form_of_body_is_stored_under_the_right_secret_and_refused_under_a_wrong_one() {
    let rig = Rig::new().await;
    let wrong = Credentials::new(&*rig.world.owner.access_key_id, "0123456789012345678901234567890123456789");
    for signature in [Signature::HeaderV4, V4_QUERY] {
        for (form, body) in forms() {
            let upload = begin_upload(&rig).await;
            for target in ["object".to_owned(), format!("part?partNumber=1&uploadId={upload}")] {
                let request = put(&target).signature(signature).body(body.clone());
                let answer = rig.send(request.clone().credentials(wrong.clone())).await;
                let allowed = signature == Signature::HeaderV4 || !has_chunk_signatures(form);
                if !allowed {
                    refused(&answer, 400, "InvalidRequest");
                    refused(&rig.send(request).await, 400, "InvalidRequest");
                    continue;
                }
                refused(&answer, 403, "SignatureDoesNotMatch");
                assert_eq!(rig.stored("object").await, None, "{form}");
                assert!(!rig.send(at(Method::GET, &format!("part?uploadId={upload}"))).await.body.contains("<Part>"));
                rig.send(request).await.is(200);
                if target == "object" {
                    assert_eq!(rig.stored("object").await.as_deref(), Some(TEXT), "{form}");
                    rig.send(at(Method::DELETE, "object")).await.is(204);
                } else {
                    let parts = rig.send(at(Method::GET, &format!("part?uploadId={upload}"))).await.is(200);
                    assert_eq!(parts.element("Size"), TEXT.len().to_string());
                }
            }
        }
    }
}

#[tokio::test]
async fn an_anonymous_body_may_come_in_unsigned_chunks_and_never_in_signed_ones() {
    let rig = Rig::new().await;
    rig.send(
        Request::new(Method::PUT, format!("/{BUCKET}"))
            .raw_query("acl")
            .header("x-amz-acl", "public-read-write")
            .at(client::Timestamp::from_second(NOW as i64).unwrap()),
    )
    .await
    .is(200);
    for (form, body) in forms() {
        // The signature is taken off, so that what remains says it is signed.
        let request = put("anonymous").body(body).override_header("authorization", None);
        let answer = rig.send(request).await;
        if has_chunk_signatures(form) {
            refused(&answer, 400, "InvalidRequest")
        } else {
            answer.is(200);
        }
    }
    // A presigned URL that is not valid does not become anonymous, although anybody may read.
    let url = at(Method::GET, "anonymous").signature(V4_QUERY);
    refused(&rig.send(url.clone().unsigned_query("versionId=null")).await, 403, "SignatureDoesNotMatch");
    rig.send(url.clone()).await.is(200);
    for key in ["X-Amz-Signature=00", "Signature=00", "x-amz-signature=00", "Expires=1"] {
        let answer = rig.send(at(Method::GET, "anonymous").signature(Signature::None).unsigned_query(key)).await;
        assert!(matches!(answer.status.as_u16(), 400 | 403), "{key} {answer:?}");
    }
}

#[tokio::test]
async fn no_byte_of_a_body_in_chunks_can_be_changed_dropped_or_repeated() {
    let rig = Rig::new().await;
    for (form, body) in forms() {
        let Body::Chunked(_) = body else { continue };
        let frames = if form == "chunks" { 6 } else { 7 };
        let send = async |tamper: Tamper| {
            let answer = rig.send(put("chunked").body(body.clone()).tamper(tamper)).await;
            let stored = rig.stored("chunked").await;
            (answer, stored)
        };
        for frame in 0..frames - 1 {
            let dropped = send(Box::new(move |frames| drop(frames.remove(frame)))).await;
            let repeated = send(Box::new(move |frames| {
                let again = frames[frame].clone();
                frames.insert(frame, again);
            }))
            .await;
            let cut = send(Box::new(move |frames| {
                let half = frames[frame].len() / 2;
                frames[frame].truncate(half);
            }))
            .await;
            for (answer, stored) in [dropped, repeated, cut] {
                assert!(answer.status.is_client_error(), "{form} {frame} {answer:?}");
                assert_eq!(stored, None, "{form} {frame}");
            }
        }
        for byte in 0..60 {
            let flip = move |frames: &mut Vec<Vec<u8>>| {
                let frame = byte % frames.len();
                let at = byte * 7 % frames[frame].len();
                frames[frame][at] ^= 1;
            };
            let (answer, stored) = send(Box::new(flip)).await;
            assert!(answer.status.is_client_error(), "{form} {byte} {answer:?}");
            assert_eq!(stored, None, "{form} {byte}");
        }
        for length in ["0", "62", "64", "18446744073709551615", "-1", "x"] {
            let request = put("chunked").body(body.clone()).header("x-amz-decoded-content-length", length);
            assert!(rig.send(request).await.status.is_client_error(), "{form} {length}");
            assert_eq!(rig.stored("chunked").await, None, "{form} {length}");
        }
        let trailing = send(Box::new(|frames| frames.push(b"\r\nmore".to_vec()))).await;
        assert!(trailing.0.status.is_client_error() && trailing.1.is_none(), "{form}");
    }
}

#[tokio::test]
async fn a_header_that_the_signature_does_not_cover_is_refused_wherever_the_signature_stands() {
    let rig = Rig::new().await;
    for signature in [Signature::HeaderV4, V4_QUERY] {
        for header in [
            "x-amz-acl",
            "x-amz-copy-source",
            "x-amz-grant-read",
            "x-amz-tagging",
            "x-amz-meta-a",
            "x-amz-storage-class",
            "x-amz-website-redirect-location",
            "x-amz-checksum-crc32",
            "x-amz-expected-bucket-owner",
            "x-amz-object-lock-mode",
            "x-amz-bypass-governance-retention",
            "x-amz-anything",
        ] {
            let request = put("unsigned").body(Body::Unsigned("body".into())).signature(signature);
            let answer = rig.send(request.unsigned_header(header, "private")).await;
            refused(&answer, 403, "AccessDenied");
            assert_eq!(answer.element("HeadersNotSigned"), header);
            // In the query the signature covers it, so that adding it breaks the signature.
            let request = put("unsigned").signature(V4_QUERY).unsigned_query(&format!("{header}=private"));
            refused(&rig.send(request).await, 403, "SignatureDoesNotMatch");
            assert_eq!(rig.stored("unsigned").await, None);
        }
        let names = ["x-amz-content-sha256", "x-amz-date"];
        let names = if signature == V4_QUERY { &names[..0] } else { &names[..] };
        let answer = rig.send(at(Method::GET, "k").signature(signature).signed_headers(names)).await;
        refused(&answer, 403, "AccessDenied");
        assert_eq!(answer.element("HeadersNotSigned"), "host");
        let twice = ["host", "x-amz-content-sha256", "x-amz-date", "host"];
        assert_eq!(rig.send(at(Method::GET, "k").signature(signature).signed_headers(&twice)).await.status, 400);
        let absent = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-absent"];
        refused(&rig.send(at(Method::GET, "k").signed_headers(&absent)).await, 403, "AccessDenied");
    }
}

#[tokio::test]
async fn headers_that_an_sdk_moved_into_a_presigned_url_count_as_the_headers_they_were() {
    let rig = Rig::new().await;
    let crc = "x-amz-checksum-crc32";
    let request = put("hoisted").signature(V4_QUERY).body(Body::Unsigned("123456789".into()));
    let request = request.query("x-amz-meta-colour", "dark blue").query("X-Amz-Sdk-Checksum-Algorithm", "CRC32");
    refused(&rig.send(request.clone().query(crc, "AAAAAA==")).await, 400, "BadDigest");
    rig.send(request.clone().query(crc, "y/Q5Jg==")).await.is(200);
    let head = rig.send(at(Method::HEAD, "hoisted")).await.is(200);
    assert_eq!(head.header("x-amz-meta-colour"), "dark blue");
    let twice = request.query("x-amz-acl", "private").header("x-amz-acl", "private");
    refused(&rig.send(twice).await, 400, "InvalidArgument");
}

#[tokio::test]
async fn a_presigned_url_lives_to_the_second_it_says_and_no_longer() {
    let rig = Rig::new().await;
    rig.send(put("k").bytes("body")).await.is(200);
    let url = |seconds| at(Method::GET, "k").signature(Signature::QueryV4 { seconds });
    let now = NOW * 1000;
    for (seconds, later, code) in [
        (1, 1000, None),
        (1, 1001, Some((403, "AccessDenied"))),
        (604_800, 604_800_000, None),
        (604_800, 604_800_001, Some((403, "AccessDenied"))),
        (604_801, 0, Some((400, "AuthorizationQueryParametersError"))),
        (0, 0, Some((400, "AuthorizationQueryParametersError"))),
        (-1, 0, Some((400, "AuthorizationQueryParametersError"))),
        (3600, -900_000, None),
        (3600, -900_001, Some((403, "AccessDenied"))),
    ] {
        let answer = rig.send_at(url(seconds), now.checked_add_signed(later).unwrap()).await;
        match code {
            None => drop(answer.is(200)),
            Some((status, code)) => refused(&answer, status, code),
        }
    }
    for late in [-900_001_i64, 900_001] {
        let answer = rig.send_at(at(Method::GET, "k"), now.checked_add_signed(late).unwrap()).await;
        refused(&answer, 403, "RequestTimeTooSkewed");
    }
    rig.send_at(at(Method::GET, "k"), now + 900_000).await.is(200);
}

#[tokio::test]
async fn what_a_signature_is_for_and_who_made_it_must_be_right() {
    let rig = Rig::new().await;
    let get = || at(Method::GET, "k");
    rig.send(put("k").bytes("body")).await.is(200);
    for (signature, malformed) in
        [(Signature::HeaderV4, "AuthorizationHeaderMalformed"), (V4_QUERY, "AuthorizationQueryParametersError")]
    {
        let get = || get().signature(signature);
        let region = rig.send(get().region("eu-central-1")).await;
        refused(&region, 400, malformed);
        assert_eq!(region.element("Region"), "us-east-1");
        refused(&rig.send(get().service("sqs")).await, 400, malformed);
        let stranger = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        refused(&rig.send(get().credentials(stranger)).await, 403, "InvalidAccessKeyId");
        refused(&rig.send(get().header("x-amz-security-token", "token")).await, 400, "InvalidToken");

        let secret = "a secret that must not be told";
        let request = get().credentials(Credentials::new(&*rig.world.owner.access_key_id, secret));
        let prepared = rig.prepare(request.clone());
        let answer = rig.send(request).await;
        refused(&answer, 403, "SignatureDoesNotMatch");
        let text = |name| answer.element(name).replace("&#xA;", "\n").replace("&amp;", "&");
        assert_eq!(text("StringToSign"), prepared.string_to_sign);
        assert_eq!(text("CanonicalRequest"), prepared.canonical_request);
        assert_eq!(text("SignatureProvided"), prepared.signature);
        assert!(!answer.body.contains(secret) && !answer.body.contains(&*rig.world.owner.secret_access_key));
    }
    for query in ["X-Amz-Signature=00", "AWSAccessKeyId=a&Signature=b&Expires=1", "Expires=1"] {
        refused(&rig.send(get().unsigned_query(query)).await, 400, "InvalidArgument");
    }
    let both = get().signature(V4_QUERY).unsigned_query("AWSAccessKeyId=a&Signature=b&Expires=1");
    refused(&rig.send(both).await, 400, "InvalidArgument");
    for (authorization, status, code) in [
        ("AWS4-ECDSA-P256-SHA256 Credential=a", 501, "NotImplemented"),
        ("Basic YTpi", 400, "InvalidArgument"),
        ("", 400, "InvalidArgument"),
        ("AWS4-HMAC-SHA256 Credential=a/b", 400, "AuthorizationHeaderMalformed"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=0,Signature=1",
            400,
            "AuthorizationHeaderMalformed",
        ),
        ("AWS nothing", 400, "InvalidArgument"),
    ] {
        let answer = rig.send(get().override_header("authorization", Some(authorization))).await;
        refused(&answer, status, code);
    }
    let none = get().override_header("x-amz-content-sha256", None);
    refused(&rig.send(none).await, 400, "InvalidRequest");
    let none = get().override_header("x-amz-date", None);
    refused(&rig.send(none).await, 403, "AccessDenied");
    refused(&rig.send(get().unsigned_header("authorization", "AWS a:b")).await, 400, "InvalidArgument");
}

#[tokio::test]
async fn a_digest_that_is_wrong_malformed_unknown_or_one_too_many_is_never_ignored() {
    let rig = Rig::new().await;
    for (headers, code) in [
        (&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")][..], "BadDigest"),
        (&[("content-md5", "AAAA")], "InvalidDigest"),
        (&[("content-md5", "no base64")], "InvalidDigest"),
        (&[("x-amz-checksum-crc32", "AAAAAA==")], "BadDigest"),
        (&[("x-amz-checksum-sha256", "AAAAAA==")], "InvalidRequest"),
        (&[("x-amz-checksum-sha512", "AAAAAA==")], "InvalidRequest"),
        (&[("x-amz-checksum-xxhash64", "AAAAAA==")], "InvalidRequest"),
        (&[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")], "InvalidRequest"),
        (&[("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-sdk-checksum-algorithm", "SHA1")], "InvalidRequest"),
        (&[("x-amz-sdk-checksum-algorithm", "MD4")], "InvalidRequest"),
        (&[("x-amz-trailer", "x-amz-checksum-crc32")], "InvalidRequest"),
        (&[("content-encoding", "aws-chunked")], "InvalidRequest"),
        (
            &[("x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")],
            "XAmzContentSHA256Mismatch",
        ),
        (&[("x-amz-content-sha256", "SIGNED")], "InvalidArgument"),
    ] {
        for signature in [Signature::HeaderV4, V4_QUERY] {
            let mut request = put("digest").bytes("123456789").signature(signature);
            for (name, value) in headers {
                request = request.header(name, *value);
            }
            refused(&rig.send(request).await, 400, code);
            assert_eq!(rig.stored("digest").await, None);
        }
    }
    let good = put("digest").bytes("123456789").header("x-amz-checksum-crc32", "y/Q5Jg==");
    rig.send(good.header("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")).await.is(200);
    let silent = put("length").body(Body::Unsigned("body".into())).without_length();
    refused(&rig.send(silent.clone()).await, 411, "MissingContentLength");
    refused(&rig.send(silent.header("transfer-encoding", "chunked")).await, 411, "MissingContentLength");
    let huge = put("length").body(Body::Unsigned("".into())).override_header("content-length", Some("5368709121"));
    refused(&rig.send(huge).await, 400, "EntityTooLarge");
    let short = put("length").body(Body::Unsigned("four".into())).override_header("content-length", Some("5"));
    refused(&rig.send(short).await, 400, "IncompleteBody");
    assert_eq!(rig.stored("length").await, None);
}

#[tokio::test]
async fn sigv2_works_where_it_is_allowed_and_elsewhere_is_told_what_to_use() {
    let rig = Rig::new().await;
    rig.send(put("k").bytes("body")).await.is(200);
    let lenient = rig.lenient();
    let allowed =
        Command::KeyCreate(KeyOrder { account: "owner@example.com".into(), allow_sigv2: true, ..KeyOrder::default() });
    let key = match rig.world.store.execute(0, "test".into(), allowed).await.unwrap() {
        Outcome::KeyCreated(key) => Credentials::new(&*key.access_key_id, &*key.secret_access_key),
        _ => panic!("no key"),
    };
    for signature in [Signature::HeaderV2, V2_QUERY] {
        let get = || at(Method::GET, "k?response-content-type=text%2Fplain").signature(signature);
        let answer = rig.send(get()).await;
        refused(&answer, 400, "InvalidRequest");
        assert!(answer.body.contains("AWS4-HMAC-SHA256"));
        rig.send(get().credentials(key.clone())).await.is(200);
        deliver(&lenient, rig.prepare(get()), NOW * 1000).await.is(200);
        // In the host's name the bucket is signed as if it were in the path.
        let hosted = Request::new(Method::GET, "/k")
            .signed_path(format!("/{BUCKET}/k"))
            .signature(signature)
            .header("host", format!("{BUCKET}.S3.test:9000"))
            .at(client::Timestamp::from_second(NOW as i64).unwrap());
        deliver(&lenient, rig.prepare(hosted), NOW * 1000).await.is(200);

        let sent = [
            (at(Method::GET, "k").signature(signature).unsigned_query("acl"), 403, "SignatureDoesNotMatch"),
            (get().unsigned_query("partNumber=1"), 403, "SignatureDoesNotMatch"),
            (get().unsigned_header("x-amz-anything", "1"), 403, "SignatureDoesNotMatch"),
            (at(Method::GET, "k?attributes").signature(signature), 400, "InvalidRequest"),
            // Signed decoded, this is what listing the parts of an upload would be.
            (at(Method::GET, "k?partNumber=1%26uploadId=2").signature(signature), 400, "InvalidRequest"),
            (at(Method::GET, "?encryption").signature(signature), 400, "InvalidRequest"),
            (put("k?retention").signature(signature), 400, "InvalidRequest"),
            (get().credentials(Credentials::new("AKIAIOSFODNN7EXAMPLE", "x")), 403, "InvalidAccessKeyId"),
            (put("k").signature(signature).body(forms().remove(2).1), 400, "InvalidRequest"),
            (put("k").signature(signature).body(forms().remove(4).1), 400, "InvalidRequest"),
        ];
        for (request, status, code) in sent {
            refused(&deliver(&lenient, rig.prepare(request), NOW * 1000).await, status, code);
        }
        let late = deliver(&lenient, rig.prepare(get()), NOW * 1000 + 900_001).await;
        refused(&late, 403, if signature == V2_QUERY { "AccessDenied" } else { "RequestTimeTooSkewed" });
        let wrong = Credentials::new(&*rig.world.owner.access_key_id, "wrong");
        let wrong = rig.prepare(put("v2").signature(signature).bytes("x").credentials(wrong));
        refused(&deliver(&lenient, wrong, NOW * 1000).await, 403, "SignatureDoesNotMatch");
        assert_eq!(rig.stored("v2").await, None);
    }
}
