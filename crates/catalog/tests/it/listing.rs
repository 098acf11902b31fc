//! Pages of objects and uploads, against a fold that reads everything.

use std::collections::BTreeSet;

use catalog::{ListObjects, ListUploads, NewBody, PrefixOr};
use model::{BucketName, UploadId};
use proptest::prelude::*;

use crate::world::{World, given, key, name, now, object, upload};

/// Keys that meet each other, NUL and what sorts around the delimiter included.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec!["a", "b", "/", "//", "\0", "\u{1}", ".", "0", "é", "\u{10FFFF}"]);
    prop::collection::vec(pieces, 1..5).prop_map(|pieces| pieces.concat())
}

fn short() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 2 => texts(), 1 => Just("a".to_owned()), 1 => Just("a/".to_owned())]
}

fn delimiters() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "/", "//", "a", "\0", "é"]).prop_map(str::to_owned)
}

/// What a key is on a page: itself, or what it is folded into; `None`: not there.
fn folded(text: &str, prefix: &str, delimiter: &str) -> Option<(String, bool)> {
    let rest = text.strip_prefix(prefix)?;
    match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
        Some(at) => Some((text[..prefix.len() + at + delimiter.len()].to_owned(), true)),
        None => Some((text.to_owned(), false)),
    }
}

/// A line as text; whether it is a common prefix; and the upload.
type Line = (String, bool, String);

/// `all` in order, folded, what comes after `after` only.
fn fold(all: &BTreeSet<(String, String)>, prefix: &str, delimiter: &str, after: (&str, &str)) -> Vec<Line> {
    let (after_key, after_upload) = after;
    let mut lines: Vec<Line> = vec![];
    for (text, upload) in all {
        let Some((line, is_prefix)) = folded(text, prefix, delimiter) else { continue };
        let later = line.as_str() > after_key
            || (!is_prefix && !after_upload.is_empty() && line == after_key && upload.as_str() > after_upload);
        let line = (line, is_prefix, if is_prefix { String::new() } else { upload.clone() });
        if (later || after_key.is_empty()) && lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

fn bucket_of(world: &World, keys: &BTreeSet<(String, String)>, uploads: bool) -> BucketName {
    for neighbour in ["myprojec", "myproject-a"] {
        let neighbour = world.with_bucket(neighbour, 0);
        world.must(world.plan_put(&neighbour, &object("a/b", 0), &NewBody::Empty).0);
    }
    let bucket = world.with_bucket("myproject", 0);
    for (text, id) in keys {
        if uploads {
            let upload = upload("myproject", text, 0, UploadId::new(id).unwrap());
            world.must(given(&bucket, catalog::plan_begin_upload(&upload)));
        } else {
            world.must(world.plan_put(&bucket, &object(text, 0), &NewBody::Empty).0);
        }
    }
    name("myproject")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pages_of_objects_miss_and_repeat_nothing(
        keys in prop::collection::btree_set(texts(), 0..25),
        prefix in short(),
        delimiter in delimiters(),
        from in short(),
        limit in 1..5usize,
    ) {
        let world = World::new();
        let keys: BTreeSet<_> = keys.into_iter().map(|text| (text, String::new())).collect();
        let bucket = bucket_of(&world, &keys, false);
        let bucket = world.bucket(&bucket).unwrap().value;
        let expected = fold(&keys, &prefix, &delimiter, (&from, ""));
        let mut lines: Vec<Line> = vec![];
        let mut wanted = ListObjects { prefix, delimiter, after: from, limit };
        loop {
            let page = now(world.catalog.list_objects(&bucket, &wanted)).unwrap();
            prop_assert!(page.lines.len() == limit || !page.more, "a page that is not the last is full");
            lines.extend(page.lines.iter().map(|line| match line {
                PrefixOr::Prefix(prefix) => (prefix.clone(), true, String::new()),
                PrefixOr::One(object) => (object.key.to_string(), false, String::new()),
            }));
            if !page.more || lines.len() > expected.len() {
                break;
            }
            wanted.after = lines.last().unwrap().0.clone();
        }
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn pages_of_uploads_come_by_key_and_age_and_miss_and_repeat_nothing(
        all in prop::collection::btree_set((texts(), 0..4u64), 0..25),
        prefix in short(),
        delimiter in delimiters(),
        from in (short(), prop_oneof![Just(None), (0..4u64).prop_map(Some)]),
        limit in 1..5usize,
    ) {
        let world = World::new();
        let id = |millis| UploadId::from_parts(millis, millis).to_string();
        let all: BTreeSet<_> = all.into_iter().map(|(text, millis)| (text, id(millis))).collect();
        let bucket = bucket_of(&world, &all, true);
        let bucket = world.bucket(&bucket).unwrap().value;
        let after_upload = from.1.map(id).unwrap_or_default();
        let expected = fold(&all, &prefix, &delimiter, (&from.0, &after_upload));
        let mut lines: Vec<Line> = vec![];
        let mut wanted = ListUploads { prefix, delimiter, after_key: from.0, after_upload, limit };
        loop {
            let page = now(world.catalog.list_uploads(&bucket, &wanted)).unwrap();
            prop_assert!(page.lines.len() == limit || !page.more, "a page that is not the last is full");
            lines.extend(page.lines.iter().map(|line| match line {
                PrefixOr::Prefix(prefix) => (prefix.clone(), true, String::new()),
                PrefixOr::One(upload) => (upload.key.to_string(), false, upload.id.to_string()),
            }));
            if !page.more || lines.len() > expected.len() {
                break;
            }
            let last = lines.last().unwrap();
            (wanted.after_key, wanted.after_upload) = (last.0.clone(), last.2.clone());
        }
        prop_assert_eq!(lines, expected);
    }
}

#[test]
fn a_listing_longer_than_what_is_read_at_once_goes_on() {
    let world = World::new();
    let all: BTreeSet<_> =
        (0..2_500u64).map(|n| (format!("{}/{n:04}", n / 1_250), UploadId::from_parts(n, n).to_string())).collect();
    let bucket = bucket_of(&world, &all, true);
    let bucket = world.bucket(&bucket).unwrap().value;
    let folded = ListUploads { delimiter: "/".into(), limit: 10, ..ListUploads::default() };
    let page = now(world.catalog.list_uploads(&bucket, &folded)).unwrap();
    assert_eq!(page.lines, ["0/", "1/"].map(|prefix| PrefixOr::Prefix(prefix.to_owned())));
    assert!(!page.more);
    let flat = ListUploads { limit: 2_400, ..ListUploads::default() };
    let page = now(world.catalog.list_uploads(&bucket, &flat)).unwrap();
    assert!(page.more && page.lines.len() == 2_400);
}

#[test]
fn keys_that_hold_nul_keep_their_place_among_uploads() {
    let world = World::new();
    let texts = ["a", "a\0", "a\0\0", "a\0\u{1}", "a\0b", "a\u{1}", "ab"];
    let all: BTreeSet<_> = texts.map(|t| (t.to_owned(), UploadId::from_parts(1, 1).to_string())).into();
    let bucket = bucket_of(&world, &all, true);
    let bucket = world.bucket(&bucket).unwrap().value;
    let wanted = ListUploads { limit: 10, ..ListUploads::default() };
    let page = now(world.catalog.list_uploads(&bucket, &wanted)).unwrap();
    let listed: Vec<_> = page
        .lines
        .iter()
        .map(|line| match line {
            PrefixOr::One(upload) => upload.key.clone(),
            PrefixOr::Prefix(prefix) => panic!("{prefix}"),
        })
        .collect();
    assert_eq!(listed, texts.map(key));
}
