//! A bucket is removed only while nothing is stored under its name, however the moments fall.

use bytes::Bytes;
use catalog::{NewBody, Stored, plan_begin_upload, plan_create_bucket, plan_delete_bucket, plan_replace_bucket};
use kv::Change;
use model::{Bucket, Grantee, Group, ObjectOwnership, Permission, UploadId};

use crate::world::{World, acl, bucket, given, name, object, upload};

/// What can be in a bucket, each as the change that puts it there.
fn contents(world: &World, bucket: &Stored<Bucket>) -> Vec<(&'static str, Change)> {
    let version = kv::Write::Put(Bytes::from_static(b"v/myproject\0k\0some version"), Bytes::new());
    let version = Change { require: vec![], write: vec![version] };
    let id = UploadId::from_parts(1, 1);
    vec![
        ("an object", world.plan_put(bucket, &object("k", 0), &NewBody::Empty).0),
        ("a version", given(bucket, version)),
        ("an upload", given(bucket, plan_begin_upload(&upload("myproject", "k", 0, id)))),
    ]
}

#[test]
fn a_bucket_that_holds_anything_is_not_removed() {
    for which in 0..3 {
        let world = World::new();
        let bucket = world.with_bucket("myproject", 0);
        let (what, change) = contents(&world, &bucket).swap_remove(which);
        world.must(change);
        let before = world.rows(b"");
        assert!(!world.commit(plan_delete_bucket(&bucket)), "{what}");
        assert_eq!(world.rows(b""), before, "{what}");
    }
}

#[test]
fn of_a_removal_and_a_write_that_meet_only_the_first_is_done() {
    for which in 0..3 {
        for removal_first in [true, false] {
            let world = World::new();
            let bucket = world.with_bucket("myproject", 0);
            let (what, write) = contents(&world, &bucket).swap_remove(which);
            let removal = plan_delete_bucket(&bucket);
            let (first, second) = if removal_first { (removal, write) } else { (write, removal) };
            assert!(world.commit(first), "{what}");
            assert!(!world.commit(second), "{what}");
            assert_eq!(world.bucket(&name("myproject")).is_none(), removal_first);
            assert!(!removal_first || world.rows(b"").is_empty(), "{what} without a bucket");
        }
    }
}

#[test]
fn what_a_removed_bucket_leaves_is_nothing_and_its_neighbours_do_not_matter() {
    let world = World::new();
    for neighbour in ["myprojec", "myproject-a", "myproject.a", "myproject0"] {
        let neighbour = world.with_bucket(neighbour, 0);
        world.must(world.plan_put(&neighbour, &object("k", 1), &NewBody::Empty).0);
    }
    let before = world.rows(b"");
    let bucket = world.with_bucket("myproject", 0);
    let granted = Bucket {
        acl: acl(&[(Grantee::Group(Group::AllUsers), Permission::Read)]),
        ownership: Some(ObjectOwnership::ObjectWriter),
        ..Bucket::clone(&bucket.value)
    };
    world.must(plan_replace_bucket(&bucket, &granted));
    assert!(!world.commit(plan_delete_bucket(&bucket)), "it was read before its ACL changed");
    world.must(plan_delete_bucket(&world.bucket(&name("myproject")).unwrap()));
    assert_eq!(world.rows(b""), before);
}

#[test]
fn a_name_is_taken_once_and_a_write_decided_on_an_earlier_bucket_of_the_name_is_not_done() {
    let world = World::new();
    let earlier = world.with_bucket("myproject", 0);
    assert!(!world.commit(plan_create_bucket(&bucket("myproject", 1))));
    let (write, _) = world.plan_put(&earlier, &object("k", 0), &NewBody::Empty);
    world.must(plan_delete_bucket(&earlier));
    world.must(plan_create_bucket(&Bucket { incarnation: 2, ..bucket("myproject", 1) }));
    assert!(!world.commit(write));
    assert!(!world.commit(plan_replace_bucket(&earlier, &earlier.value)));
}
