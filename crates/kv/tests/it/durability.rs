//! What was acknowledged is on disk, and nothing is by halves, whatever the disk does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kv::{Durability, Embedded, Engine, Entry, Error};

use crate::probe::{Fault, Image, Op, Probe, Room};
use crate::store::{Place, change, dump, put, states, workload};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_syncs_frozen_no_commit_answers() {
    let place = Place::new();
    let probe = Probe::new();
    let engine = Arc::new(place.open_on(probe.clone(), Durability::Full).unwrap());
    engine.commit(change(vec![put("before", "x")])).await.unwrap().unwrap();
    probe.freeze();
    let syncs = probe.syncs.load(Ordering::SeqCst);
    let mut waiting = tokio::task::JoinSet::new();
    for i in 0..20 {
        let engine = engine.clone();
        waiting.spawn(async move { engine.commit(change(vec![put(format!("k/{i}"), "x")])).await });
    }
    // One of them conflicts, and that is no news either before what it conflicts with is durable.
    let conflicting = kv::Change { require: vec![kv::Require::Absent("before".into())], write: vec![] };
    let as_well = engine.clone();
    waiting.spawn(async move { as_well.commit(conflicting).await });
    let early = tokio::time::timeout(Duration::from_millis(300), waiting.join_next()).await;
    let seen = dump(engine.as_ref()).await.len();
    // Before any assertion: a frozen engine cannot be dropped.
    probe.thaw();
    assert!(early.is_err(), "one has answered: {early:?}");
    assert_eq!(seen, 1, "reads go on, and see only what is durable");
    let outcomes = waiting.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count(), 20);
    assert!(probe.syncs.load(Ordering::SeqCst) - syncs < 20, "they shared syncs");
    assert_eq!(dump(engine.as_ref()).await.len(), 21);
}

/// Commits `changes` one after the other until one fails; how many were acknowledged, and how it failed.
async fn run(engine: &Embedded, probe: &Probe, changes: &[kv::Change]) -> (usize, Option<Error>) {
    for (i, change) in changes.iter().enumerate() {
        match engine.commit(change.clone()).await {
            Ok(outcome) => drop(outcome.unwrap()),
            Err(error) => return (i, Some(error)),
        }
        probe.acknowledged.store(i + 1, Ordering::SeqCst);
    }
    (changes.len(), None)
}

#[tokio::test]
async fn whichever_call_to_the_disk_fails_nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    fails_at_every_call(5, Place::open_on).await;
}

#[tokio::test]
async fn the_same_where_checkpoints_and_new_log_files_are_under_way_all_the_time() {
    fails_at_every_call(12, Place::open_busy_on).await;
}

type Open = fn(&Place, Arc<dyn kv::SyncSeam>, Durability) -> Result<Embedded, Error>;

