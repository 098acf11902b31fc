//! `reach --diff`: what a proposal would change is what it changes when it is carried out, and asking changes nothing.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use testkit::{InProcess, Launch, Options, Program, acl_document, by_email};

use crate::BINARY;

const BUCKET: &str = "myproject.example.com";

fn start() -> Program {
    let program = Program::start(BINARY, Launch::with(&["--default-public-access-block", "off"]));
    program.bucket(BUCKET);
    program.bucket("second.example.com");
    program
}

/// A proposal in a file beside the data.
fn file(program: &Program, name: &str, text: &str) -> String {
    let path: PathBuf = program.data().parent().unwrap().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn policy(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn statement(effect: &str, principal: &str, actions: &[&str], key: &str) -> Value {
    let resource = format!("arn:aws:s3:::{BUCKET}/{key}");
    let principal = if principal == "*" { json!("*") } else { json!({ "AWS": principal }) };
    json!({ "Effect": effect, "Principal": principal, "Action": actions, "Resource": resource })
}

/// What is gained and lost, and the exit status.
fn diff(program: &Program, words: &[&str]) -> (i32, Value) {
    let ran = program.run(&[&["reach"], words, &["--json"]].concat());
    assert!(ran.status < 2, "{}", ran.stderr);
    assert_eq!(ran.status == 1, ran.stderr.contains("would gain"), "{}", ran.stderr);
    (ran.status, serde_json::from_str(&ran.stdout).unwrap())
}

/// A row of the diff as `reach` would print it.
fn rows(of: &Value) -> Vec<Value> {
    let plain = |row: &Value| {
        let mut row = row.clone();
        let examples = row.as_object_mut().unwrap().remove("examples").unwrap();
        assert_eq!(examples.as_array().unwrap().len(), row["actions"].as_array().unwrap().len(), "{row}");
        row
    };
    of.as_array().unwrap().iter().map(plain).collect()
}

fn of_bucket(reach: &Value) -> Vec<Value> {
    reach.as_array().unwrap().iter().filter(|row| row["bucket"] == BUCKET).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_would_open_is_told_and_comes_true_when_it_is_put() {
    let program = start();
    let guest = program.guest("guest@example.com");
    let key = guest.key.access_key_id.as_str();
    let statements = [
        statement("Allow", &guest.account_id, &["s3:GetObject", "s3:PutObject"], "inbox/*"),
        statement("Allow", "*", &["s3:GetObject"], "public/*"),
    ];
    let open = file(&program, "open.json", &policy(&statements));
    let before = [program.json(&["reach", key]), program.json(&["usage"]), program.json(&["bucket", "show", BUCKET])];

    let (status, told) = diff(&program, &[key, "--diff", &open, "--bucket", BUCKET]);
    assert_eq!((status, told.as_array().unwrap().len()), (1, 1));
    assert_eq!(told[0]["access_key_ids"], json!([key]));
    assert_eq!(told[0]["lost"], json!([]));
    let examples = told[0]["gained"].to_string();
    assert!(examples.contains(&format!("s3:PutObject on {BUCKET}/inbox/")), "{examples}");
    let (_, public) = diff(&program, &["--public", "--diff", &open, "--bucket", BUCKET]);
    let (_, all) = diff(&program, &["--all", "--diff", &open, "--bucket", BUCKET]);
    let named: Vec<&str> = all.as_array().unwrap().iter().map(|holder| holder["who"].as_str().unwrap()).collect();
    assert_eq!(named, ["everyone", "guest@example.com"], "each gain is told once: {all}");
    assert_eq!(all[0]["gained"], public[0]["gained"]);
    let after = [program.json(&["reach", key]), program.json(&["usage"]), program.json(&["bucket", "show", BUCKET])];
    assert_eq!(before, after, "asking changed something");
    assert_eq!(program.owner().get(&format!("{BUCKET}?policy")).await.unwrap().code().unwrap(), "NoSuchBucketPolicy");

    let put = program.owner().put(&format!("{BUCKET}?policy"), policy(&statements)).await.unwrap();
    assert_eq!(put.status, 204, "{}", put.text());
    assert_eq!(rows(&told[0]["gained"]), of_bucket(&program.json(&["reach", key])));
    assert_eq!(rows(&public[0]["gained"]), of_bucket(&program.json(&["reach", "--public"])));
    // What is so already is no difference.
    let (status, same) = diff(&program, &[key, "--diff", &open, "--bucket", BUCKET]);
    assert_eq!((status, &same[0]["gained"], &same[0]["lost"]), (0, &json!([]), &json!([])));

    // A deny takes away what it covers.
    let denied = [&statements[..], &[statement("Deny", "*", &["s3:PutObject"], "inbox/locked/*")]].concat();
    let deny = file(&program, "deny.json", &policy(&denied));
    let (status, told) = diff(&program, &[key, "--diff", &deny, "--bucket", BUCKET]);
    assert_eq!((status, &told[0]["gained"]), (0, &json!([])));
    let lost = rows(&told[0]["lost"]);
    assert_eq!(
        (lost.len(), &lost[0]["keys"], &lost[0]["actions"]),
        (1, &json!("inbox/locked/*"), &json!(["s3:PutObject"]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_acl_or_a_share_would_give_is_told_and_comes_true() {
    let program = start();
    let guest = program.guest("guest@example.com");
    let key = guest.key.access_key_id.as_str();
    let owner = program.owner().get("").await.unwrap().elements(&["ListAllMyBucketsResult", "Owner", "ID"]).remove(0);
    let acl = acl_document(&owner, &[(by_email(&guest.email), "READ"), (by_email(&guest.email), "WRITE")]);

    // From stdin, as from a file.
    let mut command = program.command();
    command.args(["reach", key, "--bucket", BUCKET, "--json", "--diff", "-", "--data"]).arg(program.data());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(acl.as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(of_bucket(&program.json(&["reach", key])), [] as [Value; 0], "asking changed something");
    let put = program.owner().put(&format!("{BUCKET}?acl"), acl).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(rows(&told[0]["gained"]), of_bucket(&program.json(&["reach", key])));

    // A share gives nothing to a key that there is, and to its own what it will have.
    let terms =
        json!({ "bucket": BUCKET, "prefix": "in/", "with": "new@example.com", "preset": "drop-box", "days": 3 });
    let share = file(&program, "share.json", &terms.to_string());
    let (status, told) = diff(&program, &[key, "--diff", &share]);
    assert_eq!((status, &told[0]["gained"]), (0, &json!([])));
    let (status, told) = diff(&program, &["--all", "--diff", &share]);
    assert_eq!((status, &told[0]["who"]), (1, &json!("a new key of new@example.com")));
    let accounts = program.json(&["account", "list"]).to_string();
    assert!(!accounts.contains("new@example.com"), "asking made an account");
    assert_eq!(program.json(&["shares", "list"]), json!([]));
    let words = ["share", &format!("{BUCKET}/in/"), "--with", "new@example.com", "--preset", "drop-box", "--days", "3"];
    let made = program.json(&words);
    let reach = program.json(&["reach", made["access_key_id"].as_str().unwrap()]);
    let untimed = |rows: &[Value]| -> Vec<[String; 4]> {
        rows.iter().map(|row| ["bucket", "keys", "actions", "why"].map(|name| row[name].to_string())).collect()
    };
    assert_eq!(untimed(&rows(&told[0]["gained"])), untimed(reach.as_array().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_cannot_be_is_told_with_its_place() {
    let program = start();
    let key = program.guest("guest@example.com").key.access_key_id;
    for (name, text, said) in [
        ("a.json", "{\"Version\":\"2012-10-17\",\n\"Statement\":[{]}".to_owned(), "line 2"),
        ("b.json", policy(&[statement("Allow", "*", &["s3:GetObjects"], "*")]), "Statement[0].Action"),
        ("c.json", policy(&[]).replace(BUCKET, "other"), "Statement"),
        ("d.xml", acl_document(&"0".repeat(64), &[(by_email("guest@example.com"), "READS")]), "Grant 1"),
        ("e.json", json!({ "bucket": BUCKET, "with": "a@b.example", "presets": "read" }).to_string(), "presets"),
        ("f.json", json!({ "bucket": BUCKET, "with": "a@b.example", "preset": "all" }).to_string(), "no preset all"),
        ("g.txt", "open it".to_owned(), "neither a policy"),
    ] {
        let path = file(&program, name, &text);
        let bucket: &[&str] = if name == "f.json" || name == "e.json" { &[] } else { &["--bucket", BUCKET] };
        let ran = program.run(&[&["reach", &key, "--diff", &path], bucket].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(said) && ran.stderr.lines().count() == 1, "{name}: {}", ran.stderr);
    }
    let open = file(&program, "open.json", &policy(&[statement("Allow", "*", &["s3:GetObject"], "*")]));
    for words in [
        &["reach", &key, "--diff", &open][..],
        &["reach", &key, "--diff", "/nowhere"],
        &["reach", &key, "--bucket", BUCKET],
    ] {
        assert_eq!(program.run(words).status, 2, "{words:?}");
    }
    let stranger = acl_document(&"0".repeat(64), &[(by_email("nobody@example.com"), "READ")]);
    let stranger = file(&program, "stranger.xml", &stranger);
    let ran = program.run(&["reach", &key, "--diff", &stranger, "--bucket", BUCKET]);
    assert!(ran.status == 2 && ran.stderr.contains("nobody@example.com"), "{}", ran.stderr);

    // What a bucket does not take would not be: it is no gain, and no success either.
    let closed = Program::start(BINARY, Launch::default());
    closed.bucket(BUCKET);
    let path = file(&closed, "open.json", &policy(&[statement("Allow", "*", &["s3:GetObject"], "*")]));
    let ran = closed.run(&["reach", "--public", "--diff", &path, "--bucket", BUCKET]);
    assert!(ran.status == 1 && ran.stderr.contains("does not take it"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_stored_changes_when_a_proposal_is_asked_about() {
    use operations::admin::{Command, Proposal, ProposedGrant, ProposedGrantee, ShareOrder, Whose};

    let server = InProcess::start(Options::default().public()).await;
    assert_eq!(server.owner().put(BUCKET, "").await.unwrap().status, 200);
    let guest = server.guest("guest@example.com").await;
    let before = server.records().await;
    let grant = ProposedGrant { grantee: ProposedGrantee::Email(guest.email.clone()), permission: "WRITE".into() };
    let order = ShareOrder {
        bucket: BUCKET.into(),
        with: "new@example.com".into(),
        preset: Some("read".into()),
        ..Default::default()
    };
    for proposal in [
        Proposal::Policy(policy(&[statement("Allow", "*", &["s3:GetObject"], "*")])),
        Proposal::Acl { owner: None, grants: vec![grant] },
        Proposal::Share(Box::new(order)),
    ] {
        for whose in [Whose::Key(guest.key.access_key_id.clone()), Whose::Everyone, Whose::All] {
            let bucket = (!matches!(proposal, Proposal::Share(_))).then(|| BUCKET.to_owned());
            server.ask(Command::ReachDiff { whose, bucket, proposal: proposal.clone() }).await;
        }
    }
    assert_eq!(server.records().await, before);
}
