//! What is opened is the store that was closed, or nothing is.

use std::path::PathBuf;

use kv::{Change, Engine, Entry, Error, Key, KeyRange};
use redb::{Database, TableDefinition};

use crate::probe::Probe;
use crate::store::{Place, change, dump, put, states, workload};

/// A closed store with a few pages.
async fn closed() -> Place {
    let place = Place::new();
    let engine = place.open().unwrap();
    for change in workload(30) {
        engine.commit(change).await.unwrap().unwrap();
    }
    engine.close().unwrap();
    place
}

#[tokio::test]
async fn a_second_opening_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    let first = place.open().unwrap();
    assert!(matches!(place.open(), Err(Error::InUse)));
    first.commit(change(vec![put("a", "x")])).await.unwrap().unwrap();
    drop(first);
    let second = place.open().unwrap();
    assert_eq!(dump(&second).await.len(), 1);
}

#[tokio::test]
async fn a_closed_store_can_be_opened_at_once_even_while_processes_are_started() {
    let place = Place::new();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                std::process::Command::new("true").status().unwrap();
            }
        });
        let refused = (0..60).find_map(|_| place.open_on(Probe::new(), kv::Durability::Full).err());
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(refused.is_none(), "{refused:?}");
    });
}

#[tokio::test]
async fn dropping_carries_out_what_is_queued() {
    let changes = workload(20);
    let place = Place::new();
    let engine = place.open_on(Probe::new(), kv::Durability::Relaxed).unwrap();
    for change in &changes {
        engine.commit(change.clone()).await.unwrap().unwrap();
    }
    drop(engine);
    assert_eq!(Some(&dump(&place.open().unwrap()).await), states(&changes).await.last());
}

#[tokio::test]
async fn revisions_go_on_after_reopening() {
    let place = closed().await;
    let engine = place.open().unwrap();
    let receipt = engine.commit(Change::default()).await.unwrap().unwrap();
    assert_eq!(receipt.revision.0, 31);
}

