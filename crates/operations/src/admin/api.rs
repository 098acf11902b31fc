//! What an operator may ask and what comes back: values that travel over the operator's socket as JSON, and that
//! `--json` prints as they are.

use serde::{Deserialize, Serialize};

use super::{HolderDiff, Proposal, Whose};

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
    KeyCreate(KeyOrder),
    /// Make a key in place of another, which works for a while longer.
    KeyRotate {
        /// The key's id.
        access_key_id: String,
        /// How long both work, as in `7d`.
        overlap: String,
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
    Share(ShareOrder),
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
    /// Give a share another key in place of the one it has.
    SharesRotate {
        /// Its id.
        share_id: String,
    },
    /// Let a share end at another time.
    SharesExtend {
        /// Its id.
        share_id: String,
        /// Days from now.
        days: Option<u64>,
        /// Or a moment: a date, or a length of time from now.
        until: Option<String>,
    },
    /// What a key can do.
    Reach {
        /// The key's id.
        access_key_id: String,
    },
    /// What a key can do, and whether that is more than it should.
    ReachOnly {
        /// The key's id.
        access_key_id: String,
        /// `BUCKET` or `BUCKET/PREFIX`.
        only: String,
    },
    /// What anybody can do without a key.
    ReachPublic,
    /// What everyone, and every key, can do.
    ReachAll,
    /// What somebody's reach gains and loses if a proposal is carried out. Nothing is.
    ReachDiff {
        /// Whose reach.
        whose: Whose,
        /// The bucket that a policy or an ACL is for.
        bucket: Option<String>,
        /// What is proposed.
        proposal: Proposal,
    },
    /// Why a request was refused.
    Why {
        /// The request's id, as the refused caller was told it.
        request_id: String,
    },
    /// Whether somebody could do something, were it asked for.
    Can {
        /// An access key's id, an account as in `AccountShow`, or `anonymous`.
        who: String,
        /// S3's name of an action.
        action: String,
        /// A bucket, or a bucket and a key with a slash between.
        what: String,
        /// From which address.
        source: Option<String>,
        /// When, RFC 3339.
        at: Option<String>,
    },
    /// Who pays for what.
    Usage {
        /// Of one bucket only.
        bucket: Option<String>,
    },
    /// Whether the store is well, and which process has it open.
    Status,
    /// Whether all that is stored is as it was written.
    Verify {
        /// Read every byte.
        deep: bool,
    },
    /// Make a backup.
    Backup(ShelfOrder),
    /// Give back the room of what is there no more.
    Compact,
}

impl Command {
    /// Whether it may take so long that whoever asked is told how far it is, and that it is given up when nobody waits for
    /// it any more, or the server stops.
    pub fn is_long(&self) -> bool {
        matches!(self, Command::Verify { .. } | Command::Backup(_) | Command::Compact)
    }
}

/// Where backups lie.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShelfOrder {
    /// A directory, from the root; or `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub place: String,
    /// Of a bucket: where S3 is spoken.
    pub endpoint: String,
    /// Of a bucket: what is signed for.
    pub region: String,
    /// Of a bucket: who asks.
    pub access_key_id: String,
    /// Of a bucket: the key's secret. It is used for this command, and kept nowhere.
    pub secret_access_key: String,
    /// Of a bucket: where the key is a session's.
    pub session_token: Option<String>,
    /// Of a bucket: a PEM file, from the root, with the certificate authorities to trust in place of the system's.
    pub authorities: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for ShelfOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShelfOrder").field("place", &self.place).finish_non_exhaustive()
    }
}

/// How far something is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is done now, as in `reading bodies`.
    pub doing: String,
    /// How much of it is done.
    pub done: u64,
    /// Of how much, where that is known.
    pub of: Option<u64>,
    /// Of what: `bytes`, `rows`.
    pub unit: String,
}

/// A key to be made. What is left out does not hold it back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyOrder {
    /// Whose: as in `AccountShow`.
    pub account: String,
    /// Let it sign by SigV2.
    pub allow_sigv2: bool,
    /// The only buckets.
    pub buckets: Vec<String>,
    /// What objects' keys must begin with: one of these.
    pub prefixes: Vec<String>,
    /// Where requests must come from: networks or addresses.
    pub networks: Vec<String>,
    /// When it ends: a date, a moment, or a length of time from now.
    pub expires: Option<String>,
    /// A policy in AWS's language, without Principal: its text.
    pub policy: Option<String>,
}

