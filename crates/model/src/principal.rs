//! Who asks, as facts: what a decision needs to know of a caller, and nothing secret.

use bytes::Bytes;

use crate::{AccessKeyId, Account, AccountId, Restriction, Revision, Share, ShareId, Timestamp};

/// Whether an access key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Enabled,
    /// It does not, until it is enabled again.
    Disabled,
}

/// An access key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// Enabled or disabled.
    pub state: KeyState,
    /// The share that it was made for. Such a key reaches the share and nothing else.
    pub share: Option<ShareId>,
    /// Whether it may sign by SigV2 although the server does not allow that for all.
    pub allow_sigv2: bool,
    /// When it was made.
    pub created: Timestamp,
    /// What holds it back beside its account's rights.
    pub restriction: Restriction,
}

/// The stored records that something was decided on, by storage key, each with the revision that was read (`None`: it
/// was absent). They become conditions of the commit, so that a change is ordered after what allowed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Basis(pub Vec<(Bytes, Option<Revision>)>);

impl Basis {
    /// Adds what `other` rests on.
    pub fn extend(&mut self, other: Basis) {
        for entry in other.0 {
            if !self.0.contains(&entry) {
                self.0.push(entry);
            }
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives for a request; a box would cost each signed one an allocation"
)]
pub enum Principal {
    /// Nobody in particular: an unsigned request. A principal like any other, with no rights but the public's.
    Anonymous,
    /// A holder of an access key.
    Key {
        /// Whose key it is.
        account: Account,
        /// The key.
        key: AccessKey,
        /// The share that the key belongs to, where it belongs to one. A key that names a share that is not here
        /// reaches nothing.
        share: Option<Share>,
    },
}

impl Principal {
    /// The account, unless anonymous.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Principal::Anonymous => None,
            Principal::Key { account, .. } => Some(account),
        }
    }

    /// The access key's id, unless anonymous.
    pub fn key_id(&self) -> Option<&AccessKeyId> {
        match self {
            Principal::Anonymous => None,
            Principal::Key { key, .. } => Some(&key.id),
        }
    }
}
