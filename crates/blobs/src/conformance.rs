//! What every store of bodies promises, one function a promise. Each panics, saying what was broken.
//!
//! A store passes [`all`], and [`any_range_of_any_body_is_its_slice`] on inputs drawn at random. What only a store with a
//! device can break (syncs, crashes, damage) is tested beside it.
//!
//! The functions may run on a store that holds other blobs, but nobody else may change it meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use model::BlobId;

use crate::{BlobRef, Blobs, Error, MAX_CHUNK_BYTES, Reader};

/// Lengths at which a store is likely to change what it does.
const LENGTHS: [usize; 12] =
    [0, 1, 4096, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 524_288, 1_048_577, 3_000_000];

/// Every promise that needs no random input.
pub async fn all(store: &dyn Blobs) {
    what_was_published_is_read_back(store).await;
    every_edge_of_a_block_is_a_good_edge_of_a_range(store).await;
    nothing_is_there_before_it_is_published(store).await;
    a_staged_body_that_is_dropped_leaves_nothing(store).await;
    ids_are_fresh_and_of_this_epoch(store).await;
    uploads_at_the_same_time_do_not_mix(store).await;
    a_deleted_blob_is_missing_and_deleting_it_again_is_no_error(store).await;
    a_reader_goes_on_when_its_blob_is_deleted(store).await;
    another_length_or_checksum_than_published_is_damage(store).await;
    a_range_outside_the_body_is_refused(store).await;
    pages_of_a_listing_are_in_order_and_complete(store).await;
}

/// `len` bytes that depend on `seed`, with no period near a block's length.
pub fn body(seed: u64, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = vec![0; len];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&next()[..chunk.len()]);
    }
    bytes.into()
}

/// Publishes `body`, handed over in pieces of the lengths `pieces`, over and over (none: in one).
pub async fn publish(store: &dyn Blobs, body: &Bytes, pieces: &[usize]) -> Result<BlobRef, Error> {
    let mut staged = store.stage().await?;
    let mut rest = body.clone();
    let mut lengths = pieces.iter().copied().cycle();
    while !rest.is_empty() {
        let len = lengths.next().unwrap_or(rest.len()).clamp(1, rest.len());
        staged.write(rest.split_to(len)).await?;
    }
    staged.publish().await
}

/// Reads `range` of `blob` to its end, and checks that no chunk is empty or too long.
pub async fn read(store: &dyn Blobs, blob: BlobRef, range: Range<u64>) -> Result<Vec<u8>, Error> {
    drain(&mut *store.open(blob, range).await?).await
}

async fn drain(reader: &mut dyn Reader) -> Result<Vec<u8>, Error> {
    let mut read = Vec::new();
    while let Some(chunk) = reader.next().await? {
        assert!(!chunk.is_empty(), "an empty chunk was handed out");
        assert!(chunk.len() <= MAX_CHUNK_BYTES, "a chunk of {} bytes was handed out", chunk.len());
        read.extend_from_slice(&chunk);
    }
    assert!(reader.next().await?.is_none(), "something followed the end");
    Ok(read)
}

async fn ids(store: &dyn Blobs) -> BTreeSet<BlobId> {
    store.list(None, usize::MAX).await.expect("the blobs are listed").into_iter().collect()
}

async fn published(store: &dyn Blobs, body: &Bytes) -> BlobRef {
    publish(store, body, &[]).await.expect("the body is published")
}

/// For any body, handed over in any pieces, any range reads as the slice of what was written.
pub async fn any_range_of_any_body_is_its_slice(
    store: &dyn Blobs,
    body: &Bytes,
    pieces: &[usize],
    ranges: &[Range<u64>],
) {
    let blob = publish(store, body, pieces).await.expect("the body is published");
    for range in ranges {
        let found = read(store, blob, range.clone()).await.expect("the range is read");
        let (start, end) = (range.start as usize, range.end as usize);
        assert!(found == body[start..end], "{range:?} of {} bytes is not what was written", body.len());
    }
    store.delete(blob.id).await.expect("the blob is deleted");
}

