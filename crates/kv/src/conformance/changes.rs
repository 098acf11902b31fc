//! Promises about one change.

use hmac::{Hmac, KeyInit, Mac};
use model::Revision;
use sha2::Sha256;

use super::{Store, add, commit, counter, delete, done, get, key, put, value};
use crate::{Conflict, Error, KeyRange, Require, Write, log_entry_key};

/// Writes before and after the one that is refused are not applied either.
pub async fn a_change_is_applied_whole_or_not_at_all(engine: &Store) {
    done(engine, vec![put("whole/a", "1"), put("whole/b", "1"), add("whole/n", 5, None)]).await;
    let before = get(engine, "whole/a").await;
    let writes = vec![
        put("whole/a", "2"),
        delete("whole/b"),
        put("whole/c", "2"),
        Write::Append { log: key("whole/log"), payload: "2".into() },
        add("whole/n", 1, Some(5)),
        put("whole/d", "2"),
    ];
    let refused = commit(engine, vec![], writes).await;
    assert!(matches!(refused, Ok(Err(Conflict::Ceiling(at))) if at == "whole/n"));
    assert_eq!(get(engine, "whole/a").await, before);
    assert_eq!(value(engine, "whole/b").await.as_deref(), Some("1"));
    let page = engine.scan(KeyRange::prefix("whole/"), 10).await.expect("the engine is well");
    assert_eq!(page.entries.len(), 3, "only what was there: {page:?}");

    let required = vec![Require::Absent(key("whole/c")), Require::Absent(key("whole/a"))];
    let refused = commit(engine, required, vec![put("whole/c", "2")]).await;
    assert!(matches!(refused, Ok(Err(Conflict::Changed(at))) if at == "whole/a"));
    assert_eq!(value(engine, "whole/c").await, None);
}

/// Each kind of condition, where it holds and where it does not; the first that does not hold is told.
pub async fn conditions_hold_or_conflict(engine: &Store) {
    let first = done(engine, vec![put("cond/a", "1"), put("cond/m/x", "1")]).await.revision;
    let second = done(engine, vec![put("cond/a", "1")]).await.revision;
    let range = |start: &str, end: Option<&str>| KeyRange { start: key(start), end: end.map(key) };
    let unchanged = |at: &str, revision| Require::Unchanged(key(at), revision);
    let cases = [
        (unchanged("cond/a", second), None),
        (unchanged("cond/a", first), Some("cond/a")),
        (unchanged("cond/a", Revision(second.0 + 1)), Some("cond/a")),
        (unchanged("cond/m/x", first), None),
        (unchanged("cond/none", first), Some("cond/none")),
        (Require::Absent(key("cond/none")), None),
        (Require::Absent(key("cond/m")), None),
        (Require::Absent(key("cond/a")), Some("cond/a")),
        (Require::Vacant(KeyRange::prefix("cond/m/")), Some("cond/m/x")),
        (Require::Vacant(KeyRange::prefix("cond/n/")), None),
        (Require::Vacant(range("cond/m/", Some("cond/m/x"))), None),
        (Require::Vacant(range("cond/m/x", Some("cond/m/x\0"))), Some("cond/m/x")),
        (Require::Vacant(range("cond/b", Some("cond/a"))), None),
        (Require::Vacant(range("cond/a", Some("cond/a"))), None),
    ];
    for (require, offending) in cases {
        let outcome = commit(engine, vec![require.clone()], vec![]).await.expect("the engine is well");
        let expected = offending.map(|at| Conflict::Changed(key(at)));
        assert_eq!(outcome.err(), expected, "{require:?}");
    }
    let both = vec![Require::Absent(key("cond/m/x")), Require::Absent(key("cond/a"))];
    let outcome = commit(engine, both, vec![]).await.expect("the engine is well");
    assert_eq!(outcome, Err(Conflict::Changed(key("cond/m/x"))));
}

/// A later write of a change sees the earlier ones; conditions see none of them.
pub async fn writes_are_applied_in_their_order(engine: &Store) {
    let require = vec![Require::Absent(key("order/a")), Require::Vacant(KeyRange::prefix("order/"))];
    let write = vec![
        put("order/a", "1"),
        put("order/a", "2"),
        put("order/b", "1"),
        delete("order/b"),
        delete("order/c"),
        put("order/c", "3"),
        add("order/n", 4, Some(4)),
        add("order/n", -3, None),
        add("order/n", 3, Some(4)),
    ];
    let receipt = commit(engine, require, write).await.expect("the engine is well").expect("all of it holds");
    assert_eq!(value(engine, "order/a").await.as_deref(), Some("2"));
    assert_eq!(value(engine, "order/b").await, None);
    assert_eq!(value(engine, "order/c").await.as_deref(), Some("3"));
    assert_eq!(counter(engine, "order/n").await, Some(4));
    let page = engine.scan(KeyRange::prefix("order/"), 10).await.expect("the engine is well");
    assert!(page.entries.iter().all(|entry| entry.revision == receipt.revision), "{page:?}");
}

