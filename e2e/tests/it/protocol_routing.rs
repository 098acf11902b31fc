//! Routing: protocol cases of that name, on the wire.

use client::{Method, Request, S3, Source, encode_key};
use s3::table::{OPERATIONS, Target};
use testkit::Options;

use crate::field_rig::{
    CLOSED, Dice, GRANTED, Rig, SECRET, TEXT, UPLOAD, VICTIM, get, is_refusal, ok, put, raw_status, refused,
    send_altered,
};

const DOMAIN: &str = "s3.test";

/// A rig that knows buckets by host name too.
async fn with_hosts() -> Rig {
    let options = Options { throttled: false, ..Options::default() };
    let wire = s3::wire::Config { domains: vec![DOMAIN.into()], ..options.wire.clone() };
    Rig::with(Options { wire, ..options }).await
}

/// Query keys of all kinds: that select, that are taken, that are nothing.
fn query_keys() -> Vec<&'static str> {
    let mut keys: Vec<&str> = OPERATIONS.iter().flat_map(|row| row.sub.iter().chain(row.query)).copied().collect();
    keys.extend(["foo", "nosuch", "ACL", "Acl", "deletes", "x-amz-acl", "x-amz-copy-source", "x-id2", "versionid"]);
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether the table has exactly that form, so that it may do something.
fn is_an_operation(method: &Method, target: Target, keys: &[&str]) -> bool {
    OPERATIONS.iter().any(|row| {
        let whole = keys.iter().all(|key| row.sub.contains(key) || row.query.contains(key));
        row.method == method.as_str() && row.target == target && whole && row.sub.iter().all(|sub| keys.contains(sub))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sub_resource_falls_through_to_the_operation_without_it() {
    let rig = Rig::new().await;
    // Places where falling through would show: a bucket that can be deleted, one that can be made, an object likewise.
    ok(&rig.owner.put("empty", "").await.unwrap());
    let places = [
        ("empty", Target::Bucket),
        ("brand-new-bucket", Target::Bucket),
        (VICTIM, Target::Object),
        ("closed/brand-new", Target::Object),
    ];
    let before = rig.snapshot().await;
    let keys = query_keys();
    let mut forms: Vec<Vec<&str>> = keys.iter().map(|key| vec![*key]).collect();
    let mut dice = Dice(7);
    for _ in 0..300 {
        let pair = vec![*dice.pick(&keys), *dice.pick(&keys)];
        if pair[0] != pair[1] {
            forms.push(pair);
        }
    }
    forms.push(vec!["acl", "tagging"]);
    let mut asked = 0;
    for form in &forms {
        for method in [Method::PUT, Method::DELETE, Method::POST] {
            for (place, target) in places {
                if is_an_operation(&method, target, form) {
                    continue;
                }
                let value = |key: &&str| if *key == "list-type" { format!("{key}=2") } else { format!("{key}=1") };
                let plain = Request::at_place(method.clone(), place);
                for query in [form.join("&"), form.iter().map(value).collect::<Vec<_>>().join("&")] {
                    let request =
                        plain.clone().raw_query(&query).bytes(if target == Target::Object { TEXT } else { "" });
                    let answer = rig.owner.send(&request).await.unwrap();
                    let told = format!("{method} {place}?{query}: {} {}", answer.status, answer.text());
                    assert!(is_refusal(&answer) && answer.status != 403, "{told}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 2000, "{asked}");
    assert_eq!(rig.snapshot().await, before);
    for (request, status) in [
        (Request::at_place(Method::DELETE, "closed?acl"), 405),
        (Request::at_place(Method::DELETE, "empty?foo"), 400),
        (put("brand-new-bucket?nosuch"), 400),
        (put("closed/k?acl&tagging").bytes(TEXT), 400),
        (put("closed/k?versionId=1").bytes(TEXT), 400),
        (put(&format!("{UPLOAD}?partNumber=2")).bytes(TEXT), 400),
        (put(&format!("{UPLOAD}?uploadId={}", rig.upload)).bytes(TEXT), 405),
        (Request::at_place(Method::DELETE, "empty/?acl"), 405),
        (Request::at_place(Method::DELETE, "empty?%61cl"), 405),
    ] {
        let answer = rig.owner.send(&request).await.unwrap();
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_does_not_exist_is_told_which_do() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    for (place, allowed) in [
        ("", "GET"),
        (CLOSED, "DELETE, GET, HEAD, POST, PUT"),
        (VICTIM, "DELETE, GET, HEAD, PUT"),
        ("closed/none", "DELETE, GET, HEAD, PUT"),
    ] {
        for method in ["PATCH", "TRACE", "PROPFIND", "MOVE", "COPY", "get", "Put", "FOO", "DELETE2"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = rig.owner.send(&Request::at_place(method.clone(), place)).await.unwrap();
            refused(&answer, 405, "MethodNotAllowed", &format!("{method} {place}"));
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {place}");
        }
    }
    let connect =
        rig.owner.exchange(b"CONNECT closed:80 HTTP/1.1\r\nHost: closed:80\r\nConnection: close\r\n\r\n").await;
    assert!(raw_status(&connect).is_some_and(|status| (400..500).contains(&status)), "{connect:?}");
    assert_eq!(rig.snapshot().await, before);
}

/// Keys that file systems, parsers and other servers stumbled over.
fn torture() -> Vec<String> {
    let mut keys: Vec<String> = [
        ".",
        "..",
        "...",
        "./a",
        "../a",
        "../closed/victim.txt",
        "a/../b",
        "a/./b",
        "a/..",
        "a//b",
        "/",
        "//",
        "///",
        "/a",
        "//a",
        "a/",
        "a//",
        "a\\b",
        "..\\..\\b",
        "\\",
        "C:\\b",
        "a:b",
        "nul",
        "con.txt",
        "a b",
        " a",
        "a ",
        " ",
        "a+b",
        "+",
        "a%b",
        "%",
        "%2e%2e/closed/victim.txt",
        "%2F",
        "%00",
        "%25",
        "a?b",
        "?acl",
        "a#b",
        "#",
        "a&b=c",
        "a;b",
        "a=b",
        "a,b",
        "a'b",
        "a\"b",
        "<a>&amp;",
        "]]>",
        "a*b",
        "a|b",
        "a~b",
        "{a}",
        "[a]",
        "`a`",
        "$a",
        "${filename}",
        "@a",
        "!a",
        "^a",
        "a\0b",
        "\0",
        "a\nb",
        "a\r\nb",
        "a\tb",
        "\u{1}",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "é",
        "e\u{301}",
        "ß",
        "ＡＢ",
        "日本語",
        "🦀",
        "\u{feff}a",
        "a\u{200b}b",
        "\u{202e}txt.exe",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10ffff}",
        "İi",
        "soap",
        "robots.txt",
        ".bailiwick",
        "index.html",
        "-rf",
        "--",
        "a.b.",
        "trailing.",
        "closed",
        "granted/granted",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("k".repeat(1024));
    keys.push("日".repeat(341) + "a");
    keys.push("/".repeat(1024));
    keys.push("../".repeat(341));
    keys
}

fn decoded(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The keys of a bucket, in order.
async fn listed(s3: &S3, bucket: &str) -> Vec<String> {
    let list = s3.get(&format!("{bucket}?list-type=2&encoding-type=url")).await.unwrap();
    list.elements(&["ListBucketResult", "Contents", "Key"]).iter().map(|key| decoded(key)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_stored_listed_read_copied_and_deleted_as_it_was_named_and_in_the_bucket_it_was_named_with() {
    let rig = with_hosts().await;
    let guest = &rig.guest.s3;
    let before = rig.snapshot().await;
    let mut keys = torture();
    let path = |key: &str| format!("/{GRANTED}/{}", encode_key(key));
    // By path, and by host name; each says its own name.
    let by_host = |method: Method, key: &str| {
        Request::new(method, format!("/{}", encode_key(key))).header("host", format!("{GRANTED}.{DOMAIN}"))
    };
    for (at, key) in keys.iter().enumerate() {
        let request = match at % 2 {
            0 => Request::new(Method::PUT, path(key)),
            _ => by_host(Method::PUT, key),
        };
        let answer = guest.send(&request.bytes(key.clone())).await.unwrap();
        assert_eq!(answer.status, 200, "{key:?}: {}", answer.text());
    }
    for key in &keys {
        for request in [Request::new(Method::GET, path(key)), by_host(Method::GET, key)] {
            let read = guest.send(&request).await.unwrap();
            assert_eq!((read.status, read.text().as_str()), (200, key.as_str()), "{key:?}");
        }
        // Other spellings of the same name.
        let upper: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for spelt in [upper.clone(), upper.to_lowercase()] {
            let read = guest.send(&Request::new(Method::GET, format!("/{GRANTED}/{spelt}"))).await.unwrap();
            // A client that signs what it sends and a server that signs what it decodes agree where the text is the same.
            assert!(read.status == 403 || read.text() == *key, "{spelt}: {} {}", read.status, read.text());
        }
    }
    keys.sort();
    assert_eq!(listed(guest, GRANTED).await, keys);
    // Nothing escaped, and each can be copied and deleted by the names it has in headers and documents.
    for key in &keys {
        let source = format!("/{GRANTED}/{}", encode_key(key));
        let copied = guest.send(&put("granted/copied").header("x-amz-copy-source", source)).await.unwrap();
        assert_eq!(copied.status, 200, "{key:?}: {}", copied.text());
        assert_eq!(guest.get("granted/copied").await.unwrap().text(), *key);
    }
    ok(&guest.delete("granted/copied").await.unwrap());
    let in_xml = |c: char| !matches!(c, '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let (named, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.chars().all(in_xml));
    let escaped =
        |key: &str| key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\u{85}', "&#x85;");
    let lines: String = named.iter().map(|key| format!("<Object><Key>{}</Key></Object>", escaped(key))).collect();
    let body = format!("<Delete>{lines}</Delete>");
    let md5 = Source::from(body.clone()).md5_base64();
    let delete = Request::at_place(Method::POST, &format!("{GRANTED}?delete")).header("content-md5", md5).bytes(body);
    let answer = guest.send(&delete).await.unwrap();
    let mut deleted = answer.elements(&["DeleteResult", "Deleted", "Key"]);
    deleted.sort();
    assert_eq!(deleted, named, "{}", answer.text());
    assert_eq!(listed(guest, GRANTED).await, others);
    for key in &others {
        ok(&guest.send(&Request::new(Method::DELETE, path(key))).await.unwrap());
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_text_or_too_long_is_refused_wherever_a_key_can_stand() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    for bad in ["%ff", "a%c3", "%c0%af", "%ed%a0%80", "%f5%80%80%80", "a%2", "%", "%zz", "%u002e", "%e0%80%ae"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = rig.owner.send(&Request::new(method.clone(), format!("/{CLOSED}/{bad}"))).await.unwrap();
            refused(&answer, 400, "InvalidURI", bad);
        }
        for source in [format!("/{CLOSED}/{bad}"), format!("{bad}/k")] {
            let copy = put("closed/k").header("x-amz-copy-source", source);
            let answer = rig.owner.send(&copy).await.unwrap();
            assert!(answer.status == 400 && answer.code().is_some(), "{bad}: {} {}", answer.status, answer.text());
        }
        let listing = Request::new(Method::GET, format!("/{CLOSED}")).raw_query(&format!("prefix={bad}"));
        assert_eq!(rig.owner.send(&listing).await.unwrap().status, 400, "{bad}");
    }
    for long in ["k".repeat(1025), "日".repeat(342), "/".repeat(1025)] {
        let answer = rig.owner.put(&format!("{CLOSED}/{long}"), TEXT).await.unwrap();
        refused(&answer, 400, "KeyTooLongError", "too long");
        let copy = put("closed/k").header("x-amz-copy-source", format!("/{CLOSED}/{}", encode_key(&long)));
        refused(&rig.owner.send(&copy).await.unwrap(), 400, "KeyTooLongError", "too long a source");
    }
    for source in
        ["", "/", "//", "closed", "/closed", "closed/", "/closed/", "//closed/victim.txt", "?versionId=1", "arn:a/b"]
    {
        let answer = rig.owner.send(&put("closed/k").header("x-amz-copy-source", source)).await.unwrap();
        let told = format!("{source:?}: {} {}", answer.status, answer.text());
        assert!(is_refusal(&answer) && answer.status == 400, "{told}");
    }
    // The border between bucket and key does not move.
    for path in [
        "/closed%2Fvictim.txt",
        "/granted%2F..%2Fclosed/victim.txt",
        "//closed/victim.txt",
        "/./closed/victim.txt",
        "/../closed/victim.txt",
        "/granted/../closed/victim.txt",
        "/%2e%2e/closed/victim.txt",
        "/closed%00/victim.txt",
    ] {
        let answer = rig.owner.send(&Request::new(Method::GET, path)).await.unwrap();
        assert!(answer.status == 404 || answer.status == 400, "{path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains(SECRET));
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_names_a_bucket_under_configured_domains_only_and_one_host_is_read_by_everybody() {
    let rig = with_hosts().await;
    let guest = &rig.guest.s3;
    ok(&guest.put("granted/k", "of the granted bucket").await.unwrap());
    ok(&guest.put("granted/closed/victim.txt", "of the granted bucket").await.unwrap());
    let ask = |host: &str, path: &str| Request::new(Method::GET, path).header("host", host);
    for host in ["granted.s3.test", "GRANTED.S3.Test", "granted.s3.test:80", "granted.s3.test:9999"] {
        for path in ["/k", "/closed/victim.txt"] {
            let answer = guest.send(&ask(host, path)).await.unwrap();
            assert_eq!(answer.text(), "of the granted bucket", "{host} {path}");
        }
        ok(&guest.send(&ask(host, "/").raw_query("list-type=2")).await.unwrap());
    }
    // Anything else is no bucket's name: the bucket is the path's first piece.
    for host in [
        "s3.test",
        "S3.TEST:1",
        "closed.example.com",
        "closed.s3.test.example.com",
        "closeds3.test",
        "closed",
        "closed.s3.tes",
        "xs3.test",
        "127.0.0.1",
        "[::1]:80",
        "closed.s3.test@example.com",
    ] {
        let answer = guest.send(&ask(host, "/granted/k")).await.unwrap();
        assert!(answer.text() == "of the granted bucket" || answer.status == 400, "{host}: {}", answer.text());
    }
    for host in ["closed.s3.test", "CLOSED.s3.test:1", "closed.s3.test:"] {
        for path in ["/victim.txt", "/granted/k", "/"] {
            let answer = guest.send(&ask(host, path)).await.unwrap();
            assert!(answer.status == 403 || answer.status == 400, "{host}{path}: {} {}", answer.status, answer.text());
        }
    }
    for host in [".s3.test", "..s3.test", "a_b.s3.test", "%63losed.s3.test", "closed/.s3.test"] {
        let answer = guest.send(&ask(host, "/victim.txt")).await.unwrap();
        assert!((400..500).contains(&answer.status) && !answer.text().contains(SECRET), "{host}: {}", answer.text());
    }
    // What proxies and other servers would have looked at.
    for (name, value) in [
        ("x-forwarded-host", "closed.s3.test"),
        ("forwarded", "host=closed.s3.test"),
        ("x-host", "closed.s3.test"),
        ("x-original-url", "/closed/victim.txt"),
        ("x-rewrite-url", "/closed/victim.txt"),
        ("x-http-method-override", "DELETE"),
    ] {
        let answer = guest.send(&ask("granted.s3.test", "/k").unsigned_header(name, value)).await.unwrap();
        assert_eq!(answer.text(), "of the granted bucket", "{name}");
    }
    // The request line may name a host as well; what is not signed names nothing.
    let prepared = guest.prepare(&ask("granted.s3.test", "/victim.txt")).unwrap();
    let bytes = String::from_utf8(prepared.into_bytes()).unwrap();
    let bytes = bytes.replacen("GET /victim.txt", "GET http://closed.s3.test/victim.txt", 1);
    let answer = String::from_utf8_lossy(&guest.exchange(bytes.as_bytes()).await.unwrap()).into_owned();
    assert!(!answer.contains(SECRET) && (answer.starts_with("HTTP/1.1 4")), "{answer}");
    // By host or by path, a signature is for the one it was made for.
    let answer = send_altered(&rig.owner, &ask("granted.s3.test", "/victim.txt"), |prepared| {
        prepared.headers.insert("host", "closed.s3.test".parse().unwrap());
    })
    .await;
    refused(&answer, 403, "SignatureDoesNotMatch", "another host");
    assert_eq!(rig.owner.send(&get(VICTIM)).await.unwrap().text(), SECRET);
}
