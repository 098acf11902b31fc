//! Records as bytes: a version byte, then CBOR with numbered fields, or for the smallest plain bytes.
//!
//! The stored forms live here, apart from the domain values, and come back through constructors that check. A version
//! other than ours is refused and not guessed at: a later one may hold a restriction that this code would overlook. For
//! the same reason nothing may follow the record.

use bytes::Bytes;
use kv::Entry;
use minicbor::{Decode, Encode};
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, BucketName, CanonicalId, DisplayName, Email,
    Invalid, KeyState, Preset, Share, ShareId, ShareState, Timestamp,
};

use crate::{Error, Stored, keys};

/// The first byte of every record of this crate.
pub(crate) const VERSION: u8 = 1;

/// When a key last proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUsed {
    /// The moment; it is written in batches, so it may lag.
    pub at: Timestamp,
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

#[derive(Encode, Decode)]
#[cbor(map)]
struct LastUsedRecord {
    #[n(1)]
    at: u64,
}

const KINDS: [AccountKind; 2] = [AccountKind::Owner, AccountKind::Guest];
const ACCOUNT_STATES: [AccountState; 2] = [AccountState::Active, AccountState::Suspended];
const KEY_STATES: [KeyState; 2] = [KeyState::Enabled, KeyState::Disabled];
const SHARE_STATES: [ShareState; 2] = [ShareState::Active, ShareState::Revoked];
const PRESETS: [Preset; 3] = [Preset::Read, Preset::Write, Preset::ReadWrite];

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

    fn body<'b>(&self, value: &'b [u8]) -> Result<&'b [u8], Error> {
        match value.split_first() {
            Some((&VERSION, body)) => Ok(body),
            Some((version, _)) => Err(self.damaged(format!("its version is {version}, and {VERSION} is known here"))),
            None => Err(self.damaged("it is empty")),
        }
    }

    fn cbor<'b, T: Decode<'b, ()>>(&self, value: &'b [u8]) -> Result<T, Error> {
        let body = self.body(value)?;
        let mut decoder = minicbor::Decoder::new(body);
        let record = decoder.decode().map_err(|e| self.damaged(e.to_string()))?;
        if decoder.position() != body.len() {
            return Err(self.damaged("more bytes follow it"));
        }
        Ok(record)
    }
}

fn code<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|v| v == value).and_then(|i| u8::try_from(i).ok()).expect("the list holds every value")
}

fn encode<T: Encode<()>>(record: &T) -> Bytes {
    let mut out = vec![VERSION];
    minicbor::encode(record, &mut out).expect("encoding to memory cannot fail");
    out.into()
}

/// The entry as a record, by one of the functions below.
pub(crate) fn stored<T>(entry: Entry, decode: fn(&[u8], &[u8]) -> Result<T, Error>) -> Result<Stored<T>, Error> {
    Ok(Stored { value: decode(&entry.key, &entry.value)?, key: entry.key, revision: entry.revision })
}

pub(crate) fn encode_account(account: &Account) -> Bytes {
    let mut canonical_id = [0; 32];
    hex::decode_to_slice(account.canonical_id.as_str(), &mut canonical_id).expect("64 hexadecimal digits");
    encode(&AccountRecord {
        canonical_id: &canonical_id,
        email: account.email.as_str(),
        display_name: account.display_name.as_str(),
        kind: code(&KINDS, &account.kind),
        state: code(&ACCOUNT_STATES, &account.state),
        created: account.created.millis(),
    })
}

pub(crate) fn account(key: &[u8], value: &[u8]) -> Result<Account, Error> {
    let at = At(key);
    let record: AccountRecord<'_> = at.cbor(value)?;
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
    encode(&KeyRecord {
        account: key.account.as_str(),
        state: code(&KEY_STATES, &key.state),
        share: key.share.as_ref().map(ShareId::as_str),
        allow_sigv2: key.allow_sigv2,
        created: key.created.millis(),
    })
}

pub(crate) fn access_key(key: &[u8], value: &[u8]) -> Result<AccessKey, Error> {
    let at = At(key);
    let record: KeyRecord<'_> = at.cbor(value)?;
    Ok(AccessKey {
        id: at.valid(AccessKeyId::new(keys::tail(key, b"k/")))?,
        account: at.valid(AccountId::new(record.account))?,
        state: at.pick(&KEY_STATES, record.state)?,
        share: record.share.map(|id| at.valid(ShareId::new(id))).transpose()?,
        allow_sigv2: record.allow_sigv2,
        created: Timestamp::from_millis(record.created),
    })
}

pub(crate) fn encode_share(share: &Share) -> Bytes {
    encode(&ShareRecord {
        bucket: share.bucket.as_str(),
        incarnation: share.incarnation,
        giver: share.giver.as_str(),
        account: share.account.as_str(),
        key: share.key.as_str(),
        preset: code(&PRESETS, &share.preset),
        state: code(&SHARE_STATES, &share.state),
        created: share.created.millis(),
        expires: share.expires.millis(),
    })
}

pub(crate) fn share(key: &[u8], value: &[u8]) -> Result<Share, Error> {
    let at = At(key);
    let record: ShareRecord<'_> = at.cbor(value)?;
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
    })
}

pub(crate) fn encode_last_used(used: LastUsed) -> Bytes {
    encode(&LastUsedRecord { at: used.at.millis() })
}

pub(crate) fn last_used(key: &[u8], value: &[u8]) -> Result<LastUsed, Error> {
    let record: LastUsedRecord = At(key).cbor(value)?;
    Ok(LastUsed { at: Timestamp::from_millis(record.at) })
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