/// A share to be given. What is left out does not hold it back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShareOrder {
    /// The bucket's name; or `BUCKET/PREFIX`.
    pub bucket: String,
    /// To whom: an e-mail address.
    pub with: String,
    /// What it allows, by one word.
    pub preset: Option<String>,
    /// Or action by action, by S3's names.
    pub allow: Vec<String>,
    /// Where requests must come from: networks or addresses.
    pub networks: Vec<String>,
    /// Days until it ends; 90 unless given.
    pub days: Option<u64>,
    /// Or the moment: a date, or a length of time from now.
    pub until: Option<String>,
    /// Most bytes that may lie there through it.
    pub max_bytes: Option<u64>,
    /// Most objects.
    pub max_objects: Option<u64>,
    /// Most requests a second.
    pub requests_per_second: Option<u32>,
    /// Most bytes a second, in and out together.
    pub bytes_per_second: Option<u64>,
    /// Days in which it learns where it is used from; then it works from nowhere else.
    pub pin: Option<u32>,
    /// What people call it.
    pub name: Option<String>,
    /// Why it is given.
    pub note: Option<String>,
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
    KeyRotated(RotatedKey),
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
    ReachOnly(OnlyReach),
    ReachAll(Vec<HolderReach>),
    ReachDiff(Vec<HolderDiff>),
    Why(Vec<RefusalView>),
    Can(CanView),
    Usage(Vec<UsageRow>),
    Status(StatusView),
    Verified(VerifyView),
    BackedUp(BackupView),
    Compacted(CompactView),
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
    /// When the key ends, where the server limits the life of keys. RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
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
    /// RFC 3339, UTC; `None`: it does not end.
    pub expires: Option<String>,
    pub restriction: RestrictionView,
}

/// What a key is held back by, beside its end; what is empty does not hold it back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RestrictionView {
    pub buckets: Vec<String>,
    pub prefixes: Vec<String>,
    pub networks: Vec<String>,
    pub policy: Option<String>,
}

/// A key made in place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RotatedKey {
    #[serde(flatten)]
    pub new: NewKey,
    pub replaces: String,
    /// Until when the old one works. RFC 3339, UTC.
    pub replaced_until: String,
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
    /// RFC 3339, UTC; `None`: it does not end (its share may).
    pub expires: Option<String>,
    /// Whether that is past.
    pub expired: bool,
    pub restriction: RestrictionView,
    /// RFC 3339, UTC, at most 10 s behind; `None`: never.
    pub last_used: Option<String>,
    /// From which address, and by a client that calls itself so.
    pub last_used_from: Option<String>,
    pub last_used_by: Option<String>,
    /// RFC 3339, UTC; `None`: never, or before it was recorded.
    pub first_used: Option<String>,
    pub first_used_from: Option<String>,
    pub first_used_by: Option<String>,
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
    /// What its objects' keys begin with, where it is not the whole bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    pub email: String,
    pub account_id: String,
    /// The preset's name; or the actions, with commas.
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
    /// What people call it; may be empty.
    pub name: String,
    /// Why it was given; may be empty.
    pub note: String,
    pub bucket: String,
    /// What its objects' keys begin with; empty: the whole bucket.
    pub prefix: String,
    pub email: String,
    pub account_id: String,
    /// The giver's e-mail address.
    pub giver: String,
    /// The preset's name; or the actions, with commas.
    pub preset: String,
    /// `active`, `revoked` or `expired`.
    pub state: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC.
    pub expires: String,
    pub access_key_id: String,
    /// Where requests must come from; empty: anywhere.
    pub networks: Vec<String>,
    pub max_bytes: Option<u64>,
    pub max_objects: Option<u64>,
    pub requests_per_second: Option<u32>,
    pub bytes_per_second: Option<u64>,
    /// For how many days from when it was given it learns where it is used from.
    pub pin_days: Option<u32>,
    /// What it has learned; afterwards it works from there alone.
    pub pinned: Vec<String>,
}

