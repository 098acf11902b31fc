//! Shares: one bucket, handed to one party, by a key of its own.

use crate::{AccessKeyId, AccountId, Action, BucketName, ShareId, Timestamp};

/// What a share allows, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// List the bucket and read its objects.
    Read,
    /// Create, overwrite and delete objects, and see nothing: 2010's WRITE alone.
    Write,
    /// Both: 2010's WRITE and READ.
    ReadWrite,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 3] = [Preset::Read, Preset::Write, Preset::ReadWrite];

    /// As `share --preset` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::Read => "read",
            Preset::Write => "write",
            Preset::ReadWrite => "read-write",
        }
    }

    /// From that spelling; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        Preset::ALL.into_iter().find(|p| p.as_str() == text)
    }

    /// Whether the preset allows `action` on the share's bucket or an object in it. It answers what the clients that
    /// it is meant for ask first (HeadBucket, GetBucketLocation), beside the work itself; CreateBucket on the existing
    /// bucket is answered elsewhere and changes nothing.
    pub fn allows(self, action: Action) -> bool {
        let probes = matches!(action, Action::HeadBucket | Action::GetBucketLocation);
        let reads = matches!(
            action,
            Action::ListBucket
                | Action::ListBucketVersions
                | Action::GetObject
                | Action::GetObjectAttributes
                | Action::ListBucketMultipartUploads
        );
        let writes = matches!(
            action,
            Action::PutObject | Action::DeleteObject | Action::AbortMultipartUpload | Action::ListMultipartUploadParts
        );
        match self {
            Preset::Read => probes || reads,
            Preset::Write => probes || writes,
            Preset::ReadWrite => probes || reads || writes,
        }
    }
}

/// Whether a share still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareState {
    /// It does.
    Active,
    /// It was revoked, for good.
    Revoked,
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
    /// What it allows.
    pub preset: Preset,
    /// Active or revoked.
    pub state: ShareState,
    /// When it was given.
    pub created: Timestamp,
    /// From when on it allows nothing.
    pub expires: Timestamp,
}
