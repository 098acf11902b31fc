//! Browser forms: what a signed policy lets in, and every way around one. What must not be stored is looked for afterwards.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use model::Timestamp;
use operations::admin::{Command, NewAccount};
use s3::wire::Config;
use s3::{Arrival, Service};
use sha1::Sha1;
use sha2::Sha256;

use crate::world::{Answer, Ask, BUCKET, NOW, OTHER, World, ask, md5};

const DATE: &str = "20261125T030000Z";
const SCOPE: &str = "20261125/us-east-1/s3/aws4_request";
const END: &str = "2026-11-25T04:00:00.000Z";

fn hmac256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A form under way.
#[derive(Clone)]
struct Form {
    fields: Vec<(String, String)>,
    disposition: String,
    content: String,
    /// What follows the file.
    after: String,
}

/// A form with these fields and a file.
fn form(fields: &[(&str, &str)]) -> Form {
    Form {
        fields: fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        disposition: "form-data; name=\"file\"; filename=\"C:\\fotos\\photo.jpg\"".into(),
        content: "content".into(),
        after: "--\r\n".into(),
    }
}

impl Form {
    fn field(mut self, name: &str, value: &str) -> Form {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Without the field, and then with another value of it.
    fn with(mut self, name: &str, value: &str) -> Form {
        self.fields.retain(|(field, _)| field != name);
        self.field(name, value)
    }

    fn without(mut self, name: &str) -> Form {
        self.fields.retain(|(field, _)| field != name);
        self
    }

    fn content(self, content: &str) -> Form {
        Form { content: content.into(), ..self }
    }

    /// With this policy, signed by SigV4.
    fn signed(self, by: &NewAccount, policy: &str) -> Form {
        let credential = format!("{}/{SCOPE}", by.access_key_id);
        self.signed_in(&credential, &by.secret_access_key, policy)
    }

    fn signed_in(self, credential: &str, secret: &str, policy: &str) -> Form {
        let policy = STANDARD.encode(policy);
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in credential.split('/').skip(1).chain([policy.as_str()]) {
            key = hmac256(&key, part);
        }
        self.field("policy", &policy)
            .field("x-amz-algorithm", "AWS4-HMAC-SHA256")
            .field("x-amz-credential", credential)
            .field("x-amz-date", DATE)
            .field("x-amz-signature", &hex::encode(key))
    }

    /// With this policy, signed by SigV2.
    fn signed_v2(self, by: &NewAccount, policy: &str) -> Form {
        let policy = STANDARD.encode(policy);
        let mut mac = Hmac::<Sha1>::new_from_slice(by.secret_access_key.as_bytes()).unwrap();
        mac.update(policy.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        self.field("AWSAccessKeyId", &by.access_key_id).field("Policy", &policy).field("Signature", &signature)
    }

    /// Everything before the file's bytes.
    fn head(&self) -> String {
        let field = |(name, value): &(String, String)| {
            format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let fields: String = self.fields.iter().map(field).collect();
        format!("{fields}--b0\r\nContent-Disposition: {}\r\nContent-Type: image/jpeg\r\n\r\n", self.disposition)
    }

    fn body(&self) -> String {
        format!("{}{}\r\n--b0{}", self.head(), self.content, self.after)
    }

    fn to(&self, bucket: &str) -> Ask {
        let kind = "multipart/form-data; charset=utf-8; boundary=b0";
        ask("POST", format!("/{bucket}")).header("content-type", kind).body(self.body())
    }
}

fn policy_until(end: &str, conditions: &[&str]) -> String {
    format!("{{\"expiration\": \"{end}\", \"conditions\": [{}]}}", conditions.join(", "))
}

/// For BUCKET and keys that begin with `in/`, and what `more` says.
fn policy(more: &[&str]) -> String {
    let bucket = format!("{{\"bucket\": \"{BUCKET}\"}}");
    let mut conditions = vec![bucket.as_str(), "[\"starts-with\", \"$key\", \"in/\"]"];
    conditions.extend(more);
    policy_until(END, &conditions)
}

/// All that is stored anywhere.
async fn stored(world: &World) -> Vec<String> {
    let mut all = vec![];
    for bucket in [BUCKET, OTHER] {
        let list = world.owner(ask("GET", format!("/{bucket}"))).await.is(200);
        all.extend(list.body.split("<Key>").skip(1).map(|rest| rest[..rest.find('<').unwrap()].to_owned()));
    }
    all
}

async fn get(world: &World, key: &str) -> Answer {
    world.owner(ask("GET", format!("/{BUCKET}/{key}"))).await.is(200)
}

#[tokio::test]
async fn a_signed_form_lands_as_it_says() {
    let world = World::new().await;
    let conditions = [
        r#"["starts-with", "$Content-Type", "image/"]"#,
        r#"{"acl": "public-read"}"#,
        r#"["starts-with", "$x-amz-meta-name", ""]"#,
        r#"["starts-with", "$tagging", "<Tagging>"]"#,
        r#"["content-length-range", 7, 7]"#,
        r#"{"Cache-Control": "no-store"}"#,
        r#"["starts-with", "$x-amz-algorithm", "AWS4"]"#,
    ];
    let fields = [
        ("key", "in/${filename}"),
        ("Content-Type", "image/jpeg"),
        ("acl", "public-read"),
        ("x-amz-meta-name", "was ${filename}"),
        ("tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"),
        ("Cache-Control", "no-store"),
        ("x-ignore-button", "Go"),
    ];
    let sent = form(&fields).signed(&world.owner, &policy(&conditions));
    let answer = world.anonymous(sent.to(BUCKET)).await.is(204);
    assert_eq!(answer.header("location"), format!("http://localhost/{BUCKET}/in/photo.jpg"));
    assert_eq!(answer.header("etag"), "\"9a0364b9e99bb480dd25e1f0284c8555\"");
    let got = world.anonymous(ask("GET", format!("/{BUCKET}/in/photo.jpg"))).await.is(200);
    assert_eq!((got.body.as_str(), got.header("content-type")), ("content", "image/jpeg"));
    assert_eq!((got.header("cache-control"), got.header("x-amz-meta-name")), ("no-store", "was photo.jpg"));
    let tags = world.owner(ask("GET", format!("/{BUCKET}/in/photo.jpg?tagging"))).await.is(200);
    assert!(tags.body.contains("<Key>a</Key><Value>1</Value>"));
    // What follows the file counts for nothing, and what the request's head says of the form is not about the object.
    let mut late = form(&[("key", "in/late")]).signed(&world.owner, &policy(&[]));
    late.after = "\r\nContent-Disposition: form-data; name=\"acl\"\r\n\r\npublic-read\r\n--b0--".into();
    world.anonymous(late.to(BUCKET).header("cache-control", "no-cache")).await.is(204);
    world.anonymous(ask("GET", format!("/{BUCKET}/in/late"))).await.is(403);
    let got = get(&world, "in/late").await;
    assert_eq!((got.header("content-type"), got.header("cache-control")), ("binary/octet-stream", ""));
}

#[tokio::test]
async fn a_form_is_answered_as_it_asks() {
    let world = World::new().await;
    let answer = async |field: &str, value: &str| {
        let condition = format!("[\"starts-with\", \"${field}\", \"\"]");
        let fields = [("key", "in/a b&c"), (field, value)];
        world.anonymous(form(&fields).signed(&world.owner, &policy(&[&condition])).to(BUCKET)).await
    };
    let location = format!("http://localhost/{BUCKET}/in/a%20b%26c");
    let created = answer("success_action_status", "201").await.is(201);
    let document = format!(
        "<PostResponse><Location>{location}</Location><Bucket>{BUCKET}</Bucket><Key>in/a b&amp;c</Key>\
         <ETag>&quot;9a0364b9e99bb480dd25e1f0284c8555&quot;</ETag></PostResponse>"
    );
    assert!(created.body.ends_with(&document), "{created:?}");
    assert_eq!((created.header("location"), created.header("content-type")), (&*location, "application/xml"));
    assert_eq!(answer("success_action_status", "200").await.is(200).body, "");
    for other in ["204", "500", "", "abc"] {
        assert_eq!(answer("success_action_status", other).await.is(204).body, "");
    }
    let told = format!("bucket={BUCKET}&key=in%2Fa%20b%26c&etag=%229a0364b9e99bb480dd25e1f0284c8555%22");
    for (field, url, to) in [
        ("success_action_redirect", "https://example.com/done", format!("https://example.com/done?{told}")),
        ("redirect", "http://example.com/?a=b#top", format!("http://example.com/?a=b&{told}#top")),
    ] {
        assert_eq!(answer(field, url).await.is(303).header("location"), to);
    }
    for no_page in ["javascript:alert(1)", "//evil.example", "done", ""] {
        assert_eq!(answer("success_action_redirect", no_page).await.is(204).header("location"), location);
    }
}

#[tokio::test]
async fn no_form_gets_around_its_policy() {
    let world = World::new().await;
    let (owner, guest) = (&world.owner, &world.guest);
    let base = form(&[("key", "in/k")]);
    let good = base.clone().signed(owner, &policy(&[]));
    let more = |more: &[&str]| base.clone().signed(owner, &policy(more));
    let other = format!("{{\"bucket\": \"{OTHER}\"}}");
    let anywhere = policy_until(END, &["[\"starts-with\", \"$bucket\", \"\"]", "[\"starts-with\", \"$key\", \"\"]"]);
    let old =
        policy_until("2026-11-25T02:59:59.999Z", &[&format!("{{\"bucket\": \"{BUCKET}\"}}"), "{\"key\": \"in/k\"}"]);
    let tampered = STANDARD.encode(policy(&[]).replace("in/", ""));
    let foreign = Form { disposition: good.disposition.replace("photo.jpg", "a/../..\\\\..\\\\x"), ..good.clone() };
    let credential = |scope: &str| format!("{}/{scope}", owner.access_key_id);
    let in_scope = |scope: &str| base.clone().signed_in(&credential(scope), &owner.secret_access_key, &policy(&[]));
    let attacks = vec![
        // Fields that no condition speaks of (RustFS GHSA-w5fh).
        (good.clone().field("acl", "public-read"), 403, "AccessDenied"),
        (good.clone().field("x-amz-meta-a", "b"), 403, "AccessDenied"),
        (good.clone().field("Content-Type", "text/html"), 403, "AccessDenied"),
        (good.clone().field("success_action_redirect", "http://evil.example"), 403, "AccessDenied"),
        (good.clone().field("tagging", "<Tagging><TagSet/></Tagging>"), 403, "AccessDenied"),
        (good.clone().field("anything", ""), 403, "AccessDenied"),
        (good.clone().field("bucket", OTHER), 403, "AccessDenied"),
        // Conditions that do not hold, or speak of nothing that is there.
        (good.clone().with("key", "out/k"), 403, "AccessDenied"),
        (good.clone().with("key", "/in/k"), 403, "AccessDenied"),
        (good.clone().with("key", "IN/k"), 403, "AccessDenied"),
        (foreign.with("key", "${filename}"), 403, "AccessDenied"),
        (more(&["{\"acl\": \"private\"}"]), 403, "AccessDenied"),
        (more(&[&other]), 403, "AccessDenied"),
        (base.clone().signed(owner, &old), 403, "AccessDenied"),
        (base.clone().signed(owner, &policy_until(END, &["{\"key\": \"in/k\"}"])), 403, "AccessDenied"),
        (
            base.clone().signed(owner, &policy_until(END, &[&format!("{{\"bucket\": \"{BUCKET}\"}}")])),
            403,
            "AccessDenied",
        ),
        // The bucket is the URL's, whatever the form and its policy say (RGW CVE-2023-43040).
        (base.clone().field("bucket", OTHER).signed(owner, &anywhere), 403, "AccessDenied"),
        // Not signed, or not so.
        (good.clone().with("policy", &tampered), 403, "SignatureDoesNotMatch"),
        (good.clone().with("x-amz-signature", &"0".repeat(64)), 403, "SignatureDoesNotMatch"),
        (good.clone().with("x-amz-signature", "not hexadecimal"), 403, "SignatureDoesNotMatch"),
        (base.clone().signed_in(&credential(SCOPE), "guessed", &policy(&[])), 403, "SignatureDoesNotMatch"),
        (
            good.clone().with("x-amz-credential", &format!("{}/{SCOPE}", guest.access_key_id)),
            403,
            "SignatureDoesNotMatch",
        ),
        (good.clone().with("x-amz-credential", &format!("BWNOSUCHKEY/{SCOPE}")), 403, "InvalidAccessKeyId"),
        (in_scope("20261124/us-east-1/s3/aws4_request"), 400, "InvalidArgument"),
        (in_scope("20261125/eu-west-1/s3/aws4_request"), 400, "InvalidArgument"),
        (in_scope("20261125/us-east-1/iam/aws4_request"), 400, "InvalidArgument"),
        (in_scope("20261125/us-east-1/s3"), 400, "InvalidArgument"),
        (good.clone().with("x-amz-date", "20261125"), 400, "InvalidArgument"),
        (good.clone().with("x-amz-algorithm", "none"), 400, "InvalidArgument"),
        (good.clone().field("x-amz-security-token", "t"), 400, "InvalidToken"),
        (good.clone().without("policy"), 400, "InvalidArgument"),
        (good.clone().without("x-amz-signature"), 400, "InvalidArgument"),
        (good.clone().without("x-amz-credential"), 400, "InvalidArgument"),
        (base.clone().field("policy", &tampered), 400, "InvalidArgument"),
        (base.clone().signed_v2(owner, &policy(&[])), 400, "InvalidRequest"),
        (good.clone().signed_v2(owner, &policy(&[])), 400, "InvalidArgument"),
        // Two of a field, in whatever case.
        (good.clone().field("key", "in/other"), 400, "InvalidArgument"),
        (good.clone().field("KEY", "in/other"), 400, "InvalidArgument"),
        (good.clone().field("Policy", &tampered), 400, "InvalidArgument"),
        // Not a policy.
        (base.clone().signed(owner, "{}"), 400, "InvalidPolicyDocument"),
        (base.clone().signed(owner, &policy(&["{}"])), 400, "InvalidPolicyDocument"),
        (base.clone().signed(owner, &policy(&["[\"content-length-range\", 0]"])), 400, "InvalidPolicyDocument"),
        (base.clone().signed(owner, &policy_until("soon", &[])), 400, "InvalidPolicyDocument"),
        // Not as long as allowed.
        (more(&["[\"content-length-range\", 0, 6]"]), 400, "EntityTooLarge"),
        (more(&["[\"content-length-range\", 8, 9]"]), 400, "EntityTooSmall"),
        // Not a form.
        (good.clone().without("key"), 400, "InvalidArgument"),
        (good.clone().with("x-ignore-a", &"x".repeat(20_480)), 400, "MaxPostPreDataLengthExceededError"),
        (Form { after: "x".into(), ..good.clone() }, 400, "MalformedPOSTRequest"),
        (Form { disposition: "form-data; name=\"upload\"".into(), ..good.clone() }, 400, "InvalidArgument"),
        (
            Form { disposition: "form-data; name=\"file\"; filename*=utf-8''k".into(), ..good.clone() },
            400,
            "MalformedPOSTRequest",
        ),
        // What a header could ask for in vain.
        (
            base.clone()
                .field("x-amz-copy-source", "b/k")
                .signed(owner, &policy(&["{\"x-amz-copy-source\": \"b/k\"}"])),
            501,
            "NotImplemented",
        ),
        (
            base.clone()
                .field("x-amz-server-side-encryption", "AES256")
                .signed(owner, &policy(&["{\"x-amz-server-side-encryption\": \"AES256\"}"])),
            501,
            "NotImplemented",
        ),
        // A policy gives no more than its signer has.
        (
            base.clone().field("acl", "public-read").signed(guest, &policy(&["{\"acl\": \"public-read\"}"])),
            400,
            "AccessControlListNotSupported",
        ),
        (
            base.clone()
                .field("tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
                .signed(guest, &policy(&["[\"starts-with\", \"$tagging\", \"\"]"])),
            403,
            "AccessDenied",
        ),
    ];
    for (at, (attack, status, code)) in attacks.into_iter().enumerate() {
        let answer = world.anonymous(attack.to(BUCKET)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "attack {at}: {answer:?}");
    }
    // To a bucket that the signer has nothing to do with, or that is not there.
    let elsewhere = |by, bucket: &str| {
        let conditions = [format!("{{\"bucket\": \"{bucket}\"}}"), "{\"key\": \"in/k\"}".into()];
        base.clone().signed(by, &policy_until(END, &[&conditions[0], &conditions[1]])).to(bucket)
    };
    assert_eq!(world.anonymous(elsewhere(guest, OTHER)).await.is(403).code(), "AccessDenied");
    assert_eq!(world.anonymous(elsewhere(owner, "nowhere.example.com")).await.is(404).code(), "NoSuchBucket");
    assert_eq!(world.anonymous(good.to(OTHER)).await.is(403).code(), "AccessDenied");
    // Headers that no signature covers.
    for header in ["x-amz-acl", "x-amz-tagging", "x-amz-grant-read", "x-amz-checksum-crc32", "content-md5"] {
        let answer = world.anonymous(good.to(BUCKET).header(header, "v")).await.is(403);
        assert_eq!((answer.code(), answer.element("HeadersNotSigned")), ("AccessDenied", header));
    }
    let copies = good.to(BUCKET).header("x-amz-copy-source", &format!("{OTHER}/k"));
    assert_eq!(world.anonymous(copies).await.is(400).code(), "InvalidRequest");
    let no_form = ask("POST", format!("/{BUCKET}")).header("content-type", "text/plain").body(good.body());
    assert_eq!(world.anonymous(no_form).await.is(412).code(), "PreconditionFailed");
    // A form and a signed request are two proofs.
    assert_eq!(world.owner(good.to(BUCKET)).await.is(400).code(), "InvalidArgument");
    assert_eq!(stored(&world).await, Vec::<String>::new());
    world.anonymous(good.to(BUCKET)).await.is(204);
    assert_eq!(stored(&world).await, ["in/k"]);
}

#[tokio::test]
async fn a_form_under_a_key_that_no_longer_works_is_refused() {
    let world = World::new().await;
    let sent = form(&[("key", "in/k")]).signed(&world.guest, &policy(&[]));
    world.anonymous(sent.to(BUCKET)).await.is(204);
    let command = Command::KeyDisable { access_key_id: world.guest.access_key_id.clone() };
    world.store.execute(0, "test".into(), command).await.unwrap();
    assert_eq!(world.anonymous(sent.to(BUCKET)).await.is(403).code(), "InvalidAccessKeyId");
}

#[tokio::test]
async fn a_form_by_sigv2_lands_where_sigv2_is_allowed() {
    let mut world = World::new().await;
    let config = Config { region: "us-east-1".into(), domains: vec![], allow_sigv2: true };
    world.service = Service::new(world.store.clone(), config);
    let good = form(&[("key", "in/k")]).signed_v2(&world.guest, &policy(&[]));
    let wrong = good.clone().with("Signature", &STANDARD.encode([0; 20]));
    assert_eq!(world.anonymous(wrong.to(BUCKET)).await.is(403).code(), "SignatureDoesNotMatch");
    let tampered = good.clone().with("Policy", &STANDARD.encode(policy(&[]).replace("in/", "")));
    assert_eq!(world.anonymous(tampered.to(BUCKET)).await.is(403).code(), "SignatureDoesNotMatch");
    let uncovered = good.clone().field("acl", "private");
    assert_eq!(world.anonymous(uncovered.to(BUCKET)).await.is(403).code(), "AccessDenied");
    world.anonymous(good.to(BUCKET)).await.is(204);
    assert_eq!(get(&world, "in/k").await.body, "content");
}

#[tokio::test]
async fn who_does_not_sign_a_form_may_send_what_it_may_put() {
    let world = World::new().await;
    let plain = form(&[("key", "k"), ("submit", "Go"), ("Content-Type", "text/plain")]);
    assert_eq!(world.anonymous(plain.to(OTHER)).await.is(403).code(), "AccessDenied");
    world.owner(ask("PUT", format!("/{OTHER}?acl")).header("x-amz-acl", "public-read-write")).await.is(200);
    world.anonymous(plain.to(OTHER)).await.is(204);
    let got = world.owner(ask("GET", format!("/{OTHER}/k"))).await.is(200);
    assert_eq!((got.body.as_str(), got.header("content-type")), ("content", "text/plain"));
    let wide = plain.clone().field("acl", "public-read");
    assert_eq!(world.anonymous(wide.to(OTHER)).await.is(400).code(), "AccessControlListNotSupported");
    let tagged = plain.clone().field("tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>");
    assert_eq!(world.anonymous(tagged.to(OTHER)).await.is(403).code(), "AccessDenied");
    // A form in a signed request is a PutObject by whoever signed that.
    world.guest(plain.to(BUCKET)).await.is(204);
    assert_eq!(get(&world, "k").await.body, "content");
    let beside = world.guest(plain.to(BUCKET).header("x-amz-acl", "private")).await.is(400);
    assert_eq!(beside.code(), "InvalidRequest");
}

#[tokio::test]
async fn a_key_in_a_form_stays_exactly_as_it_is() {
    let world = World::new().await;
    for key in
        ["in/../../etc/passwd", "in//a", "in/%2e%2e/%00", "in/\\..\\a", "in/a\0b", "in/.", "in/ ä ", "in/a+b?c#d"]
    {
        let answer = world.anonymous(form(&[("key", key)]).signed(&world.owner, &policy(&[])).to(BUCKET)).await.is(204);
        let at = answer.header("location").strip_prefix("http://localhost").unwrap();
        assert_eq!(world.owner(ask("GET", at)).await.is(200).body, "content", "{key}");
        let list = world.owner(ask("GET", format!("/{BUCKET}?encoding-type=url"))).await.is(200);
        assert_eq!(list.body.matches("<Key>").count(), 1);
        world.owner(ask("DELETE", at)).await.is(204);
    }
    let long = "in/".to_owned() + &"x".repeat(1022);
    let answer = world.anonymous(form(&[("key", &long)]).signed(&world.owner, &policy(&[])).to(BUCKET)).await;
    assert_eq!(answer.is(400).code(), "KeyTooLongError");
}

#[tokio::test]
async fn digests_and_conditions_in_fields_are_kept_to() {
    let world = World::new().await;
    let any = |name: &str| format!("[\"starts-with\", \"${name}\", \"\"]");
    let send = async |name: &str, value: &str| {
        let sent = form(&[("key", "in/k"), (name, value)]).signed(&world.owner, &policy(&[&any(name)]));
        world.anonymous(sent.to(BUCKET)).await
    };
    assert_eq!(send("x-amz-checksum-crc32", "AAAAAA==").await.is(400).code(), "BadDigest");
    assert_eq!(send("x-amz-checksum-crc32", "nonsense").await.is(400).code(), "InvalidRequest");
    assert_eq!(send("x-amz-checksum-md5", "AAAAAA==").await.is(400).code(), "InvalidRequest");
    assert_eq!(send("Content-MD5", &md5("other")).await.is(400).code(), "BadDigest");
    assert_eq!(stored(&world).await, Vec::<String>::new());
    send("Content-MD5", &md5("content")).await.is(204);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, b"content") as u32;
    let crc = STANDARD.encode(crc.to_be_bytes());
    assert_eq!(send("x-amz-checksum-crc32", &crc).await.is(204).header("x-amz-checksum-crc32"), crc);
    assert!(!send("x-amz-checksum-algorithm", "SHA256").await.is(204).header("x-amz-checksum-sha256").is_empty());
    assert_eq!(send("If-None-Match", "*").await.is(412).code(), "PreconditionFailed");
}

/// Sends the head of a form and then its file; tells whether the file was asked for.
async fn watched(world: &World, form: &Form) -> (u16, bool, bool) {
    let polled = Arc::new(AtomicBool::new(false));
    let seen = polled.clone();
    let (head, body) = (form.head(), form.body());
    let rest = Bytes::from(body[head.len()..].to_owned());
    let frames = stream::iter([0, 1]).map(move |n| {
        let bytes = if n == 0 { Bytes::from(head.clone()) } else { rest.clone() };
        seen.fetch_or(n == 1, Ordering::Relaxed);
        Ok::<_, Infallible>(Frame::data(bytes))
    });
    let request = http::Request::post(format!("/{BUCKET}"))
        .header("host", "localhost")
        .header("content-type", "multipart/form-data; boundary=b0")
        .header("content-length", body.len())
        .body(StreamBody::new(frames))
        .unwrap();
    let received = Timestamp::from_seconds(NOW);
    let arrival = Arrival { request_id: "R1".into(), source: None, received, tls: None };
    let (parts, body) = world.service.handle(arrival, request).await.into_parts();
    body.collect().await.unwrap();
    (parts.status.as_u16(), polled.load(Ordering::Relaxed), parts.headers.contains_key("connection"))
}

#[tokio::test]
async fn the_file_of_a_form_that_is_not_let_in_is_not_read_and_the_connection_ends() {
    let world = World::new().await;
    let base = form(&[("key", "in/k")]);
    for refused in [
        base.clone(),
        base.clone().signed(&world.owner, &policy_until("2026-11-25T02:00:00Z", &[])),
        base.clone().signed(&world.owner, &policy(&["{\"acl\": \"private\"}"])),
        base.clone().signed(&world.owner, &policy(&[])).field("acl", "private"),
        base.clone().signed(&world.owner, &policy(&[])).with("x-amz-signature", &"0".repeat(64)),
    ] {
        assert_eq!(watched(&world, &refused).await, (403, false, true));
    }
    let large = base.signed(&world.owner, &policy(&["[\"content-length-range\", 0, 1]"])).content(&"x".repeat(100_000));
    assert_eq!(watched(&world, &large).await.0, 400);
    assert_eq!(stored(&world).await, Vec::<String>::new());
    let good = form(&[("key", "in/k")]).signed(&world.owner, &policy(&[])).content(&"x".repeat(100_000));
    assert_eq!(watched(&world, &good).await, (204, true, false));
    assert_eq!(get(&world, "in/k").await.body.len(), 100_000);
}
