//! `verify`, as it is used: well stores, damaged ones, and files that are no store's any more.

use std::path::{Path, PathBuf};

use client::{Method, Request};
use testkit::{Launch, Program, contents};

use crate::BINARY;

const BUCKET: &str = "bucket";

async fn ok(answer: impl Future<Output = Result<client::Answer, client::Error>>) {
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A server with a few objects, small and large.
async fn filled() -> Program {
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner();
    ok(s3.put("bucket/small", "a small body that is found in the file again")).await;
    ok(s3.put("bucket/dir/large", vec![7; 300_000])).await;
    ok(s3.put("bucket/other", vec![8; 200_000])).await;
    program
}

/// The file of the largest body.
fn largest_body(data: &Path) -> PathBuf {
    let bodies = contents(&data.join("bodies/published"));
    bodies.into_iter().max_by_key(|(_, bytes)| bytes.len()).expect("there are bodies").0
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

/// Flips a byte wherever `text` stands in a file below `dir`; how often it did.
fn flip_text(dir: &Path, text: &[u8]) -> usize {
    let mut flipped = 0;
    for (path, bytes) in contents(dir) {
        let places: Vec<usize> =
            bytes.windows(text.len()).enumerate().filter(|(_, w)| *w == text).map(|(at, _)| at).collect();
        places.iter().for_each(|at| flip(&path, at + 3));
        flipped += places.len();
    }
    flipped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_well_is_told_to_be_with_a_server_and_without() {
    let mut program = filled().await;
    for _ in 0..2 {
        let found = program.json(&["verify"]);
        assert_eq!((found["objects"].as_u64(), found["bytes_read"].as_u64()), (Some(3), Some(0)), "{found}");
        let found = program.json(&["verify", "--deep"]);
        assert!(
            found["bytes_read"].as_u64() >= Some(500_000) && found["damage"].as_array().unwrap().is_empty(),
            "{found}"
        );
        if program.is_running() {
            let said = program.run(&["verify", "--deep"]);
            assert!(said.status == 0 && said.stdout.contains("All of it is as it was written"), "{said:?}");
            assert_eq!(program.stop(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_body_is_found_and_named_by_deep_alone_with_a_server_and_without() {
    let mut program = filled().await;
    flip(&largest_body(program.data()), 100_000);
    for _ in 0..2 {
        assert_eq!(program.run(&["verify"]).status, 0);
        let said = program.run(&["verify", "--deep"]);
        assert_eq!(said.status, 1);
        assert!(said.stdout.contains("object bucket/dir/large") && said.stdout.contains("block 1"), "{said:?}");
        assert!(said.stderr.contains("1 thing is damaged") && said.stderr.contains("bailiwick restore"), "{said:?}");
        let said = program.run(&["verify", "--deep", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((said.status, found["damage"][0]["what"].as_str()), (1, Some("object bucket/dir/large")));
        if program.is_running() {
            assert_eq!(program.stop(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_body_is_found_and_named_without_deep() {
    let program = filled().await;
    std::fs::remove_file(largest_body(program.data())).unwrap();
    let said = program.run(&["verify"]);
    assert!(said.status == 1 && said.stdout.contains("object bucket/dir/large"), "{said:?}");
    assert!(said.stdout.contains("is not there"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_record_or_a_small_body_is_found_and_named() {
    let mut program = filled().await;
    let (body, note) = ("found in the file again".repeat(100), "a note that is long".repeat(80));
    let described = Request::at_place(Method::PUT, "bucket/described").header("x-amz-meta-note", note.as_str());
    ok(program.owner().send(&described.bytes("x"))).await;
    ok(program.owner().put("bucket/middling", body.clone())).await;
    assert_eq!(program.stop(), 0);
    assert!(flip_text(&program.data().join("records/log"), note.as_bytes()) > 0);
    assert!(flip_text(&program.data().join("records/log"), body.as_bytes()) > 0);
    let said = program.run(&["verify"]);
    assert_eq!(said.status, 1);
    assert!(said.stdout.contains("object bucket/described") && said.stdout.contains("row D/"), "{said:?}");
    let said = program.run(&["verify", "--deep"]);
    assert_eq!(said.status, 1);
    assert!(said.stdout.contains("object bucket/middling"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_store_that_is_cut_altered_newer_or_anothers_is_refused_by_name_with_what_can_be_done() {
    let mut program = filled().await;
    assert_eq!(program.stop(), 0);
    let mut other = filled().await;
    assert_eq!(other.stop(), 0);
    let records = program.data().join("records");
    let log = contents(&records.join("log")).remove(0);
    let index = contents(&records).into_iter().find(|(path, _)| path.ends_with("index.redb")).unwrap();
    let others = contents(&other.data().join("records/log")).remove(0).1;
    let mut newer = log.1.clone();
    newer[8] = 2;
    for ((path, whole), bytes) in [
        (&index, index.1[..index.1.len() / 2].to_vec()),
        (&index, vec![]),
        (&index, vec![0; index.1.len()]),
        (&log, log.1[..30].to_vec()),
        (&log, newer),
        (&log, others),
    ] {
        std::fs::write(path, &bytes).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for words in [&["verify"][..], &["serve", "--s3", "127.0.0.1:0"]] {
            let said = program.run(words);
            assert_eq!(said.status, 1, "{said:?}");
            assert!(said.stderr.contains(name), "{name}: {said:?}");
            assert!(
                said.stderr.contains("`bailiwick restore") && said.stderr.contains("`bailiwick verify"),
                "{said:?}"
            );
            assert_eq!(said.stderr.trim().lines().count(), 1, "{said:?}");
        }
        assert!(std::fs::read(path).unwrap() == bytes);
        std::fs::write(path, whole).unwrap();
    }
    assert_eq!(program.run(&["verify", "--deep"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_gives_room_back_and_leaves_all_as_it_was() {
    let mut program = filled().await;
    let s3 = program.owner();
    for round in 0..10u8 {
        for object in 0..20 {
            ok(s3.put(&format!("bucket/again/{object}"), vec![round; 100_000])).await;
        }
    }
    for running in [true, false] {
        let done = program.json(&["compact"]);
        let (before, after) = (done["bytes_before"].as_u64().unwrap(), done["bytes_after"].as_u64().unwrap());
        assert!(after <= before && after <= 16 << 20, "{done}");
        assert_eq!(program.run(&["verify", "--deep"]).status, 0);
        if running {
            assert_eq!(program.stop(), 0);
        }
    }
}

/// What `status` says once a round of the scrub has ended that found damage; it exits with 1.
fn once_damage_is_known(program: &Program) -> serde_json::Value {
    let begun = std::time::Instant::now();
    loop {
        let said = program.run(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        if status["scrub"]["damage"][0].is_object() && status["scrub"]["running"].is_null() {
            assert_eq!(said.status, 1, "{said:?}");
            return status;
        }
        assert!(begun.elapsed().as_secs() < 30, "{said:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrub_goes_past_what_cannot_be_read_to_its_end() {
    let mut program = filled().await;
    let long = "a-key-that-makes-every-row-of-its-object-a-long-one-".repeat(19);
    ok(program.owner().put(&format!("bucket/{long}"), "body")).await;
    assert_eq!(program.stop(), 0);
    // In the log, where long rows are: the event among them.
    assert!(flip_text(&program.data().join("records/log"), long.as_bytes()) >= 1);
    let launch = Launch::with(&["--scrub-rate", "100MB", "--scrub-every", "1s"]).data(program.data());
    let scrubbed = Program::start(BINARY, launch);
    let status = once_damage_is_known(&scrubbed);
    let damage = status["scrub"]["damage"].to_string();
    assert!(damage.contains("row L/") && damage.contains("the ledger"), "{status}");
    assert!(status["scrub"]["failed"].is_null(), "{status}");
}

/// What all files below `dir` occupy on the disk, in bytes.
fn occupied(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    // In blocks of 512 bytes, whatever the file system's are.
    contents(dir).iter().map(|(path, _)| path.metadata().unwrap().blocks() * 512).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_compaction_objects_of_64_kib_occupy_little_more_than_their_bytes() {
    const OBJECTS: u64 = 1600;
    let program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let empty = occupied(program.data());
    let s3 = program.owner();
    for object in 0..OBJECTS {
        ok(s3.put(&format!("bucket/{object}"), vec![object as u8; 65_536])).await;
    }
    for object in (0..OBJECTS).step_by(2) {
        assert_eq!(s3.delete(&format!("bucket/{object}")).await.unwrap().status, 204);
    }
    program.json(&["compact"]);
    // The log is reserved ahead of what is written, in an empty store already: how far into that it is, is chance.
    let (stored, all) = (OBJECTS / 2 * 65_536, occupied(program.data()));
    assert!(all >= stored && all <= stored / 100 * 115 + empty, "{all} bytes for {stored}; {empty} when it was empty");
    assert_eq!(program.run(&["verify", "--deep"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrub_finds_damage_by_itself_names_it_in_the_log_and_in_status_and_remembers() {
    let mut program = filled().await;
    assert_eq!(program.stop(), 0);
    flip(&largest_body(program.data()), 100_000);
    let launch = Launch::with(&["--scrub-rate", "100MB", "--scrub-every", "1s"]).data(program.data());
    let mut scrubbed = Program::start(BINARY, launch);
    let status = once_damage_is_known(&scrubbed);
    assert_eq!(status["scrub"]["damage"][0]["what"], "object bucket/dir/large");
    assert_eq!((status["objects"].as_u64(), status["bytes"].as_u64()), (Some(3), Some(500_044)));
    assert!(scrubbed.stderr().contains("object bucket/dir/large"), "{}", scrubbed.stderr());
    assert_eq!(scrubbed.stop(), 0);
    let said = program.run(&["status"]);
    assert!(said.status == 1 && said.stdout.contains("object bucket/dir/large"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrub_reads_at_its_rate_and_not_at_all_at_0() {
    let mut program = filled().await;
    assert_eq!(program.stop(), 0);
    let slow =
        Program::start(BINARY, Launch::with(&["--scrub-rate", "100KB", "--scrub-every", "1s"]).data(program.data()));
    std::thread::sleep(std::time::Duration::from_secs(3));
    // A round of half a megabyte takes five seconds.
    let scrub = slow.json(&["status"])["scrub"].clone();
    assert_eq!(scrub["bytes_per_second"].as_u64(), Some(100_000));
    assert!(scrub["running"]["of"].as_u64() == Some(500_044) && scrub["last_bytes"] == 0, "{scrub}");
    drop(slow);
    let off = Program::start(BINARY, Launch::with(&["--scrub-rate", "0"]).data(program.data()));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let scrub = off.json(&["status"])["scrub"].clone();
    assert!(scrub["running"].is_null() && scrub["bytes_per_second"] == 0, "{scrub}");
}
