//! A device that runs full.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kv::{Durability, Engine, Error, Key, Write};

use crate::probe::{Probe, Room};
use crate::store::{Place, change, dump, put};

#[tokio::test]
async fn where_growth_is_reserved_a_full_device_is_told_and_recovers() {
    runs_full_and_recovers(Probe::of(3 << 20, Room::Reserved)).await;
}

#[tokio::test]
async fn where_nothing_can_be_reserved_a_full_device_is_told_and_recovers() {
    runs_full_and_recovers(Probe::of(66 << 20, Room::Written)).await;
}

#[tokio::test]
async fn where_only_a_failed_write_tells_a_full_device_is_told_and_recovers() {
    runs_full_and_recovers(Probe::of(3 << 20, Room::Lies)).await;
}

async fn runs_full_and_recovers(probe: Arc<Probe>) {
    let place = Place::new();
    let engine = place.open_on(probe.clone(), Durability::Full).unwrap();
    let store = |i: usize| {
        let count = Write::Add { key: "n".into(), delta: 1, ceiling: None };
        engine.commit(change(vec![put(format!("k/{i:04}"), vec![i as u8; 3000]), count]))
    };
    let mut stored = 0;
    let full = loop {
        match store(stored).await {
            Ok(outcome) => drop(outcome.unwrap()),
            Err(error) => break error,
        }
        stored += 1;
    };
    assert!(matches!(full, Error::Full), "{full:?}");
    assert!(stored > 50, "{stored}");
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(matches!(store(stored).await, Err(Error::Full)));
    }
    assert_eq!(engine.health(), None);
    let held = dump(&engine).await;
    assert_eq!(held.len(), stored + 1, "reads go on, and nothing of what was refused is there");

    let mut removed = 0;
    for i in 0..if probe.room == Room::Lies { 0 } else { stored / 2 } {
        let delete = Write::Delete(Key::from(format!("k/{i:04}")));
        engine.commit(change(vec![delete])).await.unwrap().unwrap();
        removed += 1;
    }
    assert_eq!(dump(&engine).await.len(), stored + 1 - removed);

    probe.device.store(256 << 20, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    for i in 0..stored * 2 {
        store(stored + i).await.unwrap().unwrap();
    }
    assert_eq!(engine.health(), None);
    let held = dump(&engine).await;
    assert_eq!(held.len(), stored * 3 + 1 - removed);
    engine.close().unwrap();
    assert_eq!(dump(&place.open().unwrap()).await, held);
}

#[tokio::test]
async fn without_room_for_a_store_none_is_made() {
    let place = Place::new();
    let error = place.open_on(Probe::of(4096, Room::Reserved), Durability::Full).unwrap_err();
    assert!(matches!(error, Error::Full), "{error:?}");
    assert!(!place.path.join("index.redb").exists());
    assert_eq!(dump(&place.open().unwrap()).await, []);
}

/// The device runs full at every moment of a checkpoint, while commits go on beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_runs_full_during_checkpoints_is_no_illness() {
    for room in [Room::Reserved, Room::Written, Room::Lies] {
        for device in (1_500_000u64..2_600_000).step_by(99_001) {
            let place = Place::new();
            let probe = Probe::of(device, room);
            let Ok(engine) = place.open_busy_on(probe.clone(), Durability::Full) else { continue };
            let mut stored = Vec::new();
            for i in 0..900 {
                let key = format!("k/{:04}", i * 7919 % 10_000);
                if engine.commit(change(vec![put(&key, vec![i as u8; 900])])).await.is_ok() {
                    stored.push((key, i as u8));
                }
            }
            assert_eq!(engine.health(), None, "{room:?}, {device} bytes");
            probe.device.store(256 << 20, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(600)).await;
            engine.commit(change(vec![put("after", "x")])).await.unwrap().unwrap();
            assert_eq!(engine.health(), None, "{room:?}, {device} bytes");
            engine.close().unwrap();
            let engine = place.open().unwrap();
            for (key, i) in stored {
                let found = engine.get(&key.clone().into()).await.unwrap();
                assert!(found.is_some_and(|found| found.value == vec![i; 900]), "{key}, {room:?}, {device} bytes");
            }
        }
    }
}

#[tokio::test]
async fn a_change_that_no_frame_could_hold_is_refused_and_nothing_else() {
    let place = Place::new();
    let engine = place.open().unwrap();
    let huge = change(vec![put("huge", vec![1; 65 << 20])]);
    assert!(matches!(engine.commit(huge).await, Err(Error::Io(_))));
    engine.commit(change(vec![put("large", vec![1; 60 << 20])])).await.unwrap().unwrap();
    engine.close().unwrap();
    assert_eq!(dump(&place.open().unwrap()).await.len(), 1);
}
