//! Shares: one bucket or a part of it, handed to one party, by a key of its own.

use crate::{AccessKeyId, AccountId, Action, BucketName, Network, Preset, ShareId, Timestamp};

/// Whether a share still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareState {
    /// It does.
    Active,
    /// It was revoked, for good.
    Revoked,
}

/// How much may lie in the bucket that came through a share. What goes gives its room back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Bytes, parts of unfinished uploads included; `None`: any number.
    pub bytes: Option<u64>,
    /// Objects; `None`: any number.
    pub objects: Option<u64>,
}

/// How fast a share may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// Requests a second, over ten seconds; more are refused for the moment. `None`: any number.
    pub requests_per_second: Option<u32>,
    /// Bytes a second of bodies, in and out together; more are slowed down. `None`: any number.
    pub bytes_per_second: Option<u64>,
}

/// The addresses that are seen in a share's first days become the only ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// How long it learns, in days of 24 hours from when the share was given.
    pub days: u32,
    /// What it has learned.
    pub learned: Vec<Network>,
}

/// A share: a record of who gave what to whom, and the one key that it is used by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Names it.
    pub id: ShareId,
    /// The bucket, by name and incarnation: a later bucket of the same name is not shared.
    pub bucket: BucketName,
    /// See [`crate::Bucket::incarnation`].
    pub incarnation: u64,
    /// The account that gave it: the bucket's owner.
    pub giver: AccountId,
    /// The account that it was given to.
    pub account: AccountId,
    /// The key made for it.
    pub key: AccessKeyId,
    /// What it allows, unless `actions` says so.
    pub preset: Preset,
    /// Active or revoked.
    pub state: ShareState,
    /// When it was given.
    pub created: Timestamp,
    /// From when on it allows nothing.
    pub expires: Timestamp,
    /// For people; may be empty.
    pub name: Box<str>,
    /// Why it was given, for people; may be empty.
    pub note: Box<str>,
    /// What the keys of its objects begin with; empty: the whole bucket.
    pub prefix: Box<str>,
    /// What it allows, action by action, in place of the preset.
    pub actions: Option<Vec<Action>>,
    /// Where a request must come from: one of these; empty: anywhere.
    pub networks: Vec<Network>,
    /// How much may lie there.
    pub quota: Quota,
    /// How fast it may be used.
    pub caps: Caps,
    /// Whether it learns where it is used from.
    pub pin: Option<Pin>,
    /// The keys that it had before, the latest last: what they stored still counts against the quota.
    pub former_keys: Vec<AccessKeyId>,
}

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

impl Share {
    /// Whether it allows `action`, on its bucket or an object in it, as far as the action alone can tell: a preset that
    /// only creates, or deletes only some, is asked by [`Share::create_only`] and [`Share::may_delete`] too.
    pub fn allows(&self, action: Action) -> bool {
        match &self.actions {
            Some(actions) => actions.contains(&action),
            None => self.preset.allows(action),
        }
    }

    /// Whether PutObject must find nothing under its key.
    pub fn create_only(&self) -> bool {
        self.actions.is_none() && self.preset.create_only()
    }

    /// Whether DeleteObject may remove the object under `key`.
    pub fn may_delete(&self, key: &str) -> bool {
        match &self.actions {
            Some(actions) => actions.contains(&Action::DeleteObject) && key.starts_with(&*self.prefix),
            None => self.preset.may_delete(key, &self.prefix),
        }
    }

    /// Whether its pin still learns at `at`.
    pub fn learns(&self, at: Timestamp) -> bool {
        self.pin
            .as_ref()
            .is_some_and(|pin| at < self.created.plus_seconds(u64::from(pin.days).saturating_mul(SECONDS_PER_DAY)))
    }

    /// What it allows, in a word or a few: the preset's name, or the actions'.
    pub fn allowed(&self) -> String {
        match &self.actions {
            None => self.preset.as_str().to_owned(),
            Some(actions) => actions.iter().map(|action| action.as_str()).collect::<Vec<_>>().join(","),
        }
    }

    /// Whether a share may give `action` at all. It may give what concerns objects, and reading the bucket's settings;
    /// never what changes who may do what (ACLs, policy, ownership, blocks) or the bucket itself, so that no share can
    /// grow beyond what it was made as.
    pub fn can_give(action: Action) -> bool {
        let settings = !matches!(action, Action::PutObjectAcl | Action::ListAllMyBuckets | Action::CreateBucket);
        let reads = ["s3:Get", "s3:List", "s3:Head"].iter().any(|verb| action.as_str().starts_with(verb));
        settings && (action.on_object() || reads)
    }
}
