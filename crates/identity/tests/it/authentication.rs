use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use identity::{Caller, CallerKind, Directory, Error, LookupError};
use kv::{Change, Require, Write};
use model::{AccountState, KeyState, Principal};

use crate::between::Between;
use crate::world::{World, bucket, changed, holds, master};

#[tokio::test]
async fn who_proves_to_hold_the_secret_becomes_a_caller() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;
    let candidate = world.candidate(&key.value.id).await.unwrap();
    let (caller, proof) = candidate.prove(|stored| holds(stored, &secret).map(|()| "signed")).unwrap();
    assert_eq!((proof, caller.kind()), ("signed", CallerKind::Key));
    let principal = Principal::Key { account: account.value, key: key.value, share: None };
    assert_eq!(caller.principal(), &principal);
    let basis = [(key.key.clone(), Some(key.revision)), (account.key.clone(), Some(account.revision))];
    assert_eq!(caller.basis().0, basis);
}

#[tokio::test]
async fn who_fails_to_prove_it_becomes_nobody() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, _) = world.key(&account).await;
    let (_, wrong) = world.key(&account).await;
    let candidate = world.candidate(&key.value.id).await.unwrap();
    assert_eq!(candidate.prove(|stored| holds(stored, &wrong)).map(drop), Err("it is another secret"));
}

#[tokio::test]
async fn what_is_no_key_is_unknown() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, _) = world.key(&account).await;
    let id = key.value.id.as_str();
    for text in
        ["", "AKIAIOSFODNN7EXAMPLE", "BWAAAAAAAAAAAAAAAAAA", &id.to_lowercase(), &format!("{id}A"), &id[1..], "\0", "é"]
    {
        assert!(matches!(world.directory.candidate(text).await, Err(LookupError::Unknown)), "{text}");
    }
}

#[tokio::test]
async fn a_disabled_key_lets_nobody_in_until_it_is_enabled() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;
    let caller = world.caller(&key.value.id, &secret).await.unwrap();
    world.done(world.directory.plan_key_state(&key, KeyState::Disabled).1).await;
    assert!(matches!(world.candidate(&key.value.id).await, Err(LookupError::Disabled)));
    assert!(matches!(world.directory.refresh(&caller).await, Err(LookupError::Disabled)));
    let disabled = world.stored_key(&key.value.id).await.unwrap();
    world.done(world.directory.plan_key_state(&disabled, KeyState::Enabled).1).await;
    world.caller(&key.value.id, &secret).await.unwrap();
}

#[tokio::test]
async fn a_suspended_account_lets_none_of_its_keys_in_shares_included() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;
    let (_, share_key, _) = world.share(&bucket("abc"), &account).await;
    let caller = world.caller(&key.value.id, &secret).await.unwrap();
    world.done(world.directory.plan_account_state(&account, AccountState::Suspended).1).await;
    for id in [&key.value.id, &share_key.id] {
        assert!(matches!(world.candidate(id).await, Err(LookupError::AccountSuspended)));
    }
    assert!(matches!(world.directory.refresh(&caller).await, Err(LookupError::AccountSuspended)));
}

