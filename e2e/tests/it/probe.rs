//! `bailiwick probe`: what it tells is what is so, and it changes nothing, whatever the endpoint makes of its requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use client::Credentials;
use operations::admin::{Command as Operator, Outcome, ReachRow};
use serde_json::Value;
use testkit::{InProcess, Launch, Options, Place, Program, acl_document, by_email};

use crate::BINARY;

const BUCKET: &str = "myproject.example.com";
const OTHER: &str = "second.example.com";
const KEY: &str = "a.txt";

/// A run of `probe`, with that key or none, to its end.
struct Told {
    status: i32,
    stdout: String,
    stderr: String,
}

async fn probe(endpoint: &str, key: Option<&Credentials>, words: &[&str]) -> Told {
    let mut command = Command::new(BINARY);
    let ours = |name: &str| name.starts_with("AWS_") || name.starts_with("BAILIWICK_");
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.args(["probe", "--endpoint", endpoint]).args(words);
    match key {
        Some(key) => {
            command.env("AWS_ACCESS_KEY_ID", &key.access_key_id);
            command.env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        }
        None => {
            command.arg("--anonymous");
        }
    }
    let secret = key.map(|key| key.secret_access_key.clone());
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let told = Told { status: ran.status.code().unwrap_or(-1), stdout: text(ran.stdout), stderr: text(ran.stderr) };
    if let Some(secret) = secret {
        assert!(!told.stdout.contains(&secret) && !told.stderr.contains(&secret), "a secret was printed");
    }
    told
}

impl Told {
    fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{}{}", self.stderr, self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// What was told of a question about a bucket.
fn told<'a>(report: &'a Value, bucket: &str, question: &str) -> &'a str {
    let place = report["places"].as_array().unwrap().iter().find(|place| place["bucket"] == bucket).unwrap();
    let all = place["findings"].as_array().unwrap();
    let finding = all.iter().find(|finding| finding["question"] == question);
    finding.unwrap_or_else(|| panic!("{question} was not asked: {place}"))["told"].as_str().unwrap()
}

/// Whether a row of `reach` has it. `new`: where nothing is there yet.
fn in_reach(rows: &[ReachRow], bucket: &str, action: &str, key: Option<&str>, new: bool) -> bool {
    rows.iter().any(|row| {
        let keys = match key {
            None => row.keys == "-",
            Some(key) => row.keys == "*" || row.keys == key,
        };
        let only_new = row.conditions.iter().any(|condition| condition == "where there is no object yet");
        row.bucket == bucket && keys && row.actions.iter().any(|known| known == action) && (new || !only_new)
    })
}

/// All that is stored but counts of requests and of uses of keys.
async fn stored(server: &InProcess) -> Vec<(Vec<u8>, Vec<u8>, u64)> {
    let counts =
        |key: &[u8]| key.starts_with(b"u/") || key.starts_with(b"U/") && key.last().is_some_and(|last| *last >= 2);
    let mut all = server.records().await;
    all.retain(|(key, ..)| !counts(key));
    all
}

