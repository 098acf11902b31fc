//! No secret is where it should not be: not in a log at the finest level, not in the clear on disk, not shared by two
//! installations; and no listener tells anything to whom it does not know.

use std::collections::HashSet;
use std::path::Path;

use client::{Body, Credentials, Method, Request, Signature};
use testkit::{Launch, Program, contents};

use crate::BINARY;

const BUCKET: &str = "bucket";
const IN_THE_CLEAR: [&str; 2] = ["owner.credentials", "master.key"];

/// A secret, with what it is called when it is found.
type Secret = (String, Vec<u8>);

fn master_key(data: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(data.join("master.key")).unwrap();
    let hex: String = text.lines().filter(|line| !line.starts_with('#')).collect::<String>().trim().to_owned();
    assert!(hex.len() >= 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "master.key holds hexadecimal digits");
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spellings of what must not be found.
fn secrets(keys: &[(&str, &Credentials)], data: &Path) -> Vec<Secret> {
    let mut secrets = vec![];
    for (name, key) in keys {
        let secret = &key.secret_access_key;
        secrets.push(((*name).to_owned(), secret.clone().into_bytes()));
        secrets.push((format!("{name}, in hexadecimal"), hex(secret.as_bytes()).into_bytes()));
        secrets.push((format!("{name}, percent-encoded"), client::encode_component(secret).into_bytes()));
    }
    let master = master_key(data);
    secrets.push(("the master key in hexadecimal".into(), hex(&master).into_bytes()));
    secrets.push(("the master key in HEXADECIMAL".into(), hex(&master).to_uppercase().into_bytes()));
    secrets.push(("the master key's bytes".into(), master));
    secrets
}

fn find(haystack: &[u8], secrets: &[Secret]) -> Option<String> {
    let found = secrets.iter().find(|(_, secret)| haystack.windows(secret.len()).any(|window| window == secret));
    found.map(|(name, _)| name.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_or_in_the_clear_on_disk() {
    let mut program = Program::start(BINARY, Launch::default().env("BAILIWICK_LOG", "trace"));
    program.bucket(BUCKET);
    let owner = program.owner();
    let guest = program.guest("guest@example.com");
    let second = program.key(&guest.email);
    let share = program.share(BUCKET, "vendor@example.com", "read-write");
    let revoked = program.share(BUCKET, "former@example.com", "read");

    // A story with everything that might be tempted to print a secret, mistakes included.
    let object = Request::at_place(Method::PUT, &format!("{BUCKET}/k")).bytes("bytes");
    assert_eq!(share.s3.send(&object).await.unwrap().status, 200);
    let mut links = vec![];
    for s3 in [&owner, &guest.s3, &share.s3, &revoked.s3] {
        let link = s3.presign(&Request::at_place(Method::GET, &format!("{BUCKET}/k")), 600).unwrap();
        program.anonymous().follow(Method::GET, &link, Body::None).await.unwrap();
        links.push(link.split("X-Amz-Signature=").nth(1).unwrap()[..64].to_owned());
        s3.get("").await.unwrap();
        s3.get(&format!("{BUCKET}?policy")).await.unwrap();
        s3.with_wrong_secret().get("").await.unwrap();
        for signature in [Signature::HeaderV2, Signature::QueryV2 { seconds: 60 }] {
            s3.send(&Request::at_place(Method::GET, BUCKET).signature(signature)).await.unwrap();
        }
        s3.send(&Request::at_place(Method::GET, BUCKET).region("mars-1")).await.unwrap();
        s3.send(&Request::at_place(Method::GET, BUCKET).unsigned_header("x-amz-acl", "private")).await.unwrap();
    }
    // A person who mixes up the two halves of a key sends its secret as a name.
    let swapped = Credentials::new(second.secret_access_key.clone(), second.access_key_id.clone());
    let mixed_up = program.s3(&swapped).get("").await.unwrap();
    assert_eq!(mixed_up.status, 403);
    program.json(&["shares", "revoke", &revoked.share_id]);
    program.json(&["key", "disable", &second.access_key_id]);
    for words in [&["account", "list"][..], &["key", "list"], &["shares", "list"], &["usage"], &["status"]] {
        let ran = program.run(words);
        assert_eq!(ran.status, 0, "{ran:?}");
        let owner_key = program.owner_key();
        let keys = [("owner", &owner_key), ("guest", &guest.key), ("second", &second), ("share", &share.key)];
        let told = find(format!("{}{}", ran.stdout, ran.stderr).as_bytes(), &secrets(&keys, program.data()));
        assert_eq!(told, None, "{words:?} shows a secret a second time");
    }

    let owner_key = program.owner_key();
    let keys = [
        ("the owner's secret", &owner_key),
        ("a guest's secret", &guest.key),
        ("a second key's secret", &second),
        ("a share's secret", &share.key),
        ("a revoked share's secret", &revoked.key),
    ];
    let secrets = secrets(&keys, program.data());
    let on_disk = |program: &Program| {
        for (path, bytes) in contents(program.data()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !IN_THE_CLEAR.contains(&name.as_str()) {
                assert_eq!(find(&bytes, &secrets), None, "in the clear in {}", path.display());
            }
        }
    };
    on_disk(&program);
    assert_eq!(program.stop(), 0);
    on_disk(&program);

    let said = format!("{}{}", program.stdout(), program.stderr());
    let lines = program.stderr().lines().count();
    assert!(lines > 20, "nothing was logged, so nothing is proven: {lines} lines");
    let secret_as_name = ("a second key's secret, sent as a name".to_owned(), second.secret_access_key.into_bytes());
    let logged = secrets.into_iter().filter(|(name, _)| !name.starts_with("a second key")).chain([secret_as_name]);
    let found = find(said.as_bytes(), &logged.collect::<Vec<_>>());
    assert_eq!(found, None, "logged: {}", lines_with(&said, &links));
    // A signature in a link is as good as a key while the link lives.
    let signatures: Vec<Secret> =
        links.iter().map(|s| ("a link's signature".to_owned(), s.clone().into_bytes())).collect();
    assert_eq!(find(said.as_bytes(), &signatures), None, "logged: {}", lines_with(&said, &links));
}

fn lines_with(text: &str, what: &[String]) -> String {
    text.lines()
        .filter(|line| what.iter().any(|what| line.contains(what.as_str())))
        .take(3)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_share_nothing_that_is_secret_or_that_names_somebody() {
    let identities = |program: &Program| {
        let key = program.owner_key();
        let guest = program.guest("guest@example.com");
        let accounts = program.json(&["account", "list"]);
        let mut all: HashSet<String> = accounts
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|account| ["account_id", "canonical_id"].map(|name| account[name].as_str().unwrap().to_owned()))
            .collect();
        all.extend([key.access_key_id, key.secret_access_key]);
        all.extend([guest.key.access_key_id, guest.key.secret_access_key, hex(&master_key(program.data()))]);
        assert_eq!(all.len(), 9);
        all
    };
    let (one, other) = (Program::start(BINARY, Launch::default()), Program::start(BINARY, Launch::default()));
    let (one, other) = (identities(&one), identities(&other));
    assert_eq!(one.intersection(&other).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The TCP ports at which a process listens, from /proc.
fn listening(pid: u32) -> Vec<u16> {
    let sockets: HashSet<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut ports = vec![];
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // Local address, state (0A: LISTEN), inode.
            if fields[3] == "0A" && sockets.contains(fields[9]) {
                ports.push(u16::from_str_radix(fields[1].rsplit(':').next().unwrap(), 16).unwrap());
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[tokio::test(flavor = "multi_thread")]
async fn no_listener_tells_anything_to_whom_it_does_not_know() {
    use std::os::unix::fs::PermissionsExt;
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner();
    assert_eq!(s3.put(&format!("{BUCKET}/secret-name"), "secret bytes").await.unwrap().status, 200);
    let port: u16 = program.address().rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(listening(program.pid()), [port], "one port, the one that it says");

    let nobody = program.anonymous();
    for place in [
        "",
        "bucket",
        "bucket?list-type=2",
        "bucket?acl",
        "bucket?policy",
        "bucket?uploads",
        "bucket?location",
        "bucket/secret-name",
        "bucket/secret-name?acl",
        "bucket/no-such-name",
        "health",
        "healthz",
        "metrics",
        "status",
        "admin",
        "console",
        "debug/pprof",
        "minio/admin/v3/info",
        "minio/health/live",
        ".well-known/x",
        "favicon.ico",
        "index.html",
        "_bailiwick",
        "api/v1/accounts",
        "?Action=ListUsers&Version=2010-05-08",
        "?Action=GetCallerIdentity",
    ] {
        for method in
            [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE]
        {
            let answer = nobody.send(&Request::at_place(method.clone(), place)).await.unwrap();
            let refused = answer.status / 100 == 4 || answer.status == 501;
            assert!(refused, "{method} {place}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains("secret-name") || place.contains("secret-name"), "{}", answer.text());
            assert!(!answer.text().contains("secret bytes"), "{}", answer.text());
        }
    }
    // What is there and what is not look the same inside a bucket that is closed.
    let there = nobody.get("bucket/secret-name").await.unwrap();
    let not_there = nobody.get("bucket/no-such-name").await.unwrap();
    assert_eq!((there.status, there.code()), (not_there.status, not_there.code()));

    // The operator's socket is full authority, and so it is the operator's alone.
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(program.data()) & 0o777, 0o700);
    for (path, _) in contents(program.data()) {
        assert_eq!(mode(&path) & 0o077, 0, "{} is open to others", path.display());
    }
}