#[tokio::test]
async fn who_was_let_in_before_is_refused_as_soon_as_any_of_the_records_says_so() {
    for what in ["key", "account", "share", "gone", "damaged"] {
        let world = World::new();
        let account = world.account("a@example.com").await;
        let (share, key, secret) = world.share(&bucket("abc"), &account).await;
        for _ in 0..3 {
            world.caller(&key.id, &secret).await.unwrap();
        }
        let stored = world.stored_key(&key.id).await.unwrap();
        match what {
            "key" => world.done(world.directory.plan_key_state(&stored, KeyState::Disabled).1).await,
            "account" => world.done(world.directory.plan_account_state(&account, AccountState::Suspended).1).await,
            "share" => world.done(world.directory.plan_share_revoke(&share).1).await,
            "gone" => world.write(Write::Delete(stored.key.clone())).await,
            _ => world.write(Write::Put(account.key.clone(), "no record".into())).await,
        }
        for _ in 0..2 {
            let refused = world.candidate(&key.id).await.unwrap_err();
            assert!(
                match what {
                    "key" => matches!(refused, LookupError::Disabled),
                    "account" => matches!(refused, LookupError::AccountSuspended),
                    "share" | "gone" => matches!(refused, LookupError::Unknown),
                    _ => matches!(refused, LookupError::Internal(_)),
                },
                "{what}: {refused:?}"
            );
        }
        // And let in again once the records are in order again.
        if what == "account" {
            let account = world.directory.account(&account.value.id).await.unwrap().unwrap();
            world.done(world.directory.plan_account_state(&account, AccountState::Active).1).await;
            world.caller(&key.id, &secret).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_derived_for_a_scope_is_kept_once_it_proved_something_and_while_nothing_changes() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, _) = world.key(&account).await;
    let id = &key.value.id;
    let derived = AtomicUsize::new(0);
    let ask = async |scope: &str, proves: bool| {
        let derive = |secret: &[u8]| {
            derived.fetch_add(1, Ordering::Relaxed);
            [scope.as_bytes(), secret].concat()
        };
        let candidate = world.candidate(id).await.unwrap();
        let verify = |made: &Arc<Vec<u8>>| {
            assert!(made.starts_with(scope.as_bytes()));
            if proves { Ok(()) } else { Err(()) }
        };
        assert_eq!(candidate.prove_in(scope, derive, verify).is_ok(), proves);
        derived.load(Ordering::Relaxed)
    };
    // Whoever proves nothing leaves nothing.
    assert_eq!((ask("monday", false).await, ask("monday", false).await), (1, 2));
    assert_eq!((ask("monday", true).await, ask("monday", true).await), (3, 3));
    assert_eq!((ask("tuesday", true).await, ask("monday", true).await, ask("tuesday", false).await), (4, 4, 4));
    let stored = world.stored_key(id).await.unwrap();
    world.done(world.directory.plan_key_state(&stored, KeyState::Disabled).1).await;
    let stored = world.stored_key(id).await.unwrap();
    world.done(world.directory.plan_key_state(&stored, KeyState::Enabled).1).await;
    assert_eq!(ask("monday", true).await, 5);
    // Only so many are kept, the latest.
    for day in 0..20 {
        ask(&format!("day {day}"), true).await;
    }
    assert_eq!((ask("day 19", true).await, ask("monday", true).await), (25, 26));
}

#[tokio::test]
async fn what_a_caller_rests_on_refuses_its_commit_once_the_key_the_account_or_the_share_has_changed() {
    for what in ["key", "account", "share"] {
        let world = World::new();
        let account = world.account("a@example.com").await;
        let (share, key, secret) = world.share(&bucket("abc"), &account).await;
        let caller = world.caller(&key.id, &secret).await.unwrap();
        let require: Vec<Require> =
            caller.basis().0.iter().map(|(key, at)| Require::Unchanged(key.clone(), at.unwrap())).collect();
        let change = |n: u8| Change { require: require.clone(), write: vec![Write::Put("o/x".into(), vec![n].into())] };
        world.done(change(1)).await;

        let stored = world.stored_key(&key.id).await.unwrap();
        world
            .done(match what {
                "key" => world.directory.plan_key_state(&stored, KeyState::Disabled).1,
                "account" => world.directory.plan_account_state(&account, AccountState::Suspended).1,
                _ => world.directory.plan_share_revoke(&share).1,
            })
            .await;
        assert!(changed(world.commit(change(2)).await), "{what}");
    }
}

#[tokio::test]
async fn a_caller_refreshed_has_the_records_of_now() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;
    let before = world.caller(&key.value.id, &secret).await.unwrap();
    // Written again as it was: another revision, so a commit that rests on the old one meets a conflict.
    world.done(world.directory.plan_account_state(&account, AccountState::Active).1).await;
    let after = world.directory.refresh(&before).await.unwrap();
    assert_eq!(after.principal(), before.principal());
    assert_ne!(after.basis(), before.basis());
    assert_eq!(after.basis(), world.caller(&key.value.id, &secret).await.unwrap().basis());

    for other in [Caller::anonymous(), Caller::operator(1000)] {
        assert_eq!(world.directory.refresh(&other).await.unwrap().kind(), other.kind());
    }
}

#[tokio::test]
async fn the_operator_and_the_unsigned_are_nobodys_principal() {
    for (caller, kind) in
        [(Caller::anonymous(), CallerKind::Anonymous), (Caller::operator(1000), CallerKind::Operator { uid: 1000 })]
    {
        assert_eq!((caller.kind(), caller.principal()), (kind, &Principal::Anonymous));
        assert!(caller.basis().0.is_empty());
    }
}

