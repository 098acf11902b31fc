use identity::{LookupError, NewShare, ShareTerms};
use kv::{Conflict, decode_counter};
use model::{AccountId, Action, Caps, KeyState, Network, Pin, Quota, Share, ShareState, limits};

use crate::world::{LATER, NOW, OPTIONS, World, bucket, changed, new_share};

async fn keys_counted(world: &World, account: &AccountId) -> i64 {
    let entry = world.engine.get_many(&[format!("n/{account}").into()]).await.unwrap().pop().flatten().unwrap();
    decode_counter(&entry.value).unwrap()
}

#[tokio::test]
async fn a_share_is_a_key_of_its_own_that_says_so() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (share, key, secret) = world.share(&bucket("myproject.example.com"), &account).await;
    assert_eq!((key.share.as_ref(), &share.value.key), (Some(&share.value.id), &key.id));
    let caller = world.caller(&key.id, &secret).await.unwrap();
    let model::Principal::Key { account: of, key: by, share: through } = caller.principal() else { panic!() };
    assert_eq!((of, by, through.as_ref()), (&account.value, &key, Some(&share.value)));
    let basis: Vec<_> = caller.basis().0.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!(basis, [format!("k/{}", key.id), format!("a/{}", of.id), format!("s/{}", share.value.id)]);
}

#[tokio::test]
async fn a_revoked_share_lets_nobody_in_and_stays_on_record() {
    let world = World::new();
    let name = bucket("myproject.example.com");
    let account = world.account("a@example.com").await;
    let (share, key, secret) = world.share(&name, &account).await;
    let caller = world.caller(&key.id, &secret).await.unwrap();
    let stored_key = world.stored_key(&key.id).await.unwrap();

    let (revoked, change) = world.directory.plan_share_revoke(&share);
    world.done(change).await;
    assert_eq!(revoked.state, ShareState::Revoked);
    assert!(matches!(world.candidate(&key.id).await, Err(LookupError::Unknown)));
    assert!(matches!(world.directory.refresh(&caller).await, Err(LookupError::Unknown)));
    assert_eq!(world.stored_share(&share.value.id).await.value, revoked);
    assert_eq!(world.directory.shares_of_bucket(&name, 7).await.unwrap()[0].value, revoked);

    let enable = world.directory.plan_key_state(&stored_key, KeyState::Enabled).1;
    assert!(changed(world.commit(enable).await), "its key does not come back");
}

#[tokio::test]
async fn a_share_record_that_is_revoked_bars_its_key_even_if_the_key_is_there() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (share, key, _) = world.share(&bucket("myproject.example.com"), &account).await;
    let mut change = world.directory.plan_share_revoke(&share).1;
    change.write.truncate(1);
    world.done(change).await;
    assert!(matches!(world.candidate(&key.id).await, Err(LookupError::Disabled)));
}

#[tokio::test]
async fn the_place_of_a_shares_key_is_given_back_once_however_it_ends() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let name = bucket("myproject.example.com");
    let (share, key, _) = world.share(&name, &account).await;
    world.share(&name, &account).await;
    assert_eq!(keys_counted(&world, &account.value.id).await, 2);

    let stored = world.stored_key(&key.id).await.unwrap();
    world.done(world.directory.plan_key_delete(&stored)).await;
    for _ in 0..2 {
        let share = world.stored_share(&share.value.id).await;
        world.done(world.directory.plan_share_revoke(&share).1).await;
    }
    assert_eq!(keys_counted(&world, &account.value.id).await, 1);
}

#[tokio::test]
async fn a_rotated_share_has_one_key_the_new_one_and_no_place_more() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (share, old, old_secret) = world.share(&bucket("abc"), &account).await;
    let caller = world.caller(&old.id, &old_secret).await.unwrap();
    let (rotated, key, secret, change) = world.directory.plan_share_rotate(&share, NOW).unwrap();
    world.done(change.clone()).await;
    assert!(changed(world.commit(change).await), "a rotation is made once");
    assert_eq!((&rotated.key, rotated.former_keys.as_slice()), (&key.id, &[old.id.clone()][..]));
    assert_eq!(world.stored_share(&share.value.id).await.value, rotated);
    assert!(matches!(world.candidate(&old.id).await, Err(LookupError::Unknown)));
    assert!(matches!(world.directory.refresh(&caller).await, Err(LookupError::Unknown)));
    world.caller(&key.id, &secret).await.unwrap();
    assert_eq!(keys_counted(&world, &account.value.id).await, 1);

    let stored = world.stored_share(&share.value.id).await;
    world.done(world.directory.plan_share_revoke(&stored).1).await;
    assert!(matches!(world.candidate(&key.id).await, Err(LookupError::Unknown)));
    assert_eq!(keys_counted(&world, &account.value.id).await, 0);
}

