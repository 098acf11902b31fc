//! Forms: protocol cases of that name, on the wire. What must not be stored is looked for afterwards.

use std::time::Duration;

use client::{Answer, Request, Source};
use testkit::by_group;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::field_rig::{ALL_USERS, CLOSED, GRANTED, Rig, TEXT, ok, raw_status, refused, wrong};
use crate::form::{Form, policy, policy_until};

const KEY: [(&str, &str); 1] = [("key", "in/k")];

/// The owner's form for `closed/in/k`, with what `more` fields and conditions say.
fn owners(rig: &Rig, fields: &[(&str, &str)], conditions: &[&str]) -> Form {
    Form::new(&[&KEY, fields].concat(), TEXT).signed(rig.server.owner_key(), &policy(CLOSED, conditions))
}

async fn post(rig: &Rig, form: &Form, place: &str) -> Answer {
    rig.server.anonymous().send(&form.to(place)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_policy_lets_in_exactly_the_form_that_it_describes() {
    let rig = Rig::new().await;
    ok(&post(&rig, &owners(&rig, &[], &[]), CLOSED).await);
    assert_eq!(rig.owner.get("closed/in/k").await.unwrap().text(), TEXT);
    ok(&rig.owner.delete("closed/in/k").await.unwrap());
    let before = rig.snapshot().await;
    let sign = |form: Form, policy: &str| form.signed(rig.server.owner_key(), policy);
    let form = |fields: &[(&str, &str)]| Form::new(fields, TEXT);
    let in_closed = format!("{{\"bucket\":\"{CLOSED}\"}}");
    let bucket_only = policy_until(600, &[in_closed.as_str()]);
    let key_only = policy_until(600, &["{\"key\":\"in/k\"}"]);
    let nameless = policy_until(600, &["[\"starts-with\",\"$key\",\"\"]", "[\"starts-with\",\"$bucket\",\"\"]"]);
    for (what, form, status, code) in [
        ("a field without a condition", owners(&rig, &[("acl", "private")], &[]), 403, "AccessDenied"),
        ("metadata without a condition", owners(&rig, &[("x-amz-meta-a", "b")], &[]), 403, "AccessDenied"),
        ("a type without a condition", owners(&rig, &[("Content-Type", "text/html")], &[]), 403, "AccessDenied"),
        ("a redirect without one", owners(&rig, &[("success_action_redirect", "https://e")], &[]), 403, "AccessDenied"),
        ("another key", sign(form(&[("key", "out/k")]), &policy(CLOSED, &[])), 403, "AccessDenied"),
        ("a key that is not covered", sign(form(&KEY), &bucket_only), 403, "AccessDenied"),
        ("a bucket that is not covered", sign(form(&KEY), &key_only), 403, "AccessDenied"),
        ("another bucket's policy", sign(form(&KEY), &policy(GRANTED, &[])), 403, "AccessDenied"),
        (
            "the bucket field of another bucket",
            sign(form(&[("key", "in/k"), ("bucket", GRANTED)]), &nameless),
            403,
            "AccessDenied",
        ),
        ("a condition on what is not there", owners(&rig, &[], &["{\"acl\":\"private\"}"]), 403, "AccessDenied"),
        (
            "an end that is past",
            sign(form(&KEY), &policy_until(-5, &[&in_closed, "{\"key\":\"in/k\"}"])),
            403,
            "AccessDenied",
        ),
        (
            "another secret",
            form(&KEY).signed(&wrong(rig.server.owner_key()), &policy(CLOSED, &[])),
            403,
            "SignatureDoesNotMatch",
        ),
        ("a guest's policy", form(&KEY).signed(&rig.guest.key, &policy(CLOSED, &[])), 403, "AccessDenied"),
        ("no policy at all", form(&KEY), 403, "AccessDenied"),
        ("no JSON", sign(form(&KEY), "{"), 400, "InvalidPolicyDocument"),
        ("no conditions", sign(form(&KEY), "{\"expiration\":\"2099-01-01T00:00:00Z\"}"), 400, "InvalidPolicyDocument"),
        ("too long a file", owners(&rig, &[], &["[\"content-length-range\",0,10]"]), 400, "EntityTooLarge"),
        ("too short a file", owners(&rig, &[], &["[\"content-length-range\",1000,2000]"]), 400, "EntityTooSmall"),
        ("two keys", owners(&rig, &[("key", "in/other")], &[]), 400, "InvalidArgument"),
        ("no key", sign(form(&[]), &bucket_only), 400, "InvalidArgument"),
        ("no end", owners(&rig, &[], &[]).end(""), 400, "MalformedPOSTRequest"),
    ] {
        refused(&post(&rig, &form, CLOSED).await, status, code, what);
        assert_eq!(rig.snapshot().await, before, "{what}");
    }
    // What begins with x-ignore- needs none.
    ok(&post(&rig, &owners(&rig, &[("x-ignore-a", "b")], &[]), CLOSED).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_asks_for_is_what_it_gets() {
    let rig = Rig::lenient().await;
    rig.owner.delete("closed?publicAccessBlock").await.unwrap();
    let crc = Source::from(TEXT).crc32c_base64();
    let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let fields = [
        ("key", "in/${filename}"),
        ("acl", "public-read"),
        ("Content-Type", "text/plain"),
        ("x-amz-meta-colour", "red"),
        ("x-amz-checksum-crc32c", crc.as_str()),
        ("tagging", tagging),
        ("success_action_status", "201"),
    ];
    let conditions = [
        "{\"acl\":\"public-read\"}",
        "[\"starts-with\",\"$Content-Type\",\"text/\"]",
        "{\"x-amz-meta-colour\":\"red\"}",
        "[\"starts-with\",\"$x-amz-checksum-crc32c\",\"\"]",
        "[\"starts-with\",\"$tagging\",\"\"]",
        "{\"success_action_status\":\"201\"}",
        "[\"content-length-range\",1,1000]",
    ];
    let form = Form::new(&fields, TEXT).filename("C:\\fotos\\my photo.jpg");
    let form = form.signed(rig.server.owner_key(), &policy(CLOSED, &conditions));
    let answer = post(&rig, &form, CLOSED).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.elements(&["PostResponse", "Bucket"]), [CLOSED]);
    assert_eq!(answer.elements(&["PostResponse", "Key"]), ["in/my photo.jpg"]);
    let place = "closed/in/my photo.jpg";
    let read = rig.server.anonymous().get(place).await.unwrap();
    assert_eq!((read.status, read.text().as_str()), (200, TEXT), "it is public, as it was asked to be");
    assert_eq!((read.header("content-type"), read.header("x-amz-meta-colour")), (Some("text/plain"), Some("red")));
    let tags = rig.owner.get(&format!("{place}?tagging")).await.unwrap();
    assert_eq!(tags.elements(&["Tagging", "TagSet", "Tag", "Key"]), ["a"]);

    // A checksum is verified; a page to go to is one, or is not gone to.
    let crc = Source::from("other bytes").crc32c_base64();
    let covered = ["[\"starts-with\",\"$x-amz-checksum-crc32c\",\"\"]"];
    let form = owners(&rig, &[("x-amz-checksum-crc32c", &crc)], &covered);
    refused(&post(&rig, &form, CLOSED).await, 400, "BadDigest", "another checksum");
    assert!(!rig.stored("closed/in/k").await);
    for (url, status) in [("https://example.com/done", 303), ("javascript:alert(1)", 204), ("//evil.example", 204)] {
        let covered = ["[\"starts-with\",\"$success_action_redirect\",\"\"]"];
        let answer = post(&rig, &owners(&rig, &[("success_action_redirect", url)], &covered), CLOSED).await;
        let location = answer.header("location").unwrap_or_default();
        assert_eq!((answer.status, location.starts_with(url)), (status, status == 303), "{url}: {location}");
    }
    // On a bucket that everyone may write to a form needs no policy, and still nothing goes elsewhere.
    rig.owner.delete("granted?publicAccessBlock").await.unwrap();
    rig.grant(GRANTED, &[(by_group(ALL_USERS), "WRITE")]).await;
    ok(&post(&rig, &Form::new(&KEY, TEXT), GRANTED).await);
    let answer = post(&rig, &Form::new(&KEY, TEXT).field("bucket", CLOSED), GRANTED).await;
    refused(&answer, 403, "AccessDenied", "the bucket of the field is not the one of the URL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_a_form_is_the_objects_key_to_the_byte() {
    let rig = Rig::new().await;
    let closed = rig.owner.list(CLOSED, "").await.unwrap().text();
    for key in ["in/../../closed/victim.txt", "in/%2e%2e/x", "in//x", "in/\\..\\x", "in/a b+c&d", "in/ж"] {
        let form = Form::new(&[("key", key)], key).signed(rig.server.owner_key(), &policy(GRANTED, &[]));
        ok(&post(&rig, &form, GRANTED).await);
        let path = format!("/{GRANTED}/{}", client::encode_key(key));
        let read = rig.owner.send(&Request::new(client::Method::GET, path)).await.unwrap();
        assert_eq!(read.text(), key);
    }
    assert_eq!(rig.owner.list(CLOSED, "").await.unwrap().text(), closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forms_head_is_bounded_and_judged_before_its_file_is_sent() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let long = owners(&rig, &[("x-ignore-a", &"x".repeat(20 * 1024))], &[]);
    refused(&post(&rig, &long, CLOSED).await, 400, "MaxPostPreDataLengthExceededError", "a head of more than 20 KiB");
    let names: Vec<String> = (0..101).map(|n| format!("x-ignore-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let answer = post(&rig, &owners(&rig, &many, &[]), CLOSED).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    // A head that ends nowhere is not waited for until it fills the memory.
    let endless = Form::new(&KEY, TEXT).field("x-ignore-a", &"x".repeat(5_000_000));
    assert_eq!(post(&rig, &endless, CLOSED).await.status, 400);

    // Its head alone, of a form whose file never comes.
    let s3 = rig.server.anonymous().with_stall(Duration::from_secs(5));
    let large = vec![7; 1_000_000];
    for (what, form, status) in [
        (
            "another secret",
            Form::new(&KEY, large.clone()).signed(&wrong(rig.server.owner_key()), &policy(CLOSED, &[])),
            403,
        ),
        ("a guest", Form::new(&KEY, large.clone()).signed(&rig.guest.key, &policy(CLOSED, &[])), 403),
        ("a field too many", owners(&rig, &[("acl", "private")], &[]), 403),
        ("nobody", Form::new(&KEY, large.clone()), 403),
        ("no JSON", Form::new(&KEY, large).signed(rig.server.owner_key(), "{"), 400),
    ] {
        let mut bytes = s3.prepare(&form.to(CLOSED)).unwrap().into_bytes();
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        bytes.truncate(end + form.head().len());
        let answer = s3.exchange(&bytes).await;
        assert_eq!(raw_status(&answer), Some(status), "{what}: {answer:?}");
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_trickles_in_is_stored_whole_and_one_that_breaks_off_is_not() {
    let rig = Rig::new().await;
    let form = owners(&rig, &[], &[]);
    let bytes = rig.server.anonymous().prepare(&form.to(CLOSED)).unwrap().into_bytes();
    let address = rig.server.endpoint()["http://".len()..].to_owned();
    let before = rig.snapshot().await;
    for cut in [bytes.len() - 1, bytes.len() - TEXT.len(), bytes.len() / 2] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&bytes[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = vec![];
        let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(rig.snapshot().await, before, "cut at {cut}");
    }
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in bytes.chunks(3) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert_eq!(rig.owner.get("closed/in/k").await.unwrap().text(), TEXT);
}
