//! Failures of the field at the edges (`field.md`, section 3: 5, 6, 17, 21, 22): other ways in than S3's own, and what a
//! browser would make of an answer. Where there is no such way here, that is what is tested.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use client::{Answer, Method, Request, S3, Signature};
use operations::admin::{Command, Outcome};
use testkit::{Launch, Options, Program, by_email, by_group, contents};

use crate::BINARY;
use crate::field_rig::{
    ALL_USERS, CLOSED, GRANTED, Rig, SECRET, TEXT, UPLOAD, V2_QUERY, V4_QUERY, VICTIM, get, is_refusal, ok, put,
    refused,
};
use crate::form::{Form, policy};

/// Every account, and the ids of all keys.
async fn people(rig: &Rig) -> String {
    let Outcome::Keys(keys) = rig.server.ask(Command::KeyList { account: None }).await else { panic!("no keys") };
    let ids: Vec<String> = keys.into_iter().map(|key| key.access_key_id).collect();
    format!("{:?} {ids:?}", rig.server.ask(Command::AccountList).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn field_05_no_caller_makes_a_key_or_a_bucket_in_anothers_name() {
    let rig = Rig::new().await;
    let (before, people_before) = (rig.snapshot().await, people(&rig).await);
    let owner = &rig.owner_account;
    let account = format!(
        "{{\"accessKey\":\"BWKATTACKER000000000\",\"secretKey\":\"{}\",\"targetUser\":\"{owner}\"}}",
        "s".repeat(40)
    );
    let mut tried = 0;
    for s3 in [&rig.guest.s3, &rig.other.s3, &rig.server.anonymous(), &rig.owner] {
        for place in [
            "?Action=CreateAccessKey&UserName=owner@example.com&Version=2010-05-08".to_owned(),
            format!("?Action=CreateUser&UserName={owner}&Version=2010-05-08"),
            format!("?Action=AssumeRole&RoleArn=arn:aws:iam::{owner}:role/root&RoleSessionName=x&Version=2011-06-15"),
            "minio/admin/v3/add-service-account".to_owned(),
            format!("minio/admin/v3/update-service-account?accessKey={owner}"),
            "minio/admin/v3/add-user?accessKey=attacker".to_owned(),
            "rustfs/admin/v3/add-service-accounts".to_owned(),
            "admin/user?uid=owner&key&generate-key=true".to_owned(),
            "v1/key?name=attacker".to_owned(),
        ] {
            for method in [Method::GET, Method::POST, Method::PUT] {
                let answer = s3.send(&Request::at_place(method.clone(), &place).bytes(account.clone())).await.unwrap();
                assert!(is_refusal(&answer), "{method} {place}: {} {}", answer.status, answer.text());
                tried += 1;
            }
        }
    }
    assert!(tried > 100);
    assert_eq!((people(&rig).await, rig.snapshot().await), (people_before, before));

    // A bucket is its maker's, whoever the request says it is.
    for (number, (name, value)) in [
        ("x-amz-account-id", owner.as_str()),
        ("x-amz-expected-bucket-owner", owner),
        ("x-amz-bucket-owner", &rig.owner_id),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-grant-full-control", &format!("id={}", rig.owner_id)),
    ]
    .into_iter()
    .enumerate()
    {
        let bucket = format!("mine-{number}");
        let made = rig.other.s3.send(&put(&bucket).header(name, value)).await.unwrap();
        if made.status != 200 {
            assert!(is_refusal(&made), "{name}: {}", made.text());
            continue;
        }
        let acl = rig.other.s3.get(&format!("{bucket}?acl")).await.unwrap();
        assert_eq!(acl.elements(&["AccessControlPolicy", "Owner", "ID"]), [rig.other.canonical_id.as_str()], "{name}");
        // Nor did a header make it visible to the owner that it names, but for the grant.
        let named = rig.owner.get(&bucket).await.unwrap().status == 200;
        assert_eq!(named, name.starts_with("x-amz-grant"), "{name}");
    }
}

/// A copy of the program that every user may run.
fn anybodys(binary: &str, dir: &Path) -> std::path::PathBuf {
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.join("anybodys");
    std::fs::copy(binary, &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn field_06_nothing_exports_a_secret_and_nobody_but_the_operator_imports_anything() {
    let program = Program::start(BINARY, Launch::default());
    program.bucket("bucket");
    let guest = program.guest("guest@example.com");
    let share = program.share("bucket", "vendor@example.com", "read-write");
    let refused_id = guest.s3.get("bucket").await.unwrap().header("x-amz-request-id").unwrap().to_owned();
    let secrets = [&program.owner_key(), &guest.key, &share.key].map(|key| key.secret_access_key.clone());
    let owner_id = program.owner_key().access_key_id;
    let leaks = |text: &[u8]| secrets.iter().any(|s| text.windows(s.len()).any(|window| window == s.as_bytes()));
    for words in [
        &["account", "list"][..],
        &["account", "show", "guest@example.com"],
        &["key", "list"],
        &["key", "list", "guest@example.com"],
        &["bucket", "list"],
        &["bucket", "show", "bucket"],
        &["shares", "list"],
        &["shares", "show", &share.share_id],
        &["shares", "card", &share.share_id],
        &["shares", "extend", &share.share_id, "--days", "5"],
        &["reach", &share.key.access_key_id],
        &["reach", &owner_id],
        &["reach", "--all"],
        &["reach", "--public"],
        &["why", &refused_id],
        &["can", "guest@example.com", "s3:GetObject", "bucket/k"],
        &["usage"],
        &["status"],
        &["key", "disable", &guest.key.access_key_id],
        &["key", "enable", &guest.key.access_key_id],
    ] {
        for more in [&[][..], &["--json"]] {
            let ran = program.run(&[words, more].concat());
            assert!(!ran.stdout.is_empty() && ran.status < 2, "{words:?}: {ran:?}");
            assert!(!leaks(format!("{}{}", ran.stdout, ran.stderr).as_bytes()), "{words:?} shows a secret again");
        }
    }
    for (path, bytes) in contents(program.data()) {
        let written = path.file_name().is_some_and(|name| name == "owner.credentials");
        assert_eq!(leaks(&bytes), written, "{}", path.display());
    }

    // There is no export or import of accounts and keys, neither as a command nor on the wire.
    for verb in ["import", "export", "backup", "restore"] {
        assert_eq!(program.run(&[verb]).status, 2, "{verb}");
    }
    let accounts = program.json(&["account", "list"]);
    for place in [
        "minio/admin/v3/import-iam",
        "minio/admin/v3/export-iam",
        "minio/admin/v3/import-iam-v2",
        "rustfs/admin/v3/import-iam",
        "rustfs/admin/v3/export-iam",
        "admin/metadata/user",
    ] {
        for s3 in [program.owner(), guest.s3.clone(), program.anonymous()] {
            for method in [Method::GET, Method::PUT, Method::POST] {
                let answer = s3.send(&Request::at_place(method, place).bytes("PK")).await.unwrap();
                assert!(is_refusal(&answer), "{place}: {} {}", answer.status, answer.text());
            }
        }
    }
    assert_eq!(program.json(&["account", "list"]), accounts);

    // The operator's socket is for the user that the server runs as. Only root can try to be another one.
    if program.run(&["status"]).status != 0 || !is_root() {
        return;
    }
    let (dir, data) = (program.data().parent().unwrap(), program.data());
    let binary = anybodys(BINARY, dir);
    let by_nobody = || {
        let mut command = std::process::Command::new(&binary);
        command.args(["account", "create", "attacker@example.com", "--json", "--data"]).arg(data);
        command.uid(NOBODY).gid(NOBODY).current_dir("/").stdin(Stdio::null()).output().unwrap()
    };
    let ran = by_nobody();
    assert!(!ran.status.success() && ran.stdout.is_empty(), "{ran:?}");
    // Even where file modes were loosened the server looks at who it is.
    for path in [data.to_owned(), data.join("operator.sock")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let ran = by_nobody();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && said.contains("takes commands from that user and root only"), "{ran:?}");
    assert_eq!(program.json(&["account", "list"]), accounts);
}

/// The user id of nobody.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn field_17_no_token_of_anybodys_making_stands_for_an_account() {
    let rig = Rig::lenient().await;
    // Even what everyone may read is not read by who shows a token: it is no request of nobody's.
    ok(&rig.owner.send(&put("closed/open").bytes(TEXT).header("x-amz-acl", "public-read")).await.unwrap());
    let nobody = rig.server.anonymous();
    assert_eq!(nobody.get("closed/open").await.unwrap().text(), TEXT);
    let before = rig.snapshot().await;
    // {"alg":"none"}, {"alg":"HS256"}, {"alg":"RS256"}; of the owner's account, without an end.
    let claims = "eyJzdWIiOiJvd25lckBleGFtcGxlLmNvbSIsImFjY2Vzc0tleSI6InJvb3QifQ";
    let tokens = [
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        format!("eyJhbGciOiJIUzI1NiJ9.{claims}.{}", "A".repeat(43)),
        format!("eyJhbGciOiJSUzI1NiJ9.{claims}.{}", "A".repeat(342)),
        rig.server.owner_key().access_key_id.clone(),
        rig.owner_account.clone(),
    ];
    for token in &tokens {
        for place in ["", VICTIM, "closed/open", "closed?acl"] {
            for scheme in ["Bearer", "bearer", "Basic", "JWT", "Token", "Negotiate"] {
                let answer =
                    nobody.send(&get(place).header("authorization", format!("{scheme} {token}"))).await.unwrap();
                refused(&answer, 400, "InvalidArgument", &format!("{scheme} at {place}"));
            }
            // On its own, and beside a signature that is right.
            for s3 in [&nobody, &rig.guest.s3, &rig.owner] {
                for signature in [Signature::HeaderV4, V4_QUERY, Signature::HeaderV2, V2_QUERY] {
                    let request = get(place).signature(signature).header("x-amz-security-token", token.as_str());
                    refused(&s3.send(&request).await.unwrap(), 400, "InvalidToken", place);
                }
            }
            let query = format!("X-Amz-Security-Token={token}");
            assert!(is_refusal(&nobody.send(&get(place).raw_query(&query)).await.unwrap()), "{place}");
        }
        // What other headers might be taken for somebody say nothing.
        for name in ["cookie", "x-auth-token", "x-access-token", "x-forwarded-user", "x-remote-user", "x-amz-user"] {
            let answer = nobody.send(&get(VICTIM).header(name, format!("token={token}"))).await.unwrap();
            refused(&answer, 403, "AccessDenied", name);
        }
        // As the id of a key it names none.
        let key = client::Credentials::new(token.replace('/', "_"), rig.guest.key.secret_access_key.clone());
        let answer = rig.server.s3(&key).get(VICTIM).await.unwrap();
        assert!(matches!(answer.status, 400 | 403), "{}: {}", answer.status, answer.text());
        // Nobody changes one for a key.
        for action in
            ["AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetSessionToken", "AssumeRoleWithClientGrants"]
        {
            let place = format!("?Action={action}&WebIdentityToken={token}&Version=2011-06-15");
            for method in [Method::GET, Method::POST] {
                let answer = nobody.send(&Request::at_place(method, &place)).await.unwrap();
                assert!(is_refusal(&answer) && !answer.text().contains("Credentials"), "{action}: {}", answer.text());
            }
        }
    }
    assert_eq!(rig.snapshot().await, before);
}

/// A way of asking the same thing.
struct Front {
    name: &'static str,
    virtual_host: bool,
    signature: Signature,
}

const FRONTS: [Front; 6] = [
    Front { name: "path, header", virtual_host: false, signature: Signature::HeaderV4 },
    Front { name: "path, presigned", virtual_host: false, signature: V4_QUERY },
    Front { name: "virtual host, header", virtual_host: true, signature: Signature::HeaderV4 },
    Front { name: "virtual host, presigned", virtual_host: true, signature: V4_QUERY },
    Front { name: "path, SigV2 header", virtual_host: false, signature: Signature::HeaderV2 },
    Front { name: "path, SigV2 query", virtual_host: false, signature: V2_QUERY },
];

const DOMAIN: &str = "s3.test";

impl Front {
    fn request(&self, method: Method, bucket: &str, rest: &str) -> Request {
        let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
        let request = if self.virtual_host {
            Request::new(method, format!("/{key}")).header("host", format!("{bucket}.{DOMAIN}"))
        } else {
            Request::new(method, if key.is_empty() { format!("/{bucket}") } else { format!("/{bucket}/{key}") })
        };
        request.raw_query(query).signature(self.signature)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn field_21_who_may_do_what_is_the_same_by_every_way_in() {
    let options = Options { throttled: false, ..Options::default() }.public();
    let wire = s3::wire::Config { allow_sigv2: true, domains: vec![DOMAIN.into()], ..options.wire.clone() };
    let rig = Rig::with(Options { wire, ..options }).await;
    rig.owner.put("granted/old", TEXT).await.unwrap();
    for bucket in ["open", "shared"] {
        ok(&rig.owner.put(bucket, "").await.unwrap());
        ok(&rig.owner.put(&format!("{bucket}/old"), TEXT).await.unwrap());
    }
    ok(&rig.owner.put("closed/old", TEXT).await.unwrap());
    rig.grant("open", &[(by_group(ALL_USERS), "READ"), (by_email(&rig.guest.email), "READ_ACP")]).await;
    let reads = rig.server.share("shared", "reader@example.com", "read").await;
    let writes = rig.server.share("shared", "writer@example.com", "read-write").await;
    let anonymous = ("anonymous".to_owned(), rig.server.anonymous());
    let named = |key: &client::Credentials, s3: &S3| (key.access_key_id.clone(), s3.clone());
    let callers = [
        anonymous,
        named(rig.server.owner_key(), &rig.owner),
        named(&rig.guest.key, &rig.guest.s3),
        named(&rig.other.key, &rig.other.s3),
        named(&reads.key, &reads.s3),
        named(&writes.key, &writes.s3),
    ];
    let asks: [(Method, &str, &str); 8] = [
        (Method::GET, "old", "s3:GetObject"),
        (Method::PUT, "new", "s3:PutObject"),
        (Method::GET, "?list-type=2", "s3:ListBucket"),
        (Method::GET, "?acl", "s3:GetBucketAcl"),
        (Method::GET, "old?acl", "s3:GetObjectAcl"),
        (Method::GET, "?location", "s3:GetBucketLocation"),
        (Method::DELETE, "new", "s3:DeleteObject"),
        (Method::GET, "?tagging", "s3:GetBucketTagging"),
    ];
    let (mut yes, mut no) = (0, 0);
    for (who, s3) in &callers {
        for bucket in [CLOSED, GRANTED, "open", "shared"] {
            for (method, rest, action) in &asks {
                // An object to be removed is there, whoever asks.
                ok(&rig.owner.put(&format!("{bucket}/new"), TEXT).await.unwrap());
                let key = rest.split('?').next().unwrap_or_default();
                let what = if key.is_empty() { bucket.to_owned() } else { format!("{bucket}/{key}") };
                let (asked, source) = (what.clone(), Some("127.0.0.1".into()));
                let can = Command::Can { who: who.clone(), action: (*action).into(), what, source, at: None };
                let Outcome::Can(can) = rig.server.ask(can).await else { panic!("it says yes or no") };
                for front in FRONTS {
                    let request = front.request(method.clone(), bucket, rest);
                    let request = if *method == Method::PUT { request.bytes(TEXT) } else { request };
                    let signed_path = front.virtual_host.then(|| format!("/{bucket}/{key}"));
                    let request = match (front.signature, signed_path) {
                        (Signature::HeaderV2 | Signature::QueryV2 { .. }, Some(path)) => request.signed_path(path),
                        _ => request,
                    };
                    let answer = s3.send(&request).await.unwrap();
                    let told =
                        format!("{who}: {action} on {asked} by {}: {} {}", front.name, answer.status, answer.text());
                    assert_eq!(answer.status != 403, can.allowed, "{told}; the operator is told {can:?}");
                    assert!(can.allowed || answer.code().as_deref() == Some("AccessDenied"), "{told}");
                    assert!(matches!(answer.status, 200 | 204 | 403) || *rest == "?tagging", "{told}");
                }
                if can.allowed { yes += 1 } else { no += 1 }
            }
            // A form is a PutObject, by whom its policy is signed.
            let form = Form::new(&[("key", "in/form")], TEXT);
            let form = match s3.credentials() {
                Some(key) => form.signed(key, &policy(bucket, &[])),
                None => form,
            };
            let (what, source) = (format!("{bucket}/in/form"), Some("127.0.0.1".into()));
            let can = Command::Can { who: who.clone(), action: "s3:PutObject".into(), what, source, at: None };
            let Outcome::Can(can) = rig.server.ask(can).await else { panic!("it says yes or no") };
            for front in &FRONTS[..3] {
                let sent = form.on(front.request(Method::POST, bucket, ""));
                let answer = rig.server.anonymous().send(&sent).await.unwrap();
                assert_eq!(answer.status == 204, can.allowed, "{who}: form to {bucket}: {}", answer.text());
                assert!(can.allowed || answer.status == 403, "{who}: form to {bucket}: {}", answer.text());
            }
        }
    }
    assert!(yes > 40 && no > 40, "{yes} yes, {no} no: nothing is proven by one word alone");
}

/// Headers by which an answer would let a page of another origin read it, or keep something in a browser.
fn lets_a_page_in(answer: &Answer) -> Option<String> {
    let names = answer.headers.keys().map(|name| name.as_str());
    let bad = |name: &&str| name.starts_with("access-control-") || ["set-cookie", "refresh", "link"].contains(name);
    names.filter(bad).map(str::to_owned).next()
}

#[tokio::test(flavor = "multi_thread")]
async fn field_22_what_is_stored_runs_nowhere_near_a_console_and_no_origin_is_let_in() {
    let rig = Rig::lenient().await;
    rig.owner.delete("closed?publicAccessBlock").await.unwrap();
    let script = "<script>fetch('/').then(alert)</script>";
    let nobody = rig.server.anonymous();
    let origins = ["https://evil.example", "null", &rig.server.endpoint(), "http://localhost:9001"];
    for (key, kind, bytes) in [
        ("page.html", "text/html", script.to_owned()),
        ("picture.svg", "image/svg+xml", format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{script}</svg>")),
        ("paper.pdf", "application/pdf", "%PDF-1.7 /OpenAction << /S /JavaScript /JS (app.alert(1)) >>".to_owned()),
    ] {
        let place = format!("closed/{key}");
        let sent = put(&place).bytes(bytes.clone()).header("content-type", kind).header("x-amz-acl", "public-read");
        ok(&rig.owner.send(&sent).await.unwrap());
        let link = rig.owner.presign(&get(&place), 600).unwrap();
        let path = link.split_once("://").unwrap().1.split_once('/').unwrap().1.to_owned();
        for origin in origins {
            let open = get(&place).header("origin", origin);
            let linked = Request::new(Method::GET, format!("/{path}")).header("origin", origin);
            for request in [open, linked] {
                let answer = nobody.send(&request).await.unwrap();
                // It is served as what it is, to whom asks for it, and no page of another origin may read it.
                assert_eq!((answer.status, answer.text()), (200, bytes.clone()));
                assert_eq!(answer.header("content-type"), Some(kind));
                assert_eq!(lets_a_page_in(&answer), None, "{origin}");
            }
            for method in ["GET", "PUT", "DELETE"] {
                let preflight = Request::at_place(Method::OPTIONS, &place)
                    .header("origin", origin)
                    .header("access-control-request-method", method)
                    .header("access-control-request-headers", "authorization");
                let answer = nobody.send(&preflight).await.unwrap();
                assert!(is_refusal(&answer), "{}: {}", answer.status, answer.text());
                assert_eq!(lets_a_page_in(&answer), None, "{origin}");
            }
        }
        // Who does not sign makes of an object nothing that its writer did not.
        for query in ["response-content-type=text/html", "response-content-disposition=inline"] {
            let answer = nobody.get(&format!("closed/{key}?{query}")).await.unwrap();
            refused(&answer, 400, "InvalidRequest", query);
        }
    }
    // There is no console on this origin: no path is a page, and what is asked for comes back as text of an XML document.
    for path in ["/", "/console", "/login", "/%3Cscript%3Ealert(1)%3C/script%3E", "/closed/%3Cscript%3E?%3Cscript%3E"] {
        for origin in origins {
            let request = Request::new(Method::GET, path).header("origin", origin).header("accept", "text/html");
            let answer = nobody.send(&request).await.unwrap();
            let told = format!("{path}: {:?} {}", answer.headers, answer.text());
            assert!(is_refusal(&answer) && !answer.text().contains("<script"), "{told}");
            assert_eq!(
                (answer.header("content-type"), lets_a_page_in(&answer)),
                (Some("application/xml"), None),
                "{told}"
            );
        }
    }
    // Nor does a name bring a header of its own into an answer.
    for value in ["a%0d%0aset-cookie:b=1", "text/html%0d%0a%0d%0a%3Cscript%3E"] {
        let query = format!("response-content-type={value}");
        let answer = rig.owner.send(&get("closed/page.html").raw_query(&query)).await.unwrap();
        assert!(is_refusal(&answer) && lets_a_page_in(&answer).is_none(), "{value}: {:?}", answer.headers);
    }
    assert_eq!(rig.owner.get(VICTIM).await.unwrap().text(), SECRET);
    assert_eq!(rig.owner.get(&format!("{UPLOAD}?uploadId={}", rig.upload)).await.unwrap().status, 200);
}
