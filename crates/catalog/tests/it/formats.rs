//! Holds the stored forms to what was released: `tests/golden/v1.txt` has one row a line, as name, key, value in
//! hexadecimal (`-`: empty). A line may be added; one that changes breaks every store there is.

use bytes::Bytes;
use catalog::{
    BodyAt, CompletedUpload, ContentHeaders, Error, Manifest, ManifestPart, NewBody, Object, ObjectSlot, Part, Piece,
    Upload, plan_begin_upload, plan_complete_upload, plan_create_bucket, plan_put_bucket_tags,
};
use kv::{Change, Key, Write};
use model::{
    BlobId, Bucket, Checksum, ChecksumAlgorithm, ChecksumKind, Grantee, Group, ObjectOwnership, Permission,
    PublicAccessBlock, TagSet, UploadId,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{World, acl, body, bucket, canonical, key, name, now, object, part, upload};

const GOLDEN: &str = include_str!("../golden/v1.txt");

fn checksum(algorithm: ChecksumAlgorithm, parts: Option<u16>) -> Checksum {
    let kind = if parts.is_some() { ChecksumKind::Composite } else { ChecksumKind::FullObject };
    Checksum { algorithm, kind, value: vec![0x5A; algorithm.len()].into(), parts }
}

fn headers() -> ContentHeaders {
    let text = |text: &str| Some(text.to_owned());
    ContentHeaders {
        content_type: text("application/x-tar"),
        cache_control: text("no-cache"),
        content_disposition: text("attachment"),
        content_encoding: text("gzip"),
        content_language: text("en"),
        expires: text("Wed, 17 Nov 2010 00:00:00 GMT"),
        website_redirect: text("/elsewhere"),
    }
}

fn upload_id() -> UploadId {
    UploadId::from_parts(1_289_952_000_123, 7)
}

fn plain_bucket() -> Bucket {
    bucket("myproject", 1)
}

fn full_bucket() -> Bucket {
    Bucket {
        incarnation: u64::MAX,
        acl: acl(&[
            (Grantee::Account(canonical(2)), Permission::Write),
            (Grantee::Account(canonical(2)), Permission::ReadAcp),
            (Grantee::Group(Group::AllUsers), Permission::Read),
            (Grantee::Group(Group::AuthenticatedUsers), Permission::WriteAcp),
            (Grantee::Group(Group::LogDelivery), Permission::FullControl),
        ]),
        ownership: Some(ObjectOwnership::BucketOwnerPreferred),
        public_access_block: Some(PublicAccessBlock { block_public_acls: false, ..PublicAccessBlock::ALL }),
        ..bucket("myproject.example.com", 1)
    }
}

fn small() -> (Object, NewBody) {
    let body = body(BodyAt::Inline, 3, 5);
    (Object { len: 5, piece: body.piece(), ..object("dump.tar", 1) }, body)
}

fn large() -> (Object, NewBody) {
    let body = body(BodyAt::Blob, 4, 70_000);
    let object = Object {
        owner: canonical(2),
        acl: acl(&[(Grantee::Account(canonical(1)), Permission::Read)]),
        len: 70_000,
        checksum: Some(checksum(ChecksumAlgorithm::Crc64Nvme, None)),
        headers: headers(),
        metadata: vec![("a".into(), "1".into()), ("б".into(), String::new())],
        piece: body.piece(),
        cause: String::new(),
        ..object("a\0b/ключ", 1)
    };
    (object, body)
}

fn tags() -> TagSet {
    TagSet::of_object(vec![("project".into(), "myproject".into()), ("б".into(), String::new())]).unwrap()
}

fn tagged() -> (Object, NewBody) {
    (Object { tags: tags(), ..object("tagged", 1) }, NewBody::Empty)
}

fn tagged_upload() -> Upload {
    Upload { tags: tags(), ..upload("myproject", "tagged", 2, upload_id()) }
}

fn manifest() -> Manifest {
    let piece = |number| Piece { at: BodyAt::Blob, id: BlobId::from_parts(1, number), len: 6_000_000, crc64: u64::MAX };
    Manifest(vec![
        ManifestPart { number: 1, piece: Some(piece(5)), checksum: Some(checksum(ChecksumAlgorithm::Sha256, None)) },
        ManifestPart { number: 10_000, piece: None, checksum: None },
    ])
}

fn composite() -> Object {
    Object {
        len: 6_000_000,
        checksum: Some(checksum(ChecksumAlgorithm::Sha256, Some(2))),
        manifest: Some((BlobId::from_parts(1, 5), 2)),
        cause: "operator".into(),
        ..object("composite", 1)
    }
}

fn plain_upload() -> Upload {
    upload("myproject", "composite", 2, upload_id())
}

fn full_upload() -> Upload {
    Upload {
        owner: canonical(1),
        checksum: Some((ChecksumAlgorithm::Sha1, ChecksumKind::Composite)),
        headers: headers(),
        metadata: vec![("a".into(), "1".into())],
        ..upload("myproject", "a\0b", 2, upload_id())
    }
}

fn parts() -> [(Part, NewBody); 2] {
    let body = body(BodyAt::Blob, 6, 5);
    let checksum = Some(checksum(ChecksumAlgorithm::Crc32, None));
    [(Part { checksum, ..part(1, &body) }, body), (part(10_000, &NewBody::Empty), NewBody::Empty)]
}

/// Every kind of row, as the plans write it.
fn rows() -> Vec<(String, Key, Bytes)> {
    let world = World::new();
    let mut changes = vec![("bucket", plan_create_bucket(&plain_bucket()))];
    changes.push(("bucket-2", plan_create_bucket(&full_bucket())));
    changes.iter().for_each(|(_, change)| world.must(change.clone()));
    let stored = world.bucket(&name("myproject")).unwrap();
    for (name, (object, body)) in [("object", small()), ("object-2", large()), ("object-4", tagged())] {
        let (mut change, _) = world.plan_put(&stored, &object, &body);
        change.require.clear();
        changes.push((name, change));
    }
    changes.push(("upload", plan_begin_upload(&plain_upload())));
    changes.push(("upload-2", plan_begin_upload(&full_upload())));
    changes.push(("upload-3", plan_begin_upload(&tagged_upload())));
    changes.push(("bucket-tags", plan_put_bucket_tags(&stored, &tags())));
    let begun = world.begun(&plain_upload());
    for (name, (part, body)) in ["part", "part-2"].into_iter().zip(parts()) {
        changes.push((name, world.plan_part(&begun, &part, &body).0));
    }
    let place = key("composite");
    let slot = ObjectSlot { bucket: &stored.value, key: &place, old: None };
    let (used, manifest, object) = (Default::default(), manifest(), composite());
    let done = CompletedUpload { upload: &begun, parts: &[], used: &used, manifest: &manifest, object: &object };
    changes.push(("object-3", plan_complete_upload(&slot, &done).0));
    changes.into_iter().flat_map(|(name, change)| puts(name, change)).collect()
}

fn puts(name: &str, change: Change) -> impl Iterator<Item = (String, Key, Bytes)> {
    let puts = change.write.into_iter().filter_map(|write| match write {
        Write::Put(key, value) => Some((key, value)),
        Write::Delete(_) | Write::Add { .. } | Write::Append { .. } => None,
    });
    let name = name.to_owned();
    puts.enumerate().map(move |(n, (key, value))| (format!("{name}/{n}"), key, value))
}

fn golden() -> Vec<(String, Key, Bytes)> {
    let bytes = |text: &str| Bytes::from(if text == "-" { vec![] } else { hex::decode(text).unwrap() });
    let row = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [name, key, value] => (name.to_owned(), bytes(key), bytes(value)),
        _ => panic!("{line}"),
    };
    GOLDEN.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

#[test]
fn rows_are_written_as_they_always_were() {
    let golden = golden();
    let hex = |bytes: &[u8]| if bytes.is_empty() { "-".into() } else { hex::encode(bytes) };
    let missing = rows().into_iter().filter(|row| !golden.contains(row));
    let lines: Vec<_> = missing.map(|(name, key, value)| format!("{name} {} {}", hex(&key), hex(&value))).collect();
    assert!(lines.is_empty(), "not in v1.txt:\n{}", lines.join("\n"));
}

/// A store that holds the golden rows.
fn released() -> World {
    let world = World::new();
    golden().into_iter().for_each(|(_, key, value)| world.put_raw(key, value));
    world
}

#[test]
fn rows_are_read_as_they_always_were() {
    let world = released();
    let stored = world.bucket(&name("myproject")).unwrap().value;
    assert_eq!(*stored, plain_bucket());
    assert_eq!(*world.bucket(&full_bucket().name).unwrap().value, full_bucket());
    for object in [small().0, large().0, composite(), tagged().0] {
        assert_eq!(*world.object(&stored, &object.key).unwrap().value, object);
    }
    let read = now(world.catalog.manifest(&BlobId::from_parts(1, 5))).unwrap().unwrap().value;
    assert_eq!(*read, manifest());
    for upload in [plain_upload(), full_upload(), tagged_upload()] {
        assert_eq!(*world.upload(&stored, &upload.key, &upload.id).unwrap().value, upload);
    }
    assert_eq!(now(world.catalog.bucket_tags(&stored)).unwrap(), tags());
    let later = Bucket { incarnation: stored.incarnation + 1, ..Bucket::clone(&stored) };
    assert!(now(world.catalog.bucket_tags(&later)).unwrap().is_empty());
    let read: Vec<_> = world.parts(&upload_id()).into_iter().map(|p| Part::clone(&p.value)).collect();
    assert_eq!(read, parts().map(|(part, _)| part));
    assert_eq!(now(world.catalog.inline(&small().0.piece.unwrap())).unwrap().unwrap().value, "xxxxx");
    let owned = now(world.catalog.owned_buckets(&stored.owner)).unwrap();
    assert_eq!(owned, [name("myproject"), name("myproject.example.com")]);
    let named = now(world.catalog.named(&[4, 6, 99].map(|n| BlobId::from_parts(1, n)))).unwrap();
    assert_eq!(named, [true, true, false]);
}

/// Reads the row `name` with `value` in its place: whether it is refused, naming its key.
fn refused(name: &str, at: &Key, value: Bytes) -> bool {
    let world = World::new();
    world.put_raw(at.clone(), value);
    let catalog = &world.catalog;
    let bucket = crate::world::name("myproject");
    let result = match name {
        "bucket/0" => now(catalog.bucket(&bucket)).map(drop),
        "bucket-2/0" => now(catalog.bucket(&full_bucket().name)).map(drop),
        "object/1" => now(catalog.object(&bucket, &small().0.key)).map(drop),
        "object-2/1" => now(catalog.object(&bucket, &large().0.key)).map(drop),
        "object-4/0" => now(catalog.object(&bucket, &tagged().0.key)).map(drop),
        "object-3/0" => now(catalog.object(&bucket, &composite().key)).map(drop),
        "object-3/1" => now(catalog.manifest(&BlobId::from_parts(1, 5))).map(drop),
        "upload/0" => now(catalog.upload(&bucket, &plain_upload().key, &upload_id())).map(drop),
        "upload-2/0" => now(catalog.upload(&bucket, &full_upload().key, &upload_id())).map(drop),
        "upload-3/0" => now(catalog.upload(&bucket, &tagged_upload().key, &upload_id())).map(drop),
        "bucket-tags/0" => now(catalog.bucket_tags(&plain_bucket())).map(drop),
        "part/1" => now(catalog.part(&upload_id(), 1)).map(drop),
        "part-2/0" => now(catalog.part(&upload_id(), 10_000)).map(drop),
        other => panic!("no reader for {other}"),
    };
    match result {
        Ok(()) => false,
        Err(Error::Corrupt { key, .. }) => {
            assert_eq!(key, at.escape_ascii().to_string());
            true
        }
        Err(other) => panic!("{other}"),
    }
}

/// The rows that hold a record; the others are an index, or bodies.
fn records() -> impl Iterator<Item = (String, Key, Bytes)> {
    golden().into_iter().filter(|(_, key, value)| !value.is_empty() && key[0] != b'D')
}

#[test]
fn a_record_that_is_cut_lengthened_or_of_another_version_is_damaged() {
    for (name, at, value) in records() {
        assert!(!refused(&name, &at, value.clone()), "{name}");
        for cut in 0..value.len() {
            assert!(refused(&name, &at, value.slice(..cut)), "{name} cut at {cut}");
        }
        assert!(refused(&name, &at, [&value[..], &[0]].concat().into()), "{name} lengthened");
        // The version is field 0: a map header, then 00 01.
        let version = value.windows(2).position(|w| w == [0, 1]).unwrap() + 1;
        for other in [0, 2, 23] {
            let mut altered = value.to_vec();
            altered[version] = other;
            assert!(refused(&name, &at, altered.into()), "{name} of version {other}");
        }
    }
}

#[test]
fn no_altered_byte_makes_a_reader_panic() {
    for (name, at, value) in records() {
        for place in 0..value.len() {
            for byte in [0, 1, 0x17, 0x18, 0x1B, 0x3B, 0x5B, 0x7F, 0x80, 0x9F, 0xBF, 0xF6, 0xFF] {
                let mut altered = value.to_vec();
                altered[place] = byte;
                refused(&name, &at, altered.into());
            }
        }
    }
}

#[test]
fn a_body_of_another_length_than_recorded_is_damage() {
    let (object, _) = small();
    let piece = object.piece.unwrap();
    let world = released();
    let longer = Piece { len: piece.len + 1, ..piece };
    assert!(matches!(now(world.catalog.inline(&longer)), Err(Error::Corrupt { .. })));
    let bucket = world.bucket(&name("myproject")).unwrap();
    for wrong in [
        Object { len: 6, ..object.clone() },
        Object { piece: None, ..object.clone() },
        Object { manifest: Some((piece.id, 1)), ..object.clone() },
    ] {
        world.must(world.plan_put(&bucket, &wrong, &NewBody::Empty).0);
        let read = now(world.catalog.object(&bucket.value.name, &object.key));
        assert!(matches!(read, Err(Error::Corrupt { .. })), "{wrong:?}");
        world.must(Change { require: vec![], write: vec![Write::Delete(b"o/myproject\0dump.tar"[..].into())] });
    }
}

fn texts() -> impl Strategy<Value = String> {
    "\\PC{0,8}"
}

prop_compose! {
    fn all_headers()(h in prop::array::uniform7(option::of(texts()))) -> ContentHeaders {
        let [content_type, cache_control, content_disposition, content_encoding, content_language, expires, redirect] = h;
        ContentHeaders {
            content_type,
            cache_control,
            content_disposition,
            content_encoding,
            content_language,
            expires,
            website_redirect: redirect,
        }
    }
}

prop_compose! {
    fn objects()(
        text in "(?s).{1,20}",
        len in prop_oneof![Just(0), 1..1000u64],
        crc64 in any::<u64>(),
        at in select(vec![BodyAt::Inline, BodyAt::Blob]),
        checksum in option::of((select(&ChecksumAlgorithm::ALL[..]), option::of(1..=10_000u16))),
        headers in all_headers(),
        metadata in prop::collection::vec((texts(), texts()), 0..4),
        owner in 0..3u8,
        grants in prop::collection::vec((0..3u8, select(&Permission::ALL[..])), 0..5),
        tags in prop::collection::btree_map("[a-z ]{1,8}", "[a-z :]{0,8}", 0..=10usize),
        version in option::of("[0-9a-f]{32}"),
        modified in any::<u64>(),
        cause in texts(),
    ) -> (Object, NewBody) {
        let body = if len == 0 { NewBody::Empty } else {
            match body(at, 3, len) {
                NewBody::Inline(piece, bytes) => NewBody::Inline(Piece { crc64, ..piece }, bytes),
                other => other,
            }
        };
        let grants: Vec<_> = grants.into_iter().map(|(n, p)| (Grantee::Account(canonical(n)), p)).collect();
        let object = Object {
            acl: acl(&grants),
            len,
            checksum: checksum.map(|(algorithm, parts)| self::checksum(algorithm, parts)),
            headers,
            metadata,
            tags: TagSet::of_object(tags.into_iter().collect()).unwrap(),
            version: version.map(|v| model::VersionId::new(&v).unwrap()),
            modified: model::Timestamp::from_millis(modified),
            piece: body.piece(),
            cause,
            ..object(&text, owner)
        };
        (object, body)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_stored_is_read_back((object, body) in objects()) {
        let world = World::new();
        let bucket = world.with_bucket("myproject", 0);
        world.must(world.plan_put(&bucket, &object, &body).0);
        prop_assert_eq!(&*world.object(&bucket.value, &object.key).unwrap().value, &object);
        let id = UploadId::from_parts(object.modified.millis(), 1);
        let upload = Upload {
            acl: object.acl.clone(),
            owner: object.owner.clone(),
            checksum: object.checksum.as_ref().map(|c| (c.algorithm, c.kind)),
            headers: object.headers.clone(),
            metadata: object.metadata.clone(),
            tags: object.tags.clone(),
            began: object.modified,
            cause: object.cause.clone(),
            ..upload("myproject", object.key.as_str(), 1, id)
        };
        let begun = world.begun(&upload);
        prop_assert_eq!(&*begun.value, &upload);
        let part = Part { checksum: object.checksum, cause: object.cause, ..part(9, &body) };
        world.must(world.plan_part(&begun, &part, &body).0);
        prop_assert_eq!(&*world.parts(&upload.id)[0].value, &part);
    }
}
