//! What reach reports tell, against what the store then does.

use std::sync::Arc;
use std::time::Instant;

use model::{Acl, Bucket, Grant, Grantee, Permission};
use operations::Error;
use operations::admin::{Command, HolderReach, KeyOrder, NewKey, OnlyReach, Outcome, ReachRow, ShareOrder};

use crate::world::{BUCKET, World, anonymous, name};

async fn reach(world: &World, key: &str) -> Vec<ReachRow> {
    let Outcome::Reach(rows) = world.ask(Command::Reach { access_key_id: key.into() }).await else { panic!() };
    rows
}

async fn only(world: &World, key: &str, only: &str) -> OnlyReach {
    let command = Command::ReachOnly { access_key_id: key.into(), only: only.into() };
    let Outcome::ReachOnly(report) = world.ask(command).await else { panic!() };
    report
}

async fn key_of(world: &World, order: KeyOrder) -> NewKey {
    let order = KeyOrder { account: "owner@example.com".into(), ..order };
    let Outcome::KeyCreated(key) = world.ask(Command::KeyCreate(order)).await else { panic!() };
    key
}

fn guests_key(world: &World) -> String {
    world.guest.caller.principal().key_id().unwrap().to_string()
}

fn keys_for<'a>(rows: &'a [ReachRow], action: &str) -> Vec<&'a str> {
    let of = rows.iter().filter(|row| row.actions.iter().any(|named| named == action));
    of.map(|row| row.keys.as_str()).collect()
}

