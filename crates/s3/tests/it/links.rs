//! Presigned URLs that come again: what the server remembers of one must never answer a request that it would refuse if it
//! remembered nothing. Each request goes to a service that has answered the URL before and to one that has seen nothing; the
//! two must agree in everything.

use std::net::IpAddr;

use bytes::Bytes;
use client::{Body, Credentials, Method, Request, Signature};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full};
use model::Timestamp;
use operations::admin::{Command, NewAccount};
use s3::wire::Config;
use s3::{Arrival, Service};

use crate::world::{BUCKET, GUEST, NOW, World, ask};

const SECONDS: i64 = 60;
const BODY: &str = "a picture that is looked at often";

/// A request as it arrives.
#[derive(Clone)]
struct Arriving {
    method: Method,
    target: String,
    headers: HeaderMap,
    seconds: u64,
    source: Option<IpAddr>,
    tls: Option<&'static str>,
}

impl Arriving {
    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    async fn reach(&self, service: &Service) -> (StatusCode, Vec<(String, String)>, String) {
        let mut request = http::Request::builder().method(self.method.clone()).uri(&self.target);
        *request.headers_mut().unwrap() = self.headers.clone();
        let received = Timestamp::from_seconds(self.seconds);
        let arrival = Arrival { request_id: "R3".into(), source: self.source, received, tls: self.tls };
        let (parts, body) = service.handle(arrival, request.body(Full::new(Bytes::new())).unwrap()).await.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let host_id = parts.headers["x-amz-id-2"].to_str().unwrap().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let headers = headers.filter(|(_, value)| *value != host_id).collect();
        (parts.status, headers, body.replace(&host_id, "HOST"))
    }
}

struct Rig {
    world: World,
}

impl Rig {
    async fn new() -> Rig {
        let world = World::new().await;
        world.owner(ask("PUT", format!("/{BUCKET}/picture")).body(BODY)).await.is(200);
        world.owner(ask("PUT", format!("/{BUCKET}/other")).body("another")).await.is(200);
        Rig { world }
    }

    /// One that has seen nothing, over the same store.
    fn fresh(&self) -> Service {
        let config = Config { region: "us-east-1".into(), domains: vec![], allow_sigv2: false };
        Service::new(self.world.store.clone(), config)
    }

    fn link_of(&self, by: &NewAccount, place: &str) -> Arriving {
        let key = Credentials::new(&*by.access_key_id, &*by.secret_access_key);
        let s3 = client::S3::new("http://127.0.0.1:9000", "us-east-1", Some(key)).unwrap();
        let request = Request::at_place(Method::GET, place).signature(Signature::QueryV4 { seconds: SECONDS });
        let prepared = s3.prepare(&request.at(client::Timestamp::from_second(NOW as i64).unwrap())).unwrap();
        let (method, target, headers) = (prepared.method, prepared.target, prepared.headers);
        Arriving { method, target, headers, seconds: NOW, source: None, tls: None }
    }

    fn link(&self) -> Arriving {
        self.link_of(&self.world.owner, &format!("{BUCKET}/picture"))
    }

    /// What both services say.
    async fn both(&self, arriving: &Arriving) -> (u16, String) {
        let (warm, fresh) = (arriving.reach(&self.world.service).await, arriving.reach(&self.fresh()).await);
        assert_eq!(warm, fresh, "{} {} {:?}", arriving.method, arriving.target, arriving.headers);
        (warm.0.as_u16(), warm.2)
    }

    /// Uses a link so often that it is remembered.
    async fn use_it(&self, link: &Arriving) {
        for _ in 0..2 {
            assert_eq!(self.both(link).await.0, 200);
        }
        let before = self.world.service.recalled();
        assert_eq!(self.both(link).await.0, 200);
        assert_eq!(self.world.service.recalled(), before + 1, "it is not remembered");
    }

    async fn refused(&self, arriving: &Arriving, code: &str) {
        let (status, body) = self.both(arriving).await;
        assert!(status >= 400 && body.contains(&format!("<Code>{code}</Code>")), "{status} {body}, not {code}");
    }

    async fn run(&self, command: Command) {
        self.world.store.execute(0, "test".into(), command).await.unwrap();
    }
}

