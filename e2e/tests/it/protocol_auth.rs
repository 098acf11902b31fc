//! Who signed what: protocol cases of that name, on the wire.

use client::{Body, Credentials, Method, Request, Signature, Source};
use testkit::by_group;

use crate::field_rig::{
    ALL_USERS, CLOSED, GRANTED, Rig, TEXT, UPLOAD, V2_QUERY, V4_QUERY, VICTIM, get, now, ok, put, refused, seconds,
    send_altered, wrong,
};

const NEW: &str = "closed/new.txt";
const V4: [Signature; 2] = [Signature::HeaderV4, V4_QUERY];
const SSE_C: &str = "x-amz-server-side-encryption-customer-algorithm";

/// Headers by which a request could be made to say something else.
fn loaded(rig: &Rig) -> Vec<(&'static str, String)> {
    let crc = Source::from(TEXT).crc32c_base64();
    let plain: [(&str, &str); 29] = [
        ("x-amz-acl", "public-read"),
        ("x-amz-bypass-governance-retention", "true"),
        ("x-amz-checksum-algorithm", "CRC32C"),
        ("x-amz-checksum-crc32c", &crc),
        ("x-amz-copy-source", "/closed/victim.txt"),
        ("x-amz-copy-source-if-match", "*"),
        ("x-amz-copy-source-range", "bytes=0-1"),
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-expected-bucket-owner", &rig.owner_account),
        ("x-amz-grant-full-control", "emailAddress=\"guest@example.com\""),
        ("x-amz-grant-read", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""),
        ("x-amz-grant-read-acp", "emailAddress=guest@example.com"),
        ("x-amz-grant-write", "emailAddress=guest@example.com"),
        ("x-amz-grant-write-acp", "emailAddress=guest@example.com"),
        ("x-amz-meta-anything", "b"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-mfa", "1 2"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("x-amz-request-payer", "requester"),
        ("x-amz-sdk-checksum-algorithm", "CRC32C"),
        ("x-amz-server-side-encryption", "AES256"),
        (SSE_C, "AES256"),
        ("x-amz-something-that-does-not-exist-yet", "1"),
        ("x-amz-source-expected-bucket-owner", &rig.owner_account),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ("x-amz-website-redirect-location", "/elsewhere"),
    ];
    plain.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_x_amz_header_that_was_added_after_signing_is_refused_whatever_it_says_and_wherever_the_signature_is() {
    let rig = Rig::lenient().await;
    let part = format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload);
    let requests = [
        put(NEW).bytes(TEXT),
        put(&part).bytes(TEXT),
        put("made-by-nobody"),
        put(&format!("{CLOSED}?acl")),
        get(VICTIM),
        Request::at_place(Method::DELETE, VICTIM),
        Request::at_place(Method::POST, &format!("{NEW}?uploads")),
    ];
    let before = rig.snapshot().await;
    for signature in V4 {
        let mut headers = loaded(&rig);
        if signature == V4_QUERY {
            headers.push(("x-amz-date", "20260101T000000Z".into()));
            headers.push(("x-amz-content-sha256", "UNSIGNED-PAYLOAD".into()));
        }
        for (name, value) in headers {
            for request in &requests {
                let request = request.clone().signature(signature).unsigned_header(name, value.as_str());
                let answer = rig.owner.send(&request).await.unwrap();
                let told = format!("{request:?} and {name}: {} {}", answer.status, answer.text());
                // A source where nothing copies is refused for itself.
                let misplaced = name == "x-amz-copy-source" && answer.status == 400;
                assert!(misplaced || answer.code().as_deref() == Some("AccessDenied"), "{told}");
                if !misplaced {
                    assert_eq!(answer.status, 403, "{told}");
                    assert_eq!(answer.elements(&["Error", "HeadersNotSigned"]), [name], "{told}");
                }
            }
        }
    }
    assert_eq!(rig.snapshot().await, before);
    // It was the missing signature: signed, each is understood, or refused by what it asks for.
    for signature in V4 {
        for (name, value) in loaded(&rig) {
            let request = put(NEW).bytes(TEXT).signature(signature).header(name, value);
            let answer = rig.owner.send(&request).await.unwrap();
            let fine = matches!(answer.status, 200 | 400 | 501);
            assert!(fine, "{name}: {} {}", answer.status, answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_leaves_out_the_host_or_the_date_or_everything_is_refused() {
    let rig = Rig::new().await;
    for names in [
        &[][..],
        &["x-amz-content-sha256", "x-amz-date"],
        &["host", "x-amz-date"],
        &["host", "x-amz-content-sha256"],
        &["date"],
        // One that the request does not have.
        &["host", "x-amz-acl", "x-amz-content-sha256", "x-amz-date"],
    ] {
        let answer = rig.owner.send(&put(NEW).bytes(TEXT).signed_headers(names)).await.unwrap();
        refused(&answer, 403, "AccessDenied", &format!("{names:?}"));
        let link = put(NEW).bytes(TEXT).header("x-amz-meta-a", "b").signature(V4_QUERY).signed_headers(names);
        refused(&rig.owner.send(&link).await.unwrap(), 403, "AccessDenied", &format!("{names:?} in the query"));
    }
    let twice = put(NEW).bytes(TEXT).signed_headers(&["host", "host", "x-amz-content-sha256", "x-amz-date"]);
    refused(&rig.owner.send(&twice).await.unwrap(), 400, "AuthorizationHeaderMalformed", "host twice");
    assert!(!rig.stored(NEW).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_md5_is_verified_signed_or_not() {
    let rig = Rig::new().await;
    let (right, other) = (Source::from(TEXT).md5_base64(), Source::from("other").md5_base64());
    for signature in V4 {
        for unsigned in [false, true] {
            for (md5, expected) in
                [(right.as_str(), None), (&other, Some("BadDigest")), ("AAAA", Some("InvalidDigest"))]
            {
                let request = put(NEW).bytes(TEXT).signature(signature);
                let request = match unsigned {
                    true => request.unsigned_header("content-md5", md5),
                    false => request.header("content-md5", md5),
                };
                let answer = rig.owner.send(&request).await.unwrap();
                match expected {
                    None => ok(&answer),
                    Some(code) => refused(&answer, 400, code, md5),
                }
                assert_eq!(rig.stored(NEW).await, expected.is_none());
                ok(&rig.owner.delete(NEW).await.unwrap());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_mechanisms_or_half_of_one_is_never_taken_for_one_of_them() {
    let rig = Rig::lenient().await;
    // Public, so that falling back to nobody would show.
    ok(&rig.owner.send(&put(VICTIM).bytes("public").header("x-amz-acl", "public-read")).await.unwrap());
    ok(&rig.server.anonymous().get(VICTIM).await.unwrap());
    let query_of = |signature| {
        let target = rig.owner.prepare(&get(VICTIM).signature(signature)).unwrap().target;
        target.split_once('?').unwrap().1.to_owned()
    };
    let (v4, v2) = (query_of(V4_QUERY), query_of(V2_QUERY));
    let authorization = |signature| {
        let prepared = rig.owner.prepare(&get(VICTIM).signature(signature)).unwrap();
        prepared.headers["authorization"].to_str().unwrap().to_owned()
    };
    let (header_v4, header_v2) = (authorization(Signature::HeaderV4), authorization(Signature::HeaderV2));
    let plain = || get(VICTIM).signature(Signature::None);
    let both = "InvalidArgument";
    let cases = [
        ("header v4, query v4", get(VICTIM).unsigned_query(&v4), both),
        ("header v4, query v2", get(VICTIM).unsigned_query(&v2), both),
        ("header v2, query v4", get(VICTIM).signature(Signature::HeaderV2).unsigned_query(&v4), both),
        ("header v2, query v2", get(VICTIM).signature(Signature::HeaderV2).unsigned_query(&v2), both),
        ("query v4 and v2", plain().raw_query(&v4).raw_query(&v2), both),
        ("query v4, header v4", plain().raw_query(&v4).unsigned_header("authorization", header_v4.as_str()), both),
        ("query v4, header v2", plain().raw_query(&v4).unsigned_header("authorization", header_v2.as_str()), both),
        ("query v4, Basic", plain().raw_query(&v4).unsigned_header("authorization", "Basic YTpi"), both),
        ("header twice", get(VICTIM).unsigned_header("authorization", header_v2.as_str()), both),
        ("header, half a query", get(VICTIM).unsigned_query("X-Amz-Signature=00"), both),
        ("header, Expires", get(VICTIM).unsigned_query("Expires=1"), both),
        ("header, AWSAccessKeyId", get(VICTIM).unsigned_query("AWSAccessKeyId=a"), both),
        ("another type", plain().unsigned_header("authorization", "Bearer abc"), both),
        ("an older one", plain().unsigned_header("authorization", "AWS3 abc"), both),
        ("an empty one", plain().unsigned_header("authorization", ""), both),
        ("lower case", plain().unsigned_header("authorization", "aws4-hmac-sha256 Credential=a"), both),
        ("no fields", plain().unsigned_header("authorization", "AWS4-HMAC-SHA256"), both),
        ("no names", plain().unsigned_header("authorization", "AWS4-HMAC-SHA256 a"), "AuthorizationHeaderMalformed"),
        ("half of v2", plain().unsigned_header("authorization", "AWS abc"), both),
        ("wrong case", plain().raw_query(&v4.replace("X-Amz-Signature", "x-amz-signature")), both),
        ("wrong case of v2", plain().raw_query(&v2.replace("Signature", "signature")), both),
        ("only a signature", plain().raw_query("X-Amz-Signature=00"), "AuthorizationQueryParametersError"),
        (
            "only an algorithm",
            plain().raw_query("X-Amz-Algorithm=AWS4-HMAC-SHA256"),
            "AuthorizationQueryParametersError",
        ),
    ];
    for (what, request, code) in cases {
        refused(&rig.owner.send(&request).await.unwrap(), 400, code, what);
    }
    for query in ["Signature=a", "Expires=1", "AWSAccessKeyId=a", "AWSAccessKeyId=a&Signature=b"] {
        refused(&rig.owner.send(&plain().raw_query(query)).await.unwrap(), 403, "AccessDenied", query);
    }
    let asymmetric = "AWS4-ECDSA-P256-SHA256 Credential=a/b,SignedHeaders=host,Signature=00";
    let answer = rig.owner.send(&plain().unsigned_header("authorization", asymmetric)).await.unwrap();
    refused(&answer, 501, "NotImplemented", asymmetric);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_occurs_twice_is_refused_before_any_signature_is_computed() {
    let rig = Rig::lenient().await;
    let before = rig.snapshot().await;
    // The same name twice, also in other spellings; last or first could win, so neither does.
    let queries =
        ["prefix=a&prefix=b", "acl&acl", "acl&%61cl", "acl=&acl=", "list-type=2&list-type=2", "x-id=a&x-id=b"];
    let headers = [
        ("host", "closed.s3.test"),
        ("x-amz-acl", "public-read"),
        ("x-amz-copy-source", "/closed/victim.txt"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-date", "20260101T000000Z"),
        ("x-amz-meta-a", "b"),
        ("content-md5", "AAAA"),
        ("content-type", "text/html"),
        ("range", "bytes=0-1"),
        ("if-match", "*"),
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ];
    let right = rig.owner.clone();
    for (who, s3) in [("right", &right), ("wrong", &right.with_wrong_secret()), ("nobody", &right.without_key())] {
        for query in queries {
            for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
                let answer = s3.send(&get(CLOSED).signature(signature).raw_query(query)).await.unwrap();
                refused(&answer, 400, "InvalidArgument", &format!("{who} {query}"));
            }
        }
        for (name, value) in headers {
            for request in [put(NEW).bytes(TEXT), put(NEW).bytes(TEXT).signature(V4_QUERY)] {
                let request = request.header(name, value).header(name, value);
                let answer = s3.send(&request).await.unwrap();
                refused(&answer, 400, "InvalidArgument", &format!("{who} {name} twice"));
            }
        }
    }
    let link = rig.owner.prepare(&put(NEW).signature(V4_QUERY)).unwrap().target;
    let query = link.split_once('?').unwrap().1;
    for pair in query.split('&') {
        let request = put(NEW).signature(Signature::None).raw_query(query).raw_query(pair);
        refused(&rig.owner.send(&request).await.unwrap(), 400, "InvalidArgument", pair);
    }
    // A header that is signed and in the query as well.
    let moved = put(NEW).signature(V4_QUERY).header("x-amz-acl", "private").raw_query("x-amz-acl=public-read");
    refused(&rig.owner.send(&moved).await.unwrap(), 400, "InvalidArgument", "header and query");
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_for_this_region_this_service_and_this_day() {
    let rig = Rig::new().await;
    for (signature, code) in
        [(Signature::HeaderV4, "AuthorizationHeaderMalformed"), (V4_QUERY, "AuthorizationQueryParametersError")]
    {
        for region in ["eu-west-1", "", "US-EAST-1", "us-east-1 ", "*"] {
            let answer = rig.owner.send(&get(VICTIM).signature(signature).region(region)).await.unwrap();
            refused(&answer, 400, code, region);
            assert_eq!(answer.elements(&["Error", "Region"]), ["us-east-1"], "{region}");
            assert!(answer.text().contains("us-east-1"));
        }
        for service in ["ec2", "S3", "", "s3-outposts", "s3express"] {
            let answer = rig.owner.send(&get(VICTIM).signature(signature).service(service)).await.unwrap();
            refused(&answer, 400, code, service);
        }
    }
    let day = jiff_day(now());
    for (what, from, to) in [
        ("terminator", "aws4_request", "aws4_other"),
        ("no terminator", "/aws4_request", ""),
        ("more behind it", "aws4_request", "aws4_request/more"),
        ("another day", day.as_str(), "20200101"),
        ("no day", day.as_str(), ""),
        ("no key id", rig.owner.credentials().unwrap().access_key_id.as_str(), ""),
        ("no signed headers", "SignedHeaders=", "Other="),
        ("no signature", ",Signature=", ",Signatures="),
        ("a field twice", "SignedHeaders=", "Signature="),
        ("no credential", "Credential=", ""),
        ("capitals", "SignedHeaders=host", "SignedHeaders=Host"),
        ("an empty name", "SignedHeaders=host", "SignedHeaders=host;"),
    ] {
        let answer = send_altered(&rig.owner, &get(VICTIM), |prepared| {
            let text = prepared.headers["authorization"].to_str().unwrap().replacen(from, to, 1);
            prepared.headers.insert("authorization", text.parse().unwrap());
        })
        .await;
        refused(&answer, 400, "AuthorizationHeaderMalformed", what);
    }
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
        let answer = send_altered(&rig.owner, &get(VICTIM).signature(V4_QUERY), |prepared| {
            prepared.target = prepared.target.replacen(&format!("X-Amz-{name}="), "x-id=", 1);
        })
        .await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
}

fn jiff_day(at: i64) -> String {
    seconds(at).strftime("%Y%m%d").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_prove_who_it_is_hears_what_was_computed_and_no_more() {
    let rig = Rig::lenient().await;
    let key = rig.guest.key.clone();
    let place = "granted/a%20key?response-content-type=text%2Fplain";
    for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
        let request = get(place).header("x-amz-meta-a", " two  words ").signature(signature);
        let prepared = rig.server.s3(&wrong(&key)).prepare(&request).unwrap();
        let (to_sign, canonical) = (prepared.string_to_sign.clone(), prepared.canonical_request.clone());
        let answer = rig.guest.s3.send_prepared(prepared).await.unwrap();
        refused(&answer, 403, "SignatureDoesNotMatch", &format!("{signature:?}"));
        assert_eq!(answer.elements(&["Error", "AWSAccessKeyId"]), [key.access_key_id.as_str()]);
        if matches!(signature, Signature::HeaderV4 | Signature::QueryV4 { .. }) {
            assert_eq!(answer.elements(&["Error", "StringToSign"]), [to_sign]);
            assert_eq!(answer.elements(&["Error", "CanonicalRequest"]), [canonical]);
        } else {
            assert_eq!(answer.elements(&["Error", "StringToSign"]).len(), 1);
        }
        assert!(!answer.text().contains(&key.secret_access_key));

        let unknown = Credentials::new("AKIAUNKNOWNUNKNOWN00", key.secret_access_key.clone());
        let answer = rig.owner.send(&request.credentials(unknown)).await.unwrap();
        refused(&answer, 403, "InvalidAccessKeyId", &format!("{signature:?}"));
    }
    // Signatures that are none.
    for (from, to) in [("Signature=", "Signature=00"), ("Signature=", "Signature=zz"), ("Signature=", "Signature= ")] {
        let answer = send_altered(&rig.owner, &get(VICTIM), |prepared| {
            let text = prepared.headers["authorization"].to_str().unwrap();
            let at = text.find(from).unwrap();
            let text =
                format!("{}{to}{}", &text[..at], if to.ends_with(' ') { "" } else { &text[at + from.len() + 1..] });
            prepared.headers.insert("authorization", text.parse().unwrap());
        })
        .await;
        refused(&answer, 403, "SignatureDoesNotMatch", to);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigv2_works_for_keys_that_may_and_everybody_else_is_told_what_to_use() {
    let rig = Rig::new().await;
    let old = rig.server.key(&rig.guest.email, true).await;
    ok(&rig.guest.s3.put("granted/k", TEXT).await.unwrap());
    for signature in [Signature::HeaderV2, V2_QUERY] {
        for key in [rig.guest.key.clone(), rig.server.owner_key().clone(), wrong(&rig.guest.key)] {
            let answer = rig.owner.send(&get("granted/k").signature(signature).credentials(key)).await.unwrap();
            refused(&answer, 400, "InvalidRequest", &format!("{signature:?}"));
            assert!(answer.text().contains("AWS4-HMAC-SHA256"), "{}", answer.text());
        }
        ok(&rig.owner.send(&get("granted/k").signature(signature).credentials(old.clone())).await.unwrap());
        let answer = rig.owner.send(&get("granted/k").signature(signature).credentials(wrong(&old))).await.unwrap();
        refused(&answer, 403, "SignatureDoesNotMatch", &format!("{signature:?}"));
        // It reaches no further than the other one.
        let answer = rig.owner.send(&get(VICTIM).signature(signature).credentials(old.clone())).await.unwrap();
        refused(&answer, 403, "AccessDenied", &format!("{signature:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sigv2_signature_fits_one_operation_and_one_time() {
    let rig = Rig::lenient().await;
    let before = rig.snapshot().await;
    // Sub-resources that it does not sign, added to a request that it does.
    for key in ["ownershipControls", "publicAccessBlock", "encryption", "acl", "policy", "tagging", "uploads"] {
        for signature in [Signature::HeaderV2, V2_QUERY] {
            for method in [Method::PUT, Method::DELETE, Method::POST] {
                for place in ["brand-new-bucket", VICTIM] {
                    let request = Request::at_place(method.clone(), place).signature(signature).unsigned_query(key);
                    let answer = rig.owner.send(&request).await.unwrap();
                    let told = format!("{method} {place}?{key}: {} {}", answer.status, answer.text());
                    assert!(matches!(answer.status, 400 | 403 | 404 | 405), "{told}");
                }
            }
        }
    }
    for name in ["x-amz-acl", "x-amz-copy-source", "x-amz-grant-read", "x-amz-meta-a"] {
        for signature in [Signature::HeaderV2, V2_QUERY] {
            let request = put(NEW).body(Body::Unsigned(TEXT.into())).signature(signature);
            let answer = rig.owner.send(&request.unsigned_header(name, "private")).await.unwrap();
            refused(&answer, 403, "SignatureDoesNotMatch", name);
        }
    }
    assert_eq!(rig.snapshot().await, before);
    let at = now();
    let request = get(VICTIM).at(seconds(at));
    for (off, fine) in [(0, true), (900, true), (-900, true), (901, false), (-901, false)] {
        rig.stop_clock((at + off) as u64 * 1000);
        let answer = rig.owner.send(&request.clone().signature(Signature::HeaderV2)).await.unwrap();
        match fine {
            true => ok(&answer),
            false => refused(&answer, 403, "RequestTimeTooSkewed", &format!("{off}")),
        }
    }
    for (off, fine) in [(60, true), (61, false)] {
        rig.stop_clock((at + off) as u64 * 1000);
        let answer = rig.owner.send(&request.clone().signature(Signature::QueryV2 { seconds: 60 })).await.unwrap();
        match fine {
            true => ok(&answer),
            false => refused(&answer, 403, "AccessDenied", &format!("{off}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_bucket_for_anothers_is_refused_in_every_operation_on_it_and_on_its_source() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let part = format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload);
    let md5 = Source::from(DELETE).md5_base64();
    const DELETE: &str = "<Delete><Object><Key>victim.txt</Key></Object></Delete>";
    let requests = [
        get(CLOSED),
        get(&format!("{CLOSED}?acl")),
        get(&format!("{CLOSED}?location")),
        get(&format!("{CLOSED}?policy")),
        get(VICTIM),
        get(&format!("{VICTIM}?acl")),
        put(NEW).bytes(TEXT),
        put(&part).bytes(TEXT),
        put(&format!("{CLOSED}?acl")).header("x-amz-acl", "private"),
        put(&format!("{VICTIM}?acl")).header("x-amz-acl", "private"),
        put(NEW).header("x-amz-copy-source", "/closed/victim.txt"),
        Request::at_place(Method::POST, &format!("{NEW}?uploads")),
        Request::at_place(Method::POST, &format!("{CLOSED}?delete")).header("content-md5", md5).bytes(DELETE),
        Request::at_place(Method::DELETE, VICTIM),
        Request::at_place(Method::DELETE, CLOSED),
        Request::at_place(Method::DELETE, &format!("{UPLOAD}?uploadId={}", rig.upload)),
    ];
    for request in &requests {
        for signature in V4 {
            let request = request.clone().signature(signature);
            let other = request.clone().header("x-amz-expected-bucket-owner", rig.other.account_id.as_str());
            let answer = rig.owner.send(&other).await.unwrap();
            // DeleteObjects may say it for each key.
            if answer.status == 200 {
                assert_eq!(answer.elements(&["DeleteResult", "Error", "Code"]), ["AccessDenied"], "{}", answer.text());
            } else {
                refused(&answer, 403, "AccessDenied", &format!("{request:?}"));
            }
            let none = request.header("x-amz-expected-bucket-owner", "somebody");
            let answer = rig.owner.send(&none).await.unwrap();
            refused(&answer, 400, "InvalidBucketOwnerAWSAccountID", &format!("{none:?}"));
        }
    }
    for query in ["", &format!("?partNumber=2&uploadId={}", rig.upload)] {
        let copy = put(&format!("{UPLOAD}{query}")).header("x-amz-copy-source", "/closed/victim.txt");
        let copy = copy.header("x-amz-source-expected-bucket-owner", rig.other.account_id.as_str());
        refused(&rig.owner.send(&copy).await.unwrap(), 403, "AccessDenied", query);
    }
    assert_eq!(rig.snapshot().await, before);
    let right = get(VICTIM).header("x-amz-expected-bucket-owner", rig.owner_account.as_str());
    ok(&rig.owner.send(&right).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_token_with_a_key_that_lives_long_is_refused_wherever_it_is() {
    let rig = Rig::lenient().await;
    for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
        for token in ["token", ""] {
            let request = get(VICTIM).signature(signature).header("x-amz-security-token", token);
            refused(&rig.owner.send(&request).await.unwrap(), 400, "InvalidToken", &format!("{signature:?} {token:?}"));
        }
    }
    let moved = get(VICTIM).signature(V4_QUERY).raw_query("X-Amz-Security-Token=token");
    refused(&rig.owner.send(&moved).await.unwrap(), 400, "InvalidToken", "query");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_somebody_who_may_what_is_granted_to_everybody_and_a_bad_signature_is_not_nobody() {
    let rig = Rig::lenient().await;
    let nobody = rig.server.anonymous();
    for place in ["", CLOSED, VICTIM, "closed?acl", GRANTED] {
        refused(&nobody.get(place).await.unwrap(), 403, "AccessDenied", place);
    }
    ok(&rig.owner.send(&put(VICTIM).bytes("public").header("x-amz-acl", "public-read")).await.unwrap());
    rig.grant(CLOSED, &[(by_group(ALL_USERS), "READ")]).await;
    let before = rig.snapshot().await;
    for place in [CLOSED, VICTIM] {
        ok(&nobody.get(place).await.unwrap());
        for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
            let wrong = get(place).signature(signature).credentials(wrong(&rig.guest.key));
            refused(&rig.owner.send(&wrong).await.unwrap(), 403, "SignatureDoesNotMatch", place);
            let unknown = get(place).signature(signature).credentials(Credentials::new("AKIAUNKNOWN", "x"));
            refused(&rig.owner.send(&unknown).await.unwrap(), 403, "InvalidAccessKeyId", place);
        }
        let expired = get(place).at(seconds(now() - 700)).signature(V4_QUERY);
        refused(&rig.owner.send(&expired).await.unwrap(), 403, "AccessDenied", place);
    }
    let public = format!("{VICTIM}?acl");
    for (method, place) in [
        (Method::PUT, NEW),
        (Method::PUT, VICTIM),
        (Method::DELETE, VICTIM),
        (Method::PUT, "closed?acl"),
        (Method::GET, "closed?acl"),
        (Method::GET, public.as_str()),
        (Method::GET, ""),
        (Method::PUT, "a-bucket-of-nobody"),
        (Method::POST, "closed/new.txt?uploads"),
    ] {
        let answer = nobody.send(&Request::at_place(method.clone(), place).header("x-amz-acl", "public-read")).await;
        refused(&answer.unwrap(), 403, "AccessDenied", &format!("{method} {place}"));
    }
    assert_eq!(rig.snapshot().await, before);
}
