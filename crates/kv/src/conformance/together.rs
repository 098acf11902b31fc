//! Promises about many callers at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::{Store, add, commit, counter, done, key, put};
use crate::{Conflict, KeyRange, Require};

/// Tasks of each test.
const TASKS: i64 = 16;
/// Changes of each task.
const CHANGES: i64 = 8;

/// Every sum that was acknowledged counts, and a ceiling holds between callers.
pub async fn sums_lose_nothing(engine: &Store) {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let engine = engine.clone();
        tasks.spawn(async move {
            let mut below = 0;
            for _ in 0..CHANGES {
                done(&engine, vec![add("sum/n", 3, None)]).await;
                let outcome = commit(&engine, vec![], vec![add("sum/ceiling", 2, Some(101))]).await;
                below += i64::from(outcome.expect("the engine is well").is_ok());
            }
            below
        });
    }
    let below: i64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(counter(engine, "sum/n").await, Some(3 * TASKS * CHANGES));
    assert_eq!((below, counter(engine, "sum/ceiling").await), (50, Some(100)));
}

/// Of all that require a key's absence and then write it, one succeeds; the others see a conflict and nothing else.
pub async fn only_one_creates(engine: &Store) {
    for round in 0..CHANGES {
        let at = format!("create/{round}");
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (engine, at) = (engine.clone(), at.clone());
            tasks.spawn(async move {
                let writes = vec![put(&at, &task.to_string()), add(&format!("{at}/done"), 1, None)];
                match commit(&engine, vec![Require::Absent(key(&at))], writes).await.expect("the engine is well") {
                    Ok(receipt) => Some((task, receipt)),
                    Err(conflict) => {
                        assert_eq!(conflict, Conflict::Changed(key(&at)));
                        None
                    }
                }
            });
        }
        let won: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        let [(task, receipt)] = won[..] else { panic!("not one winner: {won:?}") };
        let entry = super::get(engine, &at).await.expect("somebody wrote it");
        assert_eq!((entry.value.as_ref(), entry.revision), (task.to_string().as_bytes(), receipt.revision));
        assert_eq!(counter(engine, &format!("{at}/done")).await, Some(1));
    }
}

/// No two changes have one revision, and a change that began after another was acknowledged has a greater one.
pub async fn revisions_grow(engine: &Store) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let engine = engine.clone();
        tasks.spawn(async move {
            let mut revisions = Vec::new();
            for _ in 0..CHANGES {
                revisions.push(done(&engine, vec![put(&format!("grow/{task}"), "")]).await.revision);
            }
            assert!(revisions.is_sorted(), "{revisions:?}");
            revisions
        });
    }
    let all: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

/// Two keys that are always written together are never read apart.
pub async fn one_read_is_consistent(engine: &Store) {
    done(engine, vec![put("pair/a", "0"), put("pair/b", "0")]).await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (engine, over) = (engine.clone(), over.clone());
        tokio::spawn(async move {
            for round in 1..=40 {
                let round = round.to_string();
                done(&engine, vec![put("pair/a", &round), put("pair/b", &round)]).await;
            }
            over.store(true, Ordering::SeqCst);
        })
    };
    while !over.load(Ordering::SeqCst) {
        let got = engine.get_many(&["pair/a", "pair/b"].map(key)).await.expect("the engine is well");
        let [Some(a), Some(b)] = &got[..] else { panic!("one is missing: {got:?}") };
        assert_eq!((&a.value, a.revision), (&b.value, b.revision));
        let page = engine.scan(KeyRange::prefix("pair/"), 2).await.expect("the engine is well");
        assert_eq!(page.entries[0].revision, page.entries[1].revision, "{page:?}");
        tokio::task::yield_now().await;
    }
    writer.await.expect("it does not panic");
}
