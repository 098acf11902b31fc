//! Records as bytes: a version byte, then CBOR with numbered fields, or for the smallest plain bytes.
//!
//! The stored forms live here, apart from the domain values, and come back through constructors that check. A version
//! that is not known here is refused and not guessed at: a later one may hold a restriction that this code would overlook.
//! For the same reason nothing may follow the record. Earlier versions are read, and written anew in the latest.

use std::net::IpAddr;

use bytes::Bytes;
use kv::Entry;
use minicbor::{Decode, Encode};
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, Action, BucketName, CanonicalId, Caps,
    DisplayName, Email, Invalid, KeyState, Network, Pin, Preset, Quota, Restriction, Share, ShareId, ShareState,
    Timestamp,
};

use crate::{Error, Stored, keys};

/// The first byte of records that have not changed since the first release.
pub(crate) const VERSION: u8 = 1;

/// The first byte of access keys, shares and their uses, which say more since they can be held back.
pub(crate) const VERSION_2: u8 = 2;

/// A key proved itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// When.
    pub at: Timestamp,
    /// From which address, where it is known.
    pub source: Option<IpAddr>,
    /// What the client calls itself, cut to [`CLIENT_BYTES`]; it may say what it likes.
    pub client: Option<Box<str>>,
}

/// Longest name of a client that is kept, in bytes.
pub const CLIENT_BYTES: usize = 200;

/// When a key proved itself first and last. It is written in batches, so it may lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsed {
    /// The first time; `None` where that was before it was recorded.
    pub first: Option<KeyUse>,
    /// The last time.
    pub last: KeyUse,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AccountRecord<'a> {
    #[cbor(b(1), with = "minicbor::bytes")]
    canonical_id: &'a [u8],
    #[b(2)]
    email: &'a str,
    #[b(3)]
    display_name: &'a str,
    #[n(4)]
    kind: u8,
    #[n(5)]
    state: u8,
    #[n(6)]
    created: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeyRecord<'a> {
    #[b(1)]
    account: &'a str,
    #[n(2)]
    state: u8,
    #[b(3)]
    share: Option<&'a str>,
    #[n(4)]
    allow_sigv2: bool,
    #[n(5)]
    created: u64,
}

/// Version 2. Its lists are not optional, so that a record of version 1 does not pass for one.
#[derive(Encode, Decode)]
#[cbor(map)]
struct KeyRecord2<'a> {
    #[b(1)]
    account: &'a str,
    #[n(2)]
    state: u8,
    #[b(3)]
    share: Option<&'a str>,
    #[n(4)]
    allow_sigv2: bool,
    #[n(5)]
    created: u64,
    #[b(6)]
    policy: Option<&'a str>,
    #[b(7)]
    buckets: Vec<&'a str>,
    #[b(8)]
    prefixes: Vec<&'a str>,
    #[n(9)]
    networks: Vec<String>,
    #[n(10)]
    expires: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ShareRecord<'a> {
    #[b(1)]
    bucket: &'a str,
    #[n(2)]
    incarnation: u64,
    #[b(3)]
    giver: &'a str,
    #[b(4)]
    account: &'a str,
    #[b(5)]
    key: &'a str,
    #[n(6)]
    preset: u8,
    #[n(7)]
    state: u8,
    #[n(8)]
    created: u64,
    #[n(9)]
    expires: u64,
}

/// Version 2: the first nine fields are those of version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct ShareRecord2<'a> {
    #[b(1)]
    bucket: &'a str,
    #[n(2)]
    incarnation: u64,
    #[b(3)]
    giver: &'a str,
    #[b(4)]
    account: &'a str,
    #[b(5)]
    key: &'a str,
    #[n(6)]
    preset: u8,
    #[n(7)]
    state: u8,
    #[n(8)]
    created: u64,
    #[n(9)]
    expires: u64,
    #[b(10)]
    name: &'a str,
    #[b(11)]
    note: &'a str,
    #[b(12)]
    prefix: &'a str,
    #[b(13)]
    actions: Option<Vec<&'a str>>,
    #[n(14)]
    networks: Vec<String>,
    #[n(15)]
    quota_bytes: Option<u64>,
    #[n(16)]
    quota_objects: Option<u64>,
    #[n(17)]
    requests_per_second: Option<u32>,
    #[n(18)]
    bytes_per_second: Option<u64>,
    #[n(19)]
    pin_days: Option<u32>,
    #[n(20)]
    pin_learned: Vec<String>,
    #[b(21)]
    former_keys: Vec<&'a str>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct LastUsedRecord {
    #[n(1)]
    at: u64,
}