#[tokio::test]
async fn a_key_whose_records_are_missing_damaged_or_at_odds_lets_nobody_in() {
    // Each is one way to break the key of a share; each is refused as damage, and none as a default.
    let world = World::new();
    let other = world.account("other@example.com").await;
    let (other_share, _, _) = world.share(&bucket("abc"), &other).await;
    let account = world.account("a@example.com").await;
    let (share, key, secret) = world.share(&bucket("abc"), &account).await;
    let others = world.engine.get_many(std::slice::from_ref(&other_share.key)).await.unwrap().pop().flatten().unwrap();
    let at = |table: &str, id: &str| kv::Key::from(format!("{table}/{id}"));
    let account_at = at("a", account.value.id.as_str());
    let secret_at = at("x", key.id.as_str());
    let share_at = at("s", share.value.id.as_str());
    for broken in [
        Write::Delete(account_at.clone()),
        Write::Put(account_at.clone(), "\x01\x7f".into()),
        Write::Put(account_at.clone(), "".into()),
        Write::Delete(secret_at.clone()),
        Write::Put(secret_at.clone(), "\x01short".into()),
        Write::Delete(share_at.clone()),
        Write::Put(share_at.clone(), others.value.clone()),
        Write::Put(at("k", key.id.as_str()), "\x02".into()),
    ] {
        let (Write::Delete(place) | Write::Put(place, _)) = &broken else { panic!() };
        let was = world.engine.get_many(std::slice::from_ref(place)).await.unwrap().pop().flatten().unwrap();
        world.caller(&key.id, &secret).await.unwrap();
        world.write(broken.clone()).await;
        let outcome = world.candidate(&key.id).await.map(drop);
        assert!(matches!(outcome, Err(LookupError::Internal(Error::Corrupt { .. }))), "{broken:?}: {outcome:?}");
        world.write(Write::Put(was.key.clone(), was.value.clone())).await;
    }
    world.caller(&key.id, &secret).await.unwrap();
}

#[tokio::test]
async fn a_secret_moved_under_another_keys_id_does_not_open() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (mine, _) = world.key(&account).await;
    let (theirs, _) = world.key(&account).await;
    let at = |id: &model::AccessKeyId| kv::Key::from(format!("x/{id}"));
    let sealed = world.engine.get_many(&[at(&mine.value.id)]).await.unwrap().pop().flatten().unwrap();
    world.write(Write::Put(at(&theirs.value.id), sealed.value.clone())).await;
    let outcome = world.candidate(&theirs.value.id).await.map(drop);
    assert!(matches!(outcome, Err(LookupError::Internal(Error::Sealed { .. }))), "{outcome:?}");
}

#[tokio::test]
async fn a_key_disabled_and_its_account_restored_while_it_is_looked_up_never_count_as_both_in_order() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, _) = world.key(&account).await;
    world.done(world.directory.plan_account_state(&account, AccountState::Suspended).1).await;
    let suspended = world.directory.account(&account.value.id).await.unwrap().unwrap();
    // At no moment are both in order: before it the account is suspended, after it the key is disabled.
    let mut change = world.directory.plan_account_state(&suspended, AccountState::Active).1;
    let disable = world.directory.plan_key_state(&key, KeyState::Disabled).1;
    change.require.extend(disable.require);
    change.write.extend(disable.write);
    let engine = Between { inner: world.engine.clone(), next: Mutex::new(Some(change)) };
    let directory = Directory::new(Arc::new(engine), master(1));
    let outcome = directory.candidate(key.value.id.as_str()).await.map(drop);
    assert!(matches!(outcome, Err(LookupError::Disabled)), "{outcome:?}");
}

#[tokio::test]
async fn a_key_deleted_while_it_is_looked_up_is_unknown() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, _) = world.key(&account).await;
    let change = world.directory.plan_key_delete(&key);
    let engine = Between { inner: world.engine.clone(), next: Mutex::new(Some(change)) };
    let directory = Directory::new(Arc::new(engine), master(1));
    let outcome = directory.candidate(key.value.id.as_str()).await.map(drop);
    assert!(matches!(outcome, Err(LookupError::Unknown)), "{outcome:?}");
}
