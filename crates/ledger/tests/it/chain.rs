//! What was recorded is what is read, and what was tampered with shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use kv::{
    Answer, Change, Commit, Engine, Entry, Key, KeyRange, ListQuery, Listing, Memory, Page, Write, log_entry_key,
};
use ledger::{Error, Ledger};
use proptest::prelude::*;

use crate::world::{LOG_KEY, World, event, now};

fn entry(n: u64) -> Key {
    log_entry_key(b"L/", n)
}

fn value(world: &World, key: &Key) -> Bytes {
    now(world.engine.get_many(std::slice::from_ref(key))).unwrap().pop().flatten().unwrap().value.clone()
}

/// The number of the first entry that is found wrong.
fn first_wrong(world: &World) -> u64 {
    match now(world.ledger.verify(&LOG_KEY)) {
        Err(Error::Corrupt { entry, .. }) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_are_read_in_order_with_their_numbers_and_verified() {
    let world = World::with_events(2_345);
    assert_eq!(now(world.ledger.verify(&LOG_KEY)).unwrap(), 2_345);
    let read = now(world.ledger.events(0, 10_000)).unwrap();
    assert_eq!(read, (1..=2_345).map(|n| (n, event(n))).collect::<Vec<_>>());
    let page = now(world.ledger.events(2_300, 7)).unwrap();
    assert_eq!(page, (2_301..2_308).map(|n| (n, event(n))).collect::<Vec<_>>());
    assert!(now(world.ledger.events(2_345, 7)).unwrap().is_empty());
}

#[test]
fn an_empty_log_is_in_order_and_two_events_of_one_change_are_two_entries() {
    let world = World::new();
    assert_eq!(now(world.ledger.verify(&LOG_KEY)).unwrap(), 0);
    world.write(vec![ledger::append(&event(1)), ledger::append(&event(2))]);
    assert_eq!(now(world.ledger.verify(&LOG_KEY)).unwrap(), 2);
}

#[test]
fn a_change_that_is_refused_leaves_no_event() {
    let world = World::with_events(1);
    let refused = Change {
        require: vec![kv::Require::Absent(entry(1))],
        write: vec![Write::Put(Bytes::from_static(b"x"), Bytes::new()), ledger::append(&event(2))],
    };
    assert!(now(world.engine.commit(refused)).unwrap().is_err());
    assert_eq!(now(world.ledger.verify(&LOG_KEY)).unwrap(), 1);
}

#[test]
fn an_altered_event_shows_whichever_byte_it_was() {
    let world = World::with_events(3);
    let was = value(&world, &entry(2));
    for at in 0..was.len() {
        let mut altered = was.to_vec();
        altered[at] ^= 1;
        world.write(vec![Write::Put(entry(2), altered.into())]);
        assert_eq!(first_wrong(&world), 2, "byte {at}");
    }
    for len in [0, 31, was.len() - 1] {
        world.write(vec![Write::Put(entry(2), was.slice(..len))]);
        assert_eq!(first_wrong(&world), 2, "cut at {len}");
    }
    world.write(vec![Write::Put(entry(2), was)]);
    assert_eq!(now(world.ledger.verify(&LOG_KEY)).unwrap(), 3);
}

#[test]
fn a_removed_moved_or_invented_event_shows() {
    for gone in 1..=4 {
        let world = World::with_events(4);
        world.write(vec![Write::Delete(entry(gone))]);
        assert_eq!(first_wrong(&world), gone);
    }
    let world = World::with_events(4);
    let (second, third) = (value(&world, &entry(2)), value(&world, &entry(3)));
    world.write(vec![Write::Put(entry(2), third), Write::Put(entry(3), second)]);
    assert_eq!(first_wrong(&world), 2);

    let world = World::with_events(4);
    let copied = value(&world, &entry(4));
    world.write(vec![Write::Put(entry(5), copied)]);
    assert_eq!(first_wrong(&world), 5);
}

#[test]
fn a_log_cut_off_at_its_end_shows_and_so_does_a_lost_or_altered_head() {
    let world = World::with_events(4);
    let head = value(&world, &Key::from_static(b"L/"));
    world.write(vec![Write::Delete(entry(3)), Write::Delete(entry(4))]);
    assert_eq!(first_wrong(&world), 3);
    world.write((1..=4).map(|n| Write::Delete(entry(n))).collect());
    assert_eq!(first_wrong(&world), 1, "nothing but the head is left");

    let world = World::with_events(4);
    world.write(vec![Write::Delete(Key::from_static(b"L/"))]);
    assert_eq!(first_wrong(&world), 5);
    for at in 0..head.len() {
        let mut altered = head.to_vec();
        altered[at] ^= 1;
        world.write(vec![Write::Put(Key::from_static(b"L/"), altered.into())]);
        first_wrong(&world);
    }
    world.write(vec![Write::Put(Key::from_static(b"L/"), head)]);
    assert_eq!(now(world.ledger.verify(&LOG_KEY)).unwrap(), 4);
}

#[test]
fn a_log_of_another_key_does_not_pass() {
    let world = World::with_events(1);
    assert!(now(world.ledger.verify(&[8; 32])).is_err());
}

/// An engine on which an event is recorded just before each of the next `left` reads of single keys.
struct Busy {
    inner: Memory,
    left: AtomicU64,
}

#[async_trait]
impl Engine for Busy {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Entry>>> {
        Answer::later(async move {
            let left = self.left.load(Ordering::Relaxed);
            if left > 0 {
                self.left.store(left - 1, Ordering::Relaxed);
                let change = Change { require: vec![], write: vec![ledger::append(&event(left))] };
                self.inner.commit(change).await?.unwrap();
            }
            self.inner.get_many(keys).await
        })
    }

    fn unchanged<'a>(&'a self, rows: &'a [(Key, model::Revision)]) -> Answer<'a, bool> {
        self.inner.unchanged(rows)
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, kv::Error> {
        self.inner.scan(range, limit).await
    }

    async fn list(&self, query: ListQuery) -> Result<Listing, kv::Error> {
        self.inner.list(query).await
    }

    async fn commit(&self, change: Change) -> Result<Commit, kv::Error> {
        self.inner.commit(change).await
    }
}

#[test]
fn events_that_are_appended_during_a_check_do_not_look_like_damage() {
    let ledger = Ledger::new(Arc::new(Busy { inner: Memory::new(LOG_KEY), left: 5.into() }));
    assert_eq!(now(ledger.verify(&LOG_KEY)).unwrap(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_way_of_tampering_with_some_entries_passes(
        count in 1..8u64,
        deeds in prop::collection::vec((0..3u8, 1..9u64, 1..9u64), 1..5),
    ) {
        let world = World::with_events(count);
        let all = |world: &World| now(world.engine.scan(KeyRange::prefix(&b"L/"[..]), usize::MAX)).unwrap().entries;
        let before: Vec<_> = all(&world).into_iter().map(|e| (e.key.clone(), e.value.clone())).collect();
        for (deed, to, from) in deeds {
            let there = |n: u64| now(world.engine.get_many(&[entry(n)])).unwrap().pop().flatten().map(|e| e.value.clone());
            match (deed, there(from)) {
                (0, _) => world.write(vec![Write::Delete(entry(to))]),
                (1, Some(value)) => world.write(vec![Write::Put(entry(to), value)]),
                (_, Some(value)) => {
                    let mut altered = value.to_vec();
                    let at = usize::try_from(to).unwrap() * 7 % altered.len();
                    altered[at] ^= 0x40;
                    world.write(vec![Write::Put(entry(from), altered.into())]);
                }
                (_, None) => {}
            }
        }
        let after: Vec<_> = all(&world).into_iter().map(|e| (e.key.clone(), e.value.clone())).collect();
        prop_assert_eq!(now(world.ledger.verify(&LOG_KEY)).is_ok(), before == after);
    }
}