#[tokio::test]
async fn a_share_keeps_all_its_terms_and_may_end_at_another_time() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let name = bucket("abc");
    let terms = ShareTerms {
        name: "nightly".into(),
        note: "until the migration is done".into(),
        prefix: "backups/".into(),
        actions: Some(vec![Action::PutObject, Action::GetObject]),
        networks: vec![Network::parse("192.0.2.0/24").unwrap()],
        quota: Quota { bytes: Some(u64::MAX), objects: Some(0) },
        caps: Caps { requests_per_second: Some(5), bytes_per_second: Some(1 << 20) },
        pin_days: Some(7),
    };
    let new = NewShare { terms, ..new_share(&name, &account) };
    let (share, _, _, change) = world.directory.plan_share(new).unwrap();
    world.done(change).await;
    let stored = world.stored_share(&share.id).await;
    assert_eq!(stored.value, share);
    assert_eq!(share.allowed(), "s3:PutObject,s3:GetObject");

    let (longer, change) = world.directory.plan_share_extend(&stored, LATER.plus_seconds(1));
    world.done(change).await;
    assert_eq!(world.stored_share(&share.id).await.value, longer);
    assert_eq!(Share { expires: LATER, ..longer }, share);
}

#[tokio::test]
async fn a_pin_learns_each_network_once_and_only_so_many() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let name = bucket("abc");
    let (plain, ..) = world.share(&name, &account).await;
    let networks: Vec<Network> = (0..200u8).map(|n| Network::of_caller([192, 0, 2, n].into())).collect();
    assert!(world.directory.plan_share_pin(&plain, &networks).is_none(), "it has no pin");

    let terms = ShareTerms { pin_days: Some(7), ..ShareTerms::default() };
    let (share, _, _, change) = world.directory.plan_share(NewShare { terms, ..new_share(&name, &account) }).unwrap();
    world.done(change).await;
    let mut learned = 0;
    for upto in [2, 2, 1, 200, 200] {
        let stored = world.stored_share(&share.id).await;
        if let Some((_, change)) = world.directory.plan_share_pin(&stored, &networks[..upto]) {
            world.done(change).await;
            learned += 1;
        }
    }
    let stored = world.stored_share(&share.id).await.value;
    assert_eq!(learned, 2);
    assert_eq!(stored.pin, Some(Pin { days: 7, learned: networks[..limits::PINNED_NETWORKS].to_vec() }));
}

#[tokio::test]
async fn shares_count_among_an_accounts_keys() {
    let world = World::new();
    let name = bucket("myproject.example.com");
    let account = world.account("a@example.com").await;
    for _ in 0..limits::KEYS_PER_ACCOUNT {
        world.done(world.directory.plan_key(&account, OPTIONS).unwrap().2).await;
    }
    let share = world.directory.plan_share(new_share(&name, &account)).unwrap().3;
    assert!(matches!(world.commit(share).await, Err(Conflict::Ceiling(_))));
    assert_eq!(world.directory.shares(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn shares_are_listed_by_bucket_incarnation_and_page() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let mut of_bucket = vec![];
    for _ in 0..5 {
        of_bucket.push(world.share(&bucket("abc"), &account).await.0);
    }
    of_bucket.sort_by_key(|share| share.value.id.clone());
    world.share(&bucket("abcd"), &account).await;
    assert_eq!(world.directory.shares_of_bucket(&bucket("abc"), 7).await.unwrap(), of_bucket);
    assert_eq!(world.directory.shares_of_bucket(&bucket("abc"), 8).await.unwrap(), []);

    let all = world.directory.shares(None, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    let after = all[3].value.id.clone();
    assert_eq!(world.directory.shares(Some(after), 100).await.unwrap(), all[4..]);
    assert_eq!(world.directory.shares(None, 4).await.unwrap(), all[..4]);
}

#[tokio::test]
async fn a_bucket_with_more_shares_than_one_page_shows_all_of_them() {
    let world = World::new();
    let name = bucket("abc");
    for i in 0..3 {
        let account = world.account(&format!("a{i}@example.com")).await;
        for _ in 0..400 {
            world.done(world.directory.plan_share(new_share(&name, &account)).unwrap().3).await;
        }
    }
    let shares = world.directory.shares_of_bucket(&name, 7).await.unwrap();
    assert!(shares.len() == 1200 && shares.is_sorted_by(|a, b| a.value.id < b.value.id));
}
