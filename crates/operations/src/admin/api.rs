//! What an operator may ask and what comes back: values that travel over the operator's socket as JSON, and that
//! `--json` prints as they are.

use serde::{Deserialize, Serialize};

/// What an operator may ask. Texts are as typed; they are checked where they are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Make an account and its first key.
    AccountCreate {
        /// Its e-mail address.
        email: String,
        /// Shown beside it; the e-mail address unless given.
        display_name: Option<String>,
        /// Whether it may own nothing.
        guest: bool,
    },
    /// All accounts.
    AccountList,
    /// One account with its keys.
    AccountShow {
        /// E-mail address, account id or canonical id.
        account: String,
    },
    /// Stop all keys of an account, or let them work again.
    AccountSuspend {
        /// As in `AccountShow`.
        account: String,
        /// Undo it.
        resume: bool,
    },
    /// Make one more key.
    KeyCreate {
        /// As in `AccountShow`.
        account: String,
        /// Let it sign by SigV2.
        allow_sigv2: bool,
    },
    /// Keys of one account, or of all.
    KeyList {
        /// As in `AccountShow`.
        account: Option<String>,
    },
    /// Stop a key.
    KeyDisable {
        /// The key's id.
        access_key_id: String,
    },
    /// Let a key work again.
    KeyEnable {
        /// The key's id.
        access_key_id: String,
    },
    /// Remove a key for good.
    KeyDelete {
        /// The key's id.
        access_key_id: String,
    },
    /// Make a bucket.
    BucketCreate {
        /// Its name.
        bucket: String,
        /// Its owner, as in `AccountShow`; the first owner account unless given.
        owner: Option<String>,
    },
    /// All buckets.
    BucketList,
    /// One bucket with its grants and shares.
    BucketShow {
        /// Its name.
        bucket: String,
    },
    /// Remove an empty bucket.
    BucketDelete {
        /// Its name.
        bucket: String,
    },
    /// Hand out a bucket: an account if there is none yet, a share, and a key of its own.
    Share {
        /// The bucket's name.
        bucket: String,
        /// To whom: an e-mail address.
        with: String,
        /// `read`, `write` or `read-write`.
        preset: String,
        /// Days until it ends; 90 unless given.
        days: Option<u64>,
    },
    /// All shares.
    SharesList,
    /// One share.
    SharesShow {
        /// Its id.
        share_id: String,
    },
    /// End a share.
    SharesRevoke {
        /// Its id.
        share_id: String,
    },
    /// What a key can do.
    Reach {
        /// The key's id.
        access_key_id: String,
    },
    /// Who pays for what.
    Usage {
        /// Of one bucket only.
        bucket: Option<String>,
    },
    /// Whether the store is well, and which process has it open.
    Status,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "value", rename_all = "kebab-case")]
#[allow(missing_docs)] // one for each command; the values are documented
pub enum Outcome {
    AccountCreated(NewAccount),
    Accounts(Vec<AccountView>),
    Account(AccountDetail),
    KeyCreated(NewKey),
    Keys(Vec<KeyView>),
    Key(KeyView),
    KeyDeleted(KeyView),
    BucketCreated(BucketView),
    Buckets(Vec<BucketView>),
    Bucket(BucketDetail),
    BucketDeleted(BucketView),
    Shared(NewShare),
    Shares(Vec<ShareView>),
    Share(ShareView),
    Reach(Vec<ReachRow>),
    Usage(Vec<UsageRow>),
    Status(StatusView),
}

/// An account with the secret of its first key, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NewAccount {
    pub email: String,
    pub account_id: String,
    pub canonical_id: String,
    pub display_name: String,
    pub guest: bool,
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AccountView {
    pub email: String,
    pub account_id: String,
    pub canonical_id: String,
    pub display_name: String,
    pub guest: bool,
    pub suspended: bool,
    /// RFC 3339, UTC.
    pub created: String,
}

/// An account with its keys and the buckets that it owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AccountDetail {
    #[serde(flatten)]
    pub account: AccountView,
    pub keys: Vec<KeyView>,
    pub buckets: Vec<String>,
}

/// A key with its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NewKey {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub account_id: String,
    pub email: String,
    pub allow_sigv2: bool,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct KeyView {
    pub access_key_id: String,
    pub account_id: String,
    pub email: String,
    pub enabled: bool,
    pub allow_sigv2: bool,
    /// The share that it belongs to.
    pub share_id: Option<String>,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC, at most 10 s behind; `None`: never.
    pub last_used: Option<String>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct BucketView {
    pub bucket: String,
    /// The owner's e-mail address.
    pub owner: String,
    pub owner_id: String,
    /// RFC 3339, UTC.
    pub created: String,
}

/// A bucket with what decides over access to it and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct BucketDetail {
    #[serde(flatten)]
    pub bucket: BucketView,
    pub object_ownership: String,
    /// Whether the bucket or the server blocks all four kinds of public access.
    pub public_access_blocked: bool,
    pub grants: Vec<GrantView>,
    pub shares: Vec<ShareView>,
    pub objects: u64,
    pub bytes_stored: u64,
}

/// One line of an ACL, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct GrantView {
    /// An e-mail address, or a group's URI.
    pub grantee: String,
    pub permission: String,
}

/// A share with the secret of its key, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NewShare {
    pub share_id: String,
    pub bucket: String,
    pub email: String,
    pub account_id: String,
    pub preset: String,
    /// RFC 3339, UTC.
    pub expires: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// A share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ShareView {
    pub share_id: String,
    pub bucket: String,
    pub email: String,
    /// The giver's e-mail address.
    pub giver: String,
    pub preset: String,
    /// `active`, `revoked` or `expired`.
    pub state: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC.
    pub expires: String,
    pub access_key_id: String,
}

/// One thing that a key reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReachRow {
    /// A bucket's name; `*` for what concerns no single bucket.
    pub bucket: String,
    /// Which keys: `*` all, `-` none (the actions concern the bucket itself), or one object's key.
    pub keys: String,
    /// S3's names of the actions.
    pub actions: Vec<String>,
    /// When it holds; empty: always.
    pub conditions: Vec<String>,
    /// What allows it.
    pub why: String,
}

/// What one key caused on one bucket, and who pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct UsageRow {
    /// The paying account's e-mail address.
    pub owner: String,
    pub bucket: String,
    /// Empty for anonymous requests; `operator` for what came over the operator's socket.
    pub access_key_id: String,
    pub bytes_stored: u64,
    pub objects: u64,
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// The state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StatusView {
    pub version: String,
    pub accounts: u64,
    pub buckets: u64,
    /// Why nothing can be written, if nothing can.
    pub trouble: Option<String>,
}

macro_rules! redacted_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("access_key_id", &self.access_key_id).finish_non_exhaustive()
            }
        }
    )*};
}
redacted_debug!(NewAccount, NewKey, NewShare);

/// Whose move it is when a command fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// What was typed is not valid: exit status 2.
    Invalid,
    /// What was named does not exist: exit status 1.
    NotFound,
    /// It is in the way of something that exists: exit status 1.
    Conflict,
    /// The store cannot do it now: exit status 1.
    Unavailable,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whose move it is.
    pub kind: FailureKind,
    /// What is wrong, naming the thing, as one sentence without a full stop.
    pub message: String,
    /// What to do about it, as one sentence.
    pub remedy: String,
}
