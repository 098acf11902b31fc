//! What is opened is the store that was closed, or nothing is.

use kv::{Change, Engine, Error, Key, KeyRange, Require};
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

#[tokio::test]
async fn a_cut_or_empty_or_foreign_file_is_refused_and_left_as_it_is() {
    let whole = std::fs::read(&closed().await.path).unwrap();
    let place = Place::new();
    let mut files: Vec<Vec<u8>> = (0..whole.len()).step_by(1777).map(|len| whole[..len].to_vec()).collect();
    files.push(whole[..whole.len() - 1].to_vec());
    files.push(vec![0; 100_000]);
    files.push(b"not a store".to_vec());
    files.push(whole.iter().map(|byte| !byte).collect());
    for file in files {
        std::fs::write(&place.path, &file).unwrap();
        let error = place.open().unwrap_err();
        assert!(matches!(error, Error::Corrupt(_) | Error::Format(_)), "{} bytes: {error:?}", file.len());
        assert!(error.to_string().contains(&place.path.display().to_string()), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert!(std::fs::read(&place.path).unwrap() == file, "{} bytes: changed", file.len());
    }
}

#[tokio::test]
async fn a_store_of_another_program_or_a_newer_one_is_refused() {
    const HEADER: TableDefinition<&str, &[u8]> = TableDefinition::new("header");
    let place = closed().await;
    let rewrite = |row: &str, value: &[u8]| {
        let database = Database::open(&place.path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(HEADER).unwrap().insert(row, value).unwrap();
        transaction.commit().unwrap();
    };
    rewrite("format", b"bailiwick-kv\0\0\0\x02");
    let error = place.open().unwrap_err();
    assert!(matches!(&error, Error::Format(text) if text.contains("format 2")), "{error:?}");
    rewrite("format", b"something else");
    assert!(matches!(place.open(), Err(Error::Format(_))));
    rewrite("format", b"bailiwick-kv\0\0\0\x01");
    assert_eq!(place.open().unwrap().health(), None);

    let other = Place::new();
    let database = Database::create(&other.path).unwrap();
    drop(database);
    let error = other.open().unwrap_err();
    assert!(matches!(&error, Error::Format(text) if text.contains("another program")), "{error:?}");
}

#[tokio::test]
async fn what_an_interrupted_making_left_is_no_obstacle() {
    let place = Place::new();
    let draft = place.path.with_file_name("kv.redb.new");
    std::fs::write(&draft, vec![1; 5000]).unwrap();
    assert_eq!(dump(&place.open().unwrap()).await, []);
    assert!(!draft.exists());
}

#[tokio::test]
async fn a_flipped_byte_in_a_value_is_noticed() {
    let place = Place::new();
    let engine = place.open().unwrap();
    let mark = b"a value that is found in the file again";
    engine.commit(change(vec![put("a", "fine"), put("b", *mark), put("c", "fine")])).await.unwrap().unwrap();
    engine.close().unwrap();
    let mut file = std::fs::read(&place.path).unwrap();
    let places: Vec<_> = file.windows(mark.len()).enumerate().filter(|(_, w)| w == mark).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| file[at + 5] ^= 0x20);
    std::fs::write(&place.path, file).unwrap();

    let engine = place.open().unwrap();
    let corrupt = |error: Error| assert!(matches!(&error, Error::Corrupt(text) if text.contains("\"b\"")), "{error:?}");
    corrupt(engine.get_many(&["b".into()]).await.unwrap_err());
    corrupt(engine.scan(KeyRange::prefix(""), 100).await.unwrap_err());
    let require = vec![Require::Unchanged("b".into(), model::Revision(1))];
    corrupt(engine.commit(Change { require, write: vec![put("a", "new")] }).await.unwrap_err());
    assert_eq!(engine.get_many(&["a".into()]).await.unwrap()[0].as_ref().unwrap().value, "fine");
    engine.commit(change(vec![put("b", "mended")])).await.unwrap().unwrap();
    assert_eq!(dump(&engine).await.len(), 3);
}

#[tokio::test]
async fn a_flipped_byte_anywhere_is_an_error_or_harms_nothing() {
    let place = closed().await;
    let expected = dump(&place.open().unwrap()).await;
    let whole = std::fs::read(&place.path).unwrap();
    let mut noticed = 0;
    for at in (4096..whole.len()).step_by(997) {
        let mut file = whole.clone();
        file[at] ^= 0x11;
        std::fs::write(&place.path, file).unwrap();
        let Ok(engine) = place.open_on(Probe::new(), kv::Durability::Full) else {
            noticed += 1;
            continue;
        };
        match engine.scan(KeyRange { start: Key::new(), end: None }, usize::MAX).await {
            Ok(page) => assert!(page.entries == expected, "byte {at}"),
            Err(error) => {
                assert!(matches!(error, Error::Corrupt(_)), "byte {at}: {error:?}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 0);
}
