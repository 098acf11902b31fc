//! No byte that a disk changed changes an answer unnoticed.

use std::path::{Path, PathBuf};

use client::{Credentials, S3};
use testkit::{InProcess, Options, Place, Storage, contents};

const BUCKET: &str = "bucket";
/// In the index; in the log; and a file of its own.
const LENGTHS: [usize; 6] = [0, 700, 5_000, 65_536, 262_144, 300_000];
/// How many bytes of each file are flipped, one at a time.
const FLIPS: usize = 24;

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 % 249 + 1) as u8).collect()
}

fn options(dir: &Path) -> Options {
    Options { storage: Storage::disk(dir), inline_bytes: 256 * 1024, ..Options::default() }
}

/// What a client can learn of the bucket, or that it was told of damage: every answer that is one, in order.
async fn all_that_is_told(s3: &S3) -> Vec<Option<Vec<u8>>> {
    let mut told = Vec::new();
    for length in LENGTHS {
        let answer = s3.get(&format!("{BUCKET}/of/{length}")).await;
        // Damage further on in a body shows as a body that breaks off.
        told.push(answer.ok().filter(|answer| answer.status / 100 != 5).map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.body.to_vec()
        }));
    }
    let listing = s3.get(&format!("{BUCKET}?list-type=2")).await;
    told.push(
        listing
            .ok()
            .filter(|answer| answer.status / 100 != 5)
            .map(|answer| answer.elements(&["ListBucketResult", "Contents", "Key"]).concat().into_bytes()),
    );
    told
}

/// Writes the files out, one of them with a flipped byte, and asks a server that is started on them.
async fn ask(dir: &Path, files: &[(PathBuf, Vec<u8>)], flipped: Option<(&Path, usize)>, key: &Credentials) -> Asked {
    let _ = std::fs::remove_dir_all(dir);
    for (path, bytes) in files {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = bytes.clone();
        if let Some((_, at)) = flipped.filter(|(flipped, _)| flipped == path) {
            bytes[at] ^= 0x10;
        }
        std::fs::write(path, bytes).unwrap();
    }
    let (options, key) = (options(dir), key.clone());
    let started = tokio::spawn(async move {
        let server = InProcess::start_again(options, key).await;
        let told = all_that_is_told(&server.owner()).await;
        server.stop().await;
        told
    });
    started.await.ok()
}

/// `None`: it did not start.
type Asked = Option<Vec<Option<Vec<u8>>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_anywhere_in_the_data_directory_is_told_or_harms_nothing() {
    let place = Place::new();
    let server = InProcess::start(options(&place.data)).await;
    let s3 = server.owner();
    assert_eq!(s3.put(BUCKET, "").await.unwrap().status, 200);
    for length in LENGTHS {
        assert_eq!(s3.put(&format!("{BUCKET}/of/{length}"), body(length)).await.unwrap().status, 200);
    }
    let key = server.owner_key().clone();
    server.stop().await;
    let files = contents(&place.data);
    let expected = ask(&place.data, &files, None, &key).await.expect("it starts");
    assert!(expected.iter().zip(LENGTHS).all(|(told, length)| *told == Some(body(length))));

    let (mut noticed, mut flipped) = (0, 0);
    for (path, bytes) in &files {
        // Where something is, mostly: reserved room is zeros.
        let full: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        for at in full.iter().step_by((full.len() / FLIPS).max(1)) {
            flipped += 1;
            match ask(&place.data, &files, Some((path, *at)), &key).await {
                None => noticed += 1,
                Some(told) => {
                    for (told, expected) in told.iter().zip(&expected) {
                        assert!(told.is_none() || told == expected, "byte {at} of {}", path.display());
                    }
                    noticed += usize::from(told.iter().any(Option::is_none));
                }
            }
        }
    }
    println!("{noticed} of {flipped} flipped bytes were noticed; the others were nobody's");
    assert!(flipped > 60 && noticed > flipped / 3, "{noticed} of {flipped}");
}
