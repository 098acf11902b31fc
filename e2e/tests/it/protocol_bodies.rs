//! Bodies: protocol cases of that name, on the wire. `Expect: 100-continue` is in `network`.

use std::time::{Duration, Instant};

use client::{Body, Chunked, Generated, Method, Request, Signature, Source};
use testkit::{Launch, Program, acl_document, by_group, by_id};

use crate::BINARY;
use crate::field_rig::{
    ALL_USERS, CLOSED, GRANTED, Rig, SECRET, TEXT, UPLOAD, V4_QUERY, VICTIM, forms, get, is_refusal, ok, put,
    raw_status, refused,
};

const NEW: &str = "closed/new.txt";
const V4: [Signature; 2] = [Signature::HeaderV4, V4_QUERY];

/// Checksums of "123456789" that the catalogues of CRCs and other tools give.
const CHECK: &str = "123456789";
const CHECKSUMS: [(&str, &str); 5] = [
    ("crc32", "y/Q5Jg=="),
    ("crc32c", "4waSgw=="),
    ("crc64nvme", "rosUhgp5mIg="),
    ("sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
    ("sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
];
/// What newer SDKs offer: right values where they are known here, so that only "not supported" can be the reason.
const NEWER: [(&str, &str); 5] = [
    ("sha512", "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ=="),
    ("md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
    ("xxhash3", "AAAAAAAAAAA="),
    ("xxhash64", "AAAAAAAAAAA="),
    ("xxhash128", "AAAAAAAAAAAAAAAAAAAAAA=="),
];
/// A DeleteObjects and its checksums.
const DELETE: &str = "<Delete><Object><Key>victim.txt</Key></Object></Delete>";
const DELETE_CHECKSUMS: [(&str, &str); 6] = [
    ("content-md5", "d9M1wkDfWQKngh5beVgpQA=="),
    ("x-amz-checksum-crc32", "pNJgSg=="),
    ("x-amz-checksum-crc32c", "m+PYJQ=="),
    ("x-amz-checksum-crc64nvme", "ILQ/bC2fA4o="),
    ("x-amz-checksum-sha1", "+Jse4teH2hLohU4tIbJBsnChT7A="),
    ("x-amz-checksum-sha256", "s8CovwvJxn5slOphkW/BJZMfrB8FVXbIzB/UC78Cxuk="),
];

fn part(rig: &Rig) -> String {
    format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_has_another_sha256_than_it_says_is_not_stored() {
    let rig = Rig::lenient().await;
    rig.grant(GRANTED, &[(by_group(ALL_USERS), "WRITE")]).await;
    let before = rig.snapshot().await;
    let acl = acl_document(&rig.owner_id, &[(by_group(ALL_USERS), "FULL_CONTROL")]);
    let md5 = Source::from(DELETE).md5_base64();
    let complete = format!("{UPLOAD}?uploadId={}", rig.upload);
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        rig.part
    );
    let long = vec![7u8; 3 << 20];
    let requests = [
        put(NEW).body(Body::Unsigned(TEXT.into())),
        put(NEW).body(Body::Unsigned(long.clone().into())),
        put(&part(&rig)).body(Body::Unsigned(TEXT.into())),
        put(&part(&rig)).body(Body::Unsigned(long.into())),
        put("closed?acl").body(Body::Unsigned(acl.clone().into())),
        put(&format!("{VICTIM}?acl")).body(Body::Unsigned(acl.into())),
        put("brand-new-bucket").body(Body::Unsigned("<CreateBucketConfiguration/>".into())),
        Request::at_place(Method::POST, "closed?delete").header("content-md5", md5).body(Body::Unsigned(DELETE.into())),
        Request::at_place(Method::POST, &complete).body(Body::Unsigned(parts.into())),
    ];
    let lie = Source::from("something else").sha256_hex();
    for signature in V4 {
        for request in &requests {
            let request = request.clone().signature(signature).header("x-amz-content-sha256", lie.as_str());
            let answer = rig.owner.send(&request).await.unwrap();
            refused(&answer, 400, "XAmzContentSHA256Mismatch", &format!("{request:?}"));
        }
    }
    // Nobody's word is checked as well.
    let request = put("granted/k").body(Body::Unsigned(TEXT.into())).header("x-amz-content-sha256", lie.as_str());
    let answer = rig.server.anonymous().send(&request).await.unwrap();
    refused(&answer, 400, "XAmzContentSHA256Mismatch", "anonymous");
    for bad in ["", "abc", "UNSIGNED", "unsigned-payload", "STREAMING-UNSIGNED-PAYLOAD", "STREAMING-NEW", &lie[..63]] {
        let request = put(NEW).body(Body::Unsigned(TEXT.into())).header("x-amz-content-sha256", bad);
        refused(&rig.owner.send(&request).await.unwrap(), 400, "InvalidArgument", bad);
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_body_is_stored_without_its_framing_by_whoever_may_send_it() {
    let rig = Rig::lenient().await;
    rig.grant(GRANTED, &[(by_group(ALL_USERS), "READ"), (by_group(ALL_USERS), "WRITE")]).await;
    let nobody = rig.server.anonymous();
    for length in [0, 1, 19, 20, 21, 70_000] {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
        for form in forms(bytes.clone()) {
            for (who, s3, signature) in [
                ("owner", &rig.owner, Signature::HeaderV4),
                ("link", &rig.owner, V4_QUERY),
                ("nobody", &nobody, Signature::None),
            ] {
                if who == "nobody" && form.signs_chunks {
                    continue;
                }
                let told = format!("{length} bytes as {} by {who}", form.name);
                let answer = s3.send(&form.on(put("granted/k")).signature(signature)).await.unwrap();
                if form.signs_chunks && who == "link" {
                    refused(&answer, 400, "InvalidRequest", &told);
                    continue;
                }
                assert_eq!(answer.status, 200, "{told}: {}", answer.text());
                let read = rig.owner.get("granted/k").await.unwrap();
                assert_eq!(read.body, bytes, "{told}");
                assert_eq!(read.header("content-encoding"), None, "{told}");
                ok(&rig.owner.delete("granted/k").await.unwrap());
            }
        }
    }
    for size in [1, 7, 8192, 1 << 20] {
        let body = Chunked::signed(vec![9u8; 20_000]).chunk_size(size).crc32c();
        ok(&rig.owner.send(&put(NEW).body(Body::Chunked(body))).await.unwrap());
        assert_eq!(rig.owner.get(NEW).await.unwrap().body, vec![9u8; 20_000]);
    }
    for ecdsa in ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"] {
        for signature in V4 {
            let request = put(NEW).body(Body::Unsigned(TEXT.into())).header("x-amz-content-sha256", ecdsa);
            refused(&rig.owner.send(&request.signature(signature)).await.unwrap(), 501, "NotImplemented", ecdsa);
        }
    }
    let signed = put("granted/k").body(Body::Unsigned(TEXT.into()));
    let signed = signed.header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    refused(&nobody.send(&signed).await.unwrap(), 400, "InvalidRequest", "signed chunks of nobody");
}

/// Damage to the frames of a body: chunks of 20 bytes, the last chunk, trailers.
type Damage = fn(&mut Vec<Vec<u8>>);

fn replace_size(frames: &mut [Vec<u8>], size: &[u8]) {
    let end = frames[1].iter().position(|b| matches!(b, b';' | b'\r')).unwrap();
    frames[1].splice(..end, size.iter().copied());
}

const DAMAGE: &[(&str, Damage)] = &[
    ("no last chunk and nothing after", |f| f.truncate(f.len() - 2)),
    ("no end after the last chunk", |f| f.truncate(f.len() - 1)),
    ("no last chunk", |f| drop(f.remove(f.len() - 2))),
    ("no first chunk", |f| drop(f.remove(0))),
    ("no middle chunk", |f| drop(f.remove(1))),
    ("a chunk twice", |f| f.insert(1, f[1].clone())),
    ("the last data chunk twice", |f| f.insert(f.len() - 2, f[f.len() - 3].clone())),
    ("two chunks in another order", |f| f.swap(0, 1)),
    ("the last chunk twice", |f| f.insert(f.len() - 2, f[f.len() - 2].clone())),
    ("an early last chunk", |f| f.insert(1, f[f.len() - 2].clone())),
    ("cut in a chunk", |f| {
        f.truncate(2);
        let half = f[1].len() / 2;
        f[1].truncate(half);
    }),
    ("cut in the last line", |f| {
        let last = f.len() - 1;
        f[last].pop();
    }),
    ("nothing", |f| f.clear()),
    ("more behind it", |f| f.push(b"more".to_vec())),
    ("another body behind it", |f| f.extend(f.clone())),
    ("an extension", |f| {
        let end = f[1].iter().position(|b| *b == b'\r').unwrap();
        f[1].splice(end..end, *b";foo=bar");
    }),
    ("an extension before", |f| replace_size(f, b"14;foo=bar")),
    ("a size that is too large", |f| replace_size(f, b"15")),
    ("a size that is too small", |f| replace_size(f, b"13")),
    ("a size of all there is", |f| replace_size(f, b"ffffffffffffffff")),
    ("a size of more than there is", |f| replace_size(f, b"10000000000000014")),
    ("a signed size", |f| replace_size(f, b"+14")),
    ("a negative size", |f| replace_size(f, b"-14")),
    ("a size in C", |f| replace_size(f, b"0x14")),
    ("a blank before the size", |f| replace_size(f, b" 14")),
    ("no size", |f| replace_size(f, b"")),
    ("a size that never ends", |f| replace_size(f, &[b'0'; 100_000])),
    ("a line that never ends", |f| f.insert(1, vec![b'a'; 1 << 20])),
    ("no carriage return", |f| f[1].retain(|b| *b != b'\r')),
    ("no line end after the data", |f| {
        let len = f[1].len();
        f[1].truncate(len - 2);
    }),
    ("a NUL", |f| f[1].insert(0, 0)),
    ("another line end after the data", |f| {
        let at = f[1].len() - 2;
        f[1][at] = b'x';
    }),
];

/// The same, for bodies with trailers.
const TRAILER_DAMAGE: &[(&str, Damage)] = &[
    ("no trailer", |f| {
        let last = f.len() - 1;
        f[last] = b"\r\n".to_vec();
    }),
    ("another value", |f| {
        let last = f.len() - 1;
        let at = f[last].iter().position(|b| *b == b':').unwrap() + 1;
        f[last][at] = if f[last][at] == b'A' { b'B' } else { b'A' };
    }),
    ("another name", |f| replace_name(f, b"x-amz-checksum-sha1")),
    ("a name that is no checksum", |f| replace_name(f, b"x-amz-acl")),
    ("a trailer twice", |f| {
        let last = f.len() - 1;
        let end = f[last].iter().position(|b| *b == b'\n').unwrap() + 1;
        let line = f[last][..end].to_vec();
        f[last].splice(..0, line);
    }),
    ("one more trailer", |f| {
        let last = f.len() - 1;
        f[last].splice(..0, *b"x-amz-meta-a:b\r\n");
    }),
    ("trailers that never end", |f| {
        let last = f.len() - 1;
        f[last].splice(..0, b"a:b\r\n".repeat(20_000));
    }),
];

fn replace_name(frames: &mut [Vec<u8>], name: &[u8]) {
    let last = frames.len() - 1;
    let end = frames[last].iter().position(|b| *b == b':').unwrap();
    frames[last].splice(..end, name.iter().copied());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_are_not_framed_as_announced_store_nothing() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let body = |form: &str| match form {
        "signed" => Chunked::signed(TEXT).chunk_size(20),
        "signed with trailer" => Chunked::signed(TEXT).chunk_size(20).crc32c(),
        _ => Chunked::unsigned(TEXT).chunk_size(20).crc32c(),
    };
    for form in ["signed", "signed with trailer", "unsigned with trailer"] {
        let more = if form == "signed" { &[] } else { TRAILER_DAMAGE };
        for (what, damage) in DAMAGE.iter().chain(more) {
            for place in [NEW.to_owned(), part(&rig)] {
                let damage = *damage;
                let request = put(&place).body(Body::Chunked(body(form))).tamper(damage);
                let answer = rig.owner.send(&request).await.unwrap_or_else(|e| panic!("{form}, {what}: {e}"));
                let told = format!("{form}, {what}, {place}: {} {}", answer.status, answer.text());
                assert!(is_refusal(&answer) && answer.status != 501, "{told}");
            }
        }
        for length in ["0", "1", "62", "64", "9999999999", "18446744073709551616", "-63", "63 ", "0x3f", "", "a"] {
            let request = put(NEW).body(Body::Chunked(body(form))).header("x-amz-decoded-content-length", length);
            let answer = rig.owner.send(&request).await.unwrap();
            // A blank around a header's value is none of it.
            let told = format!("{form}, {length:?}: {} {}", answer.status, answer.text());
            assert!(length.trim() == TEXT.len().to_string() || is_refusal(&answer), "{told}");
            ok(&rig.owner.delete(NEW).await.unwrap());
        }
        let request = put(NEW).body(Body::Chunked(body(form))).override_header("x-amz-decoded-content-length", None);
        let answer = rig.owner.send(&request).await.unwrap();
        assert!(is_refusal(&answer), "{}", answer.text());
        // Framed, and said not to be; not framed, and said to be.
        let request = put(NEW).body(Body::Chunked(body(form))).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        refused(&rig.owner.send(&request).await.unwrap(), 400, "InvalidRequest", form);
    }
    let unframed = put(NEW).body(Body::Unsigned(TEXT.into())).header("x-amz-decoded-content-length", "63");
    let unframed = unframed.header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    refused(&rig.owner.send(&unframed).await.unwrap(), 400, "IncompleteBody", "not framed, and one long line");
    // A document in damaged chunks is not read either.
    let acl = acl_document(&rig.owner_id, &[(by_id(&rig.guest.canonical_id), "FULL_CONTROL")]);
    for (what, damage) in DAMAGE {
        let request =
            put("closed?acl").body(Body::Chunked(Chunked::signed(acl.clone()).chunk_size(20))).tamper(*damage);
        let answer = rig.owner.send(&request).await.unwrap();
        assert!(is_refusal(&answer), "{what}: {} {}", answer.status, answer.text());
    }
    // The trailer is signed too, and by the chain that the chunks began.
    let strip: [(&str, Damage); 2] = [
        ("no signature of the trailer", |f| {
            let last = f.len() - 1;
            let end = f[last].iter().position(|b| *b == b'\n').unwrap() + 1;
            f[last].truncate(end);
            f[last].extend(b"\r\n");
        }),
        ("the signature of the last chunk", |f| {
            let (chunk, last) = (f.len() - 2, f.len() - 1);
            let (from, to) = (f[chunk].len() - 66, f[last].len() - 68);
            let signature = f[chunk][from..from + 64].to_vec();
            f[last][to..to + 64].copy_from_slice(&signature);
        }),
    ];
    for (what, damage) in strip {
        let request = put(NEW).body(Body::Chunked(body("signed with trailer"))).tamper(damage);
        let answer = rig.owner.send(&request).await.unwrap();
        let code = if what.starts_with("no") { (400, "MalformedTrailerError") } else { (403, "SignatureDoesNotMatch") };
        refused(&answer, code.0, code.1, what);
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_gigabytes_costs_nothing_and_a_cut_body_is_no_object() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let begun = Instant::now();
    // A chunk of 5 GiB that is announced and never comes.
    let five: u64 = 5 << 30;
    let request = put(NEW).body(Body::Chunked(Chunked::unsigned(TEXT).chunk_size(20).crc32c()));
    let request = request.header("x-amz-decoded-content-length", five.to_string()).tamper(|frames| {
        frames.truncate(1);
        frames[0] = [b"140000000\r\n".as_slice(), SECRET.as_bytes()].concat();
    });
    let answer = rig.owner.send(&request).await.unwrap();
    refused(&answer, 400, "IncompleteBody", "a chunk that does not come");
    let more = put(NEW)
        .body(Body::Chunked(Chunked::unsigned(TEXT)))
        .header("x-amz-decoded-content-length", (five + 1).to_string());
    refused(&rig.owner.send(&more).await.unwrap(), 400, "EntityTooLarge", "more than S3 takes");
    // A body that is announced and cut.
    for body in [Body::Unsigned(TEXT.into()), Body::Signed(TEXT.into())] {
        for claimed in ["64", "1000000", "5368709120"] {
            let request = put(NEW).body(body.clone()).override_header("content-length", Some(claimed));
            let bytes = rig.owner.prepare(&request).unwrap().into_bytes();
            let answer = rig.owner.exchange_and_hang_up(&bytes).await;
            assert!(raw_status(&answer).is_none_or(|status| status == 400), "{claimed}: {answer:?}");
        }
        let request = put(NEW).body(body).override_header("content-length", Some("5368709121"));
        let bytes = rig.owner.prepare(&request).unwrap().into_bytes();
        assert_eq!(raw_status(&rig.owner.exchange_and_hang_up(&bytes).await), Some(400));
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(rig.snapshot().await, before);
}

/// A request that gives a value in its way.
type Way<'a> = &'a dyn Fn(&str) -> Request;

#[tokio::test(flavor = "multi_thread")]
async fn every_checksum_in_header_or_trailer_is_verified_stored_and_returned() {
    let rig = Rig::new().await;
    for (at, (name, right)) in CHECKSUMS.iter().enumerate() {
        let header = format!("x-amz-checksum-{name}");
        let (_, others) = CHECKSUMS[(at + 1) % CHECKSUMS.len()];
        let digits = right.trim_end_matches('=').len();
        let zero = "A".repeat(digits) + &right[digits..];
        let chunked = |make: fn(&'static str) -> Chunked, value: &str| {
            put(NEW).body(Body::Chunked(make(CHECK).chunk_size(4).trailer(&header, value)))
        };
        let ways: [(&str, Way<'_>); 4] = [
            ("header", &|value| put(NEW).bytes(CHECK).header(&header, value)),
            ("presigned header", &|value| put(NEW).bytes(CHECK).header(&header, value).signature(V4_QUERY)),
            ("signed trailer", &|value| chunked(Chunked::signed, value)),
            ("trailer", &|value| chunked(Chunked::unsigned, value)),
        ];
        for (way, request) in ways {
            let told = format!("{name} in a {way}");
            for bad in [others, "", "?", "AAAA", &zero, &right[1..]] {
                let answer = rig.owner.send(&request(bad)).await.unwrap();
                let told = format!("{told}: {bad:?}: {} {}", answer.status, answer.text());
                assert_eq!(answer.status, 400, "{told}");
                let code = answer.code().unwrap_or_default();
                assert!(["BadDigest", "InvalidRequest", "MalformedTrailerError"].contains(&code.as_str()), "{told}");
                if bad == zero {
                    assert_eq!(code, "BadDigest", "{told}");
                }
                assert!(!rig.stored(NEW).await, "{told}");
            }
            let answer = rig.owner.send(&request(right)).await.unwrap();
            assert_eq!(answer.status, 200, "{told}: {}", answer.text());
            assert_eq!(answer.header(&header), Some(*right), "{told}");
            for method in [Method::GET, Method::HEAD] {
                let read = Request::at_place(method, NEW).header("x-amz-checksum-mode", "ENABLED");
                assert_eq!(rig.owner.send(&read).await.unwrap().header(&header), Some(*right), "{told}");
            }
            ok(&rig.owner.delete(NEW).await.unwrap());
        }
        let wrong = put(&part(&rig)).bytes(CHECK).header(&header, zero);
        refused(&rig.owner.send(&wrong).await.unwrap(), 400, "BadDigest", name);
    }
    let two = put(NEW)
        .bytes(CHECK)
        .header("x-amz-checksum-crc32", CHECKSUMS[0].1)
        .header("x-amz-checksum-sha1", CHECKSUMS[3].1);
    refused(&rig.owner.send(&two).await.unwrap(), 400, "InvalidRequest", "two checksums");
    let parts = rig.owner.get(&format!("{UPLOAD}?uploadId={}", rig.upload)).await.unwrap();
    assert_eq!(parts.elements(&["ListPartsResult", "Part", "PartNumber"]), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_that_is_not_known_is_verified_or_refused_and_never_ignored() {
    let rig = Rig::new().await;
    for (name, value) in NEWER.iter().chain(&[("crc16", "AAA="), ("blake3", "AAAA")]) {
        let header = format!("x-amz-checksum-{name}");
        let upper = name.to_uppercase();
        let requests = [
            put(NEW).bytes(CHECK).header(&header, *value),
            put(NEW).bytes(CHECK).header(&header, "AAAA"),
            put(&part(&rig)).bytes(CHECK).header(&header, *value),
            put(NEW).body(Body::Chunked(Chunked::signed(CHECK).trailer(&header, value))),
            put(NEW).body(Body::Chunked(Chunked::unsigned(CHECK).trailer(&header, value))),
            put(NEW).bytes(CHECK).header("x-amz-sdk-checksum-algorithm", upper.as_str()),
            Request::at_place(Method::POST, "closed/new.txt?uploads")
                .header("x-amz-checksum-algorithm", upper.as_str()),
            Request::at_place(Method::POST, "closed?delete").bytes(DELETE).header(&header, *value),
        ];
        for request in requests {
            refused(&rig.owner.send(&request).await.unwrap(), 400, "InvalidRequest", &format!("{request:?}, {name}"));
        }
    }
    assert!(!rig.stored(NEW).await && rig.stored(VICTIM).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_what_to_delete_needs_a_digest_and_it_must_fit() {
    let rig = Rig::new().await;
    let delete = |body: &'static str| Request::at_place(Method::POST, &format!("{CLOSED}?delete")).bytes(body);
    refused(&rig.owner.send(&delete(DELETE)).await.unwrap(), 400, "InvalidRequest", "no digest");
    const OTHER: &str = "<Delete><Object><Key>victim.tx_</Key></Object></Delete>";
    for (header, value) in DELETE_CHECKSUMS {
        refused(&rig.owner.send(&delete(OTHER).header(header, value)).await.unwrap(), 400, "BadDigest", header);
        assert!(rig.stored(VICTIM).await);
        ok(&rig.owner.send(&delete(DELETE).header(header, value)).await.unwrap());
        assert!(!rig.stored(VICTIM).await, "{header}");
        ok(&rig.owner.put(VICTIM, SECRET).await.unwrap());
    }
    let trailer = Body::Chunked(Chunked::unsigned(DELETE).crc32c());
    ok(&rig.owner.send(&delete("").body(trailer)).await.unwrap());
    assert!(!rig.stored(VICTIM).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_encodings_only_the_framing_is_left_out_of_what_is_stored() {
    let rig = Rig::new().await;
    for (sent, kept) in [
        ("aws-chunked", None),
        ("aws-chunked,gzip", Some("gzip")),
        ("gzip,aws-chunked", Some("gzip")),
        ("gzip, AWS-Chunked , br", Some("gzip,br")),
        ("gzip", Some("gzip")),
    ] {
        for chunked in [Chunked::signed(TEXT), Chunked::unsigned(TEXT).crc32c()] {
            let request = put(NEW).body(Body::Chunked(chunked)).header("content-encoding", sent);
            ok(&rig.owner.send(&request).await.unwrap());
            let read = rig.owner.get(NEW).await.unwrap();
            assert_eq!((read.header("content-encoding"), read.text().as_str()), (kept, TEXT), "{sent}");
        }
    }
    let plain = put(NEW).bytes(TEXT).header("content-encoding", "gzip, br");
    ok(&rig.owner.send(&plain).await.unwrap());
    assert_eq!(rig.owner.get(NEW).await.unwrap().header("content-encoding"), Some("gzip, br"));
    // Said to be framed, in a form that is not.
    let plain = put(NEW).bytes(TEXT).header("content-encoding", "aws-chunked");
    refused(&rig.owner.send(&plain).await.unwrap(), 400, "InvalidRequest", "not framed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_not_stored() {
    let rig = Rig::new().await;
    for place in [NEW.to_owned(), part(&rig)] {
        for body in [Body::Signed(TEXT.into()), Body::Unsigned(TEXT.into())] {
            let answer = rig.owner.send(&put(&place).body(body).without_length()).await.unwrap();
            refused(&answer, 411, "MissingContentLength", &place);
        }
        let neither = rig.owner.prepare(&put(&place).override_header("content-length", None)).unwrap().into_bytes();
        assert_eq!(raw_status(&rig.owner.exchange(&neither).await), Some(411));
    }
    for bad in ["-1", "+5", "5, 5", "5 5", "0x5", "99999999999999999999999"] {
        let text = String::from_utf8(rig.owner.prepare(&put(NEW).bytes("12345")).unwrap().into_bytes()).unwrap();
        let text = text.replace("content-length: 5", &format!("content-length: {bad}"));
        assert_eq!(raw_status(&rig.owner.exchange(text.as_bytes()).await), Some(400), "{bad}");
    }
    // Two lengths, and a length beside HTTP's own chunks: what request smuggling is made of.
    for more in ["content-length: 6", "transfer-encoding: chunked", "transfer-encoding: identity, chunked"] {
        let text = String::from_utf8(rig.owner.prepare(&put(NEW).bytes("12345")).unwrap().into_bytes()).unwrap();
        let text = text.replace("content-length: 5", &format!("content-length: 5\r\n{more}"));
        let answer = rig.owner.with_stall(Duration::from_secs(2)).exchange(text.as_bytes()).await;
        assert!(raw_status(&answer).is_none_or(|status| (400..500).contains(&status)), "{more}: {answer:?}");
    }
    assert!(!rig.stored(NEW).await);
    // An object of no bytes says so.
    ok(&rig.owner.send(&put(NEW).bytes("")).await.unwrap());
    assert_eq!(rig.owner.send(&get(NEW)).await.unwrap().header("content-length"), Some("0"));
}

/// The most memory that a process ever had, in bytes.
fn peak(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_for_a_body_does_not_depend_on_its_length_or_on_that_of_its_chunks() {
    const LENGTH: u64 = 40 << 20;
    let program = Program::start(BINARY, Launch::default());
    program.bucket("bodies");
    let owner = program.owner();
    ok(&owner.put("bodies/small", TEXT).await.unwrap());
    let before = peak(program.pid());
    let long = || Generated::new(1, LENGTH);
    // As it is; in one chunk, signed and not, with trailers that are wrong in the end.
    let chunked = |chunked: Chunked| chunked.chunk_size(LENGTH as usize).trailer("x-amz-checksum-crc32c", "AAAAAA==");
    let bodies = [
        (200, Body::Unsigned(long().into())),
        (400, Body::Chunked(chunked(Chunked::signed(long())))),
        (400, Body::Chunked(chunked(Chunked::unsigned(long())))),
    ];
    for (status, body) in bodies {
        let answer = owner.send(&put("bodies/long").body(body)).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let grown = peak(program.pid()) - before;
    assert!(grown < LENGTH as usize / 2, "{grown} bytes more for a body of {LENGTH}");
}