/// An absent counter counts as 0, and one that has come to 0 is still there.
pub async fn a_counter_starts_at_zero_and_stays(engine: &Store) {
    done(engine, vec![add("count/a", 0, None), add("count/b", -7, None)]).await;
    assert_eq!(counter(engine, "count/a").await, Some(0));
    assert_eq!(counter(engine, "count/b").await, Some(-7));
    done(engine, vec![add("count/b", 7, None)]).await;
    assert_eq!(get(engine, "count/b").await.expect("it stays").value.as_ref(), [0; 8]);
    done(engine, vec![add("count/b", -2, None)]).await;
    assert_eq!(get(engine, "count/b").await.expect("it stays").value.as_ref(), (-2i64).to_le_bytes());
}

/// A sum may reach its ceiling; what lowers a counter is never refused, even above it.
pub async fn a_ceiling_is_never_exceeded(engine: &Store) {
    let step = |delta, ceiling| async move {
        let outcome = commit(engine, vec![], vec![add("ceiling/n", delta, Some(ceiling))]).await;
        outcome.expect("the engine is well").is_ok()
    };
    assert!(step(10, 10).await);
    assert!(!step(1, 10).await);
    assert!(!step(i64::MAX - 10, 10).await);
    assert!(step(0, 5).await);
    assert!(step(-1, 5).await);
    assert!(!step(1, 5).await);
    assert!(step(1, 10).await);
    assert_eq!(counter(engine, "ceiling/n").await, Some(10));
}

/// Numbers without gaps, also where changes are refused in between; each link covers its predecessor.
pub async fn a_log_is_numbered_and_chained(engine: &Store, log_key: [u8; 32]) {
    let append = |payload: &str| Write::Append { log: key("log/"), payload: payload.to_owned().into() };
    done(engine, vec![append("one"), append("")]).await;
    let refused = commit(engine, vec![Require::Absent(key("log/"))], vec![append("never")]).await;
    assert!(matches!(refused, Ok(Err(_))), "{refused:?}");
    let last = done(engine, vec![append("three")]).await;
    let mut link = vec![0; 32];
    for (number, payload) in (1u64..).zip(["one", "", "three"]) {
        let mut mac = Hmac::<Sha256>::new_from_slice(&log_key).expect("any length");
        mac.update(&link);
        mac.update(&number.to_be_bytes());
        mac.update(payload.as_bytes());
        link = mac.finalize().into_bytes().to_vec();
        let entry = get(engine, log_entry_key(b"log/", number)).await.expect("it was appended");
        assert_eq!(entry.value.as_ref(), [link.as_slice(), payload.as_bytes()].concat(), "entry {number}");
    }
    assert_eq!(get(engine, log_entry_key(b"log/", 4)).await, None);
    let head = get(engine, "log/").await.expect("it has a head");
    assert_eq!(head.value.as_ref(), [3u64.to_be_bytes().as_slice(), &link].concat());
    assert_eq!(head.revision, last.revision);
}

/// What is no counter, no head, or in the way of a log is not overwritten.
pub async fn a_damaged_counter_or_log_is_told_and_nothing_changes(engine: &Store) {
    let append = |log: &str| Write::Append { log: key(log), payload: "x".into() };
    let in_the_way = Write::Put(log_entry_key(b"bad/way", 1), "y".into());
    done(engine, vec![put("bad/n", "seven"), put("bad/log", "short"), add("bad/max", i64::MAX, None), in_the_way])
        .await;
    let bad = [
        add("bad/n", 1, None),
        add("bad/max", 1, None),
        add("bad/max", 1, Some(i64::MAX)),
        append("bad/log"),
        append("bad/way"),
    ];
    for write in bad {
        let outcome = commit(engine, vec![], vec![put("bad/a", "1"), write.clone()]).await;
        assert!(matches!(outcome, Err(Error::Corrupt(_))), "{write:?}: {outcome:?}");
    }
    assert_eq!(value(engine, "bad/a").await, None);
    assert_eq!(value(engine, "bad/n").await.as_deref(), Some("seven"));
    assert_eq!(get(engine, "bad/way").await, None);
    done(engine, vec![put("bad/a", "2")]).await;
}

/// Values of no byte and of some MiB; keys of no byte, of many, and of any.
pub async fn large_values_come_back(engine: &Store) {
    let large: Vec<u8> = (0..5usize << 20).map(|i| (i * 31 % 251) as u8).collect();
    let long = vec![b'k'; 4000];
    let write = vec![
        Write::Put(key("size/large"), large.clone().into()),
        Write::Put(key("size/none"), "".into()),
        Write::Put(key(&long), "long".into()),
        Write::Put(key([0xFF, 0x00, 0xFF]), "binary".into()),
        Write::Put(key(""), "at the empty key".into()),
    ];
    done(engine, write).await;
    assert!(get(engine, "size/large").await.expect("it was put").value == large);
    assert_eq!(value(engine, "size/none").await.as_deref(), Some(""));
    assert_eq!(get(engine, &long).await.expect("it was put").value, "long");
    assert_eq!(get(engine, [0xFF, 0x00, 0xFF]).await.expect("it was put").value, "binary");
    assert_eq!(value(engine, "").await.as_deref(), Some("at the empty key"));
    let (start, end) = (key(""), Some(key("\0")));
    let first = engine.scan(KeyRange { start, end }, 9).await.expect("the engine is well");
    assert_eq!((first.entries.len(), first.more), (1, false));
    done(engine, vec![delete(""), Write::Delete(key([0xFF, 0x00, 0xFF]))]).await;
}
