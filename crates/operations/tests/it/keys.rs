//! Keys that are held back, that end, and that are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use operations::admin::{Command, FailureKind, KeyOrder, KeyView, NewKey, Outcome};
use operations::{Context, Error, Store};

use crate::world::{BUCKET, World, by_key, name, store_with};

const DAY: u64 = 24 * 60 * 60 * 1000;
const OWNER: &str = "owner@example.com";

fn order() -> KeyOrder {
    KeyOrder { account: OWNER.into(), ..KeyOrder::default() }
}

async fn make(store: &Store, order: KeyOrder) -> NewKey {
    let outcome = store.execute(0, "t".into(), Command::KeyCreate(order)).await.unwrap();
    let Outcome::KeyCreated(key) = outcome else { panic!() };
    key
}

async fn view(world: &World, id: &str) -> KeyView {
    let Outcome::Keys(keys) = world.ask(Command::KeyList { account: Some(OWNER.into()) }).await else { panic!() };
    keys.into_iter().find(|key| key.access_key_id == id).unwrap()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::AccessDenied(_)))
}

#[tokio::test]
async fn an_owners_key_reaches_no_more_than_it_is_held_back_to() {
    let world = World::new().await;
    world.make(&world.owner, "another").await.unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"},
        {"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*/a/secret"}]}"#;
    let held = make(
        &world.store,
        KeyOrder {
            buckets: vec![BUCKET.into()],
            prefixes: vec!["a/".into()],
            networks: vec!["192.0.2.0/24".into()],
            policy: Some(policy.into()),
            ..order()
        },
    );
    let id = held.await.access_key_id;
    let ctx = Context { source: Some([192, 0, 2, 1].into()), ..by_key(&world.store, &id).await };
    world.put(&ctx, "a/k", b"x").await.unwrap();
    world.get(&ctx, "a/k").await.unwrap();
    assert!(refused(world.delete(&ctx, "a/k").await), "its policy does not allow it");
    assert!(refused(world.put(&ctx, "a/secret", b"x").await), "its policy denies it");
    assert!(refused(world.put(&ctx, "b/k", b"x").await), "another prefix");
    let away = Context { source: Some([203, 0, 113, 1].into()), ..ctx.clone() };
    assert!(refused(world.put(&away, "a/k", b"x").await), "another address");
    assert!(refused(world.store.delete_bucket(&mut ctx.clone(), &name("another")).await), "another bucket");
    let shown = view(&world, &id).await.restriction;
    assert_eq!((shown.buckets, shown.prefixes), (vec![BUCKET.to_owned()], vec!["a/".to_owned()]));
    assert_eq!((shown.networks, shown.policy.as_deref()), (vec!["192.0.2.0/24".to_owned()], Some(policy)));
}

#[tokio::test]
async fn a_key_that_has_ended_is_refused_at_the_next_request_and_says_so() {
    let world = World::new().await;
    let key = make(&world.store, KeyOrder { expires: Some("1d".into()), ..order() }).await;
    let ctx = by_key(&world.store, &key.access_key_id).await;
    world.put(&ctx, "k", b"x").await.unwrap();
    assert!(!view(&world, &key.access_key_id).await.expired);
    world.clock.fetch_add(DAY, Ordering::Relaxed);
    assert!(refused(world.put(&ctx, "k", b"y").await));
    let shown = view(&world, &key.access_key_id).await;
    assert!(shown.expired && shown.enabled && shown.expires == key.expires);
}

#[tokio::test]
async fn a_rotated_key_and_its_successor_overlap_for_as_long_as_was_said() {
    let world = World::new().await;
    let old = make(&world.store, KeyOrder { buckets: vec![BUCKET.into()], ..order() }).await;
    let rotate =
        |overlap: &str| Command::KeyRotate { access_key_id: old.access_key_id.clone(), overlap: overlap.into() };
    let Outcome::KeyRotated(rotated) = world.ask(rotate("2d")).await else { panic!() };
    assert_eq!((&rotated.replaces, &rotated.new.restriction), (&old.access_key_id, &old.restriction));
    assert_eq!(rotated.new.expires, None);
    let (before, after) =
        (by_key(&world.store, &old.access_key_id).await, by_key(&world.store, &rotated.new.access_key_id).await);
    for ctx in [&before, &after] {
        world.put(ctx, "k", b"x").await.unwrap();
    }
    world.clock.fetch_add(2 * DAY, Ordering::Relaxed);
    assert!(refused(world.put(&before, "k", b"x").await));
    world.put(&after, "k", b"x").await.unwrap();

    for overlap in ["soon", "-1d", ""] {
        let failure = world.store.execute(0, "t".into(), rotate(overlap)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{overlap}");
    }
    let (share, _) = world.share("read").await;
    let of_share = Command::KeyRotate { access_key_id: share.access_key_id, overlap: "1d".into() };
    let failure = world.store.execute(0, "t".into(), of_share).await.unwrap_err();
    assert!(failure.remedy.contains(&format!("shares rotate {}", share.share_id)), "{failure:?}");
}

#[tokio::test]
async fn the_server_limits_how_long_any_new_key_lives() {
    let engine = Arc::new(kv::Memory::new([7; 32]));
    let clock = Arc::new(AtomicU64::new(1_764_000_000_000));
    let store = store_with(engine, Arc::new(blobs::Memory::new()), &clock, Some(Duration::from_secs(30 * 86_400)));
    assert!(store.start().await.unwrap());
    let ask = async |command| store.execute(0, "t".into(), command).await;
    let create = Command::AccountCreate { email: OWNER.into(), display_name: None, guest: false };
    let Outcome::AccountCreated(account) = ask(create).await.unwrap() else { panic!() };
    let last = Some("2025-12-24T".to_owned());
    let day = |text: &Option<String>| text.as_ref().map(|text| text[..11].to_owned());
    assert_eq!(day(&account.expires), last, "filled in");
    assert_eq!(day(&make(&store, order()).await.expires), last, "filled in");
    let sooner = make(&store, KeyOrder { expires: Some("1d".into()), ..order() }).await;
    assert_eq!(day(&sooner.expires), Some("2025-11-25T".to_owned()));
    let longer = ask(Command::KeyCreate(KeyOrder { expires: Some("31d".into()), ..order() })).await.unwrap_err();
    assert_eq!(longer.kind, FailureKind::Invalid);
    assert!(longer.message.contains("2025-12-24"), "{longer:?}");

    // A key's life is its own, whoever renews it.
    let rotate = Command::KeyRotate { access_key_id: sooner.access_key_id, overlap: "90d".into() };
    let Outcome::KeyRotated(rotated) = ask(rotate).await.unwrap() else { panic!() };
    assert_eq!(day(&rotated.new.expires), Some("2025-11-25T".to_owned()));
    assert_eq!(rotated.replaced_until, sooner.expires.unwrap());

    ask(Command::BucketCreate { bucket: BUCKET.into(), owner: None }).await.unwrap();
    let share = |days| {
        Command::Share(operations::admin::ShareOrder {
            bucket: BUCKET.into(),
            with: "v@example.com".into(),
            preset: Some("read".into()),
            days,
            ..Default::default()
        })
    };
    let Outcome::Shared(given) = ask(share(None)).await.unwrap() else { panic!() };
    assert_eq!(day(&Some(given.expires)), last, "sooner than the 90 days of a share");
    assert_eq!(ask(share(Some(31))).await.unwrap_err().kind, FailureKind::Invalid);
}
