//! An upload is closed with exactly the parts that were read, or not at all.

use std::collections::BTreeSet;
use std::time::Instant;

use catalog::{
    BodyAt, CompletedUpload, Manifest, ManifestPart, Object, ObjectSlot, Part, Stored, Upload, plan_abort_upload,
    plan_complete_upload,
};
use kv::Change;
use model::{BlobId, Bucket, UploadId, limits};

use crate::world::{World, body, key, object, part, upload, vacant_conditions};

fn id() -> UploadId {
    UploadId::from_parts(1, 1)
}

/// A bucket and an upload in it with parts of these numbers, all blobs.
fn with_parts(numbers: impl Iterator<Item = u16>) -> (World, Stored<Bucket>, Stored<Upload>) {
    let world = World::new();
    let bucket = world.with_bucket("myproject", 0);
    let upload = world.begun(&upload("myproject", "k", 0, id()));
    for number in numbers {
        let body = body(BodyAt::Blob, u64::from(number), 5);
        world.must(world.plan_part(&upload, &part(number, &body), &body).0);
    }
    (world, bucket, upload)
}

fn complete(bucket: &Bucket, upload: &Stored<Upload>, parts: &[Stored<Part>]) -> (Change, Vec<BlobId>) {
    let in_manifest = |p: &Stored<Part>| ManifestPart { number: p.value.number, piece: p.value.piece, checksum: None };
    let manifest = Manifest(parts.iter().map(in_manifest).collect());
    let count = u16::try_from(parts.len()).unwrap();
    let object = Object {
        len: parts.iter().map(|p| p.value.len).sum(),
        manifest: Some((BlobId::from_parts(1, 1), count)),
        ..object("k", 0)
    };
    let used: BTreeSet<u16> = parts.iter().map(|p| p.value.number).collect();
    let key = key("k");
    let slot = ObjectSlot { bucket, key: &key, old: None };
    let done = CompletedUpload { upload, parts, used: &used, manifest: &manifest, object: &object };
    plan_complete_upload(&slot, &done)
}

#[test]
fn neither_completing_nor_giving_up_forgets_a_part_that_arrives_or_changes_in_between() {
    for late in 1..=7 {
        for give_up in [true, false] {
            let (world, bucket, upload) = with_parts([2, 3, 6].into_iter());
            let parts = world.parts(&id());
            let (change, _) = match give_up {
                true => plan_abort_upload(&upload, &parts),
                false => complete(&bucket.value, &upload, &parts),
            };
            let body = body(BodyAt::Blob, 100, 5);
            world.must(world.plan_part(&upload, &part(late, &body), &body).0);
            let before = world.rows(b"");
            assert!(!world.commit(change), "part {late}");
            assert_eq!(world.rows(b""), before);
        }
    }
}

#[test]
fn no_part_is_taken_and_no_second_end_made_once_an_upload_is_closed() {
    for give_up in [true, false] {
        let (world, bucket, upload) = with_parts([1, 2].into_iter());
        let parts = world.parts(&id());
        let (abort, _) = plan_abort_upload(&upload, &parts);
        let (completion, _) = complete(&bucket.value, &upload, &parts);
        let body = body(BodyAt::Blob, 100, 5);
        let (late, _) = world.plan_part(&upload, &part(3, &body), &body);
        let (first, second) = if give_up { (abort, completion) } else { (completion, abort) };
        world.must(first);
        assert!(!world.commit(second));
        assert!(!world.commit(late));
        assert!(world.rows(b"p/").is_empty() && world.rows(b"q/").is_empty());
    }
}

#[test]
fn completing_does_not_overwrite_an_object_that_came_in_between() {
    let (world, bucket, upload) = with_parts([1].into_iter());
    let (change, _) = complete(&bucket.value, &upload, &world.parts(&id()));
    world.must(world.plan_put(&bucket, &object("k", 1), &catalog::NewBody::Empty).0);
    assert!(!world.commit(change));
}

#[test]
fn ten_thousand_parts_are_one_change_with_only_the_ends_to_be_vacant() {
    let (world, bucket, upload) = with_parts(1..=limits::PART_NUMBER_MAX);
    let parts = world.parts(&id());
    assert_eq!(parts.len(), usize::from(limits::PART_NUMBER_MAX));
    let began = Instant::now();
    let (change, garbage) = complete(&bucket.value, &upload, &parts);
    assert_eq!(vacant_conditions(&change), 2);
    assert!(garbage.is_empty());
    world.must(change);
    assert!(began.elapsed().as_secs() < 5, "planning is not linear");
    assert!(world.rows(b"q/").is_empty());
    assert_eq!(world.rows(b"R/").len(), usize::from(limits::PART_NUMBER_MAX));
}

#[test]
fn parts_come_by_number_page_by_page() {
    let (world, _, _) = with_parts([1, 2, 255, 256, 257, 9_999, 10_000].into_iter());
    let mut numbers = vec![];
    let mut after = 0;
    loop {
        let (page, more) = crate::world::now(world.catalog.parts(&id(), after, 2)).unwrap();
        assert!(page.len() <= 2);
        numbers.extend(page.iter().map(|p| p.value.number));
        after = *numbers.last().unwrap();
        if !more {
            break;
        }
    }
    assert_eq!(numbers, [1, 2, 255, 256, 257, 9_999, 10_000]);
}
