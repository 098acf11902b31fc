//! Promises about one read.

use super::{Store, add, commit, counter, delete, done, get, key, put, value};
use crate::{Entry, EntryOrPrefix, KeyRange, ListQuery, Require};

/// Also where a key is asked for twice, or is not there.
pub async fn get_many_answers_in_the_order_asked(engine: &Store) {
    done(engine, vec![put("many/a", "1"), put("many/b", "2"), put("many/gone", "3"), delete("many/gone")]).await;
    let keys = ["many/b", "many/none", "many/a", "many/b", "many/gone", "many/"].map(key);
    let found = engine.get_many(&keys).await.expect("the engine is well");
    let found: Vec<_> = found.iter().map(|entry| entry.as_ref().map(|entry| entry.value.as_ref())).collect();
    assert_eq!(found, [Some(&b"2"[..]), None, Some(b"1"), Some(b"2"), None, None]);
    assert_eq!(engine.get_many(&[]).await.expect("the engine is well"), []);
    let many: Vec<_> = (0..100).map(|i| key(if i % 2 == 0 { "many/a" } else { "many/none" })).collect();
    let found = engine.get_many(&many).await.expect("the engine is well");
    assert!(found.iter().enumerate().all(|(i, entry)| entry.is_some() == (i % 2 == 0)), "{found:?}");
}

/// One key that was written again, or went, is enough to say no; also where it was written as it had been.
pub async fn what_is_unchanged_has_the_revision_that_was_read(engine: &Store) {
    done(engine, vec![put("same/a", "1"), put("same/b", "2")]).await;
    let mut rows = Vec::new();
    for name in ["same/a", "same/b"] {
        rows.push((key(name), get(engine, name).await.expect("it was written").revision));
    }
    let says = |rows: Vec<_>| async move { engine.unchanged(&rows).await.expect("the engine is well") };
    assert!(says(rows.clone()).await && says(vec![]).await);
    done(engine, vec![put("same/other", "3")]).await;
    assert!(says(rows.clone()).await, "another key is none of them");
    assert!(says(rows.iter().cycle().take(100).cloned().collect()).await);
    done(engine, vec![put("same/b", "2")]).await;
    assert!(!says(rows.clone()).await && says(rows[..1].to_vec()).await);
    rows[1].1 = get(engine, "same/b").await.expect("it was written").revision;
    assert!(says(rows.clone()).await);
    done(engine, vec![delete("same/a")]).await;
    assert!(!says(rows.clone()).await && says(rows[1..].to_vec()).await);
    assert!(!says([rows, vec![(key("same/none"), model::Revision(0))]].concat()).await);
}

/// However often something was read before: who has been told of a commit reads what it left, by every way of reading, and
/// whoever made something of an entry made it of that one.
pub async fn what_a_commit_left_is_read_at_once(engine: &Store) {
    let text = |entry: &Entry| entry.decoded(|_, value| Ok::<_, ()>(String::from_utf8_lossy(value).into_owned()));
    for round in 0..20 {
        let now = round.to_string();
        let receipt = done(engine, vec![put("left/a", &now), put("left/b", &now), add("left/sum", 1, None)]).await;
        for _ in 0..3 {
            let one = engine.get(&key("left/a")).await.expect("the engine is well").expect("it was written");
            assert_eq!((text(&one).as_deref(), one.revision), (Ok(&now), receipt.revision));
            let both = engine.get_many(&["left/b", "left/a"].map(key)).await.expect("the engine is well");
            assert!(
                both.iter().flatten().all(|entry| entry.value == now && entry.revision == receipt.revision),
                "{both:?}"
            );
            assert_eq!(counter(engine, "left/sum").await, Some(round + 1));
            let rows = [(key("left/a"), receipt.revision), (key("left/b"), receipt.revision)];
            assert!(engine.unchanged(&rows).await.expect("the engine is well"));
        }
        // A change that is refused leaves everything as it was.
        let refused = commit(engine, vec![Require::Absent(key("left/b"))], vec![put("left/a", "no")]).await;
        assert!(refused.expect("the engine is well").is_err());
        assert_eq!(value(engine, "left/a").await, Some(now));
    }
    done(engine, vec![delete("left/a")]).await;
    assert_eq!((value(engine, "left/a").await, value(engine, "left/b").await), (None, Some("19".into())));
}

