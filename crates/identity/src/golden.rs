//! Holds the stored forms to what was released: `tests/golden/v1.txt` and `v2.txt` have one record a line, as name, key,
//! value in hexadecimal. A line may be added; one that changes breaks every store there is. What version 2 has is written;
//! what version 1 had of it is read.

use bytes::Bytes;
use kv::Key;
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, Action, BucketName, CanonicalId, Caps,
    DisplayName, Email, KeyState, Network, Pin, Preset, Quota, Restriction, Share, ShareId, ShareState, Timestamp,
};

use crate::seal::Sealer;
use crate::{Error, KeyUse, LastUsed, MasterKey, keys, records};

const V1: &str = include_str!("../tests/golden/v1.txt");
/// Its names end with the version, after a dot.
const V2: &str = include_str!("../tests/golden/v2.txt");

fn lines() -> impl Iterator<Item = &'static str> {
    V1.lines().chain(V2.lines())
}

fn golden(name: &str) -> (Key, Bytes) {
    let line = lines().find(|line| line.split(' ').next() == Some(name));
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
        restriction: Restriction::NONE,
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
        name: "".into(),
        note: "".into(),
        prefix: "".into(),
        actions: None,
        networks: vec![],
        quota: Quota::default(),
        caps: Caps::default(),
        pin: None,
        former_keys: vec![],
    }
}

fn network(text: &str) -> Network {
    Network::parse(text).unwrap()
}

fn held_back() -> AccessKey {
    let restriction = Restriction {
        policy: Some("{\"Version\":\"2012-10-17\"}".into()),
        buckets: vec![share().bucket],
        prefixes: vec!["a/".into(), "ключ".into()],
        networks: vec![network("10.0.0.0/8"), network("2001:db8::/32")],
        expires: Some(share().expires),
    };
    AccessKey { restriction, ..key() }
}

fn full() -> Share {
    Share {
        preset: Preset::RcloneSync,
        name: "nightly".into(),
        note: "until the migration is done".into(),
        prefix: "backups/".into(),
        actions: Some(vec![Action::PutObject, Action::GetObject]),
        networks: vec![network("192.0.2.0/24")],
        quota: Quota { bytes: Some(1 << 40), objects: Some(1000) },
        caps: Caps { requests_per_second: Some(50), bytes_per_second: Some(1 << 20) },
        pin: Some(Pin { days: 7, learned: vec![network("192.0.2.1/32")] }),
        former_keys: vec![AccessKeyId::new("BWABCDEFGHIJKLMNOP22").unwrap()],
        ..share()
    }
}

fn used() -> LastUsed {
    let client = Some("aws-cli/2.31.0 md/awscrt".into());
    let first = KeyUse { at: share().created, source: Some([192, 0, 2, 1].into()), client };
    LastUsed { first: Some(first), last: KeyUse { at: share().expires, source: None, client: None } }
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
    for (name, key) in [("key.2", key()), ("key-2.2", share_key()), ("key-3.2", held_back())] {
        holds(name, keys::access_key(&key.id), records::encode_key(&key));
    }
    for (name, share) in [("share.2", share()), ("share-2.2", revoked()), ("share-3.2", full())] {
        holds(name, keys::share(&share.id), records::encode_share(&share));
    }
    let (account, key, share) = (account(), key(), share());
    holds("email", keys::email(&account.email), records::encode_account_ref(&account.id));
    holds("canonical", keys::canonical(&account.canonical_id), records::encode_account_ref(&account.id));
    holds("key-of-account", keys::key_of(&account.id, &key.id), records::mark());
    holds("share-of-bucket", keys::share_of(&share.bucket, share.incarnation, &share.id), records::mark());
    holds("last-used.2", keys::last_used(&key.id), records::encode_last_used(&used()));
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
    for (name, key) in [("key.2", key()), ("key-2.2", share_key()), ("key-3.2", held_back())] {
        assert_eq!(read(name, records::access_key), key);
    }
    for (name, share) in [("share.2", share()), ("share-2.2", revoked()), ("share-3.2", full())] {
        assert_eq!(read(name, records::share), share);
    }
    assert_eq!(read("last-used.2", records::last_used), used());
    assert_eq!(read("email", records::account_ref), account().id);
    let last = KeyUse { at: share().expires, source: None, client: None };
    assert_eq!(read("last-used", records::last_used), LastUsed { first: None, last });
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
    let kind = name.trim_end_matches(".2");
    let result = match kind.trim_end_matches("-2").trim_end_matches("-3") {
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
    let names = lines().map(|line| line.split(' ').next().unwrap());
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
        // Another version that is known is no way around what this one says: the two do not read as each other.
        let own = value[0];
        for version in [0, 1, 2, 3, 255].into_iter().filter(|version| *version != own) {
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
