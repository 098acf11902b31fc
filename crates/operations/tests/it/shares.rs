//! What holds a share back: its part of the bucket, its quota, its speed, where it is used from, and when.

use std::sync::atomic::Ordering;

use model::Preset;
use operations::admin::{Command, FailureKind, NewShare, Outcome, ShareOrder, ShareView};
use operations::{Context, Error};

use crate::uploads::{begin, complete, part};
use crate::world::{BUCKET, World, by_key};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn read_write() -> ShareOrder {
    ShareOrder { preset: Some("read-write".into()), ..ShareOrder::default() }
}

fn from(ctx: &Context, address: &str) -> Context {
    Context { source: Some(address.parse().unwrap()), ..ctx.clone() }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::AccessDenied(_)))
}

async fn show(world: &World, share: &NewShare) -> ShareView {
    let Outcome::Share(view) = world.ask(Command::SharesShow { share_id: share.share_id.clone() }).await else {
        panic!()
    };
    view
}

#[tokio::test]
async fn a_share_of_a_folder_reaches_that_folder() {
    let world = World::new().await;
    let order = ShareOrder { bucket: format!("{BUCKET}/backups"), ..read_write() };
    let (share, vendor) = world.share_by(order).await;
    assert_eq!((share.bucket.as_str(), share.prefix.as_deref()), (BUCKET, Some("backups/")));
    for outside in ["a", "backups", "backups-of-others/a", "Backups/a"] {
        world.put(&world.owner, outside, b"x").await.unwrap();
        assert!(refused(world.get(&vendor, outside).await), "{outside}");
        assert!(refused(world.put(&vendor, outside, b"y").await), "{outside}");
        assert!(refused(world.delete(&vendor, outside).await), "{outside}");
    }
    world.put(&vendor, "backups/a", b"x").await.unwrap();
    assert_eq!(world.get(&vendor, "backups/a").await.unwrap(), b"x");
    world.delete(&vendor, "backups/a").await.unwrap();
}

/// Whether the holder may: read what is there; write where there is nothing, something; delete; delete a lock.
#[tokio::test]
async fn each_preset_does_its_work_and_nothing_beside_it() {
    for (preset, expected) in [
        // preset               read   new    over   delete lock
        (Preset::Read, [true, false, false, false, false]),
        (Preset::Write, [false, true, true, true, true]),
        (Preset::ReadWrite, [true, true, true, true, true]),
        (Preset::DropBox, [false, true, false, false, false]),
        (Preset::Backup, [true, true, false, false, false]),
        (Preset::Restic, [true, true, false, false, true]),
        (Preset::Duplicity, [true, true, false, false, false]),
        (Preset::RcloneSync, [true, true, true, true, true]),
    ] {
        for folder in ["", "repo/"] {
            let world = World::new().await;
            let bucket = format!("{BUCKET}/{folder}");
            let order = ShareOrder { bucket, preset: Some(preset.as_str().into()), ..ShareOrder::default() };
            let (_, vendor) = world.share_by(order).await;
            let at = |name: &str| format!("{folder}{name}");
            for object in ["there", "gone", "locks/1"] {
                world.put(&world.owner, &at(object), b"x").await.unwrap();
            }
            let actual = [
                world.get(&vendor, &at("there")).await.is_ok(),
                world.put(&vendor, &at("new"), b"y").await.is_ok(),
                world.put(&vendor, &at("there"), b"y").await.is_ok(),
                world.delete(&vendor, &at("gone")).await.is_ok(),
                world.delete(&vendor, &at("locks/1")).await.is_ok(),
            ];
            assert_eq!(actual, expected, "{} in {folder:?}", preset.as_str());
            let kept = world.get(&world.owner, &at("there")).await.unwrap();
            assert_eq!(kept == b"x", !expected[2], "{}", preset.as_str());
        }
    }
}