#[tokio::test]
async fn a_link_with_any_byte_changed_is_refused_as_if_the_link_had_never_been_used() {
    let rig = Rig::new().await;
    let link = rig.link();
    rig.use_it(&link).await;
    let signature = link.target.find("X-Amz-Signature=").unwrap() + "X-Amz-Signature=".len();
    for at in 1..link.target.len() {
        let byte = link.target.as_bytes()[at];
        for other in [byte ^ 1, byte ^ 0x20, b'0', b'&', b'%'] {
            let mut target = link.target.clone().into_bytes();
            target[at] = other;
            let Ok(target) = String::from_utf8(target) else { continue };
            // Hexadecimal in other letters is the same number: of the signature, and after a percent sign.
            let hexadecimal = at >= signature || link.target.as_bytes()[at.saturating_sub(2)..at].contains(&b'%');
            let same = hexadecimal && target.eq_ignore_ascii_case(&link.target);
            if other == byte || same || http::Uri::try_from(&target).is_err() {
                continue;
            }
            let changed = Arriving { target, ..link.clone() };
            let (status, body) = rig.both(&changed).await;
            assert!(status >= 400 && !body.contains(BODY), "{status} {}", changed.target);
        }
        // One byte less, one byte more.
        let (begin, rest) = link.target.split_at(at);
        for target in [format!("{begin}{}", &rest[1..]), format!("{begin}{}{rest}", &rest[..1])] {
            // A slash more before the key's end, or an ampersand more, are no change of what is signed.
            let ignored = target.contains("&&");
            let (status, _) = rig.both(&Arriving { target, ..link.clone() }).await;
            assert!(status >= 400 || ignored, "{begin}|{rest}");
        }
    }
    rig.use_it(&link).await;
}

#[tokio::test]
async fn a_link_that_was_used_is_good_for_its_method_host_and_headers_alone() {
    let rig = Rig::new().await;
    let link = rig.link();
    rig.use_it(&link).await;
    for method in [Method::PUT, Method::DELETE, Method::POST, Method::HEAD, Method::OPTIONS] {
        let (status, body) = rig.both(&Arriving { method, ..link.clone() }).await;
        assert!(status >= 400 && !body.contains(BODY));
    }
    let mut elsewhere = link.clone();
    elsewhere.headers.insert("host", HeaderValue::from_static("elsewhere:9000"));
    rig.refused(&elsewhere, "SignatureDoesNotMatch").await;
    rig.refused(&link.clone().header("x-amz-acl", "private"), "AccessDenied").await;
    rig.refused(&link.clone().header("x-amz-security-token", "token"), "InvalidToken").await;
    rig.refused(&link.clone().header("authorization", "AWS a:b"), "InvalidArgument").await;
    rig.refused(&link.clone().header("host", "127.0.0.1:9000"), "InvalidArgument").await;
    rig.refused(&link.clone().header("content-encoding", "aws-chunked"), "InvalidRequest").await;
    rig.refused(&link.clone().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), "AccessDenied").await;
    // What may come beside what is signed is heeded each time, and the plain link is answered whole afterwards.
    assert_eq!(rig.both(&link.clone().header("range", "bytes=2-8")).await, (206, BODY[2..=8].to_owned()));
    assert_eq!(rig.both(&link.clone().header("range", "bytes=2-8")).await, (206, BODY[2..=8].to_owned()));
    assert_eq!(rig.both(&link.clone().header("if-match", "\"other\"")).await.0, 412);
    assert_eq!(rig.both(&link).await, (200, BODY.to_owned()));
}

#[tokio::test]
async fn a_link_that_was_used_ends_when_it_ends_and_does_not_begin_before() {
    let rig = Rig::new().await;
    let link = rig.link();
    let at = |seconds| Arriving { seconds, ..link.clone() };
    rig.use_it(&link).await;
    assert_eq!(rig.both(&at(NOW + SECONDS as u64)).await.0, 200);
    rig.refused(&at(NOW + SECONDS as u64 + 1), "AccessDenied").await;
    assert_eq!(rig.both(&at(NOW - 900)).await.0, 200);
    rig.refused(&at(NOW - 901), "AccessDenied").await;
    rig.use_it(&link).await;
}

#[tokio::test]
async fn what_befalls_the_key_befalls_the_links_it_signed() {
    let rig = Rig::new().await;
    let link = rig.link_of(&rig.world.guest, &format!("{BUCKET}?list-type=2"));
    rig.use_it(&link).await;
    let access_key_id = rig.world.guest.access_key_id.clone();
    rig.run(Command::KeyDisable { access_key_id: access_key_id.clone() }).await;
    rig.refused(&link, "InvalidAccessKeyId").await;
    rig.run(Command::KeyEnable { access_key_id: access_key_id.clone() }).await;
    rig.use_it(&link).await;

    rig.run(Command::AccountSuspend { account: GUEST.into(), resume: false }).await;
    let (status, _) = rig.both(&link).await;
    assert_eq!(status, 403);
    rig.run(Command::AccountSuspend { account: GUEST.into(), resume: true }).await;
    rig.use_it(&link).await;

    // Another key of the same account does not make up for it.
    let other = rig.world.one_more_key(&rig.world.guest, None).await;
    let others = rig.link_of(&other, &format!("{BUCKET}?list-type=2"));
    rig.use_it(&others).await;
    rig.run(Command::KeyDelete { access_key_id }).await;
    rig.refused(&link, "InvalidAccessKeyId").await;
    rig.use_it(&others).await;
}

