//! How fast the embedded engine commits what a PUT commits: `cargo run --release -p kv --example commits -- DIR`.
//!
//! One change has the body (a row of its own), the object's record, an event of the ledger with the log's head, and five
//! counters, on condition that three rows are as they were. So many tasks commit at once; processor time is the whole
//! process's. An fdatasync after 4 KiB is timed before each line, because disks drift.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kv::{Change, Embedded, EmbeddedOptions, Engine, Require, Write};

const FOR: Duration = Duration::from_secs(3);
const COUNTERS: [&str; 5] = ["u/bytes", "u/objects", "u/requests", "b/bytes", "b/objects"];

#[tokio::main]
async fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("the directory in which stores are made"));
    let relaxed = std::env::args().any(|word| word == "relaxed");
    println!(
        "body, bytes | tasks | commits a second | processor time a commit, µs | fdatasync, ms | on disk a body byte"
    );
    for body in [400, 4 << 10, 64 << 10, 256 << 10] {
        for tasks in [1, 16, 64] {
            let sync = fdatasync(&dir);
            let place = dir.join(format!("commits-{}", std::process::id()));
            std::fs::create_dir_all(&place).expect("the directory can be made");
            let (count, took, busy) = run(&place.join("store"), body, tasks, relaxed).await;
            let rate = count as f64 / took.as_secs_f64();
            let each = busy.as_secs_f64() * 1e6 / count as f64;
            let stored = size(&place) as f64 / (count * body as u64) as f64;
            println!("{body} | {tasks} | {rate:.0} | {each:.0} | {:.2} | {stored:.2}", sync.as_secs_f64() * 1e3);
            std::fs::remove_dir_all(&place).expect("the directory can be removed");
        }
    }
}

async fn run(place: &Path, body: usize, tasks: u64, relaxed: bool) -> (u64, Duration, Duration) {
    let mut options = EmbeddedOptions::new([7; 32]);
    if relaxed {
        options.durability = kv::Durability::Relaxed;
    }
    let engine = Arc::new(Embedded::open(place, options).expect("the store opens"));
    let rows = ["bucket", "key", "account"].map(|name| Write::Put(name.into(), vec![1; 200].into()));
    let made = engine.commit(Change { require: vec![], write: rows.into() }).await.expect("it commits");
    let revision = made.expect("nothing is required").revision;
    let (began, busy) = (Instant::now(), processor_time());
    let done = Arc::new(AtomicU64::new(0));
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let (engine, done) = (engine.clone(), done.clone());
        running.spawn(async move {
            let bytes = bytes::Bytes::from((0..body).map(|i| (i as u64 * 7 + task) as u8).collect::<Vec<u8>>());
            for i in 0.. {
                if began.elapsed() > FOR {
                    break;
                }
                let number = task * 1_000_000_000 + i;
                let mut write = vec![
                    Write::Put(format!("body/{number:016}").into(), bytes.clone()),
                    Write::Put(
                        format!("object/{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into(),
                        vec![2; 320].into(),
                    ),
                    Write::Append { log: "log/".into(), payload: vec![3; 150].into() },
                ];
                write.extend(COUNTERS.map(|key| Write::Add { key: key.into(), delta: 1, ceiling: None }));
                let require = ["bucket", "key", "account"].map(|key| Require::Unchanged(key.into(), revision));
                let change = Change { require: require.into(), write };
                engine.commit(change).await.expect("it commits").expect("nothing changed");
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    running.join_all().await;
    (done.load(Ordering::Relaxed), began.elapsed(), processor_time() - busy)
}

fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

fn fdatasync(dir: &Path) -> Duration {
    let path = dir.join("sync");
    let mut file = std::fs::File::create(&path).expect("a file can be made");
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            file.write_all(&[5; 4096]).expect("it can be written");
            let began = Instant::now();
            file.sync_data().expect("it can be synced");
            began.elapsed()
        })
        .collect();
    times.sort();
    std::fs::remove_file(path).expect("it can be removed");
    times[25]
}

fn size(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(dir).expect("it is a directory").map(|entry| entry.expect("it can be read"));
    let of = |entry: std::fs::DirEntry| match entry.metadata().expect("it is there") {
        metadata if metadata.is_dir() => size(&entry.path()),
        metadata => metadata.blocks() * 512,
    };
    entries.map(of).sum()
}
