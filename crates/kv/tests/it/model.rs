//! The embedded engine does what the one in memory does.

use kv::{Change, Durability, Engine, Key, KeyRange, ListQuery, Memory, Require, Write};
use model::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::probe::Probe;
use crate::store::{LOG_KEY, Place, dump};

/// Few letters, so that keys meet, nest and end in what has no successor.
fn key() -> impl Strategy<Value = Key> {
    vec(prop::sample::select(&b"ab/\0\xFF"[..]), 0..5).prop_map(Key::from)
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        (key(), option::of(key())).prop_map(|(start, end)| KeyRange { start, end }),
        key().prop_map(KeyRange::prefix),
    ]
}

fn require() -> impl Strategy<Value = Require> {
    prop_oneof![
        (key(), 0u64..30).prop_map(|(key, revision)| Require::Unchanged(key, Revision(revision))),
        key().prop_map(Require::Absent),
        range().prop_map(Require::Vacant),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let counter = prop::sample::select(vec![Key::from("n1"), Key::from("n2"), Key::from("a")]);
    let log = prop::sample::select(vec![Key::from("log"), Key::from("b")]);
    let delta = prop_oneof![-5i64..20, Just(i64::MAX), Just(i64::MIN)];
    prop_oneof![
        4 => (key(), vec(any::<u8>(), 0..40)).prop_map(|(key, value)| Write::Put(key, value.into())),
        2 => key().prop_map(Write::Delete),
        2 => (counter, delta, option::of(-5i64..20)).prop_map(|(key, delta, ceiling)| Write::Add { key, delta, ceiling }),
        1 => (log, vec(any::<u8>(), 0..9)).prop_map(|(log, p)| Write::Append { log, payload: p.into() }),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let require = prop_oneof![3 => Just(vec![]).boxed(), 1 => vec(require(), 1..3).boxed()];
    vec((require, vec(write(), 0..5)).prop_map(|(require, write)| Change { require, write }), 1..30)
}

fn list() -> impl Strategy<Value = ListQuery> {
    let short = || vec(prop::sample::select(&b"ab/\0\xFF"[..]), 0..2).prop_map(Key::from);
    let delimiter = option::of(vec(prop::sample::select(&b"a/\xFF"[..]), 0..3).prop_map(Key::from));
    (short(), short(), delimiter, option::of(key()), 1usize..6)
        .prop_map(|(root, prefix, delimiter, after, limit)| ListQuery { root, prefix, delimiter, after, limit })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn embedded_does_what_memory_does(
        changes in changes(),
        relaxed in any::<bool>(),
        lists in vec(list(), 60),
        ranges in vec((range(), 0usize..6), 20),
        keys in vec(key(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let durability = if relaxed { Durability::Relaxed } else { Durability::Full };
            let embedded = place.open_on(Probe::new(), durability).unwrap();
            let memory = Memory::new(LOG_KEY);
            for change in &changes {
                let expected = memory.commit(change.clone()).await.map_err(|error| error.to_string());
                let found = embedded.commit(change.clone()).await.map_err(|error| error.to_string());
                assert_eq!(found, expected, "{change:?}");
            }
            for query in lists {
                let expected = memory.list(query.clone()).await.unwrap();
                assert_eq!(embedded.list(query.clone()).await.unwrap(), expected, "{query:?}");
            }
            for (range, limit) in ranges {
                let expected = memory.scan(range.clone(), limit).await.unwrap();
                assert_eq!(embedded.scan(range.clone(), limit).await.unwrap(), expected, "{range:?} {limit}");
            }
            assert_eq!(embedded.get_many(&keys).await.unwrap(), memory.get_many(&keys).await.unwrap());
            embedded.close().unwrap();
            let reopened = place.open_on(Probe::new(), durability).unwrap();
            assert_eq!(dump(&reopened).await, dump(&memory).await);
        });
    }
}
