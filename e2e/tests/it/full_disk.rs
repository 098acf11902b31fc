//! A device that runs full under the program. It takes a file system of its own: where one cannot be mounted (no root, no
//! tmpfs), the test says so and ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use client::{Answer, S3};
use testkit::{Launch, Place, Program};

use crate::BINARY;

const BUCKET: &str = "bucket";

/// A file system of that size, until it is dropped.
struct Mounted {
    path: PathBuf,
    _place: Place,
}

impl Mounted {
    fn new(size: &str) -> Option<Mounted> {
        let place = Place::new();
        let path = place.data.clone();
        std::fs::create_dir(&path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Mounted { path, _place: place }),
            other => {
                eprintln!("note: not tested, because no file system could be mounted: {other:?}");
                None
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

/// Puts objects of `length` bytes until one is refused; how many were stored, and the refusal.
async fn fill(s3: &S3, name: &str, length: usize) -> (usize, Answer) {
    for number in 0..100_000 {
        let answer = s3.put(&format!("{BUCKET}/{name}/{number}"), vec![number as u8; length]).await.unwrap();
        if answer.status != 200 {
            return (number, answer);
        }
    }
    panic!("it never ran full");
}

fn told(answer: &Answer) {
    assert!(matches!(answer.status, 507 | 503), "{}: {}", answer.status, answer.text());
    let code = answer.code().unwrap_or_default();
    assert!(["InsufficientStorage", "ServiceUnavailable", "SlowDown"].contains(&code.as_str()), "{}", answer.text());
}

async fn whole(s3: &S3, name: &str, number: usize, length: usize) {
    let answer = s3.get(&format!("{BUCKET}/{name}/{number}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.body, vec![number as u8; length], "{name}/{number}");
}

fn no_staging(data: &Path) {
    assert_eq!(testkit::count_files(&data.join("bodies/staging")), 0);
}

/// Of bodies that lie in the log, and of such that have files of their own.
const SMALL: usize = 3000;
const MIDDLE: usize = 100_000;
const LARGE: usize = 300_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_reads_and_deletes_go_on_and_room_made_is_room_used() {
    runs_full(LARGE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_where_all_bodies_are_in_the_log() {
    runs_full(MIDDLE).await;
}

async fn runs_full(length: usize) {
    let Some(disk) = Mounted::new("24m") else { return };
    let mut program = Program::start(BINARY, Launch::default().data(&disk.data()));
    program.bucket(BUCKET);
    let s3 = program.owner();

    let (large, refusal) = fill(&s3, "large", length).await;
    told(&refusal);
    assert!(large > 20, "{large}");
    let (small, refusal) = fill(&s3, "small", SMALL).await;
    told(&refusal);
    assert!(program.is_running());
    assert_eq!(s3.get(&format!("{BUCKET}/large/{large}")).await.unwrap().status, 404, "what was refused is not there");
    for number in (0..large).step_by(7) {
        whole(&s3, "large", number, length).await;
    }
    for number in (0..small).step_by(7) {
        whole(&s3, "small", number, SMALL).await;
    }
    no_staging(program.data());

    // Room that is made can be used at once.
    for number in 0..large / 2 {
        let answer = s3.delete(&format!("{BUCKET}/large/{number}")).await.unwrap();
        assert_eq!(answer.status, 204, "a full disk must not keep anybody from making room: {}", answer.text());
    }
    for number in 0..large / 4 {
        let answer = s3.put(&format!("{BUCKET}/again/{number}"), vec![number as u8; length]).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = s3.put(&format!("{BUCKET}/small-again"), "x").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());

    // And nothing acknowledged is missing after a kill on a disk that ran full again.
    let (last, refusal) = fill(&s3, "last", length).await;
    told(&refusal);
    program.kill();
    program.start_again();
    let s3 = program.owner();
    for (name, from, count, length) in [
        ("large", large / 2, large, length),
        ("small", 0, small, SMALL),
        ("again", 0, large / 4, length),
        ("last", 0, last, length),
    ] {
        for number in from..count {
            whole(&s3, name, number, length).await;
        }
    }
    no_staging(program.data());
}
