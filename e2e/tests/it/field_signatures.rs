//! Failures of the field in proving who asks and what was sent (`field.md`, section 3: 1, 2, 3, 9, 12, 13, 18, 25), each held by
//! the attack that worked elsewhere. An attacker here knows everything but the secret.

use client::{Body, Chunked, Credentials, Method, Request, S3, Signature, Source};
use operations::admin::Command;
use s3::table::OPERATIONS;
use testkit::{InProcess, Options, Place, acl_document, by_email, by_id, count_files};

use crate::examples::{self, Aim};
use crate::field_rig::{
    CLOSED, GRANTED, Rig, SECRET, TEXT, UPLOAD, V2_QUERY, V4_QUERY, VICTIM, forms, get, now, ok, put, refused, seconds,
    send_altered, wrong,
};

const NEW: &str = "closed/new.txt";

/// Every operation with a body that changes something, with a body that it takes.
fn writes(rig: &Rig) -> Vec<(&'static str, Request, String)> {
    let acl =
        acl_document(&rig.owner_id, &[(by_id(&rig.owner_id), "FULL_CONTROL"), (by_email(&rig.guest.email), "READ")]);
    let delete = "<Delete><Object><Key>victim.txt</Key></Object></Delete>";
    let complete =
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>";
    let md5 = Source::from(delete).md5_base64();
    let post = |place: &str| Request::at_place(Method::POST, place);
    vec![
        ("PutObject", put(NEW), TEXT.to_owned()),
        ("PutObject over another", put("closed/victim2.txt"), TEXT.to_owned()),
        ("UploadPart", put(&format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload)), TEXT.to_owned()),
        ("PutBucketAcl", put("closed?acl"), acl.clone()),
        ("PutObjectAcl", put(&format!("{VICTIM}?acl")), acl),
        ("CreateBucket", put("brand-new-bucket"), "<CreateBucketConfiguration/>".into()),
        (
            "PutBucketOwnershipControls",
            put("closed?ownershipControls"),
            "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>"
                .into(),
        ),
        (
            "PutPublicAccessBlock",
            put("closed?publicAccessBlock"),
            "<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls></PublicAccessBlockConfiguration>"
                .into(),
        ),
        (
            "CompleteMultipartUpload",
            post(&format!("{UPLOAD}?uploadId={}", rig.upload)),
            complete.replace("{}", &rig.part),
        ),
        ("DeleteObjects", post("closed?delete").header("content-md5", md5), delete.into()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn field_01_no_form_of_body_gets_past_a_wrong_secret_and_none_is_refused_under_the_right_one() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let callers = [
        ("a wrong secret", rig.owner.with_wrong_secret(), "SignatureDoesNotMatch"),
        (
            "an empty secret",
            rig.owner.with_key(Credentials::new(rig.server.owner_key().access_key_id.clone(), "")),
            "SignatureDoesNotMatch",
        ),
        (
            "another's secret",
            rig.owner.with_key(Credentials::new(
                rig.server.owner_key().access_key_id.clone(),
                rig.guest.key.secret_access_key.clone(),
            )),
            "SignatureDoesNotMatch",
        ),
        ("an unknown key", rig.owner.with_key(Credentials::new("AKIANOBODY", "x")), "InvalidAccessKeyId"),
        ("another's key", rig.guest.s3.clone(), "AccessDenied"),
        ("nobody", rig.server.anonymous(), "AccessDenied"),
    ];
    for (who, s3, code) in &callers {
        for (name, request, body) in writes(&rig) {
            for form in forms(body) {
                if *who == "nobody" && form.signs_chunks {
                    continue;
                }
                for signature in [Signature::HeaderV4, V4_QUERY] {
                    let answer = s3.send(&form.on(request.clone()).signature(signature)).await.unwrap();
                    let told = format!("{name}, {}, {signature:?}, {who}", form.name);
                    if form.signs_chunks && signature == V4_QUERY {
                        refused(&answer, 400, "InvalidRequest", &told);
                    } else if name == "DeleteObjects" && *code == "AccessDenied" && answer.status == 200 {
                        let codes = answer.elements(&["DeleteResult", "Error", "Code"]);
                        assert_eq!(codes, ["AccessDenied"], "{told}: {}", answer.text());
                    } else {
                        refused(&answer, 403, code, &told);
                    }
                }
            }
        }
    }
    assert_eq!(rig.snapshot().await, before);
    // The requests were right.
    for signature in [Signature::HeaderV4, V4_QUERY] {
        for (name, request, body) in writes(&rig) {
            if name == "CompleteMultipartUpload" {
                continue;
            }
            for form in forms(body) {
                if form.signs_chunks && signature == V4_QUERY {
                    continue;
                }
                ok(&rig.owner.put(VICTIM, SECRET).await.unwrap());
                let answer = rig.owner.send(&form.on(request.clone()).signature(signature)).await.unwrap();
                let told = format!("{name}, {}, {signature:?}: {} {}", form.name, answer.status, answer.text());
                assert_eq!(answer.status / 100, 2, "{told}");
            }
        }
    }
    let (_, request, body) = writes(&rig).swap_remove(8);
    ok(&rig.owner.send(&request.bytes(body)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn field_01_a_body_under_a_wrong_secret_never_reaches_the_disk() {
    let place = Place::new();
    let server = InProcess::start(Options { throttled: false, ..Options::on_disk(&place.data) }).await;
    ok(&server.owner().put(CLOSED, "").await.unwrap());
    let files = count_files(&place.data.join("bodies"));
    // Longer than what lies in the records.
    let long = vec![b'z'; 300_000];
    for form in forms(long.clone()) {
        for signature in [Signature::HeaderV4, V4_QUERY] {
            let request = form.on(put(NEW)).signature(signature);
            let answer = server.owner().with_wrong_secret().send(&request).await.unwrap();
            assert!(matches!(answer.status, 400 | 403), "{}: {}", form.name, answer.text());
            assert_eq!(count_files(&place.data.join("bodies")), files, "{}", form.name);
        }
    }
    ok(&server.owner().put(NEW, long).await.unwrap());
    assert!(count_files(&place.data.join("bodies")) > files, "a body of that length is a file");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn field_02_every_operation_verifies_the_signature_by_every_mechanism() {
    let rig = Rig::lenient().await;
    let before = rig.snapshot().await;
    let aim = Aim {
        bucket: CLOSED.into(),
        key: "victim.txt".into(),
        owner: rig.owner_id.clone(),
        upload: rig.upload.clone(),
        part: rig.part.clone(),
        source: VICTIM.into(),
    };
    let s3 = rig.owner.with_wrong_secret();
    for row in OPERATIONS {
        for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
            let answer = s3.send(&examples::request(row, &aim).signature(signature)).await.unwrap();
            let told = format!("{} {signature:?}: {} {}", row.name, answer.status, answer.text());
            // SigV2 cannot sign every operation; then it says what can.
            let v2 = matches!(signature, Signature::HeaderV2 | Signature::QueryV2 { .. });
            assert!(answer.status == 403 || (v2 && answer.status == 400), "{told}");
            if row.method != "HEAD" {
                let code = answer.code().unwrap_or_default();
                assert!(
                    code == "SignatureDoesNotMatch" || (v2 && answer.text().contains("AWS4-HMAC-SHA256")),
                    "{told}"
                );
            }
        }
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_03_no_byte_of_signed_chunks_can_be_changed_left_out_repeated_or_brought_from_elsewhere() {
    let rig = Rig::new().await;
    let before = rig.snapshot().await;
    let bytes: Vec<u8> = (0..100u8).collect();
    let part = format!("{UPLOAD}?partNumber=2&uploadId={}", rig.upload);
    for place in [NEW, &part] {
        for trailer in [false, true] {
            let body = || {
                let chunked = Chunked::signed(bytes.clone()).chunk_size(20);
                Body::Chunked(if trailer { chunked.crc32c() } else { chunked })
            };
            let frames = 7;
            for frame in 0..frames {
                // A byte of the data, one of the signature, one of the size.
                for from_end in [3usize, 25, 40, 100] {
                    let request = put(place).body(body()).tamper(move |frames| {
                        let len = frames[frame].len();
                        if let Some(at) = len.checked_sub(from_end) {
                            frames[frame][at] ^= 1;
                        } else {
                            frames[frame].insert(0, b'1');
                        }
                    });
                    let answer = rig.owner.send(&request).await.unwrap();
                    let told = format!("{place} {frame} {from_end} {trailer}: {} {}", answer.status, answer.text());
                    assert!(matches!(answer.status, 400 | 403), "{told}");
                }
            }
            // Chunks of another request of the same key, at the same place of it.
            let other =
                rig.owner.prepare(&put(place).body(body()).header("x-amz-meta-other", "1")).unwrap().into_bytes();
            let head = other.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            let other = other[head..].to_vec();
            let chunk = "14;chunk-signature=".len() + 64 + 2 + 20 + 2;
            for from in 0..5 {
                let stolen = other[from * chunk..(from + 1) * chunk].to_vec();
                let request = put(place).body(body()).tamper(move |frames| frames[from] = stolen.clone());
                refused(&rig.owner.send(&request).await.unwrap(), 403, "SignatureDoesNotMatch", "a stolen chunk");
            }
            let all = other.clone();
            let request = put(place).body(body()).tamper(move |frames| *frames = vec![all.clone()]);
            refused(&rig.owner.send(&request).await.unwrap(), 403, "SignatureDoesNotMatch", "a stolen body");
            // Two chunks made one, and one made two: the same bytes, other signatures.
            let request = put(place).body(body()).tamper(|frames| frames.swap(2, 3));
            refused(&rig.owner.send(&request).await.unwrap(), 403, "SignatureDoesNotMatch", "another order");
            // An empty chunk, which ends a body, in its middle.
            let request = put(place).body(body()).tamper(|frames| frames.truncate(3));
            refused(&rig.owner.send(&request).await.unwrap(), 400, "IncompleteBody", "cut");
        }
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_09_a_link_to_write_one_object_reads_no_other_and_does_nothing_that_it_was_not_made_for() {
    let rig = Rig::lenient().await;
    let nobody = rig.server.anonymous();
    // The owner hands out a link to upload; its holder adds what was not signed.
    let link = put("granted/inbox").signature(V4_QUERY);
    let before = rig.snapshot().await;
    for (name, value) in [
        ("x-amz-copy-source", "/closed/victim.txt"),
        ("x-amz-copy-source", "closed%2Fvictim.txt"),
        ("x-amz-acl", "public-read-write"),
        ("x-amz-grant-full-control", "uri=http://acs.amazonaws.com/groups/global/AllUsers"),
    ] {
        let answer = send_altered(&rig.owner, &link.clone().unsigned_header(name, value), |_| {}).await;
        refused(&answer, 403, "AccessDenied", name);
        // The same in the query, where SDKs put them.
        let query = format!("{name}={}", client::encode_component(value));
        let answer = rig.owner.send(&link.clone().unsigned_query(&query)).await.unwrap();
        assert!(matches!(answer.status, 400 | 403), "{name}: {} {}", answer.status, answer.text());
    }
    for query in
        ["acl", "tagging", "uploads", "versionId=null", "partNumber=1&uploadId=1", "response-content-type=a", "x-id=a"]
    {
        let answer = rig.owner.send(&link.clone().unsigned_query(query)).await.unwrap();
        assert!(matches!(answer.status, 400 | 403 | 405), "{query}: {} {}", answer.status, answer.text());
    }
    // Another method, key, bucket, host, or day.
    let url = rig.owner.presign(&put("granted/inbox"), 600).unwrap();
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::POST] {
        let answer = nobody.follow(method.clone(), &url, Body::None).await.unwrap();
        assert!(matches!(answer.status, 403 | 405), "{method}: {} {}", answer.status, answer.text());
    }
    for (from, to) in [
        ("granted/inbox", "granted/inbox2"),
        ("granted/inbox", "granted/Inbox"),
        ("granted/inbox", "granted/inbox/"),
        ("granted/inbox", "granted//inbox"),
        ("granted/inbox", "closed/inbox"),
        ("granted/inbox", "closed/../granted/inbox"),
        ("X-Amz-Expires=600", "X-Amz-Expires=604800"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Brange"),
    ] {
        assert!(url.contains(from), "{url}");
        let answer = nobody.follow(Method::PUT, &url.replacen(from, to, 1), Body::Unsigned(TEXT.into())).await.unwrap();
        assert_eq!(answer.status, 403, "{to}: {}", answer.text());
    }
    assert_eq!(rig.snapshot().await, before);
    ok(&nobody.follow(Method::PUT, &url, Body::Unsigned(TEXT.into())).await.unwrap());
    assert_eq!(rig.owner.get("granted/inbox").await.unwrap().text(), TEXT);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_12_a_presigned_url_lives_to_its_last_second_however_long_that_is_and_not_a_moment_longer() {
    let rig = Rig::new().await;
    let at = now();
    let link = |life: i64| get(VICTIM).at(seconds(at)).signature(Signature::QueryV4 { seconds: life });
    const WEEK: i64 = 604_800;
    for life in [1, 2, 60, 901, 3600, WEEK] {
        for millis in [0, 500, life * 500, life * 1000 - 1, life * 1000] {
            rig.stop_clock((at * 1000 + millis) as u64);
            ok(&rig.owner.send(&link(life)).await.unwrap());
        }
        for millis in [life * 1000 + 1, life * 1000 + 2000, life * 1000 + 1000 * WEEK] {
            rig.stop_clock((at * 1000 + millis) as u64);
            let answer = rig.owner.send(&link(life)).await.unwrap();
            refused(&answer, 403, "AccessDenied", &format!("{life} s, after {millis} ms"));
            assert!(!answer.text().contains(SECRET));
        }
    }
    rig.stop_clock((at * 1000) as u64);
    for life in [0, -1, WEEK + 1, i64::MAX, i64::MIN] {
        refused(
            &rig.owner.send(&link(life)).await.unwrap(),
            400,
            "AuthorizationQueryParametersError",
            &life.to_string(),
        );
    }
    for (from, to) in [
        ("X-Amz-Expires=60", "X-Amz-Expires="),
        ("X-Amz-Expires=60", "X-Amz-Expires=1e9"),
        ("X-Amz-Expires=60", "x-id=0"),
        ("X-Amz-Expires=60", "X-Amz-Expires=99999999999999999999999"),
        ("X-Amz-Date=2", "X-Amz-Date="),
    ] {
        let answer =
            send_altered(&rig.owner, &link(60), |prepared| prepared.target = prepared.target.replacen(from, to, 1))
                .await;
        refused(&answer, 400, "AuthorizationQueryParametersError", to);
    }
    // It is not valid before it was made, beyond what clocks differ by.
    for (before, fine) in [(900, true), (901, false)] {
        rig.stop_clock(((at - before) * 1000) as u64);
        let answer = rig.owner.send(&link(60)).await.unwrap();
        match fine {
            true => ok(&answer),
            false => refused(&answer, 403, "AccessDenied", "not yet valid"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn field_13_a_request_that_was_overheard_works_for_fifteen_minutes_at_the_most() {
    let rig = Rig::new().await;
    let at = now();
    let request = || get(VICTIM).at(seconds(at));
    for off in [0, 1, 899, 900, -900] {
        rig.stop_clock(((at + off) * 1000) as u64);
        ok(&rig.owner.send(&request()).await.unwrap());
    }
    for off in [901, 960, 86_400, -901, -960, -86_400] {
        rig.stop_clock(((at + off) * 1000) as u64);
        let answer = rig.owner.send(&request()).await.unwrap();
        refused(&answer, 403, "RequestTimeTooSkewed", &off.to_string());
        assert_eq!(answer.elements(&["Error", "MaxAllowedSkewMilliseconds"]), ["900000"]);
    }
    rig.stop_clock(((at + 900) * 1000 + 1) as u64);
    refused(&rig.owner.send(&request()).await.unwrap(), 403, "RequestTimeTooSkewed", "a millisecond");
    rig.run_clock();
    for bad in
        ["", "now", "2026-11-23T00:00:00Z", "20261301T000000Z", "20261123", "99999999T999999Z", "-0010101T000000Z"]
    {
        let answer = rig.owner.send(&get(VICTIM).header("x-amz-date", bad)).await.unwrap();
        assert!(matches!(answer.status, 400 | 403), "{bad}: {} {}", answer.status, answer.text());
    }
    let none = get(VICTIM).override_header("x-amz-date", None);
    refused(&rig.owner.send(&none).await.unwrap(), 403, "AccessDenied", "no date");
}

#[tokio::test(flavor = "multi_thread")]
async fn field_13_who_guesses_at_a_secret_is_soon_not_judged_any_more() {
    let rig = Rig::with(Options::default()).await;
    let wrong = rig.owner.with_wrong_secret();
    let mut judged = 0;
    loop {
        let answer = wrong.get(VICTIM).await.unwrap();
        if answer.status == 503 {
            refused(&answer, 503, "SlowDown", "guessing");
            break;
        }
        refused(&answer, 403, "SignatureDoesNotMatch", "guessing");
        judged += 1;
        assert!(judged < 5000, "guessing goes on for ever");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn field_18_a_key_whose_account_or_share_is_stopped_is_nobody_and_not_somebody_by_default() {
    let rig = Rig::lenient().await;
    let ask = |command| rig.server.ask(command);
    let deleted = rig.server.key(&rig.guest.email, false).await;
    ask(Command::KeyDelete { access_key_id: deleted.access_key_id.clone() }).await;
    let disabled = rig.server.key(&rig.guest.email, false).await;
    ask(Command::KeyDisable { access_key_id: disabled.access_key_id.clone() }).await;
    let share = rig.server.share(GRANTED, "vendor@example.com", "read-write").await;
    ask(Command::SharesRevoke { share_id: share.share_id.clone() }).await;
    let suspended = rig.server.guest("suspended@example.com").await;
    ask(Command::AccountSuspend { account: suspended.email.clone(), resume: false }).await;
    // Everybody may list and read: whoever is nobody by default would get through.
    ok(&rig.owner.send(&put("granted/k").bytes("public").header("x-amz-acl", "public-read")).await.unwrap());
    rig.grant(GRANTED, &[(testkit::by_group(crate::field_rig::ALL_USERS), "FULL_CONTROL")]).await;
    ok(&rig.server.anonymous().get(GRANTED).await.unwrap());
    let before = rig.snapshot().await;
    for (what, key) in
        [("deleted", &deleted), ("disabled", &disabled), ("revoked", &share.key), ("suspended", &suspended.key)]
    {
        for key in [key.clone(), wrong(key)] {
            let s3: S3 = rig.server.s3(&key);
            for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
                for request in [get(""), get(GRANTED), get("granted/k"), put("granted/new").bytes(TEXT)] {
                    let answer = s3.send(&request.signature(signature)).await.unwrap();
                    assert_eq!(answer.status, 403, "{what}: {}", answer.text());
                }
            }
        }
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn field_25_no_header_or_parameter_of_the_callers_own_says_who_it_is_or_from_where() {
    let rig = Rig::new().await;
    let owner_key = rig.server.owner_key().access_key_id.clone();
    let names = [
        "userid",
        "username",
        "principal",
        "principaltype",
        "aws-userid",
        "aws-principalarn",
        "sourceip",
        "x-real-ip",
        "x-forwarded-for",
        "forwarded",
        "x-amz-user",
        "x-amz-account-id",
        "x-amz-principal",
        "x-amz-source-account",
        "x-amz-security-userid",
        "x-amz-cf-id",
        "x-minio-source-bucket",
        "x-rustfs-internal",
        "x-internal",
        "x-user-id",
        "securetransport",
        "groups",
        "role",
        "cookie",
        "from",
        "x-auth-token",
        "x-amz-authenticated",
    ];
    for value in [
        owner_key.as_str(),
        rig.owner_id.as_str(),
        rig.owner_account.as_str(),
        testkit::OWNER,
        "127.0.0.1",
        "*",
        "root",
    ] {
        for name in names {
            let request =
                get(VICTIM).header(name, value).raw_query(&format!("{name}={}", client::encode_component(value)));
            // As a guest, and as nobody.
            for s3 in [&rig.guest.s3, &rig.server.anonymous()] {
                let answer = s3.send(&request).await.unwrap();
                let told = format!("{name}: {value}: {} {}", answer.status, answer.text());
                assert!(matches!(answer.status, 400 | 403) && !answer.text().contains(SECRET), "{told}");
            }
        }
    }
}