/// Key order is byte order; the end is excluded; `more` is exact.
pub async fn a_scan_is_cut_at_its_range_and_limit(engine: &Store) {
    let names = ["", "\0", "A", "a", "a\0", "aa", "b", "\u{7f}", "é"];
    done(engine, names.iter().rev().map(|name| put(&format!("scan/{name}"), name)).collect()).await;
    let scan = |start: &'static str, end: Option<&'static str>, limit| async move {
        let range = KeyRange {
            start: key(format!("scan/{start}")),
            end: Some(key(end.map_or("scan0".into(), |end| format!("scan/{end}")))),
        };
        let page = engine.scan(range, limit).await.expect("the engine is well");
        let names = page.entries.iter().map(|e| String::from_utf8_lossy(&e.key["scan/".len()..]).into_owned());
        (names.collect::<Vec<_>>(), page.more)
    };
    let all: Vec<String> = names.map(str::to_owned).to_vec();
    assert_eq!(scan("", None, usize::MAX).await, (all.clone(), false));
    assert_eq!(scan("", None, 9).await, (all.clone(), false));
    assert_eq!(scan("", None, 8).await, (all[..8].to_vec(), true));
    assert_eq!(scan("", None, 0).await, (vec![], true));
    assert_eq!(scan("a", Some("b"), 9).await, (all[3..6].to_vec(), false));
    assert_eq!(scan("a", Some("b"), 3).await, (all[3..6].to_vec(), false));
    assert_eq!(scan("a\0", Some("aa"), 9).await, (all[4..5].to_vec(), false));
    assert_eq!(scan("b", Some("b"), 9).await, (vec![], false));
    assert_eq!(scan("b", Some("a"), 9).await, (vec![], false));
    let unbounded = engine.scan(KeyRange { start: key("scan/é"), end: None }, 1).await.expect("the engine is well");
    assert_eq!(unbounded.entries, [get(engine, "scan/é").await.expect("it was put")]);
}

/// Items as text: a key as it is, a common prefix in brackets; with `…` at the end if there is more.
async fn list(engine: &Store, root: &str, prefix: &str, delimiter: &str, after: Option<&str>, limit: usize) -> String {
    let query = ListQuery {
        root: key(root),
        prefix: key(prefix),
        delimiter: (!delimiter.is_empty()).then(|| key(delimiter)),
        after: after.map(key),
        limit,
    };
    let listing = engine.list(query).await.expect("the engine is well");
    let mut items: Vec<String> = listing.items.iter().map(|item| text(item, root)).collect();
    items.extend(listing.more.then(|| "…".to_owned()));
    items.join(" ")
}

fn text(item: &EntryOrPrefix, root: &str) -> String {
    match item {
        EntryOrPrefix::Entry(entry) => {
            assert!(entry.key.starts_with(root.as_bytes()), "an entry's key is whole");
            String::from_utf8_lossy(&entry.key[root.len()..]).into_owned()
        }
        EntryOrPrefix::Prefix(prefix) => format!("[{}]", String::from_utf8_lossy(prefix)),
    }
}

