//! Failures of the field at the edges (`field.md`, section 3: 5, 6, 17): accounts and keys made, moved or claimed by other ways
//! than the operator's. Where there is no such way here, that is what is tested.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use client::{Method, Request, Signature};
use operations::admin::{Command, Outcome};
use testkit::{Launch, Program, contents};

use crate::BINARY;
use crate::field_rig::{Rig, TEXT, V2_QUERY, V4_QUERY, VICTIM, get, is_refusal, ok, put, refused};

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
    if !is_root() {
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
