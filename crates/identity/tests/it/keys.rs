use std::collections::HashSet;

use identity::{Error, KeyOptions, KeyUse, LastUsed, LookupError};
use kv::{Conflict, Write};
use model::{AccountState, KeyState, Network, Restriction, Timestamp, limits};

use crate::world::{LATER, NOW, OPTIONS, World, bucket, changed, guest};

#[tokio::test]
async fn a_key_is_made_listed_disabled_enabled_and_deleted() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let other = world.account("b@example.com").await;
    let (first, _) = world.key(&account).await;
    let (second, _) = world.key(&account).await;
    world.key(&other).await;
    let mut both = vec![first.clone(), second.clone()];
    both.sort_by_key(|key| key.value.id.clone());
    assert_eq!(world.directory.keys_of(&account.value.id).await.unwrap(), both);

    let (key, change) = world.directory.plan_key_state(&first, KeyState::Disabled);
    world.done(change).await;
    let disabled = world.stored_key(&key.id).await.unwrap();
    assert_eq!(disabled.value, key);
    assert_eq!(key.state, KeyState::Disabled);
    assert!(changed(world.commit(world.directory.plan_key_delete(&first)).await), "planned from an old reading");

    world.done(world.directory.plan_key_delete(&disabled)).await;
    assert_eq!(world.stored_key(&key.id).await, None);
    assert_eq!(world.directory.keys_of(&account.value.id).await.unwrap(), [second]);
    let left = world.dump().await;
    assert!(left.iter().all(|e| !String::from_utf8_lossy(&e.key).contains(key.id.as_str())), "nothing of it is left");
}

#[tokio::test]
async fn ids_and_secrets_have_their_form_and_never_repeat() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (mut ids, mut secrets) = (HashSet::new(), HashSet::new());
    for _ in 0..300 {
        let (key, secret, _) = world.directory.plan_key(&account, OPTIONS).unwrap();
        assert!(key.id.as_str().starts_with("BW"));
        assert_eq!(secret.expose().len(), 40);
        assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(ids.insert(key.id) && secrets.insert(secret.expose().to_owned()));
    }
}

#[tokio::test]
async fn an_account_has_at_most_so_many_keys_and_gets_room_by_deleting() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (first, _) = world.key(&account).await;
    for _ in 1..limits::KEYS_PER_ACCOUNT {
        world.done(world.directory.plan_key(&account, OPTIONS).unwrap().2).await;
    }
    let one_more = || world.directory.plan_key(&account, OPTIONS).unwrap().2;
    let full = world.commit(one_more()).await.unwrap_err();
    assert_eq!(full, Conflict::Ceiling(format!("n/{}", account.value.id).into()));
    assert_eq!(world.directory.keys_of(&account.value.id).await.unwrap().len(), limits::KEYS_PER_ACCOUNT);

    world.done(world.directory.plan_key_delete(&first)).await;
    world.done(one_more()).await;
    assert!(world.commit(one_more()).await.is_err());
}

#[tokio::test]
async fn a_key_planned_before_its_account_changed_is_refused() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (_, _, change) = world.directory.plan_key(&account, OPTIONS).unwrap();
    world.done(world.directory.plan_account_state(&account, AccountState::Suspended).1).await;
    assert!(changed(world.commit(change).await));
}

#[tokio::test]
async fn an_account_and_its_first_key_are_made_together_or_not_at_all() {
    let world = World::new();
    let plan = || world.directory.plan_account_with_key(guest("a@example.com"), OPTIONS).unwrap();
    let (account, key, secret, change) = plan();
    let (unmade, other_key, _, late) = plan();
    world.done(change).await;
    assert!(changed(world.commit(late).await));
    let caller = world.caller(&key.id, &secret).await.unwrap();
    assert_eq!(caller.principal().account(), Some(&account));
    assert_eq!(world.directory.account(&unmade.id).await.unwrap(), None);
    assert!(matches!(world.candidate(&other_key.id).await, Err(LookupError::Unknown)));
}

