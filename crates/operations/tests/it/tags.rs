//! Tags: another record for the same bytes, set by whom they belong to.

use model::TagSet;
use operations::admin::{Command, Outcome};
use operations::{Error, GetObject, ReadConditions, Wanted};

use crate::uploads::{begin, complete, part};
use crate::world::{World, key};

fn tags(pairs: &[(&str, &str)]) -> TagSet {
    TagSet::of_object(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()).unwrap()
}

/// How many bytes are booked in all.
async fn booked(world: &World) -> u64 {
    let Outcome::Usage(rows) = world.ask(Command::Usage { bucket: None }).await else { panic!("no usage") };
    rows.iter().map(|row| row.bytes_stored).sum()
}

#[tokio::test]
async fn an_object_keeps_bytes_date_and_bill_when_its_tags_change_whatever_it_is_made_of() {
    let world = World::new().await;
    world.put(&world.owner, "inline", b"small").await.unwrap();
    world.put(&world.owner, "blob", &[7; 500]).await.unwrap();
    let upload = begin(&world, &world.owner, "parts").await.unwrap();
    let written = part(&world, &world.owner, ("parts", &upload), 1, &[8; 500]).await.unwrap();
    complete(&world, &world.owner, ("parts", &upload), &[(1, &written)]).await.unwrap();
    let bytes = booked(&world).await;
    for name in ["inline", "blob", "parts"] {
        let object = key(name);
        let get = GetObject {
            bucket: &world.bucket,
            key: &object,
            version: None,
            wanted: Wanted::Whole,
            conditions: ReadConditions::default(),
        };
        let before = world.store.head_object(&world.owner, &get).await.unwrap();
        let body = world.get(&world.owner, name).await.unwrap();
        for set in [tags(&[("a", "1"), ("b", "2")]), tags(&[("c", "3")])] {
            let place = (&world.bucket, &object, None);
            world.store.put_object_tags(&mut world.owner.clone(), place, &set).await.unwrap();
            let after = world.store.head_object(&world.owner, &get).await.unwrap();
            assert_eq!((after.tags, &after.object.tags), (set.len(), &set));
            let same =
                operations::Object { tags: before.object.tags.clone(), ..operations::Object::clone(&after.object) };
            assert_eq!(same, *before.object);
            assert_eq!(world.get(&world.owner, name).await.unwrap(), body);
        }
        // Who may not see tags is not told how many there are.
        let guest = world.store.head_object(&world.guest, &get).await;
        assert!(guest.is_err() || guest.is_ok_and(|found| found.tags == 0));
        let place = (&world.bucket, &object, None);
        let refused = world.store.put_object_tags(&mut world.guest.clone(), place, &tags(&[])).await;
        assert!(matches!(refused, Err(Error::AccessDenied(_))));
        world.store.delete_object_tags(&mut world.owner.clone(), place).await.unwrap();
        assert_eq!(world.store.head_object(&world.owner, &get).await.unwrap().object, before.object);
    }
    assert_eq!(booked(&world).await, bytes);
    for name in ["inline", "blob", "parts"] {
        world.delete(&world.owner, name).await.unwrap();
    }
    assert_eq!(booked(&world).await, 0);
}