async fn world() -> InProcess {
    let server = InProcess::start(Options::default().public()).await;
    let owner = server.owner();
    for bucket in [BUCKET, OTHER] {
        assert_eq!(owner.put(bucket, "").await.unwrap().status, 200);
        assert_eq!(owner.put(&format!("{bucket}/{KEY}"), "some bytes").await.unwrap().status, 200);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_tells_of_a_key_is_what_reach_says_and_nothing_that_is_stored_changes() {
    let server = world().await;
    let owner_id = server.owner().get("").await.unwrap().elements(&["ListAllMyBucketsResult", "Owner", "ID"]).remove(0);
    let guest = server.guest("guest@example.com").await;
    let grants = [(by_email(&guest.email), "WRITE"), (by_email(&guest.email), "READ_ACP")];
    let granted = server.owner().put(&format!("{BUCKET}?acl"), acl_document(&owner_id, &grants)).await.unwrap();
    assert_eq!(granted.status, 200, "{}", granted.text());

    let mut keys = vec![("owner", Some(server.owner_key().clone())), ("guest", Some(guest.key)), ("nobody", None)];
    for preset in ["read", "write", "read-write", "drop-box", "backup"] {
        keys.push((preset, Some(server.share(BUCKET, "vendor@example.com", preset).await.key)));
    }
    let revoked = server.share(BUCKET, "vendor@example.com", "read-write").await;
    server.ask(Operator::SharesRevoke { share_id: revoked.share_id }).await;
    keys.push(("revoked", Some(revoked.key)));

    let before = stored(&server).await;
    for (name, key) in &keys {
        let rows = match server
            .ask(match key {
                Some(key) => Operator::Reach { access_key_id: key.access_key_id.clone() },
                None => Operator::ReachPublic,
            })
            .await
        {
            Outcome::Reach(rows) => rows,
            other => panic!("{other:?}"),
        };
        for trust in [&["--trust-endpoint"][..], &[]] {
            let words = [&["--bucket", BUCKET, "--bucket", OTHER, "--key", KEY, "--json"], trust].concat();
            let report = probe(&server.endpoint(), key.as_ref(), &words).await.json();
            assert_eq!(report["access_key_id"].as_str(), key.as_ref().map(|key| key.access_key_id.as_str()));
            let places = report["places"].as_array().unwrap();
            assert_eq!(places.len(), 2);
            for finding in places.iter().flat_map(|place| place["findings"].as_array().unwrap().iter()) {
                let (question, action) = (finding["question"].as_str().unwrap(), finding["action"].as_str().unwrap());
                let bucket =
                    if finding["request"].as_str().is_some_and(|sent| sent.contains(OTHER)) { OTHER } else { BUCKET };
                let on_object = ["read", "read object ACL", "read object tags", "create", "overwrite", "delete"];
                let object = on_object.contains(&question).then_some(KEY);
                let expected = in_reach(&rows, bucket, action, object, question == "create");
                match finding["told"].as_str().unwrap() {
                    "not known" => {}
                    said => assert_eq!(said == "allowed", expected, "{name}: {finding} but {rows:#?}"),
                }
                assert!(finding["request"].is_null() || finding["status"].is_u64(), "{finding}");
            }
            if !trust.is_empty() {
                // Whoever reads the bucket's versioning is told everything that can be told.
                let all = places.iter().flat_map(|place| place["findings"].as_array().unwrap());
                let open: Vec<&str> = all
                    .filter(|finding| finding["told"] == "not known")
                    .map(|finding| finding["question"].as_str().unwrap())
                    .filter(|question| {
                        !["delete", "change ACL", "change policy"].contains(question) || *name == "owner"
                    })
                    .collect();
                assert_eq!(open, ["change object ACL", "delete bucket"].repeat(2), "{name}");
            }
        }
    }
    assert_eq!(stored(&server).await, before, "something was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_what_a_backups_key_can_do_and_a_script_whether_it_is_more() {
    let server = world().await;
    let share = server.share(BUCKET, "vendor@example.com", "backup").await;
    let shown = probe(&server.endpoint(), Some(&share.key), &["--trust-endpoint"]).await;
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    let sentence = shown.stdout.lines().find(|line| line.starts_with(&format!("{BUCKET}: can "))).unwrap();
    let (can, cannot) = sentence.split_once("; cannot ").unwrap();
    let (can, cannot) = (can.rsplit(": can ").next().unwrap(), cannot.split("; ").next().unwrap());
    for (part, question) in [(can, "list"), (can, "read"), (can, "create"), (cannot, "overwrite"), (cannot, "delete")] {
        assert!(part.split(", ").any(|word| word == question), "{question}: {sentence}");
    }
    assert!(!shown.stdout.contains(OTHER), "it is shown the one bucket: {}", shown.stdout);

    let only = |only: &'static str, more: &'static [&'static str]| {
        let (endpoint, key) = (server.endpoint(), share.key.clone());
        async move { probe(&endpoint, Some(&key), &[&["--only", only], more].concat()).await }
    };
    assert_eq!(only(BUCKET, &["--bucket", OTHER]).await.status, 0);
    let more = only(OTHER, &[]).await;
    assert_eq!(more.status, 1);
    assert!(more.stderr.contains(BUCKET) && more.stderr.lines().count() == 1, "{}", more.stderr);
    // The same key, held to a folder, lists and writes beyond it.
    let folder = only("myproject.example.com/folder/", &[]).await;
    assert_eq!(folder.status, 1);
    assert!(folder.stderr.contains("beyond folder/"), "{}", folder.stderr);
    let held = server.share(&format!("{BUCKET}/folder/"), "vendor@example.com", "read-write").await;
    let words = ["--only", "myproject.example.com/folder/", "--bucket", OTHER];
    let held = probe(&server.endpoint(), Some(&held.key), &words).await;
    assert_eq!(held.status, 0, "{}{}", held.stderr, held.stdout);

    let nobody = probe("http://127.0.0.1:1", Some(&share.key), &[]).await;
    assert_eq!((nobody.status, nobody.stderr.lines().count()), (1, 1), "{}", nobody.stderr);
    for bad in [&["--bucket", "../x"][..], &["--only", "a?b"], &["--ca-file", "/nowhere.pem"]] {
        assert_eq!(probe(&server.endpoint(), Some(&share.key), bad).await.status, 2, "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_with_tls_is_asked_if_its_certificate_is_vouched_for() {
    let place = Place::new();
    let dir = place.data.parent().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.join(name).display().to_string());
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let program = Program::start(BINARY, Launch::with(&["--tls-cert", &cert, "--tls-key", &key]));
    program.bucket(BUCKET);
    let endpoint = format!("https://localhost:{}", program.address().rsplit_once(':').unwrap().1);
    let report = probe(&endpoint, Some(&program.owner_key()), &["--ca-file", &cert, "--json"]).await.json();
    assert_eq!(told(&report, BUCKET, "see"), "allowed");
    assert_eq!(told(&report, BUCKET, "create"), "allowed");
    assert_eq!(told(&report, BUCKET, "read"), "not known", "nothing lies there");
    let stranger = probe(&endpoint, Some(&program.owner_key()), &[]).await;
    assert_eq!(stranger.status, 1, "{}", stranger.stdout);
    assert!(stranger.stderr.contains("--ca-file"), "{}", stranger.stderr);
    // The file that the server wrote for its owner is one to ask with.
    let file = program.data().join("owner.credentials").display().to_string();
    let words = ["--credentials", &file, "--ca-file", &cert, "--bucket", BUCKET, "--json"];
    let ran = Command::new(BINARY).args(["probe", "--endpoint", &endpoint]).args(words).output().unwrap();
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["access_key_id"], program.owner_key().access_key_id);
}

/// One request as an endpoint saw it.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    target: String,
    head: String,
}

/// An endpoint that answers what it is told to, and remembers what it was asked.
struct Endpoint {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Endpoint {
    fn start(answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (remembered, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (remembered, answer) = (Arc::clone(&remembered), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &remembered, &*answer));
            }
        });
        Endpoint { url, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Seen>>, answer: &dyn Fn(&Seen) -> (u16, String)) {
    let mut to = stream.try_clone().unwrap();
    let mut from = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let (line, headers) = head.split_once("\r\n").unwrap();
        let head = format!("{line}\r\n{}", headers.to_ascii_lowercase());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        from.read_exact(&mut body).unwrap();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let one = Seen { method, target, head };
        let (status, body) = answer(&one);
        seen.lock().unwrap().push(one.clone());
        let length = body.len();
        let body = if one.method == "HEAD" { "" } else { &body };
        let text =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nx-amz-request-id: no word\r\n\r\n{body}");
        if to.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// What a careless endpoint that does all it is asked answers: lists, as of S3, and success to everything else.
fn careless(seen: &Seen) -> (u16, String) {
    let body = match seen.target.as_str() {
        "/" => format!(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>{BUCKET}</Name></Bucket><Bucket><Name>../x?acl</Name></Bucket>\
             </Buckets></ListAllMyBucketsResult>"
        ),
        target if target.contains("list-type=2") => {
            "<ListBucketResult><Contents><Key>precious?acl</Key></Contents></ListBucketResult>".to_owned()
        }
        target if target.ends_with("?versioning") => "<VersioningConfiguration/>".to_owned(),
        _ => String::new(),
    };
    (200, body)
}

/// Whether it leaves everything as it is at an endpoint that passes over bodies, conditions and the queries of S3 that it does not know.
fn is_harmless(seen: &Seen, trusted: bool) -> bool {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let on_key = path.matches('/').count() > 1;
    let on_nothing = path.contains("/.bailiwick-probe-");
    match seen.method.as_str() {
        "GET" | "HEAD" => true,
        // There is no POST of a key in S3 but by these queries; this one names an upload that is not there.
        "POST" => on_key && query.starts_with("uploadId=") && !query.contains('&'),
        // Said to be taken for what they are: no ACL, no policy, and a key that nothing has.
        "PUT" => trusted && !on_key && (query == "acl" || query == "policy"),
        "DELETE" => trusted && on_nothing && query.is_empty() && seen.head.contains("\r\nif-match: \""),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_all_it_is_asked_is_asked_nothing_that_changes_anything() {
    let key = Credentials::new("AKIAEXAMPLEEXAMPLE00", "not-to-be-seen");
    for trusted in [false, true] {
        let trust: &[&str] = if trusted { &["--trust-endpoint"] } else { &[] };
        for answer in [careless, |_: &Seen| (200, String::new())] {
            let endpoint = Endpoint::start(answer);
            for words in [&["--json"][..], &["--json", "--bucket", BUCKET, "--key", "precious?acl", "--prefix", ""]] {
                let report = probe(&endpoint.url, Some(&key), &[words, trust].concat()).await.json();
                for place in report["places"].as_array().unwrap() {
                    assert_eq!(place["bucket"], BUCKET, "a name that is no bucket's is not asked about");
                    // Success is no answer to a request that cannot succeed.
                    assert_eq!(told(&report, BUCKET, "create"), "not known");
                    assert_eq!(told(&report, BUCKET, "change ACL"), "not known");
                    assert!(
                        place["findings"].as_array().unwrap().iter().all(|finding| finding["request_id"].is_null())
                    );
                    let list = Seen { method: "GET".into(), target: "/b?list-type=2".into(), head: String::new() };
                    let speaks = !answer(&list).1.is_empty();
                    assert_eq!(told(&report, BUCKET, "list"), if speaks { "allowed" } else { "not known" });
                }
            }
            let seen = endpoint.seen();
            assert!(seen.iter().any(|one| one.method == "POST"), "writing was asked about");
            for one in &seen {
                assert!(is_harmless(one, trusted), "{one:?}");
                assert!(!one.head.contains("not-to-be-seen") && one.head.contains("host: 127.0.0.1"), "{one:?}");
            }
            let sent = |method: &str| seen.iter().any(|one| one.method == method);
            assert_eq!(sent("PUT"), trusted);
            assert_eq!(
                sent("DELETE"),
                trusted
                    && seen
                        .iter()
                        .any(|one| careless(one).1 == "<VersioningConfiguration/>" && !answer(one).1.is_empty())
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_answers_to_anybody_tells_nothing_of_a_key() {
    let code = |code: &str| format!("<Error><Code>{code}</Code></Error>");
    let key = Credentials::new("AKIAEXAMPLEEXAMPLE00", "secret");
    // Uploads are looked up before anybody is asked who they are.
    let hasty = Endpoint::start(move |seen| match seen.method.as_str() {
        "POST" => (404, code("NoSuchUpload")),
        _ => (403, code("AccessDenied")),
    });
    let report = probe(&hasty.url, Some(&key), &["--bucket", BUCKET, "--json"]).await.json();
    assert_eq!([told(&report, BUCKET, "create"), told(&report, BUCKET, "list")], ["not known", "refused"]);
    assert!(hasty.seen().iter().any(|one| one.method == "POST" && !one.head.contains("authorization")));
    // And here they are not.
    let strict = Endpoint::start(move |seen| match seen.head.contains("authorization") && seen.method == "POST" {
        true => (404, code("NoSuchUpload")),
        false => (403, code("AccessDenied")),
    });
    let report = probe(&strict.url, Some(&key), &["--bucket", BUCKET, "--json"]).await.json();
    assert_eq!(told(&report, BUCKET, "create"), "allowed");
    // What could not be settled beyond --only does not count as nothing.
    let broken =
        Endpoint::start(move |seen| match seen.target.starts_with("/second") && seen.target.ends_with("?acl") {
            true => (500, code("InternalError")),
            false => (403, code("AccessDenied")),
        });
    let words = ["--only", BUCKET, "--bucket", OTHER];
    let ran = probe(&broken.url, Some(&key), &words).await;
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("not certain") && ran.stderr.contains("read ACL"), "{}", ran.stderr);
    // A web page is no answer of S3's.
    let web = Endpoint::start(|_| (200, "<html><body>Welcome</body></html>".to_owned()));
    let report = probe(&web.url, Some(&key), &["--bucket", BUCKET, "--json"]).await.json();
    assert_eq!([told(&report, BUCKET, "list"), told(&report, BUCKET, "read ACL")], ["not known"; 2]);
    // A redirect is told and not followed.
    let elsewhere = Endpoint::start(move |_| (301, code("PermanentRedirect")));
    let report = probe(&elsewhere.url, Some(&key), &["--bucket", BUCKET, "--json"]).await.json();
    assert_eq!(told(&report, BUCKET, "list"), "not known");
    assert!(report.to_string().contains("--region"));
}