#[tokio::test]
async fn a_backup_cannot_be_overwritten_by_parts_either() {
    let world = World::new().await;
    let (_, vendor) = world.share("backup").await;
    let upload = begin(&world, &vendor, "k").await.unwrap();
    let sent = part(&world, &vendor, ("k", &upload), 1, b"new").await.unwrap();
    // The object appears while the upload is under way.
    world.put(&world.owner, "k", b"kept").await.unwrap();
    assert!(refused(complete(&world, &vendor, ("k", &upload), &[(1, &sent)]).await));
    assert!(refused(begin(&world, &vendor, "k").await));
    assert_eq!(world.get(&world.owner, "k").await.unwrap(), b"kept");
}

#[tokio::test]
async fn actions_by_name_give_those_and_no_others() {
    let world = World::new().await;
    let order = ShareOrder { allow: vec!["s3:GetObject".into(), "s3:ListBucket".into()], ..ShareOrder::default() };
    let (share, vendor) = world.share_by(order).await;
    assert_eq!(share.preset, "s3:GetObject,s3:ListBucket");
    world.put(&world.owner, "k", b"x").await.unwrap();
    assert!(world.get(&vendor, "k").await.is_ok());
    assert!(refused(world.put(&vendor, "k", b"y").await) && refused(world.delete(&vendor, "k").await));
}

#[tokio::test]
async fn a_quota_is_not_exceeded_and_what_goes_gives_its_room_back() {
    let world = World::new().await;
    let (_, vendor) = world.share_by(ShareOrder { max_bytes: Some(1000), max_objects: Some(3), ..read_write() }).await;
    let put = async |object: &str, len: usize| world.put(&vendor, object, &vec![1; len]).await.map(drop);
    let full = |answer| matches!(answer, Err(Error::QuotaExceeded));
    put("a", 600).await.unwrap();
    assert!(full(put("b", 401).await));
    put("b", 400).await.unwrap();
    assert!(full(put("c", 1).await));
    // In place of one's own there is as much room as that had.
    put("a", 600).await.unwrap();
    assert!(full(put("a", 601).await));
    put("a", 100).await.unwrap();
    put("c", 0).await.unwrap();
    assert!(full(put("d", 0).await), "three objects");
    // Whoever removes it.
    world.delete(&world.owner, "b").await.unwrap();
    put("d", 900).await.unwrap();
    // Others are not bound by it, and what they put does not count.
    world.put(&world.owner, "e", &[1; 5000]).await.unwrap();
    assert!(full(put("d", 901).await));
}

#[tokio::test]
async fn a_quota_holds_against_writes_at_once() {
    let world = World::new().await;
    let (share, vendor) = world.share_by(ShareOrder { max_bytes: Some(1000), ..read_write() }).await;
    let names: Vec<String> = (0..40).map(|n| format!("o{n}")).collect();
    let body = [1; 90];
    let all = futures_util::future::join_all(names.iter().map(|name| world.put(&vendor, name, &body))).await;
    let done = all.iter().filter(|answer| answer.is_ok()).count();
    assert!(
        all.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::QuotaExceeded | Error::Contention))),
        "{all:?}"
    );
    assert!(done <= 11, "{done}");
    let Outcome::Usage(rows) = world.ask(Command::Usage { bucket: Some(BUCKET.into()) }).await else { panic!() };
    let row = rows.iter().find(|row| row.access_key_id == share.access_key_id).unwrap();
    assert_eq!((row.bytes_stored, row.objects), (90 * done as u64, done as u64));
}

#[tokio::test]
async fn parts_count_against_a_quota_while_they_wait_and_once_afterwards() {
    let world = World::new().await;
    let (_, vendor) = world.share_by(ShareOrder { max_bytes: Some(1000), max_objects: Some(1), ..read_write() }).await;
    let upload = begin(&world, &vendor, "k").await.unwrap();
    let first = part(&world, &vendor, ("k", &upload), 1, &[1; 700]).await.unwrap();
    assert!(matches!(part(&world, &vendor, ("k", &upload), 2, &[1; 301]).await, Err(Error::QuotaExceeded)));
    let again = part(&world, &vendor, ("k", &upload), 1, &[2; 1000]).await.unwrap();
    assert_ne!(first.etag, again.etag);
    complete(&world, &vendor, ("k", &upload), &[(1, &again)]).await.unwrap();
    assert!(matches!(world.put(&vendor, "l", b"").await, Err(Error::QuotaExceeded)), "one object");
    world.delete(&vendor, "k").await.unwrap();
    world.put(&vendor, "l", &[1; 1000]).await.unwrap();
}

