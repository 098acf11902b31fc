//! What the holder of a share's key is told on the wire when it reaches what holds the share back.

use operations::admin::{Command, NewAccount, Outcome, ShareOrder};

use crate::world::{Ask, BUCKET, OTHER, World, ask};

/// A world whose guest is the holder of such a share.
async fn with_share(order: ShareOrder) -> World {
    let mut world = World::new().await;
    let order = ShareOrder { with: "vendor@example.com".into(), ..order };
    let Outcome::Shared(share) = world.store.execute(0, "test".into(), Command::Share(order)).await.unwrap() else {
        panic!("no share")
    };
    let (access_key_id, secret_access_key) = (share.access_key_id, share.secret_access_key);
    world.guest = NewAccount { access_key_id, secret_access_key, ..world.guest };
    world
}

fn put(key: &str, body: &str) -> Ask {
    ask("PUT", format!("/{BUCKET}/{key}")).body(body.to_owned())
}

#[tokio::test]
async fn a_folder_with_a_quota_is_refused_beyond_both_by_name() {
    let order = ShareOrder {
        bucket: format!("{BUCKET}/backups"),
        preset: Some("restic".into()),
        max_bytes: Some(10),
        ..ShareOrder::default()
    };
    let world = with_share(order).await;
    world.guest(put("backups/data/a", "12345678")).await.is(200);
    assert_eq!(world.guest(put("backups/data/b", "123")).await.is(403).code(), "QuotaExceeded");
    assert_eq!(world.guest(put("backups/data/a", "x")).await.is(403).code(), "AccessDenied");
    assert_eq!(world.guest(put("elsewhere", "x")).await.is(403).code(), "AccessDenied");
    world.guest(put("backups/locks/l", "12")).await.is(200);
    world.guest(ask("DELETE", format!("/{BUCKET}/backups/data/a"))).await.is(403);
    world.guest(ask("DELETE", format!("/{BUCKET}/backups/locks/l"))).await.is(204);

    // What clients ask first, and the listing of the folder alone.
    for probe in ["?location", "?versioning", "?list-type=2&prefix=backups%2F"] {
        world.guest(ask("GET", format!("/{BUCKET}{probe}"))).await.is(200);
    }
    world.guest(ask("HEAD", format!("/{BUCKET}"))).await.is(200);
    world.guest(ask("PUT", format!("/{BUCKET}"))).await.is(200);
    for listing in ["?list-type=2", "?list-type=2&prefix=back", "?list-type=2&prefix=other%2F"] {
        world.guest(ask("GET", format!("/{BUCKET}{listing}"))).await.is(403);
    }
    let buckets = world.guest(ask("GET", "/")).await.is(200);
    assert!(buckets.body.contains(BUCKET) && !buckets.body.contains(OTHER), "{buckets:?}");
}

#[tokio::test]
async fn who_asks_too_often_is_told_to_slow_down() {
    let bucket = BUCKET.into();
    let order =
        ShareOrder { bucket, preset: Some("read".into()), requests_per_second: Some(1), ..ShareOrder::default() };
    let world = with_share(order).await;
    let mut answer = world.guest(ask("HEAD", format!("/{BUCKET}"))).await;
    for _ in 0..30 {
        answer = world.guest(ask("GET", format!("/{BUCKET}?location"))).await;
    }
    assert_eq!(answer.is(503).code(), "SlowDown");
    world.owner(ask("GET", format!("/{BUCKET}?location"))).await.is(200);
}
