//! The story of `one key, one bucket`, told over the program itself: its command line and its S3 port.

use std::os::unix::fs::PermissionsExt;

use client::Answer;
use serde_json::Value;
use testkit::{Launch, Program, acl_document, by_email, by_id};

use crate::BINARY;

const BUCKET: &str = "myproject.example.com";
const GUEST: &str = "aws-myproject@example.com";

fn start() -> Program {
    Program::start(BINARY, Launch::default())
}

fn ok(answer: &Answer) {
    assert_eq!(answer.status / 100, 2, "{}: {}", answer.status, answer.text());
}

fn denied(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_deref()), (403, Some("AccessDenied")), "{}", answer.text());
}

fn buckets(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"])
}

fn keys(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.elements(&["ListBucketResult", "Contents", "Key"])
}

/// Whose list of buckets it is, by canonical id.
fn owner_id(buckets: &Answer) -> String {
    buckets.elements(&["ListAllMyBucketsResult", "Owner", "ID"])[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_writes_the_owners_credentials_once_and_no_later_start_changes_anything() {
    let mut program = start();
    let path = program.data().join("owner.credentials");
    let first = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(first.lines().next(), Some("[default]"), "AWS's shared credentials: one profile, the default one");
    assert_eq!(first.matches('[').count(), 1);
    let key = program.owner_key();
    ok(&program.owner().put(BUCKET, "").await.unwrap());
    let accounts = program.json(&["account", "list"]);

    assert_eq!(program.stop(), 0);
    program.start_again();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
    assert_eq!(program.json(&["account", "list"]), accounts);

    // It is the operator's to delete, and does not come back; the key goes on.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(program.stop(), 0);
    program.start_again();
    assert!(!path.exists());
    assert_eq!(buckets(&program.s3(&key).get("").await.unwrap()), [BUCKET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_owns_nothing_uses_one_bucket_after_two_grants_by_email_and_nothing_else() {
    let program = start();
    let owner = program.owner();
    let guest = program.guest(GUEST);
    assert!(guest.guest && guest.email == GUEST);
    assert!(guest.account_id.len() == 12 && guest.account_id.bytes().all(|b| b.is_ascii_digit()));
    assert!(guest.canonical_id.len() == 64 && guest.canonical_id.bytes().all(|b| b.is_ascii_hexdigit()));

    ok(&owner.put(BUCKET, "").await.unwrap());
    ok(&owner.put("second.example.com", "").await.unwrap());
    ok(&owner.put(&format!("{BUCKET}/before.txt"), "before").await.unwrap());
    denied(&guest.s3.put(&format!("{BUCKET}/early"), "x").await.unwrap());
    denied(&guest.s3.list(BUCKET, "").await.unwrap());
    assert!(buckets(&guest.s3.get("").await.unwrap()).is_empty());

    // As s3cmd does it: read the ACL, add a grant by address, write it back; once for each permission.
    let owner_id = owner_id(&owner.get("").await.unwrap());
    let mut grants = vec![(by_id(&owner_id), "FULL_CONTROL")];
    for permission in ["WRITE", "READ"] {
        grants.push((by_email(&GUEST.to_uppercase()), permission));
        ok(&owner.put(&format!("{BUCKET}?acl"), acl_document(&owner_id, &grants)).await.unwrap());
        let now = owner.get(&format!("{BUCKET}?acl")).await.unwrap();
        grants.pop();
        grants.push((by_id(&guest.canonical_id), permission));
        let grant = ["AccessControlPolicy", "AccessControlList", "Grant"];
        let ids = now.elements(&[&grant[..], &["Grantee", "ID"]].concat());
        assert_eq!(ids.last(), Some(&guest.canonical_id), "{}", now.text());
        assert_eq!(ids.len(), grants.len());
        let permissions = now.elements(&[&grant[..], &["Permission"]].concat());
        assert_eq!(permissions, grants.iter().map(|(_, permission)| *permission).collect::<Vec<_>>());
        assert!(!now.text().contains("EmailAddress"), "it reads back as CanonicalUser: {}", now.text());
        assert_eq!(now.elements(&["AccessControlPolicy", "Owner", "ID"]), [owner_id.as_str()]);
    }

    ok(&guest.s3.put(&format!("{BUCKET}/dump.tar"), "a dump").await.unwrap());
    assert_eq!(keys(&guest.s3.list(BUCKET, "").await.unwrap()), ["before.txt", "dump.tar"]);
    assert_eq!(buckets(&guest.s3.get("").await.unwrap()), [BUCKET]);
    assert_eq!(guest.s3.get(&format!("{BUCKET}/dump.tar")).await.unwrap().text(), "a dump");
    assert_eq!(owner.get(&format!("{BUCKET}/dump.tar")).await.unwrap().text(), "a dump", "the owner owns what lands");
    denied(&guest.s3.get(&format!("{BUCKET}/before.txt")).await.unwrap());
    denied(&guest.s3.put(&format!("{BUCKET}?acl"), acl_document(&owner_id, &grants)).await.unwrap());
    denied(&guest.s3.list("second.example.com", "").await.unwrap());
    denied(&guest.s3.put("bucket-of-my-own", "").await.unwrap());
    // Clients ask for the bucket before they use it.
    ok(&guest.s3.put(BUCKET, "").await.unwrap());
    ok(&guest.s3.head(BUCKET).await.unwrap());

    // An address that nobody has is told, and changes nothing.
    let before = owner.get(&format!("{BUCKET}?acl")).await.unwrap().text();
    let unknown = acl_document(&owner_id, &[(by_email("nobody@example.com"), "READ")]);
    let answer = owner.put(&format!("{BUCKET}?acl"), unknown).await.unwrap();
    assert_eq!((answer.status, answer.code().as_deref()), (400, Some("UnresolvableGrantByEmailAddress")));
    assert_eq!(owner.get(&format!("{BUCKET}?acl")).await.unwrap().text(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reach_of_a_key_is_what_it_can_do_and_only_exits_1_where_it_reaches_more() {
    let program = start();
    let (owner, guest) = (program.owner(), program.guest(GUEST));
    let owner_id = owner_id(&owner.get("").await.unwrap());
    let both = [(by_email(GUEST), "WRITE"), (by_email(GUEST), "READ")];
    ok(&owner.put(BUCKET, "").await.unwrap());
    ok(&owner.put(&format!("{BUCKET}?acl"), acl_document(&owner_id, &both)).await.unwrap());
    let key = guest.key.access_key_id.as_str();

    let rows = program.json(&["reach", key]);
    let of_bucket: Vec<&Value> = rows.as_array().unwrap().iter().filter(|row| row["bucket"] == BUCKET).collect();
    assert!(!of_bucket.is_empty(), "{rows}");
    let actions: Vec<&str> = of_bucket
        .iter()
        .flat_map(|row| row["actions"].as_array().unwrap())
        .map(|action| action.as_str().unwrap())
        .collect();
    for expected in ["s3:ListBucket", "s3:PutObject", "s3:DeleteObject"] {
        assert!(actions.contains(&expected), "{expected} is missing: {actions:?}");
    }
    for never in ["s3:DeleteBucket", "s3:PutBucketAcl", "s3:PutBucketPolicy"] {
        assert!(!actions.contains(&never), "{never} is there: {actions:?}");
    }
    for row in rows.as_array().unwrap() {
        for name in ["bucket", "keys", "actions", "conditions", "why"] {
            assert!(!row[name].is_null(), "{name} is missing: {row}");
        }
    }
    assert_eq!(program.run(&["reach", key, "--only", BUCKET]).status, 0);

    ok(&owner.put("second.example.com", "").await.unwrap());
    assert_eq!(program.run(&["reach", key, "--only", BUCKET]).status, 0);
    let read = acl_document(&owner_id, &[(by_email(GUEST), "READ")]);
    ok(&owner.put("second.example.com?acl", read).await.unwrap());
    let more = program.run(&["reach", key, "--only", BUCKET]);
    assert_eq!(more.status, 1);
    assert!(more.stderr.contains("second.example.com"), "{}", more.stderr);
    let owners = program.owner_key().access_key_id;
    assert_eq!(program.run(&["reach", &owners, "--only", BUCKET]).status, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_pays_and_the_ledger_says_which_key_caused_it() {
    let mut program = start();
    let (owner, guest) = (program.owner(), program.guest(GUEST));
    let owner_id = owner_id(&owner.get("").await.unwrap());
    let both = [(by_email(GUEST), "WRITE"), (by_email(GUEST), "READ")];
    ok(&owner.put(BUCKET, "").await.unwrap());
    ok(&owner.put(&format!("{BUCKET}?acl"), acl_document(&owner_id, &both)).await.unwrap());
    ok(&guest.s3.put(&format!("{BUCKET}/a"), vec![7; 10_000]).await.unwrap());
    ok(&guest.s3.put(&format!("{BUCKET}/b"), vec![8; 500]).await.unwrap());
    ok(&guest.s3.delete(&format!("{BUCKET}/b")).await.unwrap());
    assert_eq!(guest.s3.get(&format!("{BUCKET}/a")).await.unwrap().body.len(), 10_000);
    ok(&owner.put(&format!("{BUCKET}/c"), vec![9; 70]).await.unwrap());

    let of = |rows: &Value, key: &str| {
        let rows: Vec<&Value> = rows.as_array().unwrap().iter().filter(|row| row["access_key_id"] == key).collect();
        assert_eq!(rows.len(), 1, "one line for a key on a bucket: {rows:?}");
        rows[0].clone()
    };
    let usage = program.json(&["usage", "--bucket", BUCKET]);
    let guests = of(&usage, &guest.key.access_key_id);
    assert_eq!((&guests["owner"], &guests["bucket"]), (&testkit::OWNER.into(), &BUCKET.into()));
    assert_eq!(guests["bytes_stored"], 10_000);
    assert_eq!(guests["objects"], 1);
    assert_eq!(guests["bytes_in"], 10_500);
    assert_eq!(guests["bytes_out"], 10_000);
    assert_eq!(guests["requests"], 4);
    let owners = of(&usage, &program.owner_key().access_key_id);
    assert_eq!((&owners["bytes_stored"], &owners["objects"], &owners["bytes_in"]), (&70.into(), &1.into(), &70.into()));

    // Not a byte of it is lost or counted twice by a stop.
    assert_eq!(program.stop(), 0);
    assert_eq!(program.json(&["usage", "--bucket", BUCKET]), usage, "without a server");
    program.start_again();
    assert_eq!(program.json(&["usage", "--bucket", BUCKET]), usage);
    assert_eq!(program.json(&["usage", "--bucket", "second.example.com"]).as_array().map(Vec::len), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_one_step_to_a_key_for_one_bucket_and_one_step_to_its_end() {
    let program = start();
    let owner = program.owner();
    program.bucket(BUCKET);
    program.bucket("second.example.com");
    ok(&owner.put(&format!("{BUCKET}/before.txt"), "before").await.unwrap());
    let share = program.share(BUCKET, GUEST, "read-write");
    assert_eq!((share.bucket.as_str(), share.preset.as_str(), share.email.as_str()), (BUCKET, "read-write", GUEST));
    let reader = program.share(BUCKET, GUEST, "read");
    let writer = program.share(BUCKET, GUEST, "write");

    ok(&share.s3.put(&format!("{BUCKET}/dump"), "a dump").await.unwrap());
    assert_eq!(share.s3.get(&format!("{BUCKET}/before.txt")).await.unwrap().text(), "before");
    assert_eq!(buckets(&share.s3.get("").await.unwrap()), [BUCKET]);
    denied(&share.s3.list("second.example.com", "").await.unwrap());
    assert_eq!(reader.s3.get(&format!("{BUCKET}/dump")).await.unwrap().text(), "a dump");
    denied(&reader.s3.put(&format!("{BUCKET}/dump"), "x").await.unwrap());
    denied(&reader.s3.delete(&format!("{BUCKET}/dump")).await.unwrap());
    ok(&writer.s3.put(&format!("{BUCKET}/log"), "x").await.unwrap());
    denied(&writer.s3.get(&format!("{BUCKET}/dump")).await.unwrap());
    denied(&writer.s3.list(BUCKET, "").await.unwrap());
    for key in [&share, &reader, &writer] {
        assert_eq!(program.run(&["reach", &key.key.access_key_id, "--only", BUCKET]).status, 0);
    }
    // A share is a key: the account's other keys gain nothing.
    let plain = program.s3(&program.key(GUEST));
    denied(&plain.list(BUCKET, "").await.unwrap());

    let shares = program.json(&["shares", "list"]);
    assert_eq!(shares.as_array().map(Vec::len), Some(3));
    assert_eq!(program.json(&["shares", "show", &share.share_id])["state"], "active");
    assert!(!shares.to_string().contains(&share.key.secret_access_key), "it is shown once");

    program.json(&["shares", "revoke", &share.share_id]);
    let after = share.s3.list(BUCKET, "").await.unwrap();
    assert_eq!((after.status, after.code().as_deref()), (403, Some("InvalidAccessKeyId")), "{}", after.text());
    assert_eq!(program.json(&["shares", "show", &share.share_id])["state"], "revoked");
    assert_eq!(program.json(&["reach", &share.key.access_key_id]).as_array().map(Vec::len), Some(0));
    ok(&reader.s3.list(BUCKET, "").await.unwrap());
    let wrong = program.run(&["share", BUCKET, "--with", GUEST, "--preset", "everything"]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_key_and_a_suspended_account_stop_at_once_and_come_back() {
    let program = start();
    program.bucket(BUCKET);
    let guest = program.guest(GUEST);
    let second = program.s3(&program.key(GUEST));
    let id = guest.key.access_key_id.as_str();
    let stopped = |answer: Answer| {
        assert_eq!((answer.status, answer.code().as_deref()), (403, Some("InvalidAccessKeyId")), "{}", answer.text());
    };
    ok(&guest.s3.get("").await.unwrap());
    program.json(&["key", "disable", id]);
    stopped(guest.s3.get("").await.unwrap());
    ok(&second.get("").await.unwrap());
    program.json(&["key", "enable", id]);
    ok(&guest.s3.get("").await.unwrap());
    program.json(&["account", "suspend", GUEST]);
    stopped(guest.s3.get("").await.unwrap());
    stopped(second.get("").await.unwrap());
    program.json(&["account", "suspend", GUEST, "--resume"]);
    ok(&second.get("").await.unwrap());
    program.json(&["key", "delete", id]);
    stopped(guest.s3.get("").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_strict_signup_a_guest_hears_what_it_heard_in_2010() {
    let program = Program::start(BINARY, Launch::with(&["--strict-signup"]));
    let (owner, guest) = (program.owner(), program.guest(GUEST));
    let owner_id = owner_id(&owner.get("").await.unwrap());
    ok(&owner.put(BUCKET, "").await.unwrap());
    let both = [(by_email(GUEST), "WRITE"), (by_email(GUEST), "READ")];
    ok(&owner.put(&format!("{BUCKET}?acl"), acl_document(&owner_id, &both)).await.unwrap());
    for answer in [guest.s3.get("").await.unwrap(), guest.s3.put("mine", "").await.unwrap()] {
        assert_eq!((answer.status, answer.code().as_deref()), (403, Some("NotSignedUp")), "{}", answer.text());
    }
    ok(&guest.s3.put(&format!("{BUCKET}/dump"), "a dump").await.unwrap());
    assert_eq!(keys(&guest.s3.list(BUCKET, "").await.unwrap()), ["dump"]);
}
