//! Whatever happens to a published file, what is read is what was written, or nothing.

use std::os::unix::fs::FileExt as _;

use super::*;
use crate::conformance::{body, publish, read};

fn writable(path: &Path) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}

fn is_corrupt<T>(result: &Result<T, Error>, id: BlobId) -> bool {
    matches!(result, Err(Error::Corrupt { id: found, .. }) if *found == id)
}

/// Reads all that is handed out, and how it ended.
async fn read_until_error(store: &LocalDisk, blob: BlobRef) -> (Vec<u8>, Result<(), Error>) {
    let mut read = Vec::new();
    let mut reader = match store.open(blob, 0..blob.len).await {
        Ok(reader) => reader,
        Err(error) => return (read, Err(error)),
    };
    loop {
        match reader.next().await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk),
            Ok(None) => return (read, Ok(())),
            Err(error) => {
                assert!(reader.next().await.is_err(), "a reader that failed goes on");
                return (read, Err(error));
            }
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_is_found_wherever_it_is_and_nothing_of_its_block_is_handed_out() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    let body = body(5, 6 * format::BLOCK + 77);
    let blob = publish(&store, &body, &[]).await.unwrap();
    let path = file_of(dir.path(), blob.id);
    let len = fs::metadata(&path).unwrap().len();
    let block_len = format::STORED_BLOCK as u64;

    let in_header = 0..format::HEADER as u64;
    let in_blocks = (0..=6).flat_map(|block| {
        let start = format::block_at(block);
        let end = (start + block_len).min(len);
        [start, start + 40, (start + end) / 2, end - 5, end - 4, end - 3, end - 2, end - 1]
    });
    for (n, at) in in_header.chain(in_blocks).enumerate() {
        store.0.inline_reads.store(n % 2 == 0, Ordering::Relaxed);
        let file = writable(&path);
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << (n % 8))], at).unwrap();

        let (handed_out, end) = read_until_error(&store, blob).await;
        assert!(is_corrupt(&end, blob.id), "byte {at}: {end:?}");
        let damaged = at.checked_sub(format::HEADER as u64).map(|at| at / block_len);
        assert!(body.starts_with(&handed_out) && handed_out.len() as u64 <= damaged.unwrap_or(0) * 65_536);
        for block in 0..=6u64 {
            let range = block * 65_536..((block + 1) * 65_536).min(blob.len);
            let found = read(&store, blob, range.clone()).await;
            match damaged {
                Some(damaged) if damaged != block => {
                    assert!(found.unwrap() == body[range.start as usize..range.end as usize]);
                }
                _ => assert!(is_corrupt(&found, blob.id), "byte {at}, block {block}"),
            }
        }
        file.write_all_at(&byte, at).unwrap();
    }
    assert!(read(&store, blob, 0..blob.len).await.unwrap() == body);
}

#[tokio::test]
async fn a_file_of_another_length_does_not_open() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    for body in [body(5, 200_000), body(6, 0)] {
        let blob = publish(&store, &body, &[]).await.unwrap();
        let path = file_of(dir.path(), blob.id);
        let whole = fs::read(&path).unwrap();
        let lengths = [0, 1, 47, 48, 65_588, whole.len() - 4, whole.len() - 1, whole.len() + 1, whole.len() + 70_000];
        for len in lengths.into_iter().filter(|len| *len != whole.len()) {
            writable(&path).set_len(len as u64).unwrap();
            for inline_reads in [true, false] {
                store.0.inline_reads.store(inline_reads, Ordering::Relaxed);
                assert!(is_corrupt(&store.open(blob, 0..0).await.map(drop), blob.id), "{len} of {}", whole.len());
            }
            fs::write(&path, &whole).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_read_ends_in_an_error() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    let blob = publish(&store, &body(5, 1_000_000), &[]).await.unwrap();
    let mut reader = store.open(blob, 0..blob.len).await.unwrap();
    reader.next().await.unwrap();
    writable(&file_of(dir.path(), blob.id)).set_len(300_000).unwrap();
    let end = loop {
        match reader.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a body that lacks its end was read to the end"),
            Err(error) => break Err::<(), _>(error),
        }
    };
    assert!(is_corrupt(&end, blob.id));
}

#[tokio::test]
async fn a_block_or_a_file_in_anothers_place_does_not_verify() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    let (a, b) = (
        publish(&store, &body(5, 200_000), &[]).await.unwrap(),
        publish(&store, &body(6, 200_000), &[]).await.unwrap(),
    );
    let (path_a, path_b) = (file_of(dir.path(), a.id), file_of(dir.path(), b.id));
    let (whole_a, whole_b) = (fs::read(&path_a).unwrap(), fs::read(&path_b).unwrap());

    // Another's file, even where the record would fit it.
    fs::write(&path_a, &whole_b).unwrap();
    let as_b = BlobRef { id: a.id, ..b };
    assert!(is_corrupt(&read(&store, as_b, 0..10).await, a.id));

    // Another file's block at the same place, and the file's own at another.
    let (first, second) = (48..48 + 65_540, 48 + 65_540..48 + 2 * 65_540);
    for (to, from, source) in [(first.clone(), first.clone(), &whole_b), (first.clone(), second, &whole_a)] {
        let mut mixed = whole_a.clone();
        mixed[to].copy_from_slice(&source[from]);
        fs::write(&path_a, &mixed).unwrap();
        assert!(is_corrupt(&read(&store, a, 0..10).await, a.id));
        read(&store, a, 70_000..70_010).await.expect("the second block is untouched");
    }
}

#[tokio::test]
async fn the_whole_is_verified_before_its_last_bytes_are_handed_out() {
    let dir = scratch_dir();
    let store = open_as(dir.path(), unsynced(), true);
    let body = body(5, 600_000);
    let blob = publish(&store, &body, &[]).await.unwrap();
    // A file that is consistent in itself and with its record, but is not the body that the checksum was taken of.
    let wrong = BlobRef { crc64: blob.crc64 ^ 1, ..blob };
    writable(&file_of(dir.path(), blob.id)).write_all_at(&format::header(&wrong), 0).unwrap();
    let (handed_out, end) = read_until_error(&store, wrong).await;
    assert!(is_corrupt(&end, blob.id));
    assert!(handed_out.len() < body.len());
}
