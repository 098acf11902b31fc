use std::collections::HashSet;

use identity::Error;
use kv::{Conflict, Write};
use model::{AccountKind, AccountState, CanonicalId};

use crate::world::{World, changed, email, guest};

#[tokio::test]
async fn an_account_is_found_by_id_address_and_canonical_id() {
    let world = World::new();
    let account = world.account("AWS-MyProject@Example.com").await;
    assert_eq!(account.value.kind, AccountKind::Guest);
    assert_eq!(account.value.state, AccountState::Active);
    let by_email = world.directory.account_by_email(&email("aws-myproject@example.com")).await.unwrap();
    let by_canonical = world.directory.account_by_canonical(&account.value.canonical_id).await.unwrap();
    assert_eq!(by_email.as_ref(), Some(&account));
    assert_eq!(by_canonical.as_ref(), Some(&account));
    assert_eq!(world.directory.account_by_email(&email("other@example.com")).await.unwrap(), None);
}

#[tokio::test]
async fn of_plans_made_at_once_for_one_address_one_is_committed() {
    let world = World::new();
    let plans: Vec<_> = (0..16).map(|_| world.directory.plan_account(guest("a@example.com")).unwrap()).collect();
    let commits = plans.into_iter().map(|(account, change)| {
        let engine = world.engine.clone();
        tokio::spawn(async move { (account, engine.commit(change).await.unwrap()) })
    });
    let mut made = vec![];
    for commit in commits.collect::<Vec<_>>() {
        match commit.await.unwrap() {
            (account, Ok(_)) => made.push(account),
            (_, Err(conflict)) => assert_eq!(conflict, Conflict::Changed("e/a@example.com".into())),
        }
    }
    assert_eq!(made.len(), 1);
    let stored = world.directory.accounts(None, 100).await.unwrap();
    assert_eq!(stored.into_iter().map(|s| s.value).collect::<Vec<_>>(), made);
}

#[tokio::test]
async fn an_address_once_given_stays_with_its_account_even_when_that_is_suspended() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (suspended, change) = world.directory.plan_account_state(&account, AccountState::Suspended);
    world.done(change).await;
    // Nobody can register it anew and find grants waiting for them.
    let (_, again) = world.directory.plan_account(guest("A@example.com ")).unwrap();
    assert!(changed(world.commit(again).await));
    let found = world.directory.account_by_email(&email("a@example.com")).await.unwrap().unwrap();
    assert_eq!(found.value, suspended);
    assert_eq!(found.value.canonical_id, account.value.canonical_id);
}

#[tokio::test]
async fn no_two_accounts_share_an_id() {
    let world = World::new();
    let (mut ids, mut canonical) = (HashSet::new(), HashSet::new());
    for i in 0..500 {
        let (account, _) = world.directory.plan_account(guest(&format!("a{i}@example.com"))).unwrap();
        assert!(!account.id.as_str().starts_with('0'));
        assert!(ids.insert(account.id) && canonical.insert(account.canonical_id));
    }
}

#[tokio::test]
async fn a_state_planned_from_an_old_reading_is_refused() {
    let world = World::new();
    let old = world.account("a@example.com").await;
    world.done(world.directory.plan_account_state(&old, AccountState::Suspended).1).await;
    assert!(changed(world.commit(world.directory.plan_account_state(&old, AccountState::Active).1).await));
}

#[tokio::test]
async fn accounts_are_listed_by_id_page_by_page_without_gap_or_repeat() {
    let world = World::new();
    for i in 0..7 {
        world.account(&format!("a{i}@example.com")).await;
    }
    let all = world.directory.accounts(None, 100).await.unwrap();
    assert!(all.len() == 7 && all.is_sorted_by(|a, b| a.value.id < b.value.id));
    let mut paged = vec![];
    loop {
        let page =
            world.directory.accounts(paged.last().map(|a: &identity::Stored<model::Account>| a.value.id.clone()), 2);
        let page = page.await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn canonical_ids_are_resolved_together_in_their_order_and_unknown_ones_to_nobody() {
    let world = World::new();
    let a = world.account("a@example.com").await;
    let b = world.account("b@example.com").await;
    let nobody = CanonicalId::new(&"0".repeat(64)).unwrap();
    let ids = [b.value.canonical_id.clone(), nobody, a.value.canonical_id.clone(), b.value.canonical_id.clone()];
    let found = world.directory.accounts_by_canonical(&ids).await.unwrap();
    assert_eq!(found, [Some(b.clone()), None, Some(a), Some(b)]);
}

#[tokio::test]
async fn an_index_that_leads_to_nobody_or_to_another_is_damage() {
    let world = World::new();
    let a = world.account("a@example.com").await.value;
    let b = world.account("b@example.com").await.value;
    let to_b = [b"\x01", b.id.as_str().as_bytes()].concat();
    world.write(Write::Put(format!("e/{}", a.email).into(), to_b.clone().into())).await;
    world.write(Write::Put(format!("c/{}", a.canonical_id).into(), to_b.into())).await;
    assert!(
        matches!(world.directory.account_by_email(&a.email).await, Err(Error::Corrupt { key, .. }) if key == "e/a@example.com")
    );
    assert!(matches!(world.directory.account_by_canonical(&a.canonical_id).await, Err(Error::Corrupt { .. })));
    let ids = [a.canonical_id.clone(), b.canonical_id.clone()];
    assert!(matches!(world.directory.accounts_by_canonical(&ids).await, Err(Error::Corrupt { .. })));

    world.write(Write::Delete(format!("a/{}", b.id).into())).await;
    assert!(matches!(world.directory.account_by_email(&b.email).await, Err(Error::Corrupt { .. })));
}