/// The store as its files, by name.
fn files(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for dir in [place.path.clone(), place.path.join("log")] {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.metadata().unwrap().is_file() {
                files.push((entry.path(), std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_cut_or_empty_or_foreign_file_is_refused_by_name_and_left_as_it_is() {
    let place = closed().await;
    let whole = files(&place);
    assert_eq!(whole.len(), 3, "{:?}", whole.iter().map(|(path, _)| path).collect::<Vec<_>>());
    for (path, bytes) in &whole {
        let step = (bytes.len() / 60).max(1) | 1;
        let mut altered: Vec<Vec<u8>> = (0..bytes.len()).step_by(step).map(|len| bytes[..len].to_vec()).collect();
        altered.push(vec![0; 100_000]);
        altered.push(b"not a store".to_vec());
        altered.push(bytes.iter().map(|byte| !byte).collect());
        for content in altered {
            std::fs::write(path, &content).unwrap();
            let error = match place.open() {
                Err(error) => error,
                // Checksums of pages that are not there are none; the pages are checked when they are read.
                Ok(engine) => {
                    assert!(path.ends_with("index.pages"), "{}, {} bytes", path.display(), content.len());
                    drop(engine);
                    whole.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
                    continue;
                }
            };
            assert!(matches!(error, Error::Corrupt(_) | Error::Format(_)), "{} bytes: {error:?}", content.len());
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
            // redb notes in its header that it is open, and that it was closed.
            assert!(std::fs::read(path).unwrap() == content, "{} bytes of {}: changed", content.len(), path.display());
        }
        std::fs::remove_file(path).unwrap();
        let error = place.open().unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        whole.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    }
    assert_eq!(place.open().unwrap().health(), None);
}

#[tokio::test]
async fn a_log_file_of_another_store_is_refused() {
    let (place, other) = (closed().await, closed().await);
    let (path, _) = files(&place).pop().unwrap();
    let (from, _) = files(&other).pop().unwrap();
    std::fs::copy(from, &path).unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(&error, Error::Corrupt(text) if text.contains("another store")), "{error:?}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_store_of_another_program_or_a_newer_one_is_refused() {
    const HEADER: TableDefinition<&str, &[u8]> = TableDefinition::new("header");
    let place = closed().await;
    let whole = files(&place);
    // By another program the pages are written without their checksums, so that those are left out too.
    let rewrite = |row: &str, value: &[u8]| {
        whole.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
        std::fs::write(place.path.join("index.pages"), &whole[0].1[..4096]).unwrap();
        let database = Database::open(place.path.join("index.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(HEADER).unwrap().insert(row, value).unwrap();
        transaction.commit().unwrap();
    };
    rewrite("format", b"bailiwick-kv\0\0\0\x03");
    let error = place.open().unwrap_err();
    assert!(matches!(&error, Error::Format(text) if text.contains("format 3")), "{error:?}");
    rewrite("format", b"something else");
    assert!(matches!(place.open(), Err(Error::Format(_))));
    rewrite("format", b"bailiwick-kv\0\0\0\x02");
    assert_eq!(place.open().unwrap().health(), None);

    let other = Place::new();
    std::fs::create_dir_all(other.path.join("log")).unwrap();
    std::fs::write(other.path.join("index.pages"), &whole[0].1[..4096]).unwrap();
    let database = Database::create(other.path.join("index.redb")).unwrap();
    drop(database);
    let error = other.open().unwrap_err();
    assert!(matches!(&error, Error::Format(text) if text.contains("another program")), "{error:?}");
}

#[tokio::test]
async fn what_an_interrupted_making_left_is_no_obstacle() {
    let place = Place::new();
    std::fs::create_dir(&place.path).unwrap();
    let draft = place.path.join("index.redb.new");
    std::fs::write(&draft, vec![1; 5000]).unwrap();
    std::fs::write(place.path.join("index.pages"), vec![1; 50]).unwrap();
    assert_eq!(dump(&place.open().unwrap()).await, []);
    assert!(!draft.exists());
}

/// The files of a store with short and long values, checkpoints and changes after the last of them. It was killed.
async fn killed() -> (Place, Vec<Entry>) {
    let (place, copy) = (Place::new(), Place::new());
    let engine = place.open_busy_on(Probe::new(), kv::Durability::Full).unwrap();
    for (i, change) in workload(40).into_iter().enumerate() {
        engine.commit(change).await.unwrap().unwrap();
        if i == 30 {
            tokio::task::block_in_place(|| engine.compact(&|_, _| {})).unwrap();
        }
    }
    let expected = dump(&engine).await;
    // As it is on disk, between two checkpoints: what is copied during one is of several moments.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    std::fs::create_dir_all(copy.path.join("log")).unwrap();
    for (path, bytes) in files(&place) {
        std::fs::write(copy.path.join(path.strip_prefix(&place.path).unwrap()), bytes).unwrap();
    }
    (copy, expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_anywhere_in_a_closed_store_is_an_error_or_harms_nothing() {
    let place = Place::new();
    let engine = place.open_busy_on(Probe::new(), kv::Durability::Full).unwrap();
    for change in workload(30) {
        engine.commit(change).await.unwrap().unwrap();
    }
    engine.close().unwrap();
    let expected = dump(&place.open().unwrap()).await;
    let noticed = flip(&place, &expected, |_| false).await;
    assert!(noticed > 100, "{noticed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_anywhere_in_a_killed_store_is_an_error_or_harms_nothing() {
    let (place, expected) = killed().await;
    let whole = files(&place);
    assert_eq!(dump(&place.open_busy_on(Probe::new(), kv::Durability::Full).unwrap()).await, expected);
    std::fs::remove_dir_all(&place.path).unwrap();
    std::fs::create_dir_all(place.path.join("log")).unwrap();
    whole.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    // The last frame alone may be taken for one whose sync had not returned: then what was before it is there.
    let before_last = |found: &[Entry]| {
        let revision = |entries: &[Entry]| entries.iter().map(|entry| entry.revision).max().unwrap().0;
        revision(found) + 1 == revision(&expected)
    };
    let noticed = flip(&place, &expected, before_last).await;
    assert!(noticed > 100, "{noticed}");
}

/// Flips bytes all over a store; how often that was noticed. What is not must show what is `expected`, or be as `allowed`.
async fn flip(place: &Place, expected: &[Entry], allowed: impl Fn(&[Entry]) -> bool) -> usize {
    let whole = files(place);
    let mut noticed = 0;
    for (path, bytes) in &whole {
        // Most of an index is free; where something is, every byte is tried here and there.
        for at in (0..bytes.len()).filter(|at| at % 1021 == 0 || bytes[*at] != 0 && at % 103 == 0) {
            for (path, _) in files(place) {
                std::fs::remove_file(path).unwrap();
            }
            for (path, bytes) in &whole {
                std::fs::write(path, bytes).unwrap();
            }
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x11;
            std::fs::write(path, flipped).unwrap();
            let file = path.file_name().unwrap();
            let Ok(engine) = place.open_on(Probe::new(), kv::Durability::Full) else {
                noticed += 1;
                continue;
            };
            match engine.scan(KeyRange { start: Key::new(), end: None }, usize::MAX).await {
                Ok(page) if page.entries == expected => {}
                Ok(page) => {
                    assert!(allowed(&page.entries), "byte {at} of {file:?}");
                    continue;
                }
                Err(error) => {
                    assert!(matches!(error, Error::Corrupt(_) | Error::Io(_)), "byte {at} of {file:?}: {error:?}");
                    noticed += 1;
                    continue;
                }
            }
            // Nor does a key disappear from one who asks for it.
            for entry in expected.iter().step_by(5) {
                match engine.get(&entry.key).await {
                    Ok(found) => assert!(found.as_ref() == Some(entry), "byte {at} of {file:?}"),
                    Err(error) => assert!(matches!(error, Error::Corrupt(_) | Error::Io(_)), "{error:?}"),
                }
            }
        }
    }
    for (path, bytes) in &whole {
        std::fs::write(path, bytes).unwrap();
    }
    noticed
}

#[tokio::test]
async fn a_damaged_value_fails_who_reads_it_and_no_other() {
    let place = Place::new();
    let engine = place.open().unwrap();
    let long = vec![7; 5000];
    engine.commit(change(vec![put("a", "fine"), put("b", long), put("c", "fine")])).await.unwrap().unwrap();
    engine.close().unwrap();
    let (path, mut bytes) = files(&place).pop().unwrap();
    let at = bytes.windows(100).position(|bytes| bytes == [7; 100]).unwrap();
    bytes[at + 3000] ^= 0x20;
    std::fs::write(path, bytes).unwrap();

    let engine = place.open().unwrap();
    let corrupt = |error: Error| assert!(matches!(&error, Error::Corrupt(text) if text.contains("\"b\"")), "{error:?}");
    corrupt(engine.get(&"b".into()).await.unwrap_err());
    corrupt(engine.scan(KeyRange::prefix(""), 100).await.unwrap_err());
    assert_eq!(engine.get(&"a".into()).await.unwrap().unwrap().value, "fine");
    engine.commit(change(vec![put("b", "mended")])).await.unwrap().unwrap();
    assert_eq!(dump(&engine).await.len(), 3);
}