/// A body reads as it was written, its reference says its length and CRC-64/NVME, and nothing changes it.
pub async fn what_was_published_is_read_back(store: &dyn Blobs) {
    let mut all = Vec::new();
    for (seed, len) in (1..).zip(LENGTHS) {
        let body = body(seed, len);
        let blob = publish(store, &body, &[1000, 70_000]).await.expect("the body is published");
        assert_eq!(blob.len, len as u64);
        assert_eq!(blob.crc64, crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &body));
        all.push((blob, body));
    }
    for (blob, body) in all {
        for _ in 0..2 {
            assert!(read(store, blob, 0..blob.len).await.expect("the body is read") == body, "{} bytes", blob.len);
        }
    }
}

/// Ranges that begin or end at, before or after a multiple of 64 KiB, and empty ones.
pub async fn every_edge_of_a_block_is_a_good_edge_of_a_range(store: &dyn Blobs) {
    let body = body(7, 5 * 65_536 + 100);
    let len = body.len() as u64;
    let edges: BTreeSet<u64> = (0..=5u64)
        .flat_map(|block| [(block * 65_536).saturating_sub(1), block * 65_536, block * 65_536 + 1])
        .chain([len - 1, len])
        .collect();
    let ranges: Vec<Range<u64>> =
        edges.iter().flat_map(|start| edges.range(start..).map(move |end| *start..*end)).collect();
    any_range_of_any_body_is_its_slice(store, &body, &[], &ranges).await;
}

/// While a body is written, a listing does not show it.
pub async fn nothing_is_there_before_it_is_published(store: &dyn Blobs) {
    let before = ids(store).await;
    let mut staged = store.stage().await.expect("a body is begun");
    for seed in 0..4 {
        staged.write(body(seed, 400_000)).await.expect("bytes are accepted");
        assert_eq!(ids(store).await, before, "a body that is not published is listed");
    }
    let blob = staged.publish().await.expect("the body is published");
    let added: Vec<BlobId> = ids(store).await.difference(&before).copied().collect();
    assert_eq!(added, [blob.id]);
}

/// An upload that breaks off leaves no blob.
pub async fn a_staged_body_that_is_dropped_leaves_nothing(store: &dyn Blobs) {
    let before = ids(store).await;
    for len in [0, 10, 3_000_000] {
        let mut staged = store.stage().await.expect("a body is begun");
        staged.write(body(1, len)).await.expect("bytes are accepted");
        drop(staged);
    }
    assert_eq!(ids(store).await, before);
}

/// No two blobs have one id, not even if they are equal or the first was deleted; and ids tell the epoch.
pub async fn ids_are_fresh_and_of_this_epoch(store: &dyn Blobs) {
    let mut seen = ids(store).await;
    for _ in 0..10 {
        let blob = published(store, &body(1, 100)).await;
        assert!(seen.insert(blob.id), "{} was given out twice", blob.id);
        assert_eq!(blob.id.epoch(), store.epoch());
        store.delete(blob.id).await.expect("the blob is deleted");
    }
}

/// Uploads that take turns each get their own bytes.
pub async fn uploads_at_the_same_time_do_not_mix(store: &dyn Blobs) {
    let bodies: Vec<Bytes> = (0..4).map(|n| body(n, 700_000 + n as usize)).collect();
    let mut staged = Vec::new();
    for _ in &bodies {
        staged.push(store.stage().await.expect("a body is begun"));
    }
    for at in (0..700_000).step_by(50_000) {
        for (staged, body) in staged.iter_mut().zip(&bodies) {
            let end = if at + 50_000 == 700_000 { body.len() } else { at + 50_000 };
            staged.write(body.slice(at..end)).await.expect("bytes are accepted");
        }
    }
    for (staged, body) in staged.into_iter().zip(&bodies) {
        let blob = staged.publish().await.expect("the body is published");
        assert!(read(store, blob, 0..blob.len).await.expect("the body is read") == *body);
    }
}