#[tokio::test]
async fn what_a_link_that_was_used_may_is_decided_anew_each_time() {
    let rig = Rig::new().await;
    let link = rig.link_of(&rig.world.guest, &format!("{BUCKET}?list-type=2"));
    rig.use_it(&link).await;
    rig.world.owner(ask("PUT", format!("/{BUCKET}?acl")).header("x-amz-acl", "private")).await.is(200);
    rig.refused(&link, "AccessDenied").await;

    let picture = rig.link();
    rig.use_it(&picture).await;
    rig.world.owner(ask("PUT", format!("/{BUCKET}/picture")).body("a newer one")).await.is(200);
    assert_eq!(rig.both(&picture).await, (200, "a newer one".to_owned()));
    rig.world.owner(ask("DELETE", format!("/{BUCKET}/picture"))).await.is(204);
    rig.refused(&picture, "NoSuchKey").await;
}

#[tokio::test]
async fn a_link_that_was_used_is_judged_by_where_it_comes_from_and_how() {
    let rig = Rig::new().await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":
        {"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"Bool":{"aws:SecureTransport":"true"}}}]}"#;
    let key = rig.world.owners_key(policy).await;
    let inside = Some("10.1.2.3".parse().unwrap());
    let link = Arriving { source: inside, tls: Some("1.3"), ..rig.link_of(&key, &format!("{BUCKET}/picture")) };
    rig.use_it(&link).await;
    rig.refused(&Arriving { source: Some("192.0.2.1".parse().unwrap()), ..link.clone() }, "AccessDenied").await;
    rig.refused(&Arriving { source: None, ..link.clone() }, "AccessDenied").await;
    rig.refused(&Arriving { tls: None, ..link.clone() }, "AccessDenied").await;
    rig.use_it(&link).await;
}

/// SDKs move headers into the query; one that is sent again as a header is not the one that was signed.
#[tokio::test]
async fn a_header_that_a_used_link_carries_in_its_query_cannot_be_sent_beside_it() {
    let rig = Rig::new().await;
    let link = rig.link_of(&rig.world.owner, &format!("{BUCKET}/picture?x-amz-checksum-mode=ENABLED"));
    rig.use_it(&link).await;
    let (_, headers, _) = link.reach(&rig.world.service).await;
    assert!(headers.iter().any(|(name, _)| name.starts_with("x-amz-checksum-")), "{headers:?}");
    rig.refused(&link.clone().header("x-amz-checksum-mode", "ENABLED"), "InvalidArgument").await;
    let bare = rig.link();
    rig.use_it(&bare).await;
    rig.refused(&bare.clone().header("x-amz-checksum-mode", "ENABLED"), "AccessDenied").await;
}

/// Two programs that use one link do not make each other's be forgotten.
#[tokio::test]
async fn a_link_is_remembered_with_each_of_the_headers_that_it_comes_with() {
    let rig = Rig::new().await;
    let [one, other] = ["one/1", "other/2"].map(|agent| rig.link().header("user-agent", agent));
    rig.use_it(&one).await;
    rig.use_it(&other).await;
    let before = rig.world.service.recalled();
    for link in [&one, &other, &one] {
        assert_eq!(rig.both(link).await.0, 200);
    }
    assert_eq!(rig.world.service.recalled(), before + 3);
}

/// Whoever guesses is slowed down, with a link that works as with any other.
#[tokio::test]
async fn an_address_that_fails_too_often_is_slowed_down_with_used_links_too() {
    let rig = Rig::new().await;
    let source = Some("192.0.2.9".parse().unwrap());
    let link = Arriving { source, ..rig.link() };
    rig.use_it(&link).await;
    let wrong = Arriving { target: link.target[..link.target.len() - 1].to_owned() + "g", ..link.clone() };
    let mut slowed = false;
    // Attempts come back with time, so that one answer more or less proves nothing.
    for _ in 0..10_000 {
        wrong.reach(&rig.world.service).await;
        slowed = link.reach(&rig.world.service).await.0 == StatusCode::SERVICE_UNAVAILABLE;
        if slowed {
            break;
        }
    }
    assert!(slowed);
    rig.use_it(&rig.link()).await;
}

/// Only who may read may learn that a link was used: one whose signature is wrong is told the same, used or not.
#[tokio::test]
async fn nothing_but_a_link_that_is_right_is_remembered() {
    let rig = Rig::new().await;
    let link = rig.link();
    let wrong = Credentials::new(&*rig.world.owner.access_key_id, "0123456789012345678901234567890123456789");
    let s3 = client::S3::new("http://127.0.0.1:9000", "us-east-1", Some(wrong)).unwrap();
    let request = Request::at_place(Method::GET, &format!("{BUCKET}/picture"))
        .signature(Signature::QueryV4 { seconds: SECONDS })
        .body(Body::None)
        .at(client::Timestamp::from_second(NOW as i64).unwrap());
    let forged = Arriving { target: s3.prepare(&request).unwrap().target, ..link.clone() };
    for _ in 0..3 {
        rig.refused(&forged, "SignatureDoesNotMatch").await;
    }
    rig.use_it(&link).await;
    rig.refused(&forged, "SignatureDoesNotMatch").await;
}
