//! Failures of the field in what somebody may reach (`field.md`, section 3: 4, 7, 8, 10, 11, 19, 20, 26 to 29), each held by
//! the attack that worked elsewhere. An attacker here has a key of its own, and wants more.

use client::{Body, Method, Request, Source, encode_component, encode_key};
use testkit::{Options, acl_document, by_email, by_id};

use crate::field_rig::{
    CLOSED, Dice, GRANTED, Rig, SECRET, TEXT, UPLOAD, V4_QUERY, VICTIM, get, is_refusal, ok, put, refused,
};

#[tokio::test(flavor = "multi_thread")]
async fn field_04_a_shares_key_does_nothing_more_however_much_its_account_may() {
    let rig = Rig::new().await;
    // The account owns a bucket, and was granted another; its share is of a third.
    ok(&rig.other.s3.put("others", "").await.unwrap());
    ok(&rig.other.s3.put("others/k", SECRET).await.unwrap());
    rig.grant(GRANTED, &[(by_email(&rig.other.email), "FULL_CONTROL")]).await;
    ok(&rig.owner.put("shared", "").await.unwrap());
    let share = rig.server.share("shared", &rig.other.email, "read-write").await;
    ok(&share.s3.put("shared/mine", TEXT).await.unwrap());
    let before = rig.snapshot().await;
    let names = share.s3.get("").await.unwrap().elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"]);
    assert_eq!(names, ["shared"]);
    for request in [
        get("others"),
        get("others/k"),
        get("others?acl"),
        get(GRANTED),
        get("granted?acl"),
        put("granted/k").bytes(TEXT),
        put("others/k").bytes(TEXT),
        put("brand-new-bucket"),
        put("shared?acl").header("x-amz-acl", "private"),
        put("shared/mine?acl").header("x-amz-acl", "public-read"),
        put("shared/copy").header("x-amz-copy-source", "/others/k"),
        put("shared?publicAccessBlock").bytes("<PublicAccessBlockConfiguration/>"),
        Request::at_place(Method::DELETE, "others/k"),
        Request::at_place(Method::DELETE, "others"),
        Request::at_place(Method::DELETE, "shared"),
    ] {
        let answer = share.s3.send(&request).await.unwrap();
        assert_eq!(answer.status, 403, "{request:?}: {}", answer.text());
        assert!(!answer.text().contains(SECRET));
    }
    assert_eq!(rig.snapshot().await, before);
    // Nor did the account's other key gain the share.
    assert_eq!(rig.other.s3.get("shared/mine").await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_07_who_may_write_objects_may_write_no_rules() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let acl = acl_document(&rig.owner_id, &[(by_id(&rig.guest.canonical_id), "FULL_CONTROL")]);
    for key in [
        "acl",
        "policy",
        "lifecycle",
        "cors",
        "versioning",
        "object-lock",
        "encryption",
        "website",
        "replication",
        "logging",
        "notification",
        "tagging",
        "requestPayment",
        "accelerate",
        "ownershipControls",
        "publicAccessBlock",
    ] {
        let place = format!("{GRANTED}?{key}");
        for body in [acl.as_str(), "{\"Version\":\"2012-10-17\",\"Statement\":[]}", ""] {
            let answer = rig.guest.s3.send(&put(&place).bytes(body.to_owned())).await.unwrap();
            refused(&answer, 403, "AccessDenied", &place);
        }
        if !["acl", "versioning", "object-lock", "logging", "notification", "requestPayment", "accelerate"]
            .contains(&key)
        {
            refused(&rig.guest.s3.delete(&place).await.unwrap(), 403, "AccessDenied", &place);
        }
        refused(&rig.guest.s3.get(&place).await.unwrap(), 403, "AccessDenied", &place);
    }
    // What it writes gives nobody anything either.
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-acl", "authenticated-read"),
        ("x-amz-grant-read", "emailAddress=other@example.com"),
        ("x-amz-object-ownership", "ObjectWriter"),
    ] {
        let answer = rig.guest.s3.send(&put("granted/k").bytes(TEXT).header(name, value)).await.unwrap();
        assert!(name == "x-amz-object-ownership" || is_refusal(&answer), "{name}: {}", answer.text());
    }
    ok(&rig.owner.delete("granted/k").await.unwrap());
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_08_nothing_is_copied_out_of_a_place_that_is_not_readable_or_into_one_that_is_not_writable() {
    let rig = Rig::new().await;
    let guest = &rig.guest.s3;
    ok(&guest.put("granted/mine", TEXT).await.unwrap());
    let begun = guest.post("granted/upload?uploads", "").await.unwrap();
    let upload = begun.elements(&["InitiateMultipartUploadResult", "UploadId"])[0].clone();
    let before = rig.snapshot().await;
    let part = format!("granted/upload?partNumber=1&uploadId={upload}");
    let spellings = [
        "/closed/victim.txt",
        "closed/victim.txt",
        "closed%2Fvictim.txt",
        "/closed/victim.txt?versionId=null",
        "/closed/%76ictim.txt",
        "/%63losed/victim.txt",
    ];
    for source in spellings {
        for to in ["granted/copy", &part] {
            for signature in [client::Signature::HeaderV4, V4_QUERY] {
                for range in [None, Some("bytes=0-3")] {
                    let copy = put(to).header("x-amz-copy-source", source).signature(signature);
                    let copy = match range {
                        Some(range) if to != "granted/copy" => copy.header("x-amz-copy-source-range", range),
                        _ => copy,
                    };
                    let answer = guest.send(&copy).await.unwrap();
                    refused(&answer, 403, "AccessDenied", source);
                }
                // Conditions on the source tell nothing of it.
                for (name, value) in [("if-match", "\"0\""), ("if-none-match", "*")] {
                    let copy =
                        put(to).header("x-amz-copy-source", source).header(&format!("x-amz-copy-source-{name}"), value);
                    refused(&guest.send(&copy).await.unwrap(), 403, "AccessDenied", name);
                }
            }
        }
    }
    for to in [VICTIM, "closed/copy", &format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload)] {
        let copy = put(to).header("x-amz-copy-source", "/granted/mine");
        refused(&guest.send(&copy).await.unwrap(), 403, "AccessDenied", to);
    }
    assert_eq!(rig.snapshot().await, before);
    ok(&guest.copy("granted/mine", "granted/copy").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_10_no_spelling_of_a_key_leads_out_of_the_bucket_that_was_authorised() {
    let rig = Rig::new().await;
    let guest = &rig.guest.s3;
    let closed = rig.owner.list(CLOSED, "").await.unwrap().text();
    let pieces = [
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "%252e%252e",
        "/",
        "//",
        "%2f",
        "%2F",
        "\\",
        "%5c",
        "%00",
        "%0a",
        "%20",
        "closed",
        "victim.txt",
        "granted",
        "closed/victim.txt",
        "%63losed",
        "a",
        "%ff",
        "%c0%ae%c0%ae",
        "%3f",
        "%23",
        ";",
        ":",
        "~",
        "..;",
        "%e2%80%ae",
        "+",
        "&",
        "=",
    ];
    let mut dice = Dice(10);
    for round in 0..400 {
        let tail: String = (0..1 + dice.roll(7))
            .map(|at| format!("{}{}", if at > 0 && dice.roll(3) > 0 { "/" } else { "" }, dice.pick(&pieces)))
            .collect();
        let path = format!("/{GRANTED}/{tail}");
        let request = match round % 8 {
            0 | 1 => Request::new(Method::PUT, path.clone()).bytes(TEXT),
            2 => Request::new(Method::GET, path.clone()),
            3 => Request::new(Method::DELETE, path.clone()),
            4 => put("granted/copy").header("x-amz-copy-source", path.clone()),
            5 => put("granted/copy").header("x-amz-copy-source", format!("{GRANTED}%2F{tail}")),
            6 => Request::new(Method::GET, format!("/{GRANTED}"))
                .raw_query(&format!("list-type=2&prefix={}", encode_component(&tail))),
            _ => Request::new(Method::GET, format!("/{GRANTED}"))
                .raw_query(&format!("marker={tail}").replace(['&', '=', '+'], "").replacen("marker", "marker=", 1)),
        };
        let Ok(answer) = guest.send(&request).await else { continue };
        let told = format!("{request:?} {tail}: {} {}", answer.status, answer.text());
        assert!(answer.status < 500, "{told}");
        assert!(!answer.text().contains(SECRET) && !answer.text().contains("upload.bin"), "{told}");
    }
    assert_eq!(rig.owner.list(CLOSED, "").await.unwrap().text(), closed);
    assert_eq!(rig.owner.get(VICTIM).await.unwrap().text(), SECRET);
    // What was authorised in the granted bucket is there, by exactly that name.
    for key in [
        "../closed/victim.txt",
        "..\\closed\\victim.txt",
        "%2e%2e/closed/victim.txt",
        "/closed/victim.txt",
        "a\0/../closed",
    ] {
        ok(&guest
            .send(&Request::new(Method::PUT, format!("/{GRANTED}/{}", encode_key(key))).bytes(key))
            .await
            .unwrap());
        assert_eq!(rig.owner.get(&format!("{GRANTED}/{key}")).await.unwrap().text(), key);
    }
    assert_eq!(rig.owner.get(VICTIM).await.unwrap().text(), SECRET);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_11_a_form_writes_nothing_into_the_bucket_that_it_names_beside_the_one_it_is_sent_to() {
    let rig = Rig::new().await;
    let closed = rig.owner.list(CLOSED, "").await.unwrap().text();
    let field =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    for key in ["posted", "../closed/posted", "/closed/posted", "victim.txt"] {
        let fields = [field("key", key), field("bucket", CLOSED), field("acl", "public-read"), field("file", TEXT)];
        let form = fields.concat() + "--b--\r\n";
        for (s3, to) in [
            (rig.server.anonymous(), GRANTED),
            (rig.server.anonymous(), CLOSED),
            (rig.guest.s3.clone(), GRANTED),
            (rig.guest.s3.clone(), CLOSED),
        ] {
            let post = Request::at_place(Method::POST, to).header("content-type", "multipart/form-data; boundary=b");
            let answer = s3.send(&post.body(Body::Unsigned(form.clone().into()))).await.unwrap();
            assert!(is_refusal(&answer), "{key} to {to}: {} {}", answer.status, answer.text());
        }
    }
    assert_eq!(rig.owner.list(CLOSED, "").await.unwrap().text(), closed);
    assert_eq!(rig.owner.get(VICTIM).await.unwrap().text(), SECRET);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_19_naming_a_version_needs_what_reading_it_needs() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    for version in ["null", "1", "AAAA", "../victim", "%00"] {
        let place = format!("{VICTIM}?versionId={version}");
        for request in [get(&place), Request::at_place(Method::DELETE, &place), get(&format!("{place}&acl"))] {
            refused(&rig.guest.s3.send(&request).await.unwrap(), 403, "AccessDenied", version);
        }
        assert_eq!(rig.guest.s3.head(&place).await.unwrap().status, 403);
        let copy = put("granted/copy").header("x-amz-copy-source", format!("/{VICTIM}?versionId={version}"));
        refused(&rig.guest.s3.send(&copy).await.unwrap(), 403, "AccessDenied", version);
    }
    // Deleting a version that there is not deletes no other.
    for version in ["1", "AAAA"] {
        let answer = rig.owner.delete(&format!("{VICTIM}?versionId={version}")).await.unwrap();
        assert!(rig.stored(VICTIM).await, "{version}: {}", answer.text());
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_20_a_lock_that_cannot_be_kept_is_refused_and_never_promised() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    for (name, value) in [
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z"),
        ("x-amz-object-lock-legal-hold", "ON"),
    ] {
        for request in [
            put("closed/new").bytes(TEXT),
            put("closed/new").header("x-amz-copy-source", "/closed/victim.txt"),
            Request::at_place(Method::POST, "closed/new?uploads"),
        ] {
            refused(&rig.owner.send(&request.header(name, value)).await.unwrap(), 501, "NotImplemented", name);
        }
    }
    let locked = put("brand-new-bucket").header("x-amz-bucket-object-lock-enabled", "true");
    refused(&rig.owner.send(&locked).await.unwrap(), 501, "NotImplemented", "a bucket with locks");
    for query in ["retention", "legal-hold"] {
        let answer = rig.owner.put(&format!("{VICTIM}?{query}"), "<a/>").await.unwrap();
        assert!(is_refusal(&answer), "{query}: {}", answer.text());
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_26_full_control_of_a_bucket_does_not_delete_it_or_change_its_owner() {
    let rig = Rig::new().await;
    ok(&rig.owner.put("empty", "").await.unwrap());
    for bucket in ["empty", GRANTED] {
        rig.grant(bucket, &[(by_email(&rig.guest.email), "FULL_CONTROL")]).await;
        refused(&rig.guest.s3.delete(bucket).await.unwrap(), 403, "AccessDenied", bucket);
        // Nor by way of making it its own.
        let mine = acl_document(&rig.guest.canonical_id, &[(by_id(&rig.guest.canonical_id), "FULL_CONTROL")]);
        let answer = rig.guest.s3.put(&format!("{bucket}?acl"), mine).await.unwrap();
        assert!(is_refusal(&answer), "{}", answer.text());
        let alone = acl_document(&rig.owner_id, &[(by_id(&rig.guest.canonical_id), "FULL_CONTROL")]);
        ok(&rig.guest.s3.put(&format!("{bucket}?acl"), alone).await.unwrap());
        refused(&rig.guest.s3.delete(bucket).await.unwrap(), 403, "AccessDenied", bucket);
        // The owner, whom the list does not name any more, has it all the same.
        let acl = rig.owner.get(&format!("{bucket}?acl")).await.unwrap();
        assert_eq!(acl.elements(&["AccessControlPolicy", "Owner", "ID"]), [rig.owner_id.as_str()]);
    }
    ok(&rig.owner.delete("empty").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_27_an_acl_that_was_accepted_is_what_reads_back_and_what_decides() {
    let rig = Rig::new().await;
    let permissions = ["AccessControlPolicy", "AccessControlList", "Grant", "Permission"];
    // By each way of saying it; `grants` goes through all permissions.
    let email = format!("emailAddress=\"{}\"", rig.guest.email);
    for request in [
        put("closed?acl").bytes(acl_document(&rig.owner_id, &[(by_email(&rig.guest.email), "READ")])),
        put("closed?acl").header("x-amz-grant-read", email.as_str()),
        put("closed?acl").header("x-amz-grant-read", email.as_str()).signature(V4_QUERY),
    ] {
        assert_eq!(rig.guest.s3.get(CLOSED).await.unwrap().status, 403);
        ok(&rig.owner.send(&request).await.unwrap());
        let acl = rig.owner.get("closed?acl").await.unwrap();
        assert_eq!(acl.elements(&permissions), ["READ"]);
        assert_eq!(acl.elements(&["AccessControlPolicy", "Owner", "ID"]), [rig.owner_id.as_str()]);
        ok(&rig.guest.s3.get(CLOSED).await.unwrap());
        ok(&rig.owner.send(&put("closed?acl").header("x-amz-acl", "private")).await.unwrap());
    }
    assert_eq!(rig.guest.s3.get(CLOSED).await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_28_an_address_is_one_account_in_every_spelling_and_only_who_may_grant_can_ask_for_it_and_not_for_long() {
    let rig = Rig::with(Options::default()).await;
    let grant = |email: &str| acl_document(&rig.owner_id, &[(by_email(email), "READ")]);
    for email in ["guest@example.com", "Guest@Example.COM", " guest@example.com "] {
        ok(&rig.owner.put("closed?acl", grant(email)).await.unwrap());
        let acl = rig.owner.get("closed?acl").await.unwrap();
        let ids = acl.elements(&["AccessControlPolicy", "AccessControlList", "Grant", "Grantee", "ID"]);
        assert_eq!(ids, [rig.guest.canonical_id.as_str()], "{email}");
        assert!(!acl.text().contains("EmailAddress"));
    }
    // Neighbours of an address are not it.
    for email in [
        "guest+x@example.com",
        "guest@example.com.",
        "guest@example.co",
        "g.uest@example.com",
        "guest\u{200b}@example.com",
        "guest@example.com,other@example.com",
        "ｇuest@example.com",
        "guest@exаmple.com",
        "guest@example.com\u{0}",
        "",
    ] {
        let document = grant(&email.replace('\0', "&#0;"));
        let answer = rig.owner.put("closed?acl", document).await.unwrap();
        assert_eq!(answer.status, 400, "{email:?}: {}", answer.text());
    }
    // Who may not grant learns the same of an address that there is and of one that there is not.
    for place in ["closed?acl", "granted?acl", "closed/victim.txt?acl"] {
        for email in ["other@example.com", "nobody@example.com"] {
            refused(&rig.guest.s3.put(place, grant(email)).await.unwrap(), 403, "AccessDenied", email);
            let by_header = put(place).header("x-amz-grant-read", format!("emailAddress={email}"));
            refused(&rig.guest.s3.send(&by_header).await.unwrap(), 403, "AccessDenied", email);
        }
    }
    // Nor does it learn more by writing, where it may and where it may not.
    for request in [
        put("closed/new").bytes(TEXT),
        put("granted/new").bytes(TEXT),
        put("granted/new").header("x-amz-copy-source", "/granted/new"),
        Request::at_place(Method::POST, "granted/new?uploads"),
        put("brand-new-bucket"),
    ] {
        let said = async |email: &str| {
            let request = request.clone().header("x-amz-grant-read", format!("emailAddress={email}"));
            let answer = rig.guest.s3.send(&request).await.unwrap();
            (answer.status, answer.code(), answer.elements(&["Error", "Message"]))
        };
        assert_eq!(said("other@example.com").await, said("nobody@example.com").await, "{request:?}");
    }
    // Who may grant can ask; asking for what there is not gets slower and slower.
    let mut asked = 0;
    loop {
        let answer = rig.owner.put("closed?acl", grant(&format!("somebody{asked}@example.com"))).await.unwrap();
        if answer.status == 503 {
            refused(&answer, 503, "SlowDown", "enumeration");
            break;
        }
        refused(&answer, 400, "UnresolvableGrantByEmailAddress", "enumeration");
        asked += 1;
        assert!(asked < 1000, "addresses can be enumerated");
    }
    let acl = rig.owner.get("closed?acl").await.unwrap();
    assert_eq!(acl.elements(&["AccessControlPolicy", "AccessControlList", "Grant", "Permission"]), ["READ"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_29_nobody_encrypts_anothers_data_under_a_key_of_its_own() {
    let rig = Rig::new().await;
    ok(&rig.owner.put("granted/k", TEXT).await.unwrap());
    let before = rig.snapshot().await;
    let upload = format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload);
    let key = Source::from("0123456789abcdef0123456789abcdef");
    let customer = |request: Request, prefix: &str| {
        request
            .header(&format!("{prefix}-algorithm"), "AES256")
            .header(&format!("{prefix}-key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
            .header(&format!("{prefix}-key-md5"), key.md5_base64())
    };
    const SSE_C: &str = "x-amz-server-side-encryption-customer";
    const SOURCE: &str = "x-amz-copy-source-server-side-encryption-customer";
    for s3 in [&rig.owner, &rig.guest.s3] {
        for request in [
            customer(put("granted/k").bytes(TEXT), SSE_C),
            customer(
                put("granted/k")
                    .header("x-amz-copy-source", "/granted/k")
                    .header("x-amz-metadata-directive", "REPLACE"),
                SSE_C,
            ),
            customer(put("granted/k2").header("x-amz-copy-source", "/granted/k"), SOURCE),
            customer(Request::at_place(Method::POST, "granted/k?uploads"), SSE_C),
            customer(put(&upload).bytes(TEXT), SSE_C),
            customer(get("granted/k"), SSE_C),
            put("granted/k").bytes(TEXT).header("x-amz-server-side-encryption", "aws:kms"),
            put("granted/k").bytes(TEXT).header("x-amz-server-side-encryption-aws-kms-key-id", "attackers"),
            put("granted/k").bytes(TEXT).header(&format!("{SSE_C}-algorithm"), ""),
        ] {
            for signature in [client::Signature::HeaderV4, V4_QUERY] {
                let answer = s3.send(&request.clone().signature(signature)).await.unwrap();
                assert!(is_refusal(&answer), "{request:?}: {} {}", answer.status, answer.text());
            }
        }
    }
    assert_eq!(rig.snapshot().await, before);
    assert_eq!(rig.owner.get("granted/k").await.unwrap().text(), TEXT);
}