/// Deleting removes one blob and no other, and can be repeated.
pub async fn a_deleted_blob_is_missing_and_deleting_it_again_is_no_error(store: &dyn Blobs) {
    let (kept, gone) = (published(store, &body(1, 100)).await, published(store, &body(2, 100)).await);
    let before = ids(store).await;
    for _ in 0..2 {
        store.delete(gone.id).await.expect("deleting is no error");
        for range in [0..100, 0..0] {
            assert!(matches!(store.open(gone, range).await.err(), Some(Error::Missing(id)) if id == gone.id));
        }
    }
    let removed: Vec<BlobId> = before.difference(&ids(store).await).copied().collect();
    assert_eq!(removed, [gone.id]);
    read(store, kept, 0..100).await.expect("the other is still there");
    store.delete(BlobId::from_bytes([0xee; 16])).await.expect("a blob that never was is no error");
}

/// Whoever opened a blob reads it to the end.
pub async fn a_reader_goes_on_when_its_blob_is_deleted(store: &dyn Blobs) {
    let body = body(3, 1_000_000);
    let blob = published(store, &body).await;
    let mut reader = store.open(blob, 0..blob.len).await.expect("the body is opened");
    let first = reader.next().await.expect("a chunk is read").expect("there is one");
    store.delete(blob.id).await.expect("the blob is deleted");
    let rest = drain(&mut *reader).await.expect("the rest is read");
    assert!([&first[..], &rest[..]].concat() == body);
}

/// A reference that does not fit what is stored opens nothing, not even an empty range.
pub async fn another_length_or_checksum_than_published_is_damage(store: &dyn Blobs) {
    let blob = published(store, &body(1, 1000)).await;
    let wrong = [
        BlobRef { len: 999, ..blob },
        BlobRef { len: 1001, ..blob },
        BlobRef { len: 70_000, ..blob },
        BlobRef { len: u64::MAX, ..blob },
        BlobRef { crc64: !blob.crc64, ..blob },
    ];
    for wrong in wrong {
        for range in [0..1, 0..0] {
            let found = store.open(wrong, range).await.err();
            assert!(matches!(&found, Some(Error::Corrupt { id, .. }) if *id == blob.id), "{wrong:?}: {found:?}");
        }
    }
}

/// What lies outside is an error and not a shorter answer.
pub async fn a_range_outside_the_body_is_refused(store: &dyn Blobs) {
    let blob = published(store, &body(1, 1000)).await;
    for (start, end) in [(0, 1001), (1000, 1001), (1001, 1001), (600, 400), (0, u64::MAX)] {
        assert!(matches!(store.open(blob, start..end).await.err(), Some(Error::Io(_))), "{start}..{end}");
    }
}

/// Pages of any size, one after the other, are the whole, in order, and without what is deleted in between.
pub async fn pages_of_a_listing_are_in_order_and_complete(store: &dyn Blobs) {
    for seed in 0..20 {
        published(store, &body(seed, 10)).await;
    }
    let all: Vec<BlobId> = ids(store).await.into_iter().collect();
    assert_eq!(store.list(None, usize::MAX).await.expect("the blobs are listed"), all);
    assert!(store.list(None, 0).await.expect("the blobs are listed").is_empty());
    for limit in [1, 7, all.len(), all.len() + 1] {
        let mut seen = Vec::new();
        loop {
            let page = store.list(seen.last().copied(), limit).await.expect("the blobs are listed");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, all, "in pages of {limit}");
    }
    let first = store.list(None, 1).await.expect("the blobs are listed");
    store.delete(all[1]).await.expect("the blob is deleted");
    assert_eq!(store.list(first.last().copied(), 1).await.expect("the blobs are listed"), all[2..3]);
}
