use identity::{Error, LookupError, MasterCheck};

use crate::world::{OPTIONS, World, bucket, changed, guest, master};

#[tokio::test]
async fn no_secret_is_stored_in_the_clear_in_any_spelling() {
    let world = World::new();
    world.done(world.directory.plan_master_check()).await;
    let account = world.account("a@example.com").await;
    let (_, _, of_account, change) = world.directory.plan_account_with_key(guest("b@example.com"), OPTIONS).unwrap();
    world.done(change).await;
    let secrets = [of_account, world.key(&account).await.1, world.share(&bucket("abc"), &account).await.2];
    let dump = world.dump().await;
    assert!(dump.len() > 15);
    for secret in &secrets {
        let plain = secret.expose().as_bytes();
        for entry in &dump {
            // Any 12 characters in a row would be a leak; so would the whole, turned around.
            for part in plain.windows(12) {
                assert!(!entry.value.windows(12).any(|w| w == part), "{:?}", entry.key);
                assert!(!entry.key.windows(12).any(|w| w == part), "{:?}", entry.key);
            }
            let turned: Vec<u8> = plain.iter().rev().copied().collect();
            assert!(!entry.value.windows(40).any(|w| w == turned), "{:?}", entry.key);
        }
    }
    for entry in &dump {
        let shown = format!("{:?}", entry);
        assert!(secrets.iter().all(|s| !shown.contains(s.expose())));
    }
}

#[tokio::test]
async fn no_debug_output_shows_a_secret() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;
    let candidate = world.candidate(&key.value.id).await.unwrap();
    let shown = format!("{candidate:?} {secret:?} {key:?} {:#?}", world.caller(&key.value.id, &secret).await);
    assert!(!shown.contains(secret.expose()), "{shown}");
    assert!(shown.contains("redacted"));
    // As a list of bytes it would be no less of a leak.
    let bytes = format!("{:?}", secret.expose().as_bytes());
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}

#[tokio::test]
async fn another_master_key_is_told_and_opens_nothing() {
    let world = World::new();
    assert_eq!(world.directory.check_master().await.unwrap(), MasterCheck::Fresh);
    world.done(world.directory.plan_master_check()).await;
    assert_eq!(world.directory.check_master().await.unwrap(), MasterCheck::Right);
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;

    let wrong = world.under(master(2));
    assert_eq!(wrong.check_master().await.unwrap(), MasterCheck::Wrong);
    assert!(changed(world.commit(wrong.plan_master_check()).await), "it does not take the store over");
    let outcome = wrong.candidate(key.value.id.as_str()).await.map(drop);
    assert!(matches!(outcome, Err(LookupError::Internal(Error::Sealed { .. }))), "{outcome:?}");
    world.under(master(1)).candidate(key.value.id.as_str()).await.unwrap();
    world.caller(&key.value.id, &secret).await.unwrap();
}

#[tokio::test]
async fn two_stores_share_no_secret_no_id_and_no_sealed_value() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2 {
        // The same master key even: what is fresh does not come from it.
        let world = World::new();
        let account = world.account("a@example.com").await;
        let (key, secret) = world.key(&account).await;
        let sealed =
            world.engine.get_many(&[format!("x/{}", key.value.id).into()]).await.unwrap().pop().flatten().unwrap();
        for text in [
            account.value.id.to_string(),
            account.value.canonical_id.to_string(),
            key.value.id.to_string(),
            secret.expose().to_owned(),
            sealed.value.escape_ascii().to_string(),
        ] {
            assert!(seen.insert(text));
        }
    }
}

#[tokio::test]
async fn errors_name_the_record_and_never_what_is_in_it() {
    let world = World::new();
    let account = world.account("a@example.com").await;
    let (key, secret) = world.key(&account).await;
    let at = kv::Key::from(format!("x/{}", key.value.id));
    // Damage that put the secret where its sealed form was.
    let plain = kv::Write::Put(at, secret.expose().to_owned().into());
    world.write(plain).await;
    let error = world.candidate(&key.value.id).await.map(drop).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(key.value.id.as_str()) && !shown.contains(secret.expose()), "{shown}");
}
