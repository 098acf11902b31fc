//! A store on disk keeps the promises of every store; and what only a device can break.

mod damage;
mod faults;
mod listing;
mod restart;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::BlobId;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Memory, conformance};

/// The two ways in which bodies are staged.
const STAGINGS: [bool; 2] = [true, false];

fn open_as(dir: &Path, options: LocalOptions, unnamed: bool) -> LocalDisk {
    let mut store = LocalDisk::open(dir, options).expect("the store opens");
    let disk = Arc::get_mut(&mut store.0).expect("nobody has it yet");
    assert!(disk.unnamed || !unnamed, "the tests want a file system with O_TMPFILE for TMPDIR");
    disk.unnamed = unnamed;
    store
}

/// Syncs nothing: for tests that neither crash nor care, which then do not wait for the machine's disk.
struct NoSync;

impl SyncSeam for NoSync {
    fn sync_file(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

fn unsynced() -> LocalOptions {
    LocalOptions { sync: Some(Arc::new(NoSync)), durability: Durability::Full }
}

fn scratch_dir() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

/// Every file in `staging` and `published`.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![root.join("staging"), root.join("published")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("the directory is listed") {
            let path = entry.expect("the directory is listed").path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Waits for what happens on the blocking pool.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("after half a minute it does not hold that {what}");
}

fn file_of(root: &Path, id: BlobId) -> PathBuf {
    root.join("published").join(format!("{:02x}", id.as_bytes()[15])).join(id.to_string())
}

#[tokio::test]
async fn local_disk_keeps_every_promise_of_a_store() {
    for (unnamed, inline_reads, options) in [(true, true, LocalOptions::default()), (false, false, unsynced())] {
        let dir = scratch_dir();
        let store = open_as(dir.path(), options, unnamed);
        store.0.inline_reads.store(inline_reads, Ordering::Relaxed);
        conformance::all(&store).await;
    }
}

#[tokio::test]
async fn names_of_files_are_made_of_ids_and_nothing_else() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    let blob = conformance::publish(&store, &conformance::body(1, 10), &[]).await.unwrap();
    assert_eq!(files(dir.path()), [file_of(dir.path(), blob.id)]);
}

#[tokio::test]
async fn an_upload_that_breaks_off_gives_its_file_back() {
    for unnamed in STAGINGS {
        let dir = scratch_dir();
        let store = open_as(dir.path(), unsynced(), unnamed);
        let mut staged = store.stage().await.unwrap();
        staged.write(conformance::body(1, 2_000_000)).await.unwrap();
        until("a file is staged", || unnamed || files(dir.path()).len() == 1).await;
        drop(staged);
        until("nothing is left", || files(dir.path()).is_empty()).await;
    }
}

#[test]
fn what_the_page_cache_has_is_read_without_the_blocking_pool() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let body = conformance::body(1, 1_000_000);
        let blob = conformance::publish(&store, &body, &[]).await.unwrap();
        // The first opening brings in the path, and finds out whether the file system can.
        conformance::read(&store, blob, 0..blob.len).await.unwrap();
        if !store.0.inline_reads.load(Ordering::Relaxed) {
            println!("skipped: this file system cannot read without waiting");
            return;
        }
        let (free, occupied) = std::sync::mpsc::channel::<()>();
        let occupant = spawn_blocking(move || occupied.recv());
        // A rename anywhere on the machine makes the kernel refuse to walk a path without waiting, so once is not enough.
        let mut found = None;
        for _ in 0..50 {
            let read = conformance::read(&store, blob, 0..blob.len);
            found = tokio::time::timeout(std::time::Duration::from_millis(100), read).await.ok();
            if found.is_some() {
                break;
            }
        }
        drop(free);
        occupant.await.unwrap().unwrap_err();
        assert!(found.expect("it always waited for the pool").unwrap() == body);
    });
}

/// A body by its seed and length, the lengths of the pieces it comes in, and ranges of it.
fn inputs() -> impl Strategy<Value = (u64, usize, Vec<usize>, Vec<Range<u64>>)> {
    let block = format::BLOCK;
    let near_an_edge =
        (0usize..12, 0usize..3).prop_map(move |(blocks, past)| (blocks * block + past).saturating_sub(1));
    let len = prop_oneof![near_an_edge, 0usize..900_000, 0usize..200];
    let pieces = prop::collection::vec(prop_oneof![1usize..200_000, Just(block), 500usize..2000], 0..5);
    (any::<u64>(), len, pieces).prop_flat_map(|(seed, len, pieces)| {
        let len_bytes = len as u64;
        let range = (0..=len_bytes, 0..=len_bytes).prop_map(|(a, b)| a.min(b)..a.max(b));
        let ranges = prop::collection::vec(prop_oneof![4 => range, 1 => Just(0..len_bytes)], 1..6);
        (Just(seed), Just(len), Just(pieces), ranges)
    })
}

#[test]
fn any_range_of_any_body_is_its_slice_on_every_store() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dirs = [scratch_dir(), scratch_dir()];
    let stores: [Box<dyn Blobs>; 3] = [
        Box::new(Memory::new()),
        Box::new(open_as(dirs[0].path(), unsynced(), true)),
        Box::new({
            let store = open_as(dirs[1].path(), unsynced(), false);
            store.0.inline_reads.store(false, Ordering::Relaxed);
            store
        }),
    ];
    proptest!(ProptestConfig::with_cases(64), |((seed, len, pieces, ranges) in inputs())| {
        let body = conformance::body(seed, len);
        for store in &stores {
            let case = conformance::any_range_of_any_body_is_its_slice(&**store, &body, &pieces, &ranges);
            runtime.block_on(case);
        }
    });
}
