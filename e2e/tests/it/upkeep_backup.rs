//! `backup` and `restore`, as they are used: while others write, cut off in the middle, again and again, to a directory and
//! to S3.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::{Generated, S3};
use serde_json::Value;
use testkit::{Launch, Program, Ran, contents};

use crate::BINARY;

const BUCKET: &str = "bucket";

async fn ok(answer: impl Future<Output = Result<client::Answer, client::Error>>) -> client::Answer {
    let answer = answer.await.unwrap();
    assert_eq!(answer.status / 100, 2, "{}", answer.text());
    answer
}

fn bytes_of(seed: u64) -> bytes::Bytes {
    let length = [50, 3000, 20_000, 400_000][(seed % 4) as usize] + seed;
    Generated::new(seed, length).at(0, length as usize)
}

async fn put(s3: &S3, seed: u64) {
    ok(s3.put(&format!("{BUCKET}/object/{seed}"), bytes_of(seed))).await;
}

async fn filled(objects: u64) -> Program {
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner();
    for seed in 0..objects {
        put(&s3, seed).await;
    }
    program
}

/// How many of the first objects have bodies of their own, outside of the rows.
fn of_own(objects: u64) -> u64 {
    objects / 4
}

/// A place beside the data directory.
fn beside(program: &Program, name: &str) -> PathBuf {
    program.data().parent().unwrap().join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn backup(program: &Program, to: &str) -> Value {
    program.json(&["backup", to])
}

fn count(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name}: {value}"))
}

/// A data directory with nothing but the master key of `of`.
fn with_key(of: &Program, name: &str) -> PathBuf {
    let data = beside(of, name);
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(of.data().join("master.key"), data.join("master.key")).unwrap();
    data
}