/// Folding looks only behind root and prefix, at the first delimiter, of whatever length.
pub async fn a_listing_folds_at_the_delimiter(engine: &Store) {
    let names = ["a", "a/", "a/1", "a/2", "a//3", "b", "b/c/d", "b/c/e", "c--1", "c--2", "c-3", "d/", "e"];
    done(engine, names.iter().map(|name| put(&format!("fold/x/{name}"), name)).collect()).await;
    done(engine, vec![put("fold/w", ""), put("fold/x", ""), put("fold/x0", ""), put("fold/y/a", "")]).await;
    let list = |prefix, delimiter| list(engine, "fold/x/", prefix, delimiter, None, 100);
    assert_eq!(list("", "").await, "a a/ a// a/1 a/2 b b/c/d b/c/e c--1 c--2 c-3 d/ e".replace("a// ", "a//3 "));
    assert_eq!(list("", "/").await, "a [a/] b [b/] c--1 c--2 c-3 [d/] e");
    assert_eq!(list("a", "/").await, "a [a/]");
    assert_eq!(list("a/", "/").await, "a/ [a//] a/1 a/2");
    assert_eq!(list("b/c", "/").await, "[b/c/]");
    assert_eq!(list("b/c/", "/").await, "b/c/d b/c/e");
    assert_eq!(list("c", "--").await, "[c--] c-3");
    assert_eq!(list("c-", "--").await, "c--1 c--2 c-3");
    assert_eq!(list("c-", "-").await, "[c--] c-3");
    assert_eq!(list("", "c").await, "a a/ a//3 a/1 a/2 b [b/c] [c] d/ e");
    assert_eq!(list("d/", "/").await, "d/");
    assert_eq!(list("", "é").await, list("", "").await);
    assert_eq!(list("f", "/").await, "");
}

/// `after` excludes itself, the common prefix it equals, and the one it lies in.
pub async fn a_listing_goes_on_after(engine: &Store) {
    let names = ["a", "a/1", "a/2", "b", "b/1", "c"];
    done(engine, names.iter().map(|name| put(&format!("after/{name}"), name)).collect()).await;
    let list = |prefix, delimiter, after| list(engine, "after/", prefix, delimiter, Some(after), 100);
    let folded = [
        ("", "a [a/] b [b/] c"),
        ("a", "[a/] b [b/] c"),
        ("a.", "[a/] b [b/] c"),
        ("a/", "b [b/] c"),
        ("a/1", "b [b/] c"),
        ("a/zzz", "b [b/] c"),
        ("b", "[b/] c"),
        ("b/", "c"),
        ("bb", "c"),
        ("c", ""),
        ("\u{10FFFF}", ""),
    ];
    for (after, expected) in folded {
        assert_eq!(list("", "/", after).await, expected, "after {after:?}");
    }
    assert_eq!(list("", "", "a/1").await, "a/2 b b/1 c");
    assert_eq!(list("", "", "a/").await, "a/1 a/2 b b/1 c");
    assert_eq!(list("a/", "/", "").await, "a/1 a/2");
    assert_eq!(list("a/", "/", "a").await, "a/1 a/2");
    assert_eq!(list("a/", "/", "a/1").await, "a/2");
    assert_eq!(list("a/", "/", "b").await, "");
    assert_eq!(list("b", "/", "a/1").await, "b [b/]");
}

/// Whatever the limit, pages put together are the whole; `more` is exact.
pub async fn a_listing_is_paged_without_gap_or_repetition(engine: &Store) {
    let mut writes = Vec::new();
    // An engine may read a few keys of a common prefix before it skips the rest.
    for (directory, files) in [(10, 0), (11, 1), (12, 5), (13, 11), (14, 12), (15, 13), (16, 14), (17, 40), (18, 2)] {
        writes.push(put(&format!("page/{directory}"), ""));
        writes.extend((0..files).map(|file| put(&format!("page/{directory}/{file}"), "")));
    }
    done(engine, writes).await;
    for delimiter in ["", "/"] {
        let whole = list(engine, "page/", "", delimiter, None, 1000).await;
        let count = whole.split(' ').count();
        for limit in 1..=count + 1 {
            let (mut pages, mut after) = (Vec::new(), None::<String>);
            loop {
                let page = list(engine, "page/", "", delimiter, after.as_deref(), limit).await;
                let mut items: Vec<String> = page.split(' ').map(str::to_owned).collect();
                let more = items.pop_if(|last| last == "…").is_some();
                assert_eq!(items.len(), limit.min(count - pages.len()), "limit {limit}, after {after:?}");
                after = items.last().map(|last| last.trim_matches(['[', ']']).to_owned());
                pages.append(&mut items);
                assert_eq!(more, pages.len() < count, "limit {limit}, after {after:?}");
                if !more {
                    break;
                }
            }
            assert_eq!(pages.join(" "), whole, "limit {limit}");
        }
    }
}
