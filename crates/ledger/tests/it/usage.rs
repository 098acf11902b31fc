//! Usage is the sum of what was added, whichever way it came.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv::Write;
use ledger::{Error, Meter, Usage, UsageKey};
use model::BucketName;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{World, account, now};

fn usage_keys() -> impl Strategy<Value = UsageKey> {
    let bucket = select(vec!["abc", "abc-d", "abc.d", "abc0"]);
    let cause = select(vec!["", "operator", "BWABCDEFGHIJKLMNOP27", "BWABCDEFGHIJKLMNOP2A"]);
    (0..3u64, bucket, cause).prop_map(|(owner, bucket, cause)| UsageKey {
        owner: account(owner),
        bucket: BucketName::new(bucket).unwrap(),
        cause: cause.into(),
    })
}

fn deltas() -> impl Strategy<Value = Usage> {
    let count = prop_oneof![1 => Just(0i64), 2 => -1_000_000_000_000..1_000_000_000_000i64];
    prop::array::uniform5(count).prop_map(|[bytes_stored, objects, requests, bytes_in, bytes_out]| Usage {
        bytes_stored,
        objects,
        requests,
        bytes_in,
        bytes_out,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn usage_is_the_sum_of_what_was_added_with_changes_and_by_the_meter(
        added in prop::collection::vec((usage_keys(), deltas(), any::<bool>()), 0..60),
    ) {
        let world = World::new();
        let meter = Meter::default();
        let mut expected: BTreeMap<UsageKey, Usage> = BTreeMap::new();
        for (of, delta, metered) in added {
            if delta != Usage::default() {
                expected.entry(of.clone()).or_default().add(&delta);
            }
            if metered {
                meter.add(&of, &delta);
            } else {
                world.write(ledger::add(&of, &delta).collect());
            }
        }
        world.write(Meter::writes(&meter.take()));
        prop_assert!(meter.take().is_empty());
        let read = now(world.ledger.usage(None)).unwrap();
        prop_assert!(read.is_sorted_by(|(a, _), (b, _)| a < b), "by owner, bucket and cause, each once");
        let nothing = |(_, usage): &(UsageKey, Usage)| *usage != Usage::default();
        let some: Vec<_> = read.into_iter().filter(nothing).collect();
        let wanted: Vec<_> = expected.into_iter().filter(nothing).collect();
        prop_assert_eq!(&some, &wanted);
        for owner in (0..3).map(account) {
            let of: Vec<_> = now(world.ledger.usage(Some(&owner))).unwrap().into_iter().filter(nothing).collect();
            prop_assert_eq!(of, wanted.iter().filter(|(key, _)| key.owner == owner).cloned().collect::<Vec<_>>());
        }
    }
}

#[test]
fn more_lines_than_are_read_at_once_are_all_there() {
    let world = World::new();
    for n in 0..700 {
        let bucket = BucketName::new(&format!("bucket-{n}")).unwrap();
        let of = UsageKey { owner: account(1), bucket, cause: String::new() };
        world.write(
            ledger::add(&of, &Usage { bytes_stored: n + 1, objects: 1, requests: 1, ..Usage::default() }).collect(),
        );
    }
    let read = now(world.ledger.usage(Some(&account(1)))).unwrap();
    assert_eq!(read.len(), 700);
    assert_eq!(read.iter().map(|(_, usage)| usage.bytes_stored).sum::<i64>(), 700 * 701 / 2);
    assert!(read.iter().all(|(_, usage)| usage.objects == 1 && usage.requests == 1));
}

#[test]
fn usage_that_is_not_as_written_is_damage() {
    let counter = Bytes::from_static(&[1, 0, 0, 0, 0, 0, 0, 0]);
    for (key, value) in [
        (&b"U/000000000001/abc//\x05"[..], counter.clone()),
        (b"U/000000000001/abc/\x00", counter.clone()),
        (b"U/000000000001/abc/x/y/\x00", counter.clone()),
        (b"U/1/abc//\x00", counter.clone()),
        (b"U/000000000001/A/x/\x00", counter.clone()),
        (b"U/000000000001/abc//\x00", counter.slice(1..)),
    ] {
        let world = World::new();
        world.write(vec![Write::Put(Bytes::from_static(key), value)]);
        let read = now(world.ledger.usage(None));
        assert!(matches!(read, Err(Error::Corrupt { entry: 0, .. })), "{}", key.escape_ascii());
    }
}