/// One thing that a key reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReachRow {
    /// A bucket's name; `*` for what concerns no single bucket.
    pub bucket: String,
    /// Which keys: `*` all, `-` none (the actions concern the bucket itself), or patterns as policies write them, as in
    /// `logs/* except logs/secret/*`.
    pub keys: String,
    /// S3's names of the actions.
    pub actions: Vec<String>,
    /// When it holds; empty: always.
    pub conditions: Vec<String>,
    /// What allows it.
    pub why: String,
}

/// What a key reaches, and the first of it that lies beyond what it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OnlyReach {
    pub rows: Vec<ReachRow>,
    pub more: Option<ReachRow>,
    /// One request of it, as `s3:GetObject on BUCKET/KEY`.
    pub example: Option<String>,
}

/// What somebody reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct HolderReach {
    /// An account's e-mail address; `everyone`, without a key; or `every account`, by any key that is its account's own.
    pub who: String,
    /// The keys that reach it; none where it takes no certain key.
    pub access_key_ids: Vec<String>,
    /// Of an account's keys: what the account owns or is named for, or the key's share.
    pub rows: Vec<ReachRow>,
}

/// A refusal by the authoriser, for the owner; the caller was told AccessDenied and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RefusalView {
    pub request_id: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// `None`: unsigned.
    pub access_key_id: Option<String>,
    pub source: Option<String>,
    pub action: String,
    pub bucket: Option<String>,
    pub key: Option<String>,
    /// What settled it, first, and what bore on it.
    pub why: Vec<String>,
    /// The smallest change that would allow it.
    pub remedy: Option<String>,
}

/// Whether somebody could do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CanView {
    pub allowed: bool,
    pub action: String,
    /// What settles it, first, and what bears on it.
    pub why: Vec<String>,
    /// The smallest change that would allow it, where it is not.
    pub remedy: Option<String>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StatusView {
    pub version: String,
    /// Since it was opened.
    pub uptime_seconds: u64,
    pub accounts: u64,
    pub buckets: u64,
    pub objects: u64,
    /// Stored now, parts of unfinished uploads included.
    pub bytes: u64,
    /// Why nothing can be written, if nothing can.
    pub trouble: Option<String>,
    pub last_backup: Option<LastBackupView>,
    /// `None` where there never was one.
    pub scrub: Option<ScrubView>,
}

/// The last backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LastBackupView {
    pub id: String,
    pub place: String,
    /// RFC 3339, UTC.
    pub made: String,
    /// How much could not be read and is not in it.
    pub lacks: u64,
}

/// How far the scrub is, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ScrubView {
    /// 0: it does not run.
    pub bytes_per_second: u64,
    /// How far the round is that is under way.
    pub running: Option<Progress>,
    /// Why the round before came to no end, if it did not.
    pub failed: Option<String>,
    /// When the last whole round was finished. RFC 3339, UTC.
    pub last_finished: Option<String>,
    /// Bytes of bodies that it read.
    pub last_bytes: Option<u64>,
    /// What this round found, or else the last.
    pub damage: Vec<DamageView>,
    pub more_damage: u64,
}

/// What a look at all that is stored found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct VerifyView {
    /// Whether every byte was read.
    pub deep: bool,
    pub rows: u64,
    pub objects: u64,
    /// Of all objects.
    pub bytes: u64,
    /// Bodies and parts of bodies that were looked at.
    pub bodies: u64,
    /// Of bodies.
    pub bytes_read: u64,
    /// Events in the ledger, whose chain holds.
    pub events: u64,
    /// What is not as it was written; empty if all is well.
    pub damage: Vec<DamageView>,
    /// How much more there is than is listed.
    pub more_damage: u64,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct BackupView {
    /// Names it, for `restore --snapshot`.
    pub id: String,
    pub place: String,
    /// RFC 3339, UTC: the moment that it shows.
    pub made: String,
    pub rows: u64,
    /// Bodies outside of the rows.
    pub bodies: u64,
    /// Of these bodies.
    pub bytes: u64,
    /// Chunks of rows that were not there yet.
    pub chunks_sent: u64,
    /// Bodies that were not there yet.
    pub bodies_sent: u64,
    pub bytes_sent: u64,
    /// Bodies that could not be read and are not in it; `verify` says whose they are.
    pub without: Vec<String>,
}

/// What a compaction came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CompactView {
    /// Of the files of the log.
    pub bytes_before: u64,
    pub bytes_after: u64,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageView {
    /// What: an object by bucket and key, a row by its key.
    pub what: String,
    /// What was found.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
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
