//! Objects: written, read, listed, copied, removed.

use crate::world::{BUCKET, OTHER, World, ask, md5};

fn at(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}

#[tokio::test]
async fn what_was_put_comes_back_with_everything_that_went_with_it() {
    let world = World::new().await;
    let put = ask("PUT", at("a/..//%D0%BA"))
        .header("content-type", "text/plain")
        .header("cache-control", "no-cache")
        .header("content-encoding", "gzip")
        .header("x-amz-meta-colour", "grün")
        .header("x-amz-storage-class", "STANDARD")
        .body("hello");
    let written = world.guest(put).await.is(200);
    assert_eq!(written.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(written.header("x-amz-checksum-crc64nvme"), "M3eFcAZSQlc=");
    for method in ["GET", "HEAD"] {
        let got = world.guest(ask(method, at("a/..//%D0%BA")).header("x-amz-checksum-mode", "ENABLED")).await.is(200);
        assert_eq!(got.body, if method == "GET" { "hello" } else { "" });
        if method == "HEAD" {
            assert_eq!(got.header("content-length"), "5");
        }
        for (name, value) in [
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
            ("content-type", "text/plain"),
            ("cache-control", "no-cache"),
            ("content-encoding", "gzip"),
            ("accept-ranges", "bytes"),
            ("last-modified", "Wed, 25 Nov 2026 03:00:00 GMT"),
            ("x-amz-checksum-crc64nvme", "M3eFcAZSQlc="),
            ("x-amz-checksum-type", "FULL_OBJECT"),
        ] {
            assert_eq!(got.header(name), value, "{name}");
        }
        assert_eq!(got.headers["x-amz-meta-colour"].as_bytes(), "grün".as_bytes());
    }
    let plain = world.guest(ask("GET", at("a/..//%D0%BA"))).await.is(200);
    assert!(!plain.headers.contains_key("x-amz-checksum-type"));
    world.guest(ask("PUT", at("plain")).body("x")).await.is(200);
    assert_eq!(world.guest(ask("GET", at("plain"))).await.is(200).header("content-type"), "binary/octet-stream");
}

#[tokio::test]
async fn ranges_and_conditions_hold() {
    let world = World::new().await;
    let body: String = "0123456789".repeat(1000);
    let tag = world.owner(ask("PUT", at("k")).body(body.clone())).await.is(200).header("etag").to_owned();
    let get = || ask("GET", at("k"));
    for (range, status, from, to) in [
        ("bytes=0-4", 206, 0, 5),
        ("bytes=9995-", 206, 9995, 10_000),
        ("bytes=-3", 206, 9997, 10_000),
        ("bytes=0-99999", 206, 0, 10_000),
        ("bytes=0-1,3-4", 200, 0, 10_000),
        ("bytes=5-1", 200, 0, 10_000),
    ] {
        let got = world.owner(get().header("range", range)).await.is(status);
        assert_eq!(got.body, body[from..to], "{range}");
        let content_range = if status == 206 { format!("bytes {from}-{}/10000", to - 1) } else { String::new() };
        assert_eq!(got.header("content-range"), content_range);
        let head = world.owner(ask("HEAD", at("k")).header("range", range)).await.is(status);
        assert_eq!(head.header("content-length"), (to - from).to_string());
    }
    let beyond = world.owner(get().header("range", "bytes=10000-")).await.is(416);
    assert_eq!((beyond.code(), beyond.header("content-range")), ("InvalidRange", "bytes */10000"));
    assert_eq!(beyond.element("RangeRequested"), "bytes=10000-");

    assert_eq!(world.owner(get().header("if-none-match", &tag)).await.is(304).header("etag"), tag);
    world.owner(get().header("if-match", &tag)).await.is(200);
    assert_eq!(world.owner(get().header("if-match", "\"other\"")).await.is(412).element("Condition"), "If-Match");
    world.owner(get().header("if-modified-since", "Wed, 25 Nov 2026 03:00:00 GMT")).await.is(304);
    world.owner(get().header("if-unmodified-since", "Wed, 25 Nov 2026 02:59:59 GMT")).await.is(412);
    for (unchanged, status) in [(tag.as_str(), 206), ("\"other\"", 200), ("Wed, 25 Nov 2026 03:00:00 GMT", 206)] {
        world.owner(get().header("range", "bytes=0-0").header("if-range", unchanged)).await.is(status);
    }
    let put = || ask("PUT", at("k")).body("new");
    world.owner(put().header("if-none-match", "*")).await.is(412);
    world.owner(put().header("if-none-match", &tag)).await.is(501);
    world.owner(put().header("if-match", "\"other\"")).await.is(412);
    world.owner(put().header("if-match", &tag)).await.is(200);
    world.owner(ask("DELETE", at("k")).header("if-match", &tag)).await.is(412);
}

#[tokio::test]
async fn headers_of_the_answer_may_be_chosen_by_who_signs_and_by_nobody_else() {
    let world = World::new().await;
    world.owner(ask("PUT", format!("/{BUCKET}?acl")).header("x-amz-acl", "public-read")).await.is(200);
    world.owner(ask("PUT", at("k")).header("x-amz-acl", "public-read").body("x")).await.is(200);
    let uri = format!("{}?response-content-type=text%2Fhtml&response-cache-control=no-store", at("k"));
    let got = world.owner(ask("GET", &*uri)).await.is(200);
    assert_eq!((got.header("content-type"), got.header("cache-control")), ("text/html", "no-store"));
    world.anonymous(ask("GET", at("k"))).await.is(200);
    assert_eq!(world.anonymous(ask("GET", &*uri)).await.is(400).code(), "InvalidRequest");
    let split = format!("{}?response-content-type=a%0D%0Ax-evil%3A1", at("k"));
    assert_eq!(world.owner(ask("GET", split)).await.is(400).code(), "InvalidArgument");
}

#[tokio::test]
async fn what_is_asked_for_in_vain_is_refused_by_name() {
    let world = World::new().await;
    for (header, value, code) in [
        ("x-amz-server-side-encryption", "AES256", "NotImplemented"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256", "NotImplemented"),
        ("x-amz-tagging", "a=%", "InvalidArgument"),
        ("x-amz-tagging-directive", "REPLACE", "InvalidRequest"),
        ("x-amz-object-lock-mode", "GOVERNANCE", "NotImplemented"),
        ("x-amz-storage-class", "GLACIER", "InvalidStorageClass"),
        ("x-amz-website-redirect-location", "evil", "InvalidRedirectLocation"),
    ] {
        let answer = world.owner(ask("PUT", at("k")).header(header, value).body("x")).await;
        assert_eq!(answer.code(), code, "{header}");
    }
    let big = "x".repeat(2048);
    let answer = world.owner(ask("PUT", at("k")).header("x-amz-meta-a", &big).body("x")).await.is(400);
    assert_eq!(answer.code(), "MetadataTooLarge");
    world.owner(ask("GET", at("k"))).await.is(404);
    world.owner(ask("PUT", at("k")).header("x-amz-meta-a", &big[1..]).body("x")).await.is(200);
}

#[tokio::test]
async fn listings_page_through_every_key_once() {
    let world = World::new().await;
    for key in ["a", "b/1", "b/2", "c%20%26", "d"] {
        world.owner(ask("PUT", at(key)).body("x")).await.is(200);
    }
    let keys = |body: &str, open: &str| -> Vec<String> {
        let texts = body.split(open).skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        texts.collect()
    };
    for (style, query, next, send) in [
        ("v2", "list-type=2", "NextContinuationToken", "continuation-token"),
        ("v1", "", "NextMarker", "marker"),
        ("versions", "versions", "NextKeyMarker", "key-marker"),
    ] {
        let mut seen: Vec<String> = vec![];
        let mut from = String::new();
        loop {
            let uri = format!("/{BUCKET}?delimiter=%2F&encoding-type=url&max-keys=1&{from}{query}");
            let page = world.guest(ask("GET", uri)).await.is(200);
            let found = [keys(&page.body, "<Key>"), keys(&page.body, "<CommonPrefixes><Prefix>")].concat();
            assert_eq!(found.len(), 1, "{style}: {page:?}");
            seen.extend(found);
            if page.element("IsTruncated") == "false" {
                break;
            }
            from = format!("{send}={}&", page.element(next).replace('/', "%2F"));
        }
        assert_eq!(seen, ["a", "b/", "c%20%26", "d"], "{style}");
    }
    let plain = world.guest(ask("GET", format!("/{BUCKET}?list-type=2&fetch-owner=true&prefix=c&start-after=b"))).await;
    assert_eq!((plain.element("Key"), plain.element("KeyCount")), ("c &amp;", "1"));
    assert_eq!(plain.element("ID"), world.owner.canonical_id);
    let none = world.guest(ask("GET", format!("/{BUCKET}?max-keys=0"))).await.is(200);
    assert_eq!((none.element("IsTruncated"), none.element("MaxKeys")), ("false", "0"));
    for bad in
        ["max-keys=-1", "max-keys=x", "max-keys=2147483648", "encoding-type=xml", "continuation-token=x&list-type=2"]
    {
        assert_eq!(
            world.guest(ask("GET", format!("/{BUCKET}?{bad}"))).await.is(400).code(),
            "InvalidArgument",
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_copy_takes_the_source_or_the_request_and_needs_both_rights() {
    let world = World::new().await;
    world.owner(ask("PUT", at("from")).header("x-amz-meta-a", "1").body("body")).await.is(200);
    let copy = |to: &str| ask("PUT", at(to)).header("x-amz-copy-source", &format!("{BUCKET}/from"));
    let copied = world.owner(copy("to")).await.is(200);
    assert_eq!(copied.element("ETag"), "&quot;841a2d689ad86bd1611447453c22c6fc&quot;");
    assert_eq!(world.owner(ask("GET", at("to"))).await.is(200).header("x-amz-meta-a"), "1");
    let replace = copy("to").header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-b", "2");
    world.owner(replace).await.is(200);
    let got = world.owner(ask("GET", at("to"))).await.is(200);
    assert_eq!((got.header("x-amz-meta-a"), got.header("x-amz-meta-b"), got.body.as_str()), ("", "2", "body"));
    world
        .owner(copy("to").header("x-amz-copy-source-if-none-match", "\"841a2d689ad86bd1611447453c22c6fc\""))
        .await
        .is(412);
    world.owner(copy("to").header("x-amz-copy-source-if-modified-since", "yesterday")).await.is(400);
    world.owner(copy("to").header("x-amz-tagging-directive", "MERGE")).await.is(400);
    world.owner(copy("to").header("x-amz-metadata-directive", "MERGE")).await.is(400);
    assert_eq!(world.owner(copy("from")).await.is(400).code(), "InvalidRequest");
    world.owner(ask("PUT", format!("/{OTHER}/secret")).body("secret")).await.is(200);
    let steal = ask("PUT", at("stolen")).header("x-amz-copy-source", &format!("{OTHER}/secret"));
    assert_eq!(world.guest(steal).await.is(403).code(), "AccessDenied");
}

#[tokio::test]
async fn whoever_takes_a_bucket_for_anothers_is_refused() {
    let world = World::new().await;
    let put = |owner: &str| ask("PUT", at("k")).header("x-amz-expected-bucket-owner", owner).body("x");
    assert_eq!(world.guest(put(&world.guest.account_id)).await.is(403).code(), "AccessDenied");
    assert_eq!(world.guest(put("nobody")).await.is(400).code(), "InvalidBucketOwnerAWSAccountID");
    world.guest(put(&world.owner.account_id)).await.is(200);
    let copy = ask("PUT", at("l")).header("x-amz-copy-source", &format!("{BUCKET}/k"));
    let copy = |owner: &str| copy.clone().header("x-amz-source-expected-bucket-owner", owner);
    world.guest(copy(&world.guest.account_id)).await.is(403);
    world.guest(copy(&world.owner.account_id)).await.is(200);
}

#[tokio::test]
async fn many_are_deleted_at_once_each_for_itself() {
    let world = World::new().await;
    for key in ["a", "b", "c"] {
        world.owner(ask("PUT", at(key)).body("x")).await.is(200);
    }
    let long = "k".repeat(1025);
    let body = format!(
        "<Delete xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Object><Key>a</Key></Object>\
         <Object><Key>{long}</Key></Object><Object><Key>b</Key><VersionId>{}</VersionId></Object>\
         <Object><Key>c</Key><ETag>&quot;other&quot;</ETag></Object><Object><Key>none</Key></Object></Delete>",
        "0".repeat(32)
    );
    let uri = format!("/{BUCKET}?delete");
    let bare = world.guest(ask("POST", &*uri).body(body.clone())).await.is(400);
    assert_eq!(bare.code(), "InvalidRequest");
    let answer = world.guest(ask("POST", &*uri).header("content-md5", &md5(&body)).body(body)).await.is(200);
    assert!(answer.body.contains("<Deleted><Key>a</Key></Deleted>"));
    assert!(answer.body.contains("<Deleted><Key>none</Key></Deleted>"));
    for code in ["KeyTooLongError", "NoSuchVersion", "PreconditionFailed"] {
        assert_eq!(answer.body.matches(&format!("<Code>{code}</Code>")).count(), 1, "{code}: {answer:?}");
    }
    world.owner(ask("HEAD", at("a"))).await.is(404);
    world.owner(ask("HEAD", at("b"))).await.is(200);
    world.owner(ask("HEAD", at("c"))).await.is(200);
}