async fn fails_at_every_call(count: usize, open: Open) {
    let changes = workload(count);
    let states = states(&changes).await;
    for fault in [Fault::Refused, Fault::Short] {
        for n in 0.. {
            let place = Place::new();
            let probe = Probe::new();
            probe.fail_from(n, fault);
            let mut acknowledged = 0;
            let mut survived = false;
            match open(&place, probe.clone(), Durability::Full) {
                Err(error) => assert!(matches!(error, Error::Io(_)), "{n}: {error:?}"),
                Ok(engine) => {
                    let (count, error) = run(&engine, &probe, &changes).await;
                    acknowledged = count;
                    if let Some(error) = error {
                        assert!(matches!(error, Error::Poisoned(_)), "{n}: {error:?}");
                        let reason = engine.health().unwrap_or_default();
                        assert!(reason.contains("the disk"), "{n}: {reason}");
                        let again = engine.commit(change(vec![put("later", "x")])).await;
                        assert!(matches!(again, Err(Error::Poisoned(_))), "{n}: {again:?}");
                    }
                    survived = engine.close().is_ok();
                }
            }
            let found = dump(&open(&place, Probe::new(), Durability::Full).unwrap()).await;
            let possible = &states[acknowledged..states.len().min(acknowledged + 2)];
            assert!(possible.contains(&found), "call {n} ({fault:?}): {acknowledged} acknowledged, {found:?}");
            if survived {
                assert_eq!(acknowledged, changes.len());
                assert!(n > 40, "{n} calls are too few to have tested anything");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    cut_loses_nothing(8, Place::open_on).await;
}

#[tokio::test]
async fn the_same_power_cut_where_checkpoints_and_new_log_files_are_under_way_all_the_time() {
    cut_loses_nothing(16, Place::open_busy_on).await;
}

async fn cut_loses_nothing(count: usize, open: Open) {
    let changes = workload(count);
    let states = states(&changes).await;
    let found_after = cut_everywhere(&changes, Durability::Full, open).await;
    for (acknowledged, found) in found_after {
        let possible = &states[acknowledged..states.len().min(acknowledged + 2)];
        assert!(possible.contains(&found), "{acknowledged} acknowledged, {found:?}");
    }
}

#[tokio::test]
async fn relaxed_a_power_cut_loses_whole_changes_and_only_the_last() {
    let changes = workload(8);
    let states = states(&changes).await;
    for open in [Place::open_on, Place::open_busy_on] {
        for (_, found) in cut_everywhere(&changes, Durability::Relaxed, open).await {
            assert!(states.contains(&found), "{found:?}");
        }
    }
}

/// Cuts the power at every call of a run of `changes`, keeping none, all, or some of what was not synced; what the
/// store then holds, and how many changes were acknowledged.
async fn cut_everywhere(changes: &[kv::Change], durability: Durability, open: Open) -> Vec<(usize, Vec<Entry>)> {
    let place = Place::new();
    let probe = Probe::new();
    let engine = open(&place, probe.clone(), durability).unwrap();
    let (made, before) = (probe.trace().len(), Image::of(&place.path));
    let (acknowledged, error) = run(&engine, &probe, changes).await;
    assert!(error.is_none() && acknowledged == changes.len());
    engine.close().unwrap();
    let trace = probe.trace();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut coin = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        !random.is_multiple_of(3)
    };
    let mut found = Vec::new();
    for at in made..=trace.len() {
        let acknowledged = trace.get(at).map_or(changes.len(), |(acknowledged, _)| *acknowledged);
        // Only what was not synced can differ.
        let pending = at > 0 && !matches!(trace[at - 1].1, Op::Sync(_));
        for keep in 0..if pending { 4 } else { 1 } {
            let image = before.clone().after_power_cut(&trace[made..at], || keep == 1 || keep > 1 && coin());
            let cut = Place::new();
            std::fs::create_dir_all(cut.path.join("log")).unwrap();
            image.put(&place.path, &cut.path);
            let engine = open(&cut, Probe::new(), Durability::Full);
            let engine = engine.unwrap_or_else(|error| panic!("cut before call {at}, keep {keep}: {error}"));
            found.push((acknowledged, dump(&engine).await));
        }
    }
    found
}

/// A process is killed before a sync returned, the next one finds what was written and goes on from it, and then the power
/// fails.
#[tokio::test]
async fn what_was_read_back_after_a_kill_is_durable_before_anything_is_built_on_it() {
    for room in [Room::Reserved, Room::Written] {
        let place = Place::new();
        let engine = place.open_busy_on(Probe::of(u64::MAX, room), Durability::Relaxed).unwrap();
        let changes = workload(12);
        for change in &changes[..6] {
            engine.commit(change.clone()).await.unwrap().unwrap();
        }
        // What is in the files now is what a kill leaves; none of it need be on the disk.
        let killed = Place::new();
        std::fs::create_dir_all(killed.path.join("log")).unwrap();
        Image::of(&place.path).put(&place.path, &killed.path);
        let unsynced = Image::of(&killed.path);
        let probe = Probe::of(u64::MAX, room);
        let engine = killed.open_busy_on(probe.clone(), Durability::Full).unwrap();
        let found = dump(&engine).await;
        for change in &changes[6..] {
            engine.commit(change.clone()).await.unwrap().unwrap();
        }
        drop(engine);
        // Whoever read something back has written and synced it again before the first commit.
        let trace = probe.trace();
        let log = unsynced.inode_of(&killed.path.join("log/0000000000000001.log"));
        let again = trace.iter().position(|(_, op)| matches!(op, Op::Write(inode, ..) if Some(*inode) == log));
        let synced = trace.iter().position(|(_, op)| matches!(op, Op::Sync(inode) if Some(*inode) == log));
        let next = trace.iter().position(|(_, op)| matches!(op, Op::Create(..))).unwrap();
        assert!(again < synced && synced < Some(next), "{room:?}: {again:?}, {synced:?}, {next}");
        assert!(again.is_some() && !found.is_empty(), "{room:?}");
    }
}

#[tokio::test]
async fn relaxed_commits_reach_the_disk_within_about_a_second() {
    let place = Place::new();
    let probe = Probe::new();
    let engine = place.open_on(probe.clone(), Durability::Relaxed).unwrap();
    // The first has a log file made.
    engine.commit(change(vec![put("first", "x")])).await.unwrap().unwrap();
    let syncs = probe.syncs.load(Ordering::SeqCst);
    engine.commit(change(vec![put("a", "x")])).await.unwrap().unwrap();
    assert_eq!(probe.syncs.load(Ordering::SeqCst), syncs, "it did not wait");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(probe.syncs.load(Ordering::SeqCst) > syncs);
    let copy = Place::new();
    std::fs::create_dir_all(copy.path.join("log")).unwrap();
    Image::of(&place.path).put(&place.path, &copy.path);
    assert_eq!(dump(&copy.open().unwrap()).await.len(), 2);
}