fn used_at(at: Timestamp) -> KeyUse {
    KeyUse { at, source: Some([192, 0, 2, 1].into()), client: Some("aws-cli/2".into()) }
}

#[tokio::test]
async fn noting_when_a_key_was_used_does_not_touch_its_revision() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (used, _) = world.key(&account).await;
    let (unused, _) = world.key(&account).await;
    let once = LastUsed { first: None, last: used_at(NOW) };
    let twice = LastUsed { first: Some(used_at(NOW)), last: used_at(LATER) };
    for write in
        world.directory.plan_last_used(&[(used.value.id.clone(), once), (used.value.id.clone(), twice.clone())])
    {
        world.write(write).await;
    }
    let ids = [unused.value.id.clone(), used.value.id.clone()];
    assert_eq!(world.directory.last_used(&ids).await.unwrap(), [None, Some(twice)]);
    assert_eq!(world.stored_key(&used.value.id).await, Some(used));
}

#[tokio::test]
async fn a_rotated_key_works_until_then_and_the_new_one_at_once() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (old, old_secret) = world.key(&account).await;
    let restriction = Restriction { buckets: vec![bucket("abc")], ..Restriction::default() };
    let options = KeyOptions { restriction: restriction.clone(), ..OPTIONS };
    let (new, secret, changed_old, change) = world.directory.plan_key_rotate(&old, options, LATER).unwrap();
    world.done(change.clone()).await;
    assert!(changed(world.commit(change).await), "a rotation is made once");
    assert_eq!((&new.account, &new.restriction), (&account.value.id, &restriction));
    assert_eq!(changed_old.restriction, Restriction { expires: Some(LATER), ..Restriction::default() });
    assert_eq!(world.stored_key(&old.value.id).await.unwrap().value, changed_old);
    world.caller(&new.id, &secret).await.unwrap();
    world.caller(&old.value.id, &old_secret).await.unwrap();

    // A key that ends sooner does not live longer for it.
    let again = world.stored_key(&old.value.id).await.unwrap();
    let later = LATER.plus_seconds(1);
    let (_, _, still, _) = world.directory.plan_key_rotate(&again, OPTIONS, later).unwrap();
    assert_eq!(still.restriction.expires, Some(LATER));
}

#[tokio::test]
async fn what_holds_a_key_back_is_stored_with_it() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let restriction = Restriction {
        policy: Some("{}".into()),
        buckets: vec![bucket("abc"), bucket("def")],
        prefixes: vec!["a/".into(), "".into()],
        networks: vec![Network::parse("10.0.0.0/8").unwrap(), Network::parse("2001:db8::/32").unwrap()],
        expires: Some(LATER),
    };
    let options = KeyOptions { restriction: restriction.clone(), ..OPTIONS };
    let (key, secret, change) = world.directory.plan_key(&account, options).unwrap();
    world.done(change).await;
    let caller = world.caller(&key.id, &secret).await.unwrap();
    let model::Principal::Key { key, .. } = caller.principal() else { panic!() };
    assert_eq!(key.restriction, restriction);
}

#[tokio::test]
async fn sigv2_is_allowed_to_the_key_that_was_made_so() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    for allow_sigv2 in [false, true] {
        let options = KeyOptions { allow_sigv2, ..OPTIONS };
        let (key, _, change) = world.directory.plan_key(&account, options).unwrap();
        world.done(change).await;
        assert_eq!(world.candidate(&key.id).await.unwrap().allow_sigv2(), allow_sigv2);
    }
}

#[tokio::test]
async fn an_index_entry_that_is_no_key_is_damage() {
    let world = World::new();
    let account = world.account("a@example.com").await.value.id;
    world.write(Write::Put(format!("K/{account}/nonsense").into(), "\x01".into())).await;
    assert!(matches!(world.directory.keys_of(&account).await, Err(Error::Corrupt { .. })));
}