/// Version 2.
#[derive(Encode, Decode)]
#[cbor(map)]
struct LastUsedRecord2 {
    #[n(1)]
    last: KeyUseRecord,
    #[n(2)]
    first: Option<KeyUseRecord>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeyUseRecord {
    #[n(1)]
    at: u64,
    #[n(2)]
    source: Option<String>,
    #[n(3)]
    client: Option<String>,
}

const KINDS: [AccountKind; 2] = [AccountKind::Owner, AccountKind::Guest];
const ACCOUNT_STATES: [AccountState; 2] = [AccountState::Active, AccountState::Suspended];
const KEY_STATES: [KeyState; 2] = [KeyState::Enabled, KeyState::Disabled];
const SHARE_STATES: [ShareState; 2] = [ShareState::Active, ShareState::Revoked];
/// By their stored numbers; a new one is added at the end. Version 1 knew the first three.
const PRESETS: [Preset; 8] = [
    Preset::Read,
    Preset::Write,
    Preset::ReadWrite,
    Preset::DropBox,
    Preset::Backup,
    Preset::Restic,
    Preset::Duplicity,
    Preset::RcloneSync,
];

/// A record's place, to name it when it is damaged.
struct At<'a>(&'a [u8]);

impl At<'_> {
    fn damaged(&self, what: impl Into<String>) -> Error {
        Error::corrupt(self.0, what)
    }

    fn valid<T>(&self, made: Result<T, Invalid>) -> Result<T, Error> {
        made.map_err(|invalid| self.damaged(invalid.to_string()))
    }

    fn pick<T: Copy>(&self, all: &[T], code: u8) -> Result<T, Error> {
        all.get(usize::from(code)).copied().ok_or_else(|| self.damaged("a field holds a value unknown here"))
    }

    fn network(&self, text: impl AsRef<str>) -> Result<Network, Error> {
        self.valid(Network::parse(text.as_ref()))
    }

    /// The version, of those that are known, and what follows it.
    fn versioned<'b>(&self, value: &'b [u8], latest: u8) -> Result<(u8, &'b [u8]), Error> {
        match value.split_first() {
            Some((version, body)) if (VERSION..=latest).contains(version) => Ok((*version, body)),
            Some((version, _)) => Err(self.damaged(format!("its version is {version}, and {latest} is known here"))),
            None => Err(self.damaged("it is empty")),
        }
    }

    fn body<'b>(&self, value: &'b [u8]) -> Result<&'b [u8], Error> {
        self.versioned(value, VERSION).map(|(_, body)| body)
    }

    fn cbor<'b, T: Decode<'b, ()>>(&self, body: &'b [u8]) -> Result<T, Error> {
        let mut decoder = minicbor::Decoder::new(body);
        let record = decoder.decode().map_err(|e| self.damaged(e.to_string()))?;
        if decoder.position() != body.len() {
            return Err(self.damaged("more bytes follow it"));
        }
        Ok(record)
    }

    /// A record of version 1 of what has a version 2. It holds nothing beside its fields: what a later version knows and
    /// this one would pass over may restrict somebody.
    fn first<'b, T: Decode<'b, ()> + Encode<()>>(&self, body: &'b [u8]) -> Result<T, Error> {
        let record = self.cbor(body)?;
        if encode(VERSION, &record)[1..] != *body {
            return Err(self.damaged("it holds more than its version has"));
        }
        Ok(record)
    }
}

fn each<T, U>(all: Vec<T>, one: impl Fn(T) -> Result<U, Error>) -> Result<Vec<U>, Error> {
    all.into_iter().map(one).collect()
}

fn code<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|v| v == value).and_then(|i| u8::try_from(i).ok()).expect("the list holds every value")
}

fn encode<T: Encode<()>>(version: u8, record: &T) -> Bytes {
    let mut out = vec![version];
    minicbor::encode(record, &mut out).expect("encoding to memory cannot fail");
    out.into()
}

/// The entry as a record, by one of the functions below.
pub(crate) fn stored<T>(entry: Entry, decode: fn(&[u8], &[u8]) -> Result<T, Error>) -> Result<Stored<T>, Error> {
    Ok(Stored { value: decode(&entry.key, &entry.value)?, key: entry.key.clone(), revision: entry.revision })
}

pub(crate) fn encode_account(account: &Account) -> Bytes {
    let mut canonical_id = [0; 32];
    hex::decode_to_slice(account.canonical_id.as_str(), &mut canonical_id).expect("64 hexadecimal digits");
    encode(
        VERSION,
        &AccountRecord {
            canonical_id: &canonical_id,
            email: account.email.as_str(),
            display_name: account.display_name.as_str(),
            kind: code(&KINDS, &account.kind),
            state: code(&ACCOUNT_STATES, &account.state),
            created: account.created.millis(),
        },
    )
}