#[tokio::test]
async fn a_new_key_does_not_make_a_quota_new() {
    let world = World::new().await;
    let (share, vendor) = world.share_by(ShareOrder { max_bytes: Some(1000), ..read_write() }).await;
    world.put(&vendor, "a", &[1; 600]).await.unwrap();
    let rotate = Command::SharesRotate { share_id: share.share_id.clone() };
    let Outcome::Shared(rotated) = world.ask(rotate).await else { panic!() };
    assert_ne!(rotated.access_key_id, share.access_key_id);
    assert_ne!(rotated.secret_access_key, share.secret_access_key);
    assert!(matches!(world.put(&vendor, "b", b"x").await, Err(Error::InvalidAccessKey)), "the old key is gone");
    let vendor = by_key(&world.store, &rotated.access_key_id).await;
    assert!(matches!(world.put(&vendor, "b", &[1; 401]).await, Err(Error::QuotaExceeded)));
    world.put(&vendor, "b", &[1; 400]).await.unwrap();
    // What the old key put can be replaced, and gives its room back.
    world.put(&vendor, "a", &[1; 500]).await.unwrap();
    assert!(matches!(world.put(&vendor, "c", &[1; 101]).await, Err(Error::QuotaExceeded)));
    world.put(&vendor, "c", &[1; 100]).await.unwrap();
}

