//! Holds the stored forms to what was released: `tests/golden/v1.txt` has one record a line, as name, key, value in
//! hexadecimal. A line may be added; one that changes breaks every store there is.

use bytes::Bytes;
use kv::Key;
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, BucketName, CanonicalId, DisplayName, Email,
    KeyState, Preset, Share, ShareId, ShareState, Timestamp,
};

use crate::seal::Sealer;
use crate::{Error, LastUsed, MasterKey, keys, records};

const GOLDEN: &str = include_str!("../tests/golden/v1.txt");

fn golden(name: &str) -> (Key, Bytes) {
    let line = GOLDEN.lines().find(|line| line.split(' ').next() == Some(name));
    let mut parts = line.unwrap_or_else(|| panic!("no golden record {name}")).split(' ').skip(1);
    let mut next = || Bytes::from(hex::decode(parts.next().unwrap()).unwrap());
    (next(), next())
}

fn holds(name: &str, key: Key, value: Bytes) {
    assert_eq!(
        (&key, &value),
        (&golden(name).0, &golden(name).1),
        "{name} {} {}",
        hex::encode(&key),
        hex::encode(&value)
    );
}

fn account() -> Account {
    Account {
        id: AccountId::new("123456789012").unwrap(),
        canonical_id: CanonicalId::new(&"0123456789abcdef".repeat(4)).unwrap(),
        email: Email::new("aws-myproject@example.com").unwrap(),
        display_name: DisplayName::new("Бэкапы").unwrap(),
        kind: AccountKind::Guest,
        state: AccountState::Active,
        created: Timestamp::from_millis(1_289_952_000_123),
    }
}

fn owner() -> Account {
    let canonical_id = CanonicalId::new(&"f".repeat(64)).unwrap();
    Account { canonical_id, kind: AccountKind::Owner, state: AccountState::Suspended, ..account() }
}

fn key() -> AccessKey {
    AccessKey {
        id: AccessKeyId::new("BWABCDEFGHIJKLMNOP27").unwrap(),
        account: account().id,
        state: KeyState::Enabled,
        share: None,
        allow_sigv2: false,
        created: Timestamp::from_millis(1_289_952_000_123),
    }
}

fn share_key() -> AccessKey {
    AccessKey { state: KeyState::Disabled, share: Some(share().id), allow_sigv2: true, ..key() }
}

fn share() -> Share {
    Share {
        id: ShareId::new("0123456789ab").unwrap(),
        bucket: BucketName::new("myproject.example.com").unwrap(),
        incarnation: 7,
        giver: AccountId::new("210987654321").unwrap(),
        account: account().id,
        key: key().id,
        preset: Preset::ReadWrite,
        state: ShareState::Active,
        created: Timestamp::from_millis(1_289_952_000_123),
        expires: Timestamp::from_millis(1_297_728_000_123),
    }
}

fn revoked() -> Share {
    Share { preset: Preset::Write, state: ShareState::Revoked, ..share() }
}

fn master() -> MasterKey {
    MasterKey::from_bytes(std::array::from_fn(|i| i as u8))
}

#[test]
fn records_are_written_as_they_always_were() {
    for (name, account) in [("account", account()), ("account-2", owner())] {
        holds(name, keys::account(&account.id), records::encode_account(&account));
    }
    for (name, key) in [("key", key()), ("key-2", share_key())] {
        holds(name, keys::access_key(&key.id), records::encode_key(&key));
    }
    for (name, share) in [("share", share()), ("share-2", revoked())] {
        holds(name, keys::share(&share.id), records::encode_share(&share));
    }
    let (account, key, share) = (account(), key(), share());
    holds("email", keys::email(&account.email), records::encode_account_ref(&account.id));
    holds("canonical", keys::canonical(&account.canonical_id), records::encode_account_ref(&account.id));
    holds("key-of-account", keys::key_of(&account.id, &key.id), records::mark());
    holds("share-of-bucket", keys::share_of(&share.bucket, share.incarnation, &share.id), records::mark());
    holds("last-used", keys::last_used(&key.id), records::encode_last_used(LastUsed { at: share.expires }));
    let check = records::encode_master_check(&master().derive("master key check"));
    holds("master-check", keys::master_check(), check);
}

