//! What the next opening finds: after an end, after a kill, in another's directory. And the bytes of version 1.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use bytes::Bytes;

use super::*;
use crate::conformance::{body, publish, read};

const CHILD_DIR: &str = "BLOBS_TEST_CHILD_DIR";
const CHILD_UNNAMED: &str = "BLOBS_TEST_CHILD_UNNAMED";

/// Not a test of its own: publishes for as long as it lives, when the next test runs it in a process of its own.
#[tokio::test]
async fn child_that_publishes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let unnamed = std::env::var(CHILD_UNNAMED).is_ok();
    let store = open_as(Path::new(&dir), LocalOptions::default(), unnamed);
    let mut never_published = store.stage().await.unwrap();
    never_published.write(body(0, 2_000_000)).await.unwrap();
    for seed in 1.. {
        let blob = publish(&store, &body(seed, (seed as usize % 7) * 150_000), &[]).await.unwrap();
        println!("blob {seed} {} {} {}", u128::from_be_bytes(*blob.id.as_bytes()), blob.len, blob.crc64);
    }
}

#[tokio::test]
async fn after_a_kill_every_acknowledged_blob_is_whole_and_so_is_every_listed_one() {
    for unnamed in STAGINGS {
        let dir = scratch_dir();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "local::tests::restart::child_that_publishes_until_it_is_killed", "--nocapture"]);
        command.env(CHILD_DIR, dir.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        if unnamed {
            command.env(CHILD_UNNAMED, "1");
        }
        let mut child = command.spawn().unwrap();
        let mut acknowledged = HashMap::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            let Some(numbers) = line.strip_prefix("blob ") else { return };
            let numbers: Vec<u128> = numbers.split(' ').filter_map(|n| n.parse().ok()).collect();
            // The kill may cut the last line.
            let [seed, id, len, crc64] = numbers[..] else { return };
            let id = BlobId::from_bytes(id.to_be_bytes());
            acknowledged.insert(id, (seed as u64, BlobRef { id, len: len as u64, crc64: crc64 as u64 }));
        };
        lines.by_ref().take(15).for_each(|line| take(line.unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        lines.map_while(Result::ok).filter(|line| line.split(' ').count() == 5).for_each(take);
        assert!(acknowledged.len() >= 10);

        let store = open_as(dir.path(), LocalOptions::default(), unnamed);
        assert_eq!(store.epoch(), 2);
        assert_eq!(fs::read_dir(dir.path().join("staging")).unwrap().count(), 0);
        let listed = store.list(None, usize::MAX).await.unwrap();
        assert!(listed.len() <= acknowledged.len() + 1, "at most one was published and not acknowledged");
        for id in &listed {
            let header = fs::read(file_of(dir.path(), *id)).unwrap();
            let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
            let blob = BlobRef { id: *id, len: number(28), crc64: number(36) };
            read(&store, blob, 0..blob.len).await.expect("what is listed is whole");
        }
        for (id, (seed, blob)) in acknowledged {
            assert!(listed.contains(&id));
            assert!(read(&store, blob, 0..blob.len).await.unwrap() == body(seed, blob.len as usize));
        }
    }
}

#[tokio::test]
async fn each_opening_has_an_epoch_of_its_own_and_keeps_what_the_others_published() {
    let dir = scratch_dir();
    let root = dir.path().join("made/on/the/way");
    let mut published = Vec::new();
    for epoch in 1..=3 {
        let store = LocalDisk::open(&root, LocalOptions::default()).unwrap();
        assert_eq!(store.epoch(), epoch);
        published.push(publish(&store, &body(epoch, 100), &[]).await.unwrap());
        fs::write(root.join("staging/left-over"), "by a crash").unwrap();
        for (seed, blob) in (1..).zip(&published) {
            assert!(read(&store, *blob, 0..100).await.unwrap() == body(seed, 100));
        }
    }
    assert_eq!(published.iter().map(|blob| blob.id.epoch()).collect::<Vec<_>>(), [1, 2, 3]);
}

