//! A snapshot shows one moment; what is made of its rows is the store that it was taken of.

use kv::{Embedded, EmbeddedOptions, Engine, Entry, Error, Key, Snapshot};
use model::Revision;

use crate::store::{LOG_KEY, Place, change, dump, put, workload};

fn all(snapshot: &Snapshot, most_bytes: usize) -> Vec<Entry> {
    let mut rows: Vec<Entry> = vec![];
    loop {
        let page = snapshot.rows(rows.last().map(|row| &row.key), most_bytes).unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

fn restore(place: &Place, snapshot: &Snapshot, rows: Vec<Result<Entry, Error>>) -> Result<(), Error> {
    let options = EmbeddedOptions::new(LOG_KEY);
    Embedded::restore(&place.path, options, snapshot.store(), snapshot.revision(), rows.into_iter())
}

async fn filled(place: &Place) -> Embedded {
    let engine = place.open().unwrap();
    for change in workload(40) {
        engine.commit(change).await.unwrap().unwrap();
    }
    engine
}

#[tokio::test]
async fn a_snapshot_shows_one_moment_in_pages_of_any_size() {
    let place = Place::new();
    let engine = filled(&place).await;
    let before = dump(&engine).await;
    let snapshot = engine.snapshot().unwrap();
    for change in workload(60) {
        engine.commit(change).await.unwrap().unwrap();
    }
    assert_eq!(snapshot.revision(), Revision(40));
    for most_bytes in [1, 1000, usize::MAX] {
        assert_eq!(all(&snapshot, most_bytes), before);
    }
    let later = engine.snapshot().unwrap();
    assert_eq!((later.revision(), later.store()), (Revision(100), snapshot.store()));
    assert_eq!(all(&later, 5000), dump(&engine).await);
    assert_eq!(snapshot.key_after(None).unwrap().as_ref(), before.first().map(|row| &row.key));
    assert_eq!(snapshot.key_after(before.last().map(|row| &row.key)).unwrap(), None);
}

#[tokio::test]
async fn what_is_restored_has_the_rows_their_revisions_the_identity_and_goes_on_after_them() {
    let (place, copy) = (Place::new(), Place::new());
    let engine = filled(&place).await;
    let snapshot = engine.snapshot().unwrap();
    restore(&copy, &snapshot, all(&snapshot, 1 << 20).into_iter().map(Ok).collect()).unwrap();
    let restored = copy.open().unwrap();
    assert_eq!(dump(&restored).await, dump(&engine).await);
    assert_eq!(restored.snapshot().unwrap().store(), snapshot.store());
    // The log goes on where it was, by the same links.
    for engine in [&engine, &restored] {
        let receipt = engine.commit(workload(1).remove(0)).await.unwrap().unwrap();
        assert_eq!(receipt.revision, Revision(41));
    }
    assert_eq!(dump(&restored).await, dump(&engine).await);
}

#[tokio::test]
async fn an_interrupted_restore_leaves_no_store_and_the_next_one_is_not_hindered() {
    let (place, copy) = (Place::new(), Place::new());
    let engine = filled(&place).await;
    let snapshot = engine.snapshot().unwrap();
    let mut rows: Vec<_> = all(&snapshot, 1 << 20).into_iter().map(Ok).collect();
    let whole = rows.clone();
    rows.insert(20, Err(Error::Io("the source ended".into())));
    let error = restore(&copy, &snapshot, rows).unwrap_err();
    assert!(error.to_string().contains("the source ended"), "{error}");
    assert!(!copy.path.exists());
    restore(&copy, &snapshot, whole.clone()).unwrap();
    let error = restore(&copy, &snapshot, whole).unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");
}

#[tokio::test]
async fn a_row_from_the_future_is_not_restored() {
    let (place, copy) = (Place::new(), Place::new());
    let snapshot = place.open().unwrap().snapshot().unwrap();
    let row = Entry::new("k".into(), "v".into(), Revision(1));
    assert!(matches!(restore(&copy, &snapshot, vec![Ok(row)]), Err(Error::Corrupt(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_keeps_its_files_while_the_log_is_compacted() {
    let place = Place::new();
    let engine = place.open_busy_on(crate::probe::Probe::new(), kv::Durability::Full).unwrap();
    for change in workload(40) {
        engine.commit(change).await.unwrap().unwrap();
    }
    let before = dump(&engine).await;
    let snapshot = engine.snapshot().unwrap();
    for i in 0..3 {
        engine.commit(change(vec![kv::Write::Delete(format!("z/{i}").into())])).await.unwrap().unwrap();
    }
    let compact = || tokio::task::block_in_place(|| engine.compact(&|_, _| {})).unwrap();
    let pinned = compact();
    assert!(all(&snapshot, 10_000) == before);
    drop(snapshot);
    let free = compact();
    assert!(free.after < pinned.after / 2, "{pinned:?} {free:?}");
}

#[tokio::test]
async fn a_damaged_row_is_told_after_the_ones_before_it_and_can_be_passed() {
    let place = Place::new();
    let engine = place.open().unwrap();
    engine.commit(change(vec![put("a", "fine"), put("b", vec![7; 5000]), put("c", "fine")])).await.unwrap().unwrap();
    engine.close().unwrap();
    let path = place.path.join("log").join("0000000000000001.log");
    let mut file = std::fs::read(&path).unwrap();
    let at = file.windows(100).position(|bytes| bytes == [7; 100]).unwrap();
    file[at + 2000] ^= 0x20;
    std::fs::write(&path, file).unwrap();
    let engine = place.open().unwrap();
    let snapshot = engine.snapshot().unwrap();
    let keys = |rows: Vec<Entry>| rows.into_iter().map(|row| row.key.clone()).collect::<Vec<Key>>();
    assert_eq!(keys(snapshot.rows(None, 1000).unwrap()), ["a"]);
    let error = snapshot.rows(Some(&"a".into()), 1000).unwrap_err();
    assert!(matches!(&error, Error::Corrupt(text) if text.contains("\"b\"")), "{error:?}");
    let damaged = snapshot.key_after(Some(&"a".into())).unwrap().unwrap();
    assert_eq!(keys(snapshot.rows(Some(&damaged), 1000).unwrap()), ["c"]);
}