pub(crate) fn account(key: &[u8], value: &[u8]) -> Result<Account, Error> {
    let at = At(key);
    let record: AccountRecord<'_> = at.cbor(at.body(value)?)?;
    Ok(Account {
        id: at.valid(AccountId::new(keys::tail(key, b"a/")))?,
        canonical_id: at.valid(CanonicalId::new(&hex::encode(record.canonical_id)))?,
        email: at.valid(Email::new(record.email))?,
        display_name: at.valid(DisplayName::new(record.display_name))?,
        kind: at.pick(&KINDS, record.kind)?,
        state: at.pick(&ACCOUNT_STATES, record.state)?,
        created: Timestamp::from_millis(record.created),
    })
}

pub(crate) fn encode_key(key: &AccessKey) -> Bytes {
    let Restriction { policy, buckets, prefixes, networks, expires } = &key.restriction;
    encode(
        VERSION_2,
        &KeyRecord2 {
            account: key.account.as_str(),
            state: code(&KEY_STATES, &key.state),
            share: key.share.as_ref().map(ShareId::as_str),
            allow_sigv2: key.allow_sigv2,
            created: key.created.millis(),
            policy: policy.as_deref(),
            buckets: buckets.iter().map(BucketName::as_str).collect(),
            prefixes: prefixes.iter().map(|prefix| &**prefix).collect(),
            networks: networks.iter().map(Network::to_string).collect(),
            expires: expires.map(Timestamp::millis),
        },
    )
}

pub(crate) fn access_key(key: &[u8], value: &[u8]) -> Result<AccessKey, Error> {
    let at = At(key);
    let (version, body) = at.versioned(value, VERSION_2)?;
    let record: KeyRecord2<'_> = if version == VERSION {
        let KeyRecord { account, state, share, allow_sigv2, created } = at.first(body)?;
        let (policy, buckets, prefixes, networks, expires) = (None, vec![], vec![], vec![], None);
        KeyRecord2 { account, state, share, allow_sigv2, created, policy, buckets, prefixes, networks, expires }
    } else {
        at.cbor(body)?
    };
    Ok(AccessKey {
        id: at.valid(AccessKeyId::new(keys::tail(key, b"k/")))?,
        account: at.valid(AccountId::new(record.account))?,
        state: at.pick(&KEY_STATES, record.state)?,
        share: record.share.map(|id| at.valid(ShareId::new(id))).transpose()?,
        allow_sigv2: record.allow_sigv2,
        created: Timestamp::from_millis(record.created),
        restriction: Restriction {
            policy: record.policy.map(Into::into),
            buckets: each(record.buckets, |name| at.valid(BucketName::new(name)))?,
            prefixes: record.prefixes.into_iter().map(Into::into).collect(),
            networks: each(record.networks, |network| at.network(network))?,
            expires: record.expires.map(Timestamp::from_millis),
        },
    })
}

pub(crate) fn encode_share(share: &Share) -> Bytes {
    let networks = |networks: &[Network]| networks.iter().map(Network::to_string).collect();
    encode(
        VERSION_2,
        &ShareRecord2 {
            bucket: share.bucket.as_str(),
            incarnation: share.incarnation,
            giver: share.giver.as_str(),
            account: share.account.as_str(),
            key: share.key.as_str(),
            preset: code(&PRESETS, &share.preset),
            state: code(&SHARE_STATES, &share.state),
            created: share.created.millis(),
            expires: share.expires.millis(),
            name: &share.name,
            note: &share.note,
            prefix: &share.prefix,
            actions: share.actions.as_ref().map(|actions| actions.iter().map(|action| action.as_str()).collect()),
            networks: networks(&share.networks),
            quota_bytes: share.quota.bytes,
            quota_objects: share.quota.objects,
            requests_per_second: share.caps.requests_per_second,
            bytes_per_second: share.caps.bytes_per_second,
            pin_days: share.pin.as_ref().map(|pin| pin.days),
            pin_learned: share.pin.as_ref().map(|pin| networks(&pin.learned)).unwrap_or_default(),
            former_keys: share.former_keys.iter().map(AccessKeyId::as_str).collect(),
        },
    )
}