/// What `open` says when it refuses.
fn refusal(dir: &Path) -> String {
    LocalDisk::open(dir, unsynced()).map(drop).expect_err("it is refused").to_string()
}

#[tokio::test]
async fn what_is_not_this_formats_store_is_refused_and_left_as_it_is() {
    let dir = scratch_dir();
    let store = LocalDisk::open(dir.path(), unsynced()).unwrap();
    publish(&store, &body(1, 100), &[]).await.unwrap();
    assert!(refusal(dir.path()).contains("lock is held by another process"));
    drop(store);

    let refused_with = |name: &str, content: Option<&str>, expected: &str| {
        let path = dir.path().join(name);
        let before = fs::read(&path).unwrap();
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = refusal(dir.path());
        assert!(found.contains(expected) && found.contains(dir.path().to_str().unwrap()), "{found}");
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), content, "it was changed");
        fs::write(&path, before).unwrap();
    };
    refused_with("format", Some("bailiwick blobs 2\n"), "says version \"2\", this program reads version \"1\"");
    refused_with("format", Some("bailiwick blobs 12\n"), "says version \"12\"");
    refused_with("format", Some("shopping list\n"), "not that of a store of bodies");
    refused_with("format", Some(""), "not that of a store of bodies");
    refused_with("format", None, "so it is not a store of bodies");
    // With a lower epoch than it had, it would give out ids again.
    refused_with("epoch", None, "epoch is lost or damaged");
    refused_with("epoch", Some(""), "epoch is lost or damaged");
    refused_with("epoch", Some("epoch 0 crc32c f067ee2a\n"), "epoch is lost or damaged");
    LocalDisk::open(dir.path(), unsynced()).expect("it is as before");

    let foreign = scratch_dir();
    fs::write(foreign.path().join("thesis.tex"), "").unwrap();
    assert!(refusal(foreign.path()).contains("thesis.tex"));
    assert!(!foreign.path().join("published").exists());
}

#[test]
fn an_opening_that_crashed_on_the_way_is_taken_up_by_the_next() {
    let dir = scratch_dir();
    drop(LocalDisk::open(dir.path(), unsynced()).unwrap());
    fs::remove_file(dir.path().join("epoch")).unwrap();
    fs::remove_dir(dir.path().join("published/7f")).unwrap();
    fs::write(dir.path().join("epoch.new"), "epo").unwrap();
    let store = LocalDisk::open(dir.path(), unsynced()).unwrap();
    assert_eq!(store.epoch(), 1);
    assert!(dir.path().join("published/7f").exists());
}

#[test]
fn only_the_owner_can_look_into_the_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = scratch_dir();
    drop(LocalDisk::open(&dir.path().join("store"), unsynced()).unwrap());
    let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("store"), mode("store/published"), mode("store/published/00"), mode("store/staging")], [0o700; 4]);
    assert_eq!([mode("store/epoch"), mode("store/format"), mode("store/lock")], [0o600; 3]);
}

#[tokio::test]
async fn files_are_those_of_version_1_byte_for_byte() {
    let golden: HashMap<&str, &str> = include_str!("../../../tests/golden/v1.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("a name and bytes"))
        .collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    for unnamed in STAGINGS {
        let dir = scratch_dir();
        let store = open_as(dir.path(), unsynced(), unnamed);
        let long: Bytes = (0..65_537u32).map(|i| (i % 251) as u8).collect();
        let mut found = Vec::new();
        for body in [Bytes::new(), Bytes::from_static(b"The quick brown fox"), long] {
            let blob = publish(&store, &body, &[]).await.unwrap();
            found.push(fs::read(file_of(dir.path(), blob.id)).unwrap());
        }
        found[2].drain(format::HEADER..format::HEADER + format::BLOCK);
        assert_eq!(hex(&found[0]), golden["empty"]);
        assert_eq!(hex(&found[1]), golden["text"]);
        assert_eq!(hex(&found[2]), golden["two-blocks-without-the-first-65536-bytes"]);
        assert_eq!(hex(&fs::read(dir.path().join("epoch")).unwrap()), golden["epoch"]);
    }
}