#[tokio::test]
async fn a_policys_denies_are_taken_off_and_its_conditions_told() {
    let world = World::new().await;
    let id = world.guest.caller.principal().account().unwrap().id.clone();
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Principal":{{"AWS":"{id}"}},"Action":"s3:GetObject",
              "Resource":["arn:aws:s3:::{BUCKET}/logs/*","arn:aws:s3:::{BUCKET}/docs/?"]}},
            {{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{BUCKET}/logs/secret/*"}},
            {{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::{BUCKET}/*",
              "Condition":{{"NotIpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}}}]}}"#
    );
    world.store.put_bucket_policy(&mut world.owner.clone(), &world.bucket, &text, false).await.unwrap();
    for object in ["logs/a", "logs/secret/a", "docs/1"] {
        let mut owner = world.owner.clone();
        owner.source = Some("10.1.1.1".parse().unwrap());
        world.put(&owner, object, b"x").await.unwrap();
    }
    let rows = reach(&world, &guests_key(&world)).await;
    assert_eq!(
        keys_for(&rows, "s3:GetObject"),
        ["logs/* except logs/secret/*, docs/?"].map(|_| "docs/?; logs/* except logs/secret/*")
    );
    let put = rows.iter().find(|row| row.actions.iter().any(|action| action == "s3:PutObject")).unwrap();
    assert_eq!((put.keys.as_str(), put.conditions.len()), ("*", 1));
    assert!(put.conditions[0].starts_with("unless statement 3: NotIpAddress aws:SourceIp 10.0.0.0/8"), "{put:?}");
    // And it is so.
    for (object, may) in [("logs/a", true), ("docs/1", true), ("logs/secret/a", false)] {
        assert_eq!(world.get(&world.guest, object).await.is_ok(), may, "{object}");
    }
    assert!(matches!(world.put(&world.guest, "k", b"x").await, Err(Error::AccessDenied(_))));
}

#[tokio::test]
async fn a_key_may_be_asserted_to_reach_one_folder_only() {
    let world = World::new().await;
    let order =
        ShareOrder { bucket: format!("{BUCKET}/backups/"), preset: Some("restic".into()), ..ShareOrder::default() };
    let (share, _) = world.share_by(order).await;
    let rows = reach(&world, &share.access_key_id).await;
    assert_eq!(keys_for(&rows, "s3:GetObject"), ["backups/*"]);
    assert_eq!(keys_for(&rows, "s3:DeleteObject"), ["backups/locks/*"]);
    let put = rows.iter().find(|row| row.actions.iter().any(|action| action == "s3:PutObject")).unwrap();
    assert!(put.conditions.contains(&"where there is no object yet".to_owned()), "{put:?}");
    for (asserted, holds) in [
        (BUCKET.to_owned(), true),
        (format!("{BUCKET}/backups/"), true),
        (format!("{BUCKET}/back"), true),
        (format!("{BUCKET}/backups/locks/"), false),
        ("another-bucket".to_owned(), false),
    ] {
        let report = only(&world, &share.access_key_id, &asserted).await;
        assert_eq!(report.more.is_none(), holds, "{asserted}: {report:?}");
        assert_eq!(report.example.is_none(), holds, "{asserted}");
        assert_eq!(report.rows, rows);
    }
    let owners = key_of(&world, KeyOrder::default()).await;
    let report = only(&world, &owners.access_key_id, BUCKET).await;
    assert_eq!(report.example.as_deref(), Some("s3:CreateBucket on a bucket of its own"));
    let confined = KeyOrder { buckets: vec![BUCKET.into()], prefixes: vec!["a/".into()], ..KeyOrder::default() };
    let confined = key_of(&world, confined).await;
    assert!(only(&world, &confined.access_key_id, &format!("{BUCKET}/b/")).await.more.is_some());
    assert_eq!(keys_for(&reach(&world, &confined.access_key_id).await, "s3:GetObject"), ["a/*"]);
}

#[tokio::test]
async fn what_changes_who_may_do_what_is_marked() {
    let world = World::new().await;
    let owners = key_of(&world, KeyOrder::default()).await;
    for row in reach(&world, &owners.access_key_id).await {
        let widens = row.actions.iter().any(|action| ["s3:PutBucketPolicy", "s3:PutObjectAcl"].contains(&&**action));
        assert_eq!(widens, row.why.ends_with("; it changes who may do what"), "{row:?}");
    }
    assert!(reach(&world, &guests_key(&world)).await.iter().all(|row| !row.why.contains("who may do what")));
}

#[tokio::test]
async fn what_everyone_reaches_is_told_apart_from_what_keys_do() {
    let world = World::new().await;
    let everyone = |rows: Vec<HolderReach>| rows.into_iter().next().unwrap();
    let Outcome::ReachAll(before) = world.ask(Command::ReachAll).await else { panic!() };
    assert!(everyone(before.clone()).rows.is_empty(), "{before:?}");
    let text = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{BUCKET}/open/*"}}]}}"#
    );
    world.store.put_bucket_policy(&mut world.owner.clone(), &world.bucket, &text, false).await.unwrap();
    world.put(&world.owner, "open/a", b"x").await.unwrap();
    world.put(&world.owner, "closed", b"x").await.unwrap();
    let Outcome::Reach(public) = world.ask(Command::ReachPublic).await else { panic!() };
    assert_eq!(keys_for(&public, "s3:GetObject"), ["open/*"]);
    assert!(public.iter().all(|row| row.why.starts_with("public: ")), "{public:?}");
    assert!(world.get(&anonymous(), "open/a").await.is_ok() && world.get(&anonymous(), "closed").await.is_err());
    let Outcome::ReachAll(all) = world.ask(Command::ReachAll).await else { panic!() };
    assert_eq!(everyone(all.clone()).rows, public);
    let guest = guests_key(&world);
    let guests = all.iter().find(|holder| holder.access_key_ids.contains(&guest)).unwrap();
    assert!(guests.rows.iter().any(|row| row.bucket == BUCKET && row.keys == "*"), "{guests:?}");
}

/// 10,000 buckets and 1,000 keys, of which each reaches buckets of its own and some of others. Printed, not judged: run
/// with `--release -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_a_report_takes() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = kv::EmbeddedOptions::new([7; 32]);
    options.durability = kv::Durability::Relaxed;
    let engine = kv::Embedded::open(&dir.path().join("records"), options).unwrap();
    let world = World::over(Arc::new(engine)).await;
    let mut keys = vec![];
    for n in 0..1000 {
        let command =
            Command::AccountCreate { email: format!("a{n}@example.com"), display_name: None, guest: n % 10 != 0 };
        let Outcome::AccountCreated(account) = world.ask(command).await else { panic!() };
        keys.push(account);
    }
    let grantee = |n: usize| model::CanonicalId::new(&keys[n].canonical_id).unwrap();
    let grant = |n| Grant { grantee: Grantee::Account(grantee(n)), permission: Permission::FullControl };
    for n in 0..10_000usize {
        let owner = n % 100 * 10;
        let grants = (0..3).map(|step| grant((n * 7 + step * 311) % 1000)).collect();
        let bucket = Bucket {
            name: name(&format!("bucket-{n}")),
            incarnation: n as u64 + 1000,
            owner: model::AccountId::new(&keys[owner].account_id).unwrap(),
            owner_canonical: grantee(owner),
            acl: Acl::new(grants).unwrap(),
            ownership: None,
            public_access_block: None,
            policy: None,
            created: model::Timestamp::from_seconds(1),
        };
        world.engine.commit(catalog::plan_create_bucket(&bucket)).await.unwrap().unwrap();
    }
    let started = Instant::now();
    let Outcome::ReachAll(all) = world.ask(Command::ReachAll).await else { panic!() };
    let rows: usize = all.iter().map(|holder| holder.rows.len()).sum();
    println!("all: {:?}, {} holders, {rows} rows", started.elapsed(), all.len());
    for n in [0, 1] {
        let started = Instant::now();
        let rows = reach(&world, &keys[n].access_key_id).await;
        println!("one: {:?}, {} rows", started.elapsed(), rows.len());
    }
}
