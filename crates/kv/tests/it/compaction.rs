//! Room that dead values took comes back, and nothing is lost on the way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kv::{Change, Durability, Embedded, EmbeddedOptions, Engine, Error, Write};

use crate::probe::{Fault, Probe};
use crate::store::{LOG_KEY, Place, change, dump, put};

const VALUE: usize = 20_000;

fn options(probe: &Arc<Probe>) -> EmbeddedOptions {
    let sync = Some(probe.clone() as Arc<dyn kv::SyncSeam>);
    EmbeddedOptions { log_file_bytes: 200_000, checkpoint_bytes: 3_000, sync, ..EmbeddedOptions::new(LOG_KEY) }
}

fn open(place: &Place, probe: &Arc<Probe>) -> Result<Embedded, Error> {
    Embedded::open(&place.path, options(probe))
}

fn compact(engine: &Embedded) -> Result<kv::Compacted, Error> {
    tokio::task::block_in_place(|| engine.compact(&|done, of| assert!(done <= of)))
}

fn fill(i: usize) -> Change {
    change(vec![put(format!("k/{i:03}"), vec![i as u8; VALUE]), put(format!("small/{i:03}"), "x")])
}

/// 60 long values, of which every third is left.
async fn thinned(engine: &Embedded) {
    for i in 0..60 {
        engine.commit(fill(i)).await.unwrap().unwrap();
    }
    for i in (0..60).filter(|i| i % 3 != 0) {
        engine.commit(change(vec![Write::Delete(format!("k/{i:03}").into())])).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_leaves_little_more_than_what_is_alive() {
    let place = Place::new();
    let engine = open(&place, &Probe::new()).unwrap();
    thinned(&engine).await;
    let before = dump(&engine).await;
    compact(&engine).unwrap();
    // What was moved by the first is dead in files that were current then.
    let compacted = compact(&engine).unwrap();
    let alive = 20 * VALUE as u64;
    assert!(compacted.after < alive * 115 / 100, "{compacted:?}, {alive} alive");
    assert_eq!(dump(&engine).await, before);
    engine.close().unwrap();
    assert_eq!(dump(&open(&place, &Probe::new()).unwrap()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_mostly_dead_go_by_themselves() {
    let place = Place::new();
    let engine = open(&place, &Probe::new()).unwrap();
    thinned(&engine).await;
    let log = place.path.join("log");
    let size = || std::fs::read_dir(&log).unwrap().map(|e| e.unwrap().metadata().map_or(0, |m| m.len())).sum::<u64>();
    let give_up = Instant::now() + Duration::from_secs(20);
    let mut more = 0;
    for i in 0.. {
        // Each checkpoint looks for such files.
        engine.commit(change(vec![put(format!("a/{i}"), vec![1; 900])])).await.unwrap().unwrap();
        more += 1;
        if size() < 900_000 {
            break;
        }
        assert!(Instant::now() < give_up, "{} bytes", size());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(dump(&engine).await.len(), 20 + 60 + more);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_that_dies_at_any_call_loses_nothing() {
    for fault in [Fault::Refused, Fault::Short] {
        for n in 0.. {
            let place = Place::new();
            let probe = Probe::new();
            let engine = open(&place, &probe).unwrap();
            for i in 0..12 {
                engine.commit(fill(i)).await.unwrap().unwrap();
            }
            for i in (0..12).filter(|i| i % 3 != 0) {
                engine.commit(change(vec![Write::Delete(format!("k/{i:03}").into())])).await.unwrap().unwrap();
            }
            let before = dump(&engine).await;
            probe.fail_from(probe.calls.load(Ordering::SeqCst) + n, fault);
            let ended = compact(&engine);
            let closed = engine.close();
            assert_eq!(dump(&open(&place, &Probe::new()).unwrap()).await, before, "call {n}, {fault:?}");
            if ended.is_ok() && closed.is_ok() {
                assert!(n > 10, "{n} calls are too few to have tested anything");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_moved_is_not_turned_back() {
    let place = Place::new();
    let engine = Arc::new(open(&place, &Probe::new()).unwrap());
    thinned(&engine).await;
    let writer = engine.clone();
    let writing = tokio::spawn(async move {
        for round in 0..20u8 {
            for i in (0..60).step_by(3) {
                let value = vec![100 + round; VALUE / 10];
                writer.commit(change(vec![put(format!("k/{i:03}"), value)])).await.unwrap().unwrap();
            }
        }
    });
    while !writing.is_finished() {
        compact(&engine).unwrap();
    }
    writing.await.unwrap();
    for i in (0..60).step_by(3) {
        let found = engine.get(&format!("k/{i:03}").into()).await.unwrap().unwrap();
        assert_eq!(found.value, vec![119; VALUE / 10], "{i}");
    }
}

#[tokio::test]
async fn a_long_value_comes_back_whole_from_the_log_at_every_age() {
    let place = Place::new();
    let sizes = [1023, 1024, 1025, 4096, 65_536, 262_144, 3_000_000];
    let value = |size: usize| (0..size).map(|i| (i % 253) as u8).collect::<Vec<u8>>();
    let check = async |engine: &Embedded| {
        for size in sizes {
            let found = engine.get(&format!("v/{size}").into()).await.unwrap().unwrap();
            assert!(found.value == value(size), "{size}");
        }
    };
    let engine = Embedded::open(&place.path, EmbeddedOptions::new(LOG_KEY)).unwrap();
    for size in sizes {
        engine.commit(change(vec![put(format!("v/{size}"), value(size))])).await.unwrap().unwrap();
    }
    check(&engine).await;
    engine.close().unwrap();
    let probe = Probe::new();
    let engine = place.open_on(probe, Durability::Full).unwrap();
    check(&engine).await;
}
