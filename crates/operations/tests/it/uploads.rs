//! Multipart uploads.

use model::{Checksum, ChecksumAlgorithm, ChecksumKind, limits};
use operations::{
    AclInput, BeginUpload, CompleteUpload, Context, Described, Error, NamedPart, PartTarget, PartWritten, Wanted,
    WriteConditions, Written,
};
use proptest::prelude::*;

use crate::world::{Sent, World, key, read};

const LARGE: usize = limits::PART_MIN_BYTES as usize;

pub async fn begin(world: &World, ctx: &Context, object: &str) -> Result<String, Error> {
    let object = key(object);
    let begin = BeginUpload {
        bucket: &world.bucket,
        key: &object,
        described: Described::default(),
        acl: AclInput::Default,
        checksum: None,
    };
    world.store.begin_upload(&mut ctx.clone(), begin).await.map(|id| id.to_string())
}

pub async fn part(
    world: &World,
    ctx: &Context,
    (object, upload): (&str, &str),
    number: u16,
    body: &[u8],
) -> Result<PartWritten, Error> {
    let object = key(object);
    let target = PartTarget { bucket: &world.bucket, key: &object, upload, number };
    world.store.put_part(&mut ctx.clone(), target, None, &mut Sent::of(body)).await
}

pub async fn complete(
    world: &World,
    ctx: &Context,
    (object, upload): (&str, &str),
    parts: &[(u16, &PartWritten)],
) -> Result<Written, Error> {
    let parts = parts.iter().map(|(number, part)| NamedPart {
        number: *number,
        etag: part.etag.to_string(),
        checksum: part.checksum.as_ref().map(|c| (c.algorithm, c.value.to_vec())),
    });
    let complete = CompleteUpload {
        bucket: &world.bucket,
        key: &key(object),
        upload,
        parts: parts.collect(),
        checksum: None,
        kind: None,
        size: None,
        conditions: WriteConditions::default(),
    };
    world.store.complete_upload(&mut ctx.clone(), complete).await
}

#[tokio::test]
async fn parts_become_one_object_and_what_was_not_named_is_gone() {
    let world = World::new().await;
    let (object, guest) = ("big", &world.guest);
    let upload = begin(&world, guest, object).await.unwrap();
    let at = (object, upload.as_str());
    let first: Vec<u8> = (0..LARGE).map(|i| (i / 7) as u8).collect();
    part(&world, guest, at, 1, b"replaced").await.unwrap();
    let one = part(&world, guest, at, 1, &first).await.unwrap();
    let two = part(&world, guest, at, 2, b"left out").await.unwrap();
    let three = part(&world, guest, at, 3, b"the end").await.unwrap();
    assert!(matches!(world.get(guest, object).await, Err(Error::NoSuchKey)));

    let refused = complete(&world, guest, at, &[(3, &three), (1, &one)]).await;
    assert!(matches!(refused, Err(Error::InvalidPartOrder)), "{refused:?}");
    let refused = complete(&world, guest, at, &[(1, &one), (3, &two)]).await;
    assert!(matches!(refused, Err(Error::InvalidPart)), "{refused:?}");
    let refused = complete(&world, guest, at, &[(2, &two), (3, &three)]).await;
    assert!(matches!(refused, Err(Error::EntityTooSmall)), "{refused:?}");

    let done = complete(&world, guest, at, &[(1, &one), (3, &three)]).await.unwrap();
    let whole = [&first[..], b"the end"].concat();
    assert!(done.etag.as_str().ends_with("-2") && done.len == whole.len() as u64);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &whole).to_be_bytes();
    let checksum = done.checksum.unwrap();
    assert_eq!((checksum.kind, &checksum.value[..]), (ChecksumKind::FullObject, &crc[..]));
    assert_eq!(world.get(&world.owner, object).await.unwrap(), whole);
    let across = Wanted::FromTo(LARGE as u64 - 3, LARGE as u64 + 2);
    let got = read(&world.store, guest, &world.bucket, object, across).await.unwrap();
    assert_eq!(got, whole[LARGE - 3..LARGE + 3]);
    let last = read(&world.store, guest, &world.bucket, object, Wanted::Part(2)).await.unwrap();
    assert_eq!(last, b"the end");
    assert!(matches!(part(&world, guest, at, 4, b"late").await, Err(Error::NoSuchUpload)));
    world.delete(&world.owner, object).await.unwrap();
    assert!(blobs::Blobs::list(&*world.blobs, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_is_its_initiators_and_the_owners() {
    let world = World::new().await;
    let (_, vendor) = world.share("read-write").await;
    let upload = begin(&world, &world.guest, "k").await.unwrap();
    let at = ("k", upload.as_str());
    assert!(matches!(part(&world, &vendor, at, 1, b"x").await, Err(Error::AccessDenied(_))));
    let mut abort = vendor.clone();
    let refused = world.store.abort_upload(&mut abort, &world.bucket, &key("k"), &upload).await;
    assert!(matches!(refused, Err(Error::AccessDenied(_))), "{refused:?}");
    part(&world, &world.guest, at, 1, &[1; 1000]).await.unwrap();
    world.store.abort_upload(&mut world.owner.clone(), &world.bucket, &key("k"), &upload).await.unwrap();
    assert!(blobs::Blobs::list(&*world.blobs, None, 10).await.unwrap().is_empty());
    assert!(matches!(part(&world, &world.guest, at, 2, b"x").await, Err(Error::NoSuchUpload)));
    assert!(matches!(begin(&world, &crate::world::anonymous(), "k").await, Err(Error::AccessDenied(_))));
}

#[tokio::test]
async fn a_removed_bucket_takes_its_unfinished_uploads_along() {
    let world = World::new().await;
    let upload = begin(&world, &world.guest, "k").await.unwrap();
    part(&world, &world.guest, ("k", &upload), 1, &[1; 1000]).await.unwrap();
    world.store.delete_bucket(&mut world.owner.clone(), &world.bucket).await.unwrap();
    assert!(blobs::Blobs::list(&*world.blobs, None, 10).await.unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn the_checksum_kept_is_of_the_bytes_kept(tail in prop::collection::vec(any::<u8>(), 0..400), crc32: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let algorithm = if crc32 { ChecksumAlgorithm::Crc32 } else { ChecksumAlgorithm::Crc32c };
            let object = key("k");
            let begin = BeginUpload {
                bucket: &world.bucket, key: &object, described: Described::default(), acl: AclInput::Default,
                checksum: Some((algorithm, ChecksumKind::FullObject)),
            };
            let upload = world.store.begin_upload(&mut world.owner.clone(), begin).await.unwrap().to_string();
            let head = vec![5; LARGE];
            let one = part(&world, &world.owner, ("k", &upload), 1, &head).await.unwrap();
            let two = part(&world, &world.owner, ("k", &upload), 2, &tail).await.unwrap();
            let done = complete(&world, &world.owner, ("k", &upload), &[(1, &one), (2, &two)]).await.unwrap();
            let whole = [&head[..], &tail].concat();
            let crc = if crc32 { crc_fast::CrcAlgorithm::Crc32IsoHdlc } else { crc_fast::CrcAlgorithm::Crc32Iscsi };
            let value = crc_fast::checksum(crc, &whole).to_be_bytes()[4..].into();
            assert_eq!(done.checksum, Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: None }));
        });
    }
}
