//! What a caller stands for: nobody, an account with all that it is, or one share and nothing else.

use model::{AccessKey, Account, AccountState, Bucket, CanonicalId, KeyState, Principal, Share, ShareState, Timestamp};

use crate::Reason;

/// A caller whose key, account and share are in order and belong together.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standing<'a> {
    /// An unsigned request.
    Anonymous,
    /// An account, by a key without restriction.
    Account(&'a Account),
    /// A share, by its key. What the account has of its own does not count.
    Share(&'a Account, &'a Share),
}

impl<'a> Standing<'a> {
    /// Classifies `principal` as of `at`; or why it stands for nothing.
    pub(crate) fn of(principal: &'a Principal, at: Timestamp) -> Result<Self, Reason> {
        let Principal::Key { account, key, share } = principal else {
            return Ok(Standing::Anonymous);
        };
        if account.state != AccountState::Active {
            return Err(Reason::AccountSuspended);
        }
        if key.state != KeyState::Enabled {
            return Err(Reason::KeyDisabled);
        }
        if key.account != account.id {
            return Err(Reason::KeyOfAnother);
        }
        match (&key.share, share) {
            (None, None) => Ok(Standing::Account(account)),
            (Some(_), None) => Err(Reason::ShareMissing),
            (None, Some(_)) => Err(Reason::ShareOfAnother),
            (Some(_), Some(share)) => stands(account, key, share, at).map(|()| Standing::Share(account, share)),
        }
    }

    /// Whether it is the bucket's owner, as such: by both ids, so that a record that contradicts itself owns nothing.
    pub(crate) fn owns(&self, bucket: &Bucket) -> bool {
        matches!(self, Standing::Account(account)
            if account.id == bucket.owner && account.canonical_id == bucket.owner_canonical)
    }

    /// The account by which ACLs may name it, as such.
    pub(crate) fn canonical(&self) -> Option<&'a CanonicalId> {
        match self {
            Standing::Account(account) => Some(&account.canonical_id),
            Standing::Anonymous | Standing::Share(..) => None,
        }
    }
}

/// Whether the share stands, wherever it is.
fn stands(account: &Account, key: &AccessKey, share: &Share, at: Timestamp) -> Result<(), Reason> {
    if key.share.as_ref() != Some(&share.id) || share.key != key.id || share.account != account.id {
        return Err(Reason::ShareOfAnother);
    }
    if share.state != ShareState::Active {
        return Err(Reason::ShareRevoked);
    }
    if at >= share.expires {
        return Err(Reason::ShareExpired);
    }
    Ok(())
}

/// Whether a standing share is of this bucket, as its owner gave it.
pub(crate) fn covers(share: &Share, bucket: &Bucket) -> Result<(), Reason> {
    if share.bucket != bucket.name || share.incarnation != bucket.incarnation {
        return Err(Reason::ShareElsewhere);
    }
    if share.giver != bucket.owner {
        return Err(Reason::ShareGiverNotOwner);
    }
    Ok(())
}