#[tokio::test]
async fn a_share_that_asks_too_often_is_told_to_slow_down() {
    let world = World::new().await;
    let (_, vendor) = world.share_by(ShareOrder { requests_per_second: Some(1), ..read_write() }).await;
    let admitted = (0..50).take_while(|_| world.store.admit(&vendor.caller).is_ok()).count();
    assert!((10..=12).contains(&admitted), "{admitted}");
    assert!(matches!(world.store.admit(&vendor.caller), Err(Error::SlowDown)));
    assert!((0..50).all(|_| world.store.admit(&world.guest.caller).is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_shares_bytes_take_their_time_in_both_directions() {
    let world = World::new().await;
    let rate = 64 * 1024;
    let (_, vendor) = world.share_by(ShareOrder { bytes_per_second: Some(rate), ..read_write() }).await;
    let body = vec![1; 3 * rate as usize];
    let began = tokio::time::Instant::now();
    world.put(&vendor, "k", &body).await.unwrap();
    let sent = began.elapsed();
    assert!(sent.as_secs_f64() > 1.8, "{sent:?}");
    world.get(&vendor, "k").await.unwrap();
    assert!((began.elapsed() - sent).as_secs_f64() > 2.5, "{:?}", began.elapsed());
    let began = tokio::time::Instant::now();
    world.get(&world.owner, "k").await.unwrap();
    assert!(began.elapsed().as_secs_f64() < 0.1, "others are not slowed down");
}

#[tokio::test]
async fn a_share_works_only_from_its_networks() {
    let world = World::new().await;
    let order = ShareOrder { networks: vec!["192.0.2.0/24".into(), "2001:db8::/32".into()], ..read_write() };
    let (_, vendor) = world.share_by(order).await;
    for good in ["192.0.2.9", "2001:db8::1", "::ffff:192.0.2.1"] {
        world.put(&from(&vendor, good), "k", b"x").await.unwrap();
    }
    assert!(refused(world.put(&from(&vendor, "192.0.3.1"), "k", b"x").await));
    assert!(refused(world.put(&vendor, "k", b"x").await), "from nobody knows where");
}

#[tokio::test]
async fn a_pinned_share_works_from_where_it_was_seen_in_its_first_days() {
    let world = World::new().await;
    let (share, vendor) = world.share_by(ShareOrder { pin: Some(7), ..read_write() }).await;
    let used_from = |ctx: &Context| world.store.key_used(&ctx.caller, ctx.source, Some("restic/0.18"));
    let (home, away) = (from(&vendor, "192.0.2.1"), from(&vendor, "203.0.113.9"));
    used_from(&home);
    used_from(&from(&vendor, "2001:db8::7"));
    world.store.flush().await.unwrap();
    world.put(&away, "k", b"x").await.unwrap();
    let view = show(&world, &share).await;
    assert_eq!((view.pin_days, view.pinned), (Some(7), vec!["192.0.2.1/32".to_owned(), "2001:db8::/64".to_owned()]));

    world.clock.fetch_add(7 * DAY, Ordering::Relaxed);
    let vendor = by_key(&world.store, &share.access_key_id).await;
    let (home, away) = (from(&vendor, "192.0.2.1"), from(&vendor, "203.0.113.9"));
    used_from(&away);
    world.store.flush().await.unwrap();
    world.put(&home, "k", b"y").await.unwrap();
    assert!(refused(world.put(&away, "k", b"z").await));
    assert_eq!(show(&world, &share).await.pinned.len(), 2, "it learns no more");
}

#[tokio::test]
async fn a_share_ends_when_it_says_and_may_be_given_longer() {
    let world = World::new().await;
    let (share, vendor) = world.share_by(ShareOrder { until: Some("2d".into()), ..read_write() }).await;
    world.clock.fetch_add(2 * DAY, Ordering::Relaxed);
    assert!(refused(world.put(&vendor, "k", b"x").await));
    assert_eq!(show(&world, &share).await.state, "expired");
    let extend = |days, until| Command::SharesExtend { share_id: share.share_id.clone(), days, until };
    let Outcome::Share(view) = world.ask(extend(Some(1), None)).await else { panic!() };
    assert_eq!(view.state, "active");
    world.put(&by_key(&world.store, &share.access_key_id).await, "k", b"x").await.unwrap();

    world.ask(Command::SharesRevoke { share_id: share.share_id.clone() }).await;
    for command in [extend(Some(1), None), Command::SharesRotate { share_id: share.share_id.clone() }] {
        let failure = world.store.execute(0, "t".into(), command).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Conflict, "{failure:?}");
    }
}

#[tokio::test]
async fn a_share_with_a_mistake_is_not_given_and_makes_no_account() {
    let world = World::new().await;
    for (order, said) in [
        (ShareOrder { preset: None, ..read_write() }, "no preset"),
        (ShareOrder { allow: vec!["s3:GetObject".into()], ..read_write() }, "both"),
        (ShareOrder { networks: vec!["192.0.2.1/24".into()], ..read_write() }, "192.0.2.0/24"),
        (ShareOrder { until: Some("2001-01-01".into()), ..read_write() }, "not ahead"),
        (ShareOrder { until: Some("1d".into()), days: Some(1), ..read_write() }, "both"),
        (ShareOrder { days: Some(0), ..read_write() }, "0 days"),
        (ShareOrder { requests_per_second: Some(0), ..read_write() }, "--requests-per-second 0"),
        (ShareOrder { bytes_per_second: Some(1000), ..read_write() }, "--bytes-per-second"),
        (ShareOrder { pin: Some(0), ..read_write() }, "--pin 0"),
        (ShareOrder { note: Some("a\nb".into()), ..read_write() }, "note"),
    ] {
        let order = ShareOrder { bucket: BUCKET.into(), with: "nobody@example.com".into(), ..order };
        let failure = world.store.execute(0, "t".into(), Command::Share(order.clone())).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{order:?}");
        assert!(failure.message.contains(said), "{failure:?}");
    }
    let Outcome::Accounts(accounts) = world.ask(Command::AccountList).await else { panic!() };
    assert!(accounts.iter().all(|account| account.email != "nobody@example.com"));
}
