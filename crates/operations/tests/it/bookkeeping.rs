//! The ledger: an event for each change, and usage that is the sum of what is stored.

use std::collections::HashMap;

use ledger::Ledger;
use operations::admin::{Command, Outcome};
use operations::{ListObjects, PrefixOr};
use proptest::prelude::*;

use crate::world::{BUCKET, World};

#[derive(Debug, Clone)]
enum Step {
    Put { who: usize, object: u8, len: usize },
    Delete { who: usize, object: u8 },
    Get { who: usize, object: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, object) = (0..3usize, 0..4u8);
    prop_oneof![
        (who.clone(), object.clone(), 0..400usize).prop_map(|(who, object, len)| Step::Put { who, object, len }),
        (who.clone(), object.clone()).prop_map(|(who, object)| Step::Delete { who, object }),
        (who, object).prop_map(|(who, object)| Step::Get { who, object }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn usage_is_the_sum_of_what_is_stored_by_the_key_that_caused_it(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let vendor = world.share("read-write").await.1;
            let who = [&world.owner, &world.guest, &vendor];
            let id = |w: usize| who[w].caller.principal().key_id().unwrap().to_string();
            let mut stored: HashMap<u8, (String, u64)> = HashMap::new();
            let mut sent: HashMap<String, (u64, u64)> = HashMap::new();
            for step in &steps {
                match *step {
                    Step::Put { who: w, object, len } => {
                        world.put(who[w], &format!("o{object}"), &vec![1; len]).await.unwrap();
                        stored.insert(object, (id(w), len as u64));
                        sent.entry(id(w)).or_default().0 += len as u64;
                    }
                    Step::Delete { who: w, object } => {
                        world.delete(who[w], &format!("o{object}")).await.unwrap();
                        stored.remove(&object);
                    }
                    Step::Get { who: w, object } => {
                        if let Ok(body) = world.get(who[w], &format!("o{object}")).await {
                            sent.entry(id(w)).or_default().1 += body.len() as u64;
                        }
                    }
                }
            }
            let Outcome::Usage(rows) = world.ask(Command::Usage { bucket: Some(BUCKET.into()) }).await else { panic!() };
            for w in 0..3 {
                let of: Vec<u64> = stored.values().filter(|(key, _)| *key == id(w)).map(|(_, len)| *len).collect();
                let row = rows.iter().find(|row| row.access_key_id == id(w));
                let got = row.map_or((0, 0, 0, 0), |r| (r.objects, r.bytes_stored, r.bytes_in, r.bytes_out));
                let (bytes_in, bytes_out) = sent.get(&id(w)).copied().unwrap_or_default();
                assert_eq!(got, (of.len() as u64, of.iter().sum(), bytes_in, bytes_out), "{}", id(w));
            }
            let all = ListObjects { limit: 1000, ..ListObjects::default() };
            let page = world.store.list_objects(&world.owner, model::Action::ListBucket, &world.bucket, &all, false).await.unwrap().page;
            let listed: u64 = page.lines.iter().map(|line| match line {
                PrefixOr::One(object) => object.len,
                PrefixOr::Prefix(_) => 0,
            }).sum();
            assert_eq!(listed, rows.iter().map(|row| row.bytes_stored).sum::<u64>());
        });
    }
}

#[tokio::test]
async fn each_change_has_one_event_that_names_who_what_and_how_much_and_the_log_is_whole() {
    let world = World::new().await;
    let ledger = Ledger::new(world.engine.clone());
    let before = ledger.events(0, 1000).await.unwrap().len();
    world.put(&world.guest, "k", &[1; 300]).await.unwrap();
    world.get(&world.guest, "k").await.unwrap();
    let refused = world.store.delete_bucket(&mut world.guest.clone(), &world.bucket).await;
    assert!(refused.is_err());
    world.put(&world.guest, "k", &[1; 100]).await.unwrap();
    world.delete(&world.owner, "k").await.unwrap();
    world.delete(&world.owner, "k").await.unwrap();
    let events: Vec<_> = ledger.events(before as u64, 1000).await.unwrap().into_iter().map(|(_, e)| e).collect();
    let told: Vec<_> = events.iter().map(|e| (e.operation.as_str(), e.bytes)).collect();
    assert_eq!(told, [("PutObject", 300), ("PutObject", -200), ("DeleteObject", -100)]);
    assert_eq!(events[0].actor.cause(), world.guest.caller.principal().key_id().unwrap().as_str());
    assert_eq!((events[0].object.as_deref(), events[0].subject.as_str()), (Some("k"), BUCKET));
    assert_eq!(ledger.verify(&[7; 32]).await.unwrap(), (before + 3) as u64);
}

#[tokio::test]
async fn a_key_remembers_when_it_was_last_used() {
    let world = World::new().await;
    let id = world.guest.caller.principal().key_id().unwrap().to_string();
    let key = async || {
        let Outcome::Keys(keys) = world.ask(Command::KeyList { account: None }).await else { panic!() };
        keys.into_iter().find(|key| key.access_key_id == id).unwrap()
    };
    assert_eq!(key().await.last_used, None);
    world.store.key_used(&world.guest.caller, None, Some("a client"));
    assert!(key().await.last_used.is_some_and(|at| at.starts_with("2025-11-24T")));
    world.ask(Command::KeyDelete { access_key_id: id.clone() }).await;
    world.store.key_used(&world.guest.caller, None, Some("a client"));
    world.store.flush().await.unwrap();
    let Outcome::Keys(keys) = world.ask(Command::KeyList { account: None }).await else { panic!() };
    assert!(keys.iter().all(|key| key.access_key_id != id));
}

#[tokio::test]
async fn a_read_that_looks_for_its_body_again_and_again_is_one_request() {
    let world = World::new().await;
    world.put(&world.owner, "o", b"small").await.unwrap();
    let requests = async || {
        let Outcome::Usage(rows) = world.ask(Command::Usage { bucket: None }).await else { panic!("no usage") };
        rows.iter().map(|row| row.requests).sum::<u64>()
    };
    let before = requests().await;
    // The body is gone, its record is there: that looks like an object that is being replaced.
    let bodies = world.engine.scan(kv::KeyRange::prefix("D/"), 10).await.unwrap().entries;
    let write = bodies.into_iter().map(|body| kv::Write::Delete(body.key.clone())).collect();
    world.engine.commit(kv::Change { require: vec![], write }).await.unwrap().unwrap();
    assert!(matches!(world.get(&world.owner, "o").await, Err(operations::Error::Damaged(_))));
    assert_eq!(requests().await, before + 1);
}
