//! A process that is killed while it writes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use kv::{Embedded, EmbeddedOptions, Engine, decode_counter};

use crate::store::{LOG_KEY, Place, change, put};

const STORE: &str = "KV_TEST_STORE";
const ROUND: &str = "KV_TEST_ROUND";

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there() {
    let place = Place::new();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::writes_until_killed", "--ignored", "--nocapture"])
            .env(STORE, &place.path)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (mut in_use, mut seen) = (None, 0);
        for line in lines {
            let Some(key) = line.strip_prefix("acknowledged ") else { continue };
            acknowledged.push(kv::Key::copy_from_slice(key.as_bytes()));
            seen += 1;
            if seen == 100 {
                in_use = Some(place.open().unwrap_err());
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(matches!(in_use, Some(kv::Error::InUse)), "{in_use:?}");
        let engine = place.open().unwrap();
        let found = engine.get_many(&acknowledged).await.unwrap();
        assert!(found.iter().all(Option::is_some), "round {round}");
        // Each change counted itself: none is half there.
        let all = engine.scan(kv::KeyRange::prefix("k/"), usize::MAX).await.unwrap().entries.len();
        let counted = engine.get_many(&["n".into()]).await.unwrap().remove(0).unwrap();
        assert_eq!(decode_counter(&counted.value), Some(all as i64), "round {round}");
    }
}

/// Not a test of its own: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is started by another test, and killed"]
async fn writes_until_killed() {
    let (Some(path), Ok(round)) = (std::env::var_os(STORE), std::env::var(ROUND)) else { return };
    let engine = Arc::new(Embedded::open(path.as_ref(), EmbeddedOptions::new(LOG_KEY)).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let (engine, round) = (engine.clone(), round.clone());
        tasks.spawn(async move {
            for i in 0.. {
                let key = format!("k/{round}/{task}/{i}");
                let count = kv::Write::Add { key: "n".into(), delta: 1, ceiling: None };
                engine.commit(change(vec![put(&key, vec![0; 400]), count])).await.unwrap().unwrap();
                println!("acknowledged {key}");
            }
        });
    }
    tasks.join_all().await;
}
