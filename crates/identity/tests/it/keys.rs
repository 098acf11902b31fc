use std::collections::HashSet;

use identity::{Error, KeyOptions, LastUsed, LookupError};
use kv::{Conflict, Write};
use model::{AccountState, KeyState, limits};

use crate::world::{LATER, NOW, OPTIONS, World, changed, guest};

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

#[tokio::test]
async fn noting_when_a_key_was_used_does_not_touch_its_revision() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (used, _) = world.key(&account).await;
    let (unused, _) = world.key(&account).await;
    for write in world.directory.plan_last_used(&[(used.value.id.clone(), NOW), (used.value.id.clone(), LATER)]) {
        world.write(write).await;
    }
    let ids = [unused.value.id.clone(), used.value.id.clone()];
    assert_eq!(world.directory.last_used(&ids).await.unwrap(), [None, Some(LastUsed { at: LATER })]);
    assert_eq!(world.stored_key(&used.value.id).await, Some(used));
}

#[tokio::test]
async fn sigv2_is_allowed_to_the_key_that_was_made_so() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    for allow_sigv2 in [false, true] {
        let options = KeyOptions { allow_sigv2, created: NOW };
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