pub(crate) fn share(key: &[u8], value: &[u8]) -> Result<Share, Error> {
    let at = At(key);
    let (version, body) = at.versioned(value, VERSION_2)?;
    let record: ShareRecord2<'_> = if version == VERSION { from_first(at.first(body)?) } else { at.cbor(body)? };
    let action = |name: &str| {
        let found = Action::ALL.iter().copied().find(|action| action.as_str() == name);
        found.ok_or_else(|| at.damaged(format!("it names an action unknown here: {name:?}")))
    };
    let learned = each(record.pin_learned, |network| at.network(network))?;
    Ok(Share {
        id: at.valid(ShareId::new(keys::tail(key, b"s/")))?,
        bucket: at.valid(BucketName::new(record.bucket))?,
        incarnation: record.incarnation,
        giver: at.valid(AccountId::new(record.giver))?,
        account: at.valid(AccountId::new(record.account))?,
        key: at.valid(AccessKeyId::new(record.key))?,
        preset: at.pick(&PRESETS, record.preset)?,
        state: at.pick(&SHARE_STATES, record.state)?,
        created: Timestamp::from_millis(record.created),
        expires: Timestamp::from_millis(record.expires),
        name: record.name.into(),
        note: record.note.into(),
        prefix: record.prefix.into(),
        actions: record.actions.map(|actions| each(actions, action)).transpose()?,
        networks: each(record.networks, |network| at.network(network))?,
        quota: Quota { bytes: record.quota_bytes, objects: record.quota_objects },
        caps: Caps { requests_per_second: record.requests_per_second, bytes_per_second: record.bytes_per_second },
        pin: record.pin_days.map(|days| Pin { days, learned }),
        former_keys: each(record.former_keys, |id| at.valid(AccessKeyId::new(id)))?,
    })
}

/// A share of version 1: nothing held it back but its preset and its end.
fn from_first(record: ShareRecord<'_>) -> ShareRecord2<'_> {
    let ShareRecord { bucket, incarnation, giver, account, key, preset, state, created, expires } = record;
    ShareRecord2 {
        bucket,
        incarnation,
        giver,
        account,
        key,
        preset,
        state,
        created,
        expires,
        name: "",
        note: "",
        prefix: "",
        actions: None,
        networks: vec![],
        quota_bytes: None,
        quota_objects: None,
        requests_per_second: None,
        bytes_per_second: None,
        pin_days: None,
        pin_learned: vec![],
        former_keys: vec![],
    }
}

pub(crate) fn encode_last_used(used: &LastUsed) -> Bytes {
    let one = |one: &KeyUse| KeyUseRecord {
        at: one.at.millis(),
        source: one.source.map(|source| source.to_string()),
        client: one.client.as_deref().map(str::to_owned),
    };
    encode(VERSION_2, &LastUsedRecord2 { last: one(&used.last), first: used.first.as_ref().map(one) })
}

pub(crate) fn last_used(key: &[u8], value: &[u8]) -> Result<LastUsed, Error> {
    let at = At(key);
    let (version, body) = at.versioned(value, VERSION_2)?;
    if version == VERSION {
        let LastUsedRecord { at: last } = at.first(body)?;
        let last = KeyUse { at: Timestamp::from_millis(last), source: None, client: None };
        return Ok(LastUsed { first: None, last });
    }
    let LastUsedRecord2 { last, first } = at.cbor(body)?;
    let one = |one: KeyUseRecord| {
        let source = one.source.map(|text| text.parse().map_err(|_| at.damaged(format!("{text:?} is no address"))));
        Ok::<_, Error>(KeyUse {
            at: Timestamp::from_millis(one.at),
            source: source.transpose()?,
            client: one.client.map(Into::into),
        })
    };
    Ok(LastUsed { last: one(last)?, first: first.map(one).transpose()? })
}

/// The value of an index entry that leads to an account.
pub(crate) fn encode_account_ref(id: &AccountId) -> Bytes {
    [&[VERSION], id.as_str().as_bytes()].concat().into()
}

pub(crate) fn account_ref(key: &[u8], value: &[u8]) -> Result<AccountId, Error> {
    let at = At(key);
    let id = std::str::from_utf8(at.body(value)?).map_err(|e| at.damaged(e.to_string()))?;
    at.valid(AccountId::new(id))
}

/// The value of an index entry whose key says it all.
pub(crate) fn mark() -> Bytes {
    Bytes::from_static(&[VERSION])
}

/// What `m/master` holds under the right master key.
pub(crate) fn encode_master_check(check: &[u8; 32]) -> Bytes {
    [&[VERSION], &check[..]].concat().into()
}

pub(crate) fn master_check(key: &[u8], value: &[u8]) -> Result<[u8; 32], Error> {
    let at = At(key);
    at.body(value)?.try_into().map_err(|_| at.damaged("it is not 32 bytes long"))
}
