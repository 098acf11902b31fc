//! What an operator asks for.

use operations::admin::{Command, FailureKind, KeyOrder, NewShare, Outcome, ReachRow, ShareOrder};
use operations::{AclInput, Error, GranteeInput};

use crate::world::{BUCKET, GUEST, World, by_key, key, name};

async fn reach(world: &World, key: &str) -> Vec<ReachRow> {
    let Outcome::Reach(rows) = world.ask(Command::Reach { access_key_id: key.into() }).await else { panic!() };
    rows
}

fn actions<'a>(rows: &'a [ReachRow], bucket: &str, keys: &str) -> Vec<&'a str> {
    let of = rows.iter().filter(|row| row.bucket == bucket && row.keys == keys);
    let mut actions: Vec<&str> = of.flat_map(|row| row.actions.iter().map(String::as_str)).collect();
    actions.sort_unstable();
    actions
}

#[tokio::test]
async fn the_reach_of_a_guest_is_its_bucket_and_its_own_objects() {
    let world = World::new().await;
    world.make(&world.owner, "private-other").await.unwrap();
    world.put(&world.owner, "owners", b"x").await.unwrap();
    world.put(&world.guest, "own", b"x").await.unwrap();
    let id = world.guest.caller.principal().key_id().unwrap().to_string();
    let rows = reach(&world, &id).await;
    assert!(rows.iter().all(|row| row.bucket == BUCKET || row.bucket == "*"), "{rows:?}");
    assert_eq!(actions(&rows, "*", "-"), ["s3:ListAllMyBuckets"]);
    let on_bucket = [
        "s3:GetBucketLocation",
        "s3:HeadBucket",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
    ];
    assert_eq!(actions(&rows, BUCKET, "-"), on_bucket);
    let writes = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"];
    assert_eq!(actions(&rows, BUCKET, "*"), writes);
    let reads = actions(&rows, BUCKET, "own");
    assert!(reads.contains(&"s3:GetObject") && !reads.contains(&"s3:PutObjectAcl"), "{reads:?}");
    assert!(actions(&rows, BUCKET, "owners").is_empty());
    // And it is so.
    assert!(world.get(&world.guest, "own").await.is_ok());
    assert!(matches!(world.get(&world.guest, "owners").await, Err(Error::AccessDenied(_))));
}

#[tokio::test]
async fn the_reach_of_a_shares_key_is_the_share_and_of_a_revoked_one_nothing() {
    let world = World::new().await;
    for (preset, may_read, may_write) in [("read", true, false), ("write", false, true), ("read-write", true, true)] {
        let (NewShare { share_id, access_key_id, .. }, vendor) = world.share(preset).await;
        world.put(&world.owner, "k", b"x").await.unwrap();
        let rows = reach(&world, &access_key_id).await;
        assert!(rows.iter().all(|row| row.bucket == BUCKET || row.bucket == "*"), "{rows:?}");
        assert!(rows.iter().all(|row| !row.conditions.is_empty() || row.bucket == "*"), "{rows:?}");
        let all = actions(&rows, BUCKET, "*");
        assert_eq!(all.contains(&"s3:GetObject"), may_read);
        assert_eq!(all.contains(&"s3:PutObject"), may_write);
        assert_eq!(world.get(&vendor, "k").await.is_ok(), may_read);
        assert_eq!(world.put(&vendor, "k", b"y").await.is_ok(), may_write);
        world.ask(Command::SharesRevoke { share_id }).await;
        assert_eq!(reach(&world, &access_key_id).await, []);
        assert!(matches!(world.store.candidate(&access_key_id, None).await, Err(Error::InvalidAccessKey)));
    }
}

#[tokio::test]
async fn a_share_gives_the_accounts_other_keys_nothing() {
    let world = World::new().await;
    world.share("read-write").await;
    let Outcome::KeyCreated(other) =
        world.ask(Command::KeyCreate(KeyOrder { account: "vendor@example.com".into(), ..KeyOrder::default() })).await
    else {
        panic!()
    };
    let other = by_key(&world.store, &other.access_key_id).await;
    assert!(matches!(world.put(&other, "k", b"x").await, Err(Error::AccessDenied(_))));
}

#[tokio::test]
async fn what_is_public_is_told_apart() {
    let world = World::new().await;
    world.make(&world.owner, "open-to-all").await.unwrap();
    let group = GranteeInput::Group(model::Group::AllUsers);
    let acl = AclInput::Grants(vec![(group, model::Permission::Read)]);
    world.store.put_bucket_acl(&mut world.owner.clone(), &name("open-to-all"), None, &acl).await.unwrap();
    let id = world.guest.caller.principal().key_id().unwrap().to_string();
    let rows = reach(&world, &id).await;
    let public: Vec<_> = rows.iter().filter(|row| row.bucket == "open-to-all").collect();
    assert!(!public.is_empty() && public.iter().all(|row| row.why.starts_with("public: ")), "{rows:?}");
}

#[tokio::test]
async fn mistakes_name_the_thing_and_whose_move_it_is() {
    let world = World::new().await;
    let cases = [
        (
            Command::AccountCreate { email: "no".into(), display_name: None, guest: true },
            FailureKind::Invalid,
            "e-mail",
        ),
        (
            Command::AccountCreate { email: GUEST.to_uppercase(), display_name: None, guest: true },
            FailureKind::Conflict,
            GUEST,
        ),
        (Command::AccountShow { account: "x@y.z".into() }, FailureKind::NotFound, "x@y.z"),
        (Command::KeyDisable { access_key_id: "nope".into() }, FailureKind::NotFound, "nope"),
        (Command::BucketCreate { bucket: "No".into(), owner: None }, FailureKind::Invalid, "No"),
        (Command::BucketCreate { bucket: BUCKET.into(), owner: None }, FailureKind::Conflict, BUCKET),
        (Command::BucketCreate { bucket: "fine".into(), owner: Some(GUEST.into()) }, FailureKind::Invalid, "guest"),
        (Command::BucketDelete { bucket: "gone".into() }, FailureKind::NotFound, "gone"),
        (
            Command::Share(ShareOrder {
                bucket: BUCKET.into(),
                with: GUEST.into(),
                preset: Some("all".into()),
                ..ShareOrder::default()
            }),
            FailureKind::Invalid,
            "all",
        ),
        (Command::SharesRevoke { share_id: "0".into() }, FailureKind::NotFound, "0"),
        (Command::Reach { access_key_id: "K".into() }, FailureKind::NotFound, "K"),
        (Command::Usage { bucket: Some("B".into()) }, FailureKind::Invalid, "B"),
    ];
    for (command, kind, named) in cases {
        let failure = world.store.execute(0, "t".into(), command.clone()).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{command:?}");
        assert!(failure.message.contains(named) && !failure.remedy.is_empty(), "{failure:?}");
    }
    world.put(&world.owner, "k", b"x").await.unwrap();
    let failure =
        world.store.execute(0, "t".into(), Command::BucketDelete { bucket: BUCKET.into() }).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert!(
        world
            .store
            .head_object(
                &world.owner,
                &operations::GetObject {
                    bucket: &world.bucket,
                    key: &key("k"),
                    version: None,
                    wanted: Default::default(),
                    conditions: Default::default(),
                },
            )
            .await
            .is_ok()
    );
}