#[test]
fn records_are_read_as_they_always_were() {
    fn read<T>(name: &str, decode: fn(&[u8], &[u8]) -> Result<T, Error>) -> T {
        let (key, value) = golden(name);
        decode(&key, &value).unwrap()
    }
    assert_eq!(read("account", records::account), account());
    assert_eq!(read("account-2", records::account), owner());
    assert_eq!(read("key", records::access_key), key());
    assert_eq!(read("key-2", records::access_key), share_key());
    assert_eq!(read("share", records::share), share());
    assert_eq!(read("share-2", records::share), revoked());
    assert_eq!(read("email", records::account_ref), account().id);
    assert_eq!(read("last-used", records::last_used).at, share().expires);
    assert_eq!(read("master-check", records::master_check), master().derive("master key check"));
}

#[test]
fn a_secret_sealed_by_an_earlier_release_opens() {
    let (at, sealed) = golden("secret");
    assert_eq!(at, keys::secret(&key().id));
    let opened = Sealer::new(&master()).open(&key().id, &sealed).unwrap();
    assert_eq!(opened.expose(), "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12");
}

/// Whether a decoder refuses, and names the record when it does.
fn refuses(name: &str, value: &[u8]) -> bool {
    let key = golden(name).0;
    let result = match name.trim_end_matches("-2") {
        "account" => records::account(&key, value).map(drop),
        "key" => records::access_key(&key, value).map(drop),
        "share" => records::share(&key, value).map(drop),
        "email" | "canonical" => records::account_ref(&key, value).map(drop),
        "last-used" => records::last_used(&key, value).map(drop),
        "master-check" => records::master_check(&key, value).map(drop),
        "secret" => Sealer::new(&master()).open(&id_in(&key), value).map(drop),
        other => panic!("no decoder for {other}"),
    };
    let named = key.escape_ascii().to_string();
    match result {
        Ok(()) => false,
        Err(Error::Corrupt { key, .. } | Error::Sealed { key }) => {
            assert_eq!(key, named);
            true
        }
        Err(other) => panic!("{other}"),
    }
}

fn id_in(at: &[u8]) -> AccessKeyId {
    AccessKeyId::new(keys::tail(at, b"x/")).unwrap()
}

fn names() -> impl Iterator<Item = &'static str> {
    let names = GOLDEN.lines().map(|line| line.split(' ').next().unwrap());
    names.filter(|name| !matches!(*name, "#" | "key-of-account" | "share-of-bucket"))
}

#[test]
fn a_record_that_is_cut_lengthened_or_of_another_version_is_damaged() {
    for name in names() {
        let value = golden(name).1;
        for at in 0..value.len() {
            assert!(refuses(name, &value[..at]), "{name} cut at {at}");
        }
        assert!(refuses(name, &[&value[..], &[0]].concat()), "{name} lengthened");
        for version in [0, 2, 255] {
            let mut other = value.to_vec();
            other[0] = version;
            assert!(refuses(name, &other), "{name} of version {version}");
        }
    }
}

#[test]
fn no_altered_byte_makes_a_decoder_panic() {
    for name in names().filter(|name| *name != "secret") {
        let value = golden(name).1;
        for at in 0..value.len() {
            for byte in 0..=255 {
                let mut altered = value.to_vec();
                altered[at] = byte;
                refuses(name, &altered);
            }
        }
    }
}

#[test]
fn a_state_unknown_to_this_release_is_damage_and_not_a_default() {
    // Field 2 of a key is its state.
    let value = golden("key").1;
    let at = value.windows(2).position(|w| w == [0x02, 0x00]).unwrap();
    let mut unknown = value.to_vec();
    unknown[at + 1] = 2;
    assert!(refuses("key", &unknown));
}