fn command(program: &Program, data: &Path, words: &[&str], env: &[(&str, &str)]) -> std::process::Command {
    let mut command = program.command();
    command.args(words).arg("--data").arg(data).envs(env.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(program: &Program, data: &Path, words: &[&str], env: &[(&str, &str)]) -> Ran {
    let done = command(program, data, words, env).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { status: done.status.code().unwrap_or(-1), stdout: text(done.stdout), stderr: text(done.stderr) }
}

fn restore(program: &Program, from: &str, data: &Path) -> Value {
    let ran = run(program, data, &["restore", from, "--json"], &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn keys(answer: &client::Answer) -> Vec<String> {
    answer.elements(&["ListBucketResult", "Contents", "Key"])
}

/// Every object that is listed is read and is what was written under its name; how many there are.
async fn all_is_there(s3: &S3) -> u64 {
    let (mut after, mut objects) = (String::new(), 0);
    loop {
        let page = ok(s3.get(&format!("{BUCKET}?list-type=2&start-after={after}"))).await;
        let keys = keys(&page);
        let Some(last) = keys.last() else { return objects };
        after = last.replace('/', "%2F");
        for key in keys {
            let seed: u64 = key.strip_prefix("object/").unwrap().parse().unwrap();
            let body = ok(s3.get(&format!("{BUCKET}/{key}"))).await.body;
            assert!(body == bytes_of(seed), "{key}");
            objects += 1;
        }
    }
}

fn serve(data: &Path) -> Program {
    Program::start(BINARY, Launch::default().data(data))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_shows_one_moment_while_others_write_and_delete_and_is_restored_as_that() {
    let program = filled(60).await;
    let (over, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(60)));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (over, next, s3) = (over.clone(), next.clone(), program.owner());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    put(&s3, seed).await;
                    ok(s3.delete(&format!("{BUCKET}/object/{}", seed - 60))).await;
                }
            })
        })
        .collect();
    let to = beside(&program, "backups");
    let mut made = vec![];
    for _ in 0..3 {
        made.push(tokio::task::block_in_place(|| backup(&program, text(&to))));
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(count(&made[2], "bytes_sent") < count(&made[2], "bytes") * 2);
    for (number, backup) in made.iter().enumerate() {
        let id = backup["id"].as_str().unwrap();
        let data = with_key(&program, &format!("copy-{number}"));
        let ran = run(&program, &data, &["restore", text(&to), "--snapshot", id, "--json"], &[]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let restored: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(restored["id"].as_str(), Some(id));
        // The counters are the sums of what is stored: it says so.
        assert_eq!(restored["verified"]["damage"].as_array().unwrap().len(), 0);
        let copy = serve(&data);
        let objects = all_is_there(&copy.s3(&program.owner_key())).await;
        assert_eq!(objects, count(&restored["verified"], "objects"));
        assert!(objects >= 50, "{objects}");
        assert_eq!(copy.run(&["verify", "--deep"]).status, 0);
        put(&copy.s3(&program.owner_key()), 1_000_000).await;
    }
    // What was to be removed meanwhile has been: nothing is kept that no record names.
    let begun = Instant::now();
    loop {
        let found = program.json(&["verify"]);
        let files = contents(&program.data().join("bodies/published")).len() as u64;
        if files <= of_own(count(&found, "objects")) + 2 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{files} files: {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_sends_what_changed_and_status_tells_of_the_last() {
    let mut program = filled(24).await;
    let to = beside(&program, "backups");
    let first = backup(&program, text(&to));
    assert_eq!((count(&first, "bodies"), count(&first, "bodies_sent")), (of_own(24), of_own(24)));
    put(&program.owner(), 27).await;
    let second = backup(&program, text(&to));
    assert_eq!(count(&second, "bodies_sent"), 1);
    assert!(count(&second, "bytes_sent") < count(&first, "bytes_sent") / 2, "{second}");
    assert_eq!(program.json(&["status"])["last_backup"]["id"], second["id"]);
    // Without a server it is the same.
    assert_eq!(program.stop(), 0);
    let third = backup(&program, text(&to));
    assert_eq!(count(&third, "bodies_sent"), 0);
    let said = program.run(&["backup", text(&to)]);
    assert!(said.status == 0 && said.stdout.contains("master key is not in it"), "{said:?}");
    let listed = run(&program, program.data(), &["restore", text(&to), "--list"], &[]);
    assert_eq!(listed.stdout.lines().count(), 4, "{listed:?}");
    // No secret is in it.
    let (secret, key) =
        (program.owner_key().secret_access_key, std::fs::read_to_string(program.data().join("master.key")).unwrap());
    for (path, bytes) in contents(&to) {
        for secret in [secret.as_bytes(), key.trim().as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
        }
    }
}

/// Waits until there are that many files below `dir`, then kills the process.
fn kill_at(mut child: Child, dir: &Path, files: usize) -> bool {
    let begun = Instant::now();
    while contents(dir).len() < files {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    let was_running = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    let _ = child.wait();
    was_running
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_left_out_by_name_and_status_tells_that_it_lacks() {
    let mut program = filled(12).await;
    let text_of = "a body that is in no file of its own; ".repeat(100);
    ok(program.owner().put("bucket/rotten", text_of.clone())).await;
    assert_eq!(program.stop(), 0);
    let log = program.data().join("records/log");
    for (path, mut bytes) in contents(&log) {
        let at = bytes.windows(text_of.len()).position(|window| window == text_of.as_bytes());
        let Some(at) = at else { continue };
        bytes[at + 100] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    let to = beside(&program, "backups");
    let said = program.run(&["backup", text(&to), "--json"]);
    let made: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(said.status == 1 && made["without"].as_array().unwrap().len() == 1, "{said:?}");
    assert!(made["without"][0].as_str().unwrap().starts_with("row "), "{made}");
    assert_eq!(count(&program.json(&["status"])["last_backup"], "lacks"), 1);
    let data = with_key(&program, "copy");
    // It is restored all the same, and what is lacking is named.
    let said = run(&program, &data, &["restore", text(&to)], &[]);
    assert!(said.status == 1 && said.stderr.contains("bucket/rotten"), "{said:?}");
    let server = serve(&data);
    let copy = server.s3(&program.owner_key());
    assert_eq!(copy.get("bucket/rotten").await.unwrap().status, 500);
    ok(copy.delete("bucket/rotten")).await;
    assert_eq!(all_is_there(&copy).await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_is_not_there_and_the_next_uses_what_it_sent_so_does_one_after_a_killed_server() {
    let mut program = filled(120).await;
    let to = beside(&program, "backups");
    // By the server, for a command that is killed: it is given up.
    let child = command(&program, program.data(), &["backup", text(&to)], &[]).spawn().unwrap();
    assert!(kill_at(child, &to, 10));
    let listed = run(&program, program.data(), &["restore", text(&to), "--list"], &[]);
    assert_eq!(listed.stdout, "", "{listed:?}");
    // By the server, which is killed.
    program.kill();
    // By the command itself.
    let sent = contents(&to).len();
    let child = command(&program, program.data(), &["backup", text(&to)], &[]).spawn().unwrap();
    let cut = kill_at(child, &to, sent + 5);
    let made = backup(&program, text(&to));
    assert!(count(&made, "bodies_sent") < count(&made, "bodies"), "{cut}: {made}");
    assert!(contents(&to.join("incoming")).is_empty());
    let data = with_key(&program, "copy");
    restore(&program, text(&to), &data);
    assert_eq!(all_is_there(&serve(&data).s3(&program.owner_key())).await, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_is_no_store_and_can_be_asked_for_again() {
    let program = filled(120).await;
    let to = beside(&program, "backups");
    backup(&program, text(&to));
    let data = with_key(&program, "copy");
    let child = command(&program, &data, &["restore", text(&to)], &[]).spawn().unwrap();
    assert!(kill_at(child, &data.join("bodies/published"), 20));
    let said = run(&program, &data, &["serve", "--s3", "127.0.0.1:0"], &[]);
    assert!(said.status == 1 && said.stderr.contains("was begun and not finished"), "{said:?}");
    restore(&program, text(&to), &data);
    assert_eq!(all_is_there(&serve(&data).s3(&program.owner_key())).await, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_directory_a_wrong_master_key_and_a_damaged_backup_are_refused_by_name() {
    let program = filled(12).await;
    let to = beside(&program, "backups");
    backup(&program, text(&to));
    let before = contents(program.data());
    let said = run(&program, program.data(), &["restore", text(&to)], &[]);
    assert!(said.status == 1 && said.stderr.contains("is not empty"), "{said:?}");
    assert_eq!(contents(program.data()).len(), before.len());

    let data = beside(&program, "copy");
    let said = run(&program, &data, &["restore", text(&to)], &[]);
    assert!(said.status == 1 && said.stderr.contains("master.key"), "{said:?}");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(
        data.join("master.key"),
        (0..32u8).map(|i| format!("{:02x}", i.wrapping_mul(37) ^ 0x5a)).collect::<String>(),
    )
    .unwrap();
    std::fs::set_permissions(data.join("master.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let said = run(&program, &data, &["restore", text(&to)], &[]);
    assert!(said.status == 1 && said.stderr.contains("not the one that the backup"), "{said:?}");
    assert_eq!(contents(&data).len(), 1);

    std::fs::copy(program.data().join("master.key"), data.join("master.key")).unwrap();
    for kind in ["rows", "bodies", "backups"] {
        let (path, whole) = contents(&to.join(kind)).into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 1;
        std::fs::write(&path, altered).unwrap();
        let said = run(&program, &data, &["restore", text(&to)], &[]);
        let name = path.strip_prefix(&to).unwrap().display().to_string();
        assert!(said.status == 1 && said.stderr.contains(&name) && said.stderr.contains("damaged"), "{name}: {said:?}");
        std::fs::write(&path, whole).unwrap();
    }
    restore(&program, text(&to), &data);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_is_backed_up_into_a_bucket_of_another_and_restored_from_there() {
    let (program, other) = (filled(20).await, Program::start(BINARY, Launch::default()));
    other.bucket("backups");
    let large = Generated::new(9, 20_000_000);
    ok(program.owner().upload(&format!("{BUCKET}/large"), large.clone())).await;
    // The key reaches the folder and nothing else, and cannot delete.
    let share = other.share("backups/of-mine", "backup@example.com", "backup");
    let endpoint = format!("http://{}", other.address());
    let env = [
        ("AWS_ACCESS_KEY_ID", share.key.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", share.key.secret_access_key.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let place = "s3://backups/of-mine";
    let json = |words: &[&str], data: &Path| {
        let ran = run(&program, data, words, &env);
        assert_eq!(ran.status, 0, "{ran:?}");
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    let first = json(&["backup", place, "--json"], program.data());
    assert_eq!(count(&first, "bodies_sent"), of_own(20) + 1);
    put(&program.owner(), 23).await;
    let second = json(&["backup", place, "--json"], program.data());
    assert_eq!(count(&second, "bodies_sent"), 1);
    let objects = ok(other.owner().get("backups?list-type=2&prefix=of-mine%2Fbodies%2F")).await;
    assert_eq!(keys(&objects).len() as u64, of_own(20) + 2);
    // What somebody removed there is sent again.
    let rows = ok(other.owner().get("backups?list-type=2&prefix=of-mine%2Frows%2F")).await;
    for lost in [&keys(&objects)[0], &keys(&rows)[0]] {
        ok(other.owner().delete(&format!("backups/{lost}"))).await;
    }
    let third = json(&["backup", place, "--json"], program.data());
    assert!(count(&third, "bodies_sent") == 1 && count(&third, "chunks_sent") >= 1, "{third}");
    let data = with_key(&program, "copy");
    let restored = json(&["restore", place, "--json"], &data);
    assert_eq!(restored["id"], third["id"]);
    let server = serve(&data);
    let copy = server.s3(&program.owner_key());
    let body = ok(copy.get(&format!("{BUCKET}/large"))).await.body;
    assert!(large.matches(0, &body) && body.len() == 20_000_000);
    ok(copy.delete(&format!("{BUCKET}/large"))).await;
    assert_eq!(all_is_there(&copy).await, 21);
    let wrong = [("AWS_ACCESS_KEY_ID", "AKIAAAAAAAAAAAAAAAAA"), env[1], env[2]];
    let said = run(&program, program.data(), &["backup", place], &wrong);
    assert!(said.status == 1 && said.stderr.contains("InvalidAccessKeyId"), "{said:?}");
    assert!(!said.stderr.contains(&share.key.secret_access_key));
}
