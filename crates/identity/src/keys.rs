//! Where each record is stored. The first byte is the table; `docs/format/identity.md` lists them.

use kv::{Key, KeyRange};
use model::{AccessKeyId, AccountId, BucketName, CanonicalId, Email, ShareId};

fn join(parts: &[&[u8]]) -> Key {
    parts.concat().into()
}

/// `a/ID`: an account.
pub(crate) fn account(id: &AccountId) -> Key {
    join(&[b"a/", id.as_str().as_bytes()])
}

/// Accounts after `after`.
pub(crate) fn accounts(after: Option<&AccountId>) -> KeyRange {
    rest_of(b"a/", after.map(AccountId::as_str))
}

/// `e/EMAIL`: whose address it is.
pub(crate) fn email(email: &Email) -> Key {
    join(&[b"e/", email.as_str().as_bytes()])
}

/// `c/CANONICAL`: whose canonical id it is.
pub(crate) fn canonical(id: &CanonicalId) -> Key {
    join(&[b"c/", id.as_str().as_bytes()])
}

/// `k/ID`: an access key without its secret.
pub(crate) fn access_key(id: &AccessKeyId) -> Key {
    join(&[b"k/", id.as_str().as_bytes()])
}

/// `x/ID`: an access key's sealed secret.
pub(crate) fn secret(id: &AccessKeyId) -> Key {
    join(&[b"x/", id.as_str().as_bytes()])
}

/// `u/ID`: when an access key was last used.
pub(crate) fn last_used(id: &AccessKeyId) -> Key {
    join(&[b"u/", id.as_str().as_bytes()])
}

/// `K/ACCOUNT/ID`: this account has this key.
pub(crate) fn key_of(account: &AccountId, id: &AccessKeyId) -> Key {
    join(&[b"K/", account.as_str().as_bytes(), b"/", id.as_str().as_bytes()])
}

/// What all keys of an account begin with.
pub(crate) fn keys_of(account: &AccountId) -> Key {
    join(&[b"K/", account.as_str().as_bytes(), b"/"])
}

/// `n/ACCOUNT`: how many keys an account has.
pub(crate) fn key_count(account: &AccountId) -> Key {
    join(&[b"n/", account.as_str().as_bytes()])
}

/// `s/ID`: a share.
pub(crate) fn share(id: &ShareId) -> Key {
    join(&[b"s/", id.as_str().as_bytes()])
}

/// Shares after `after`.
pub(crate) fn shares(after: Option<&ShareId>) -> KeyRange {
    rest_of(b"s/", after.map(ShareId::as_str))
}

/// `S/BUCKET/INCARNATION/ID`: this share is of this bucket; the incarnation as 8 bytes big-endian.
pub(crate) fn share_of(bucket: &BucketName, incarnation: u64, id: &ShareId) -> Key {
    join(&[&shares_of(bucket, incarnation), id.as_str().as_bytes()])
}

/// What all shares of a bucket begin with.
pub(crate) fn shares_of(bucket: &BucketName, incarnation: u64) -> Key {
    join(&[b"S/", bucket.as_str().as_bytes(), b"/", &incarnation.to_be_bytes(), b"/"])
}

/// `m/master`: what only the right master key yields.
pub(crate) fn master_check() -> Key {
    Key::from_static(b"m/master")
}

/// The last `/`-separated part of an index key, which has `prefix` before it.
pub(crate) fn tail<'a>(key: &'a [u8], prefix: &[u8]) -> &'a str {
    key.strip_prefix(prefix).and_then(|tail| std::str::from_utf8(tail).ok()).unwrap_or_default()
}

fn rest_of(table: &[u8], after: Option<&str>) -> KeyRange {
    let mut range = KeyRange::prefix(Key::copy_from_slice(table));
    if let Some(after) = after {
        // The least key that is greater.
        range.start = join(&[table, after.as_bytes(), b"\0"]);
    }
    range
}
