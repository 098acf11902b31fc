//! What looking after the store finds: nothing in a store that is well, whatever was done to it by its own means; and what
//! is wrong, by name, in one that was tampered with.

use blobs::Blobs;
use kv::{Change, Key, KeyRange, Write};
use model::limits;
use operations::Teller;
use operations::admin::{Command, VerifyView};

use crate::uploads::{begin, complete, part};
use crate::world::{BUCKET, World};

async fn verify(world: &World, deep: bool) -> VerifyView {
    world.store.verify(deep, &Teller::default()).await.unwrap()
}

/// A store with something of everything, and nobody else's doing in it.
async fn busy(dir: &std::path::Path) -> World {
    let world = World::in_care(dir).await;
    let (share, vendor) = world.share("read-write").await;
    for i in 0..20usize {
        world.put(&world.owner, &format!("small/{i}"), &vec![7; i]).await.unwrap();
        world.put(&vendor, &format!("large/{i}"), &vec![i as u8; 5000 + i]).await.unwrap();
    }
    world.put(&world.guest, "small/3", &[9; 400]).await.unwrap();
    world.delete(&world.owner, "large/4").await.unwrap();
    for object in ["parts", "unfinished"] {
        let upload = begin(&world, &world.guest, object).await.unwrap();
        let at = (object, upload.as_str());
        let one = part(&world, &world.guest, at, 1, &vec![1; limits::PART_MIN_BYTES as usize]).await.unwrap();
        part(&world, &world.guest, at, 2, b"left out").await.unwrap();
        let three = part(&world, &world.guest, at, 3, b"the end").await.unwrap();
        if object == "parts" {
            complete(&world, &world.guest, at, &[(1, &one), (3, &three)]).await.unwrap();
        }
    }
    world.ask(Command::SharesRotate { share_id: share.share_id.clone() }).await;
    world.ask(Command::SharesRevoke { share_id: share.share_id }).await;
    world.store.flush().await.unwrap();
    world
}

async fn rows(world: &World, prefix: &str) -> Vec<kv::Entry> {
    world.engine.scan(KeyRange::prefix(Key::copy_from_slice(prefix.as_bytes())), 1000).await.unwrap().entries
}

async fn tamper(world: &World, write: Write) {
    world.engine.commit(Change { require: vec![], write: vec![write] }).await.unwrap().unwrap();
}

/// What is damaged, with what was found, as one text.
fn told(found: &VerifyView) -> String {
    found.damage.iter().map(|one| format!("{}: {}\n", one.what, one.problem)).collect()
}

#[tokio::test]
async fn a_store_that_only_its_own_means_changed_is_well() {
    let dir = tempfile::tempdir().unwrap();
    let world = busy(dir.path()).await;
    let found = verify(&world, false).await;
    assert_eq!(told(&found), "");
    assert_eq!(found.bytes_read, 0);
    let found = verify(&world, true).await;
    assert_eq!(told(&found), "");
    assert!(found.objects >= 40 && found.rows > 150 && found.events > 40, "{found:?}");
    assert!(found.bytes_read >= found.bytes, "{found:?}");
}

#[tokio::test]
async fn a_body_that_is_gone_and_one_without_a_reason_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let world = busy(dir.path()).await;
    let body = world.blobs.list(None, 1).await.unwrap()[0];
    world.blobs.delete(body).await.unwrap();
    let found = verify(&world, false).await;
    assert_eq!((found.damage.len(), found.damage[0].what.as_str()), (1, "object myproject.example.com/large/0"));
    assert!(
        found.damage[0].problem.contains("is not there") && found.damage[0].remedy.contains("restore"),
        "{found:?}"
    );

    tamper(&world, Write::Put("R/0123456789abcdef".into(), "".into())).await;
    let said = told(&verify(&world, false).await);
    assert!(said.contains("row R/0123456789abcdef: nothing says what it is for"), "{said}");
}

#[tokio::test]
async fn a_body_that_two_records_name_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let world = busy(dir.path()).await;
    let object = rows(&world, &format!("o/{BUCKET}\0large/1")).await.remove(0);
    let twin = [object.key.as_ref(), b"-twin"].concat();
    tamper(&world, Write::Put(twin.into(), object.value.clone())).await;
    let said = told(&verify(&world, false).await);
    assert!(said.contains("large/1-twin: row R/") && said.contains("also named by another record"), "{said}");
    assert!(said.contains("usage of bucket myproject.example.com"), "{said}");
}

#[tokio::test]
async fn counters_that_are_off_index_rows_that_are_missing_and_rows_of_nobody_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let world = busy(dir.path()).await;
    let counter = rows(&world, "U/").await.into_iter().find(|row| row.key.ends_with(b"/\0")).unwrap();
    tamper(&world, Write::Add { key: counter.key.clone(), delta: 17, ceiling: None }).await;
    let grant = rows(&world, "G/").await.remove(0);
    tamper(&world, Write::Delete(grant.key.clone())).await;
    let secret = rows(&world, "x/").await.remove(0);
    tamper(&world, Write::Delete(secret.key.clone())).await;
    tamper(&world, Write::Put("?".into(), "".into())).await;
    let said = told(&verify(&world, false).await);
    for part in [
        "the counters are +17 bytes and +0 objects off",
        "row b/myproject.example.com: row G/",
        "row k/BW",
        "row x/BW",
        "row ?: it is of no table",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[tokio::test]
async fn records_that_cannot_be_read_an_event_and_a_small_body_that_were_altered_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let world = busy(dir.path()).await;
    let object = rows(&world, &format!("o/{BUCKET}\0small/1")).await.remove(0);
    tamper(&world, Write::Put(object.key.clone(), "no record".into())).await;
    let event = rows(&world, "L/").await.remove(5);
    let mut value = event.value.to_vec();
    *value.last_mut().unwrap() ^= 1;
    tamper(&world, Write::Put(event.key.clone(), value.into())).await;
    let body = rows(&world, "D/").await.into_iter().find(|row| row.value.len() == 19).unwrap();
    tamper(&world, Write::Put(body.key.clone(), vec![8; 19].into())).await;
    let said = told(&verify(&world, true).await);
    assert!(said.contains("object myproject.example.com/small/1: the record under"), "{said}");
    assert!(said.contains("the ledger: the ledger is damaged at entry 5"), "{said}");
    assert!(said.contains("object myproject.example.com/small/19: its body is not what was written"), "{said}");
}

#[tokio::test]
async fn what_is_deleted_while_it_is_looked_at_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let world = busy(dir.path()).await;
    let (found, ()) = tokio::join!(verify(&world, true), async {
        for i in 0..20 {
            let _ = world.delete(&world.owner, &format!("large/{i}")).await;
            world.put(&world.owner, &format!("small/{i}"), &vec![1; 300]).await.unwrap();
        }
    });
    assert_eq!(told(&found), "");
    assert_eq!(told(&verify(&world, true).await), "");
}
