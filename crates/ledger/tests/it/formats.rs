//! Holds the stored forms to what was released: `tests/golden/v1.txt` has one payload or row a line, as name, key (`-`
//! for the payload of an event), value in hexadecimal. A line may be added; one that changes breaks every store there is.

use bytes::Bytes;
use kv::{Key, Write};
use ledger::{Actor, Error, Event, Usage, UsageKey};
use model::{BucketName, Timestamp};
use proptest::option;
use proptest::prelude::*;

use crate::world::{World, account, event, key_id, now};

const GOLDEN: &str = include_str!("../golden/v1.txt");

fn events() -> [(&'static str, Event); 3] {
    let operator = Event {
        actor: Actor::Operator { uid: 1000 },
        operation: "account suspend".into(),
        subject: "123456789012".into(),
        object: None,
        detail: "was active".into(),
        bytes: 0,
        ..event(2)
    };
    let anonymous = Event { actor: Actor::Anonymous, object: Some("a\0ключ".into()), bytes: i64::MIN, ..event(3) };
    [("event", event(1)), ("event-2", operator), ("event-3", anonymous)]
}

fn usage_key() -> UsageKey {
    let bucket = BucketName::new("myproject.example.com").unwrap();
    UsageKey { owner: account(1), bucket, cause: key_id().to_string() }
}

fn usage() -> Usage {
    Usage { bytes_stored: -1, objects: 2, requests: 3, bytes_in: 4, bytes_out: i64::MAX }
}

fn payload(event: &Event) -> Bytes {
    match ledger::append(event) {
        Write::Append { log, payload } => {
            assert_eq!(log, &b"L/"[..]);
            payload
        }
        other => panic!("{other:?}"),
    }
}

/// As name, key, value.
fn lines() -> Vec<String> {
    let events = events().map(|(name, event)| format!("{name} - {}", hex::encode(payload(&event))));
    let (of, delta) = (usage_key(), usage());
    let rows = ledger::add(&of, &delta).enumerate().map(|(n, write)| match write {
        Write::Add { key, delta, ceiling: None } => {
            format!("usage/{n} {} {}", hex::encode(key), hex::encode(delta.to_le_bytes()))
        }
        other => panic!("{other:?}"),
    });
    events.into_iter().chain(rows).collect()
}

fn golden(name: &str) -> (Option<Key>, Bytes) {
    let line = GOLDEN.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    let bytes = |text: &str| Bytes::from(hex::decode(text).unwrap());
    match line.split(' ').collect::<Vec<_>>()[..] {
        [_, "-", value] => (None, bytes(value)),
        [_, key, value] => (Some(bytes(key)), bytes(value)),
        _ => panic!("{line}"),
    }
}

fn read(payload: Bytes) -> Result<Event, Error> {
    let world = World::new();
    world.write(vec![Write::Append { log: Bytes::from_static(b"L/"), payload }]);
    now(world.ledger.events(0, 1)).map(|mut events| events.pop().unwrap().1)
}

#[test]
fn rows_are_written_as_they_always_were() {
    let missing: Vec<_> = lines().into_iter().filter(|line| !GOLDEN.lines().any(|golden| golden == line)).collect();
    assert!(missing.is_empty(), "not in v1.txt:\n{}", missing.join("\n"));
}

#[test]
fn rows_are_read_as_they_always_were() {
    for (name, event) in events() {
        assert_eq!(read(golden(name).1).unwrap(), event);
    }
    let world = World::new();
    let rows = (0..5).map(|n| golden(&format!("usage/{n}")));
    world.write(rows.map(|(key, value)| Write::Put(key.unwrap(), value)).collect());
    assert_eq!(now(world.ledger.usage(None)).unwrap(), [(usage_key(), usage())]);
}

#[test]
fn an_event_that_is_cut_lengthened_or_of_another_version_is_damaged_and_none_panics() {
    for (name, _) in events() {
        let payload = golden(name).1;
        for cut in 0..payload.len() {
            assert!(matches!(read(payload.slice(..cut)), Err(Error::Corrupt { entry: 1, .. })), "{name} cut at {cut}");
        }
        assert!(read([&payload[..], &[0]].concat().into()).is_err(), "{name} lengthened");
        let version = payload.windows(2).position(|w| w == [0, 1]).unwrap() + 1;
        for place in 0..payload.len() {
            for byte in [0, 1, 2, 0x17, 0x1B, 0x3B, 0x5B, 0x7F, 0x9F, 0xBF, 0xF6, 0xFF] {
                let mut altered = payload.to_vec();
                altered[place] = byte;
                let result = read(altered.into());
                assert!(place != version || byte == 1 || result.is_err(), "{name} of version {byte}");
            }
        }
    }
}

#[test]
fn usage_names_its_cause() {
    assert_eq!(events().map(|(_, event)| event.actor.cause().to_owned()), [key_id().as_str(), "operator", ""]);
}

proptest! {
    #[test]
    fn what_is_recorded_is_read_back(
        at in any::<u64>(),
        (request_id, operation, subject, detail) in (".*", ".*", ".*", ".*"),
        object in option::of("(?s).{1,20}"),
        bytes in any::<i64>(),
        actor in 0..3u32,
    ) {
        let actor = match actor {
            0 => Actor::Anonymous,
            1 => Actor::Key { account: account(1), key: key_id() },
            uid => Actor::Operator { uid },
        };
        let at = Timestamp::from_millis(at);
        let event = Event { at, request_id, actor, operation, subject, object, detail, bytes };
        prop_assert_eq!(read(payload(&event)).unwrap(), event);
    }
}
