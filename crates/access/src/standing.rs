//! What a caller stands for: nobody, an account with all that it is, or one share and nothing else; and whether it may
//! speak from where it is.

use std::net::IpAddr;

use model::{
    AccessKey, Account, AccountState, Bucket, CanonicalId, KeyState, Network, Principal, Restriction, Share,
    ShareState, Timestamp,
};

use crate::Reason;

/// A caller whose key, account and share are in order and belong together.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standing<'a> {
    /// An unsigned request.
    Anonymous,
    /// An account; its key may be held back.
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
        if key.restriction.expires.is_some_and(|expires| at >= expires) {
            return Err(Reason::KeyExpired);
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

    /// Whether the key that it came with is held back beside its account's rights.
    pub(crate) fn is_restricted(&self, principal: &Principal) -> bool {
        matches!(principal, Principal::Key { key, .. } if key.restriction != Restriction::NONE)
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

/// Whether a caller may ask from `source`: by its key's networks, its share's, and what its share's pin has learned. Where
/// only some addresses will do, one that is not known will not.
pub(crate) fn speaks_from(principal: &Principal, source: Option<IpAddr>, at: Timestamp) -> Result<(), Reason> {
    let Principal::Key { key, share, .. } = principal else { return Ok(()) };
    let among = |networks: &[Network]| source.is_some_and(|source| networks.iter().any(|n| n.contains(source)));
    if !key.restriction.networks.is_empty() && !among(&key.restriction.networks) {
        return Err(Reason::AddressNotOfKey);
    }
    let Some(share) = share else { return Ok(()) };
    if !share.networks.is_empty() && !among(&share.networks) {
        return Err(Reason::AddressNotOfShare);
    }
    match &share.pin {
        Some(pin) if !share.learns(at) && !among(&pin.learned) => Err(Reason::AddressNotPinned),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use model::{
        AccessKeyId, AccountId, AccountKind, BucketName, Caps, DisplayName, Email, Pin, Preset, Quota, ShareId,
    };

    use super::*;

    const GIVEN: Timestamp = Timestamp::from_seconds(1_289_952_000);
    const DAY: u64 = 24 * 60 * 60;

    fn networks(all: &[&str]) -> Vec<Network> {
        all.iter().map(|text| Network::parse(text).unwrap()).collect()
    }

    /// Who holds a share's key.
    fn holder(of_key: &[&str], of_share: &[&str], pin: Option<&[&str]>) -> Principal {
        let account = Account {
            id: AccountId::new("123456789012").unwrap(),
            canonical_id: CanonicalId::new(&"a".repeat(64)).unwrap(),
            email: Email::new("a@example.com").unwrap(),
            display_name: DisplayName::new("a").unwrap(),
            kind: AccountKind::Guest,
            state: AccountState::Active,
            created: GIVEN,
        };
        let id = ShareId::new("0123456789ab").unwrap();
        let key = AccessKey {
            id: AccessKeyId::new("BWABCDEFGHIJKLMNOP27").unwrap(),
            account: account.id.clone(),
            state: KeyState::Enabled,
            share: Some(id.clone()),
            allow_sigv2: false,
            created: GIVEN,
            restriction: Restriction { networks: networks(of_key), ..Restriction::NONE },
        };
        let share = Share {
            id,
            bucket: BucketName::new("abc").unwrap(),
            incarnation: 1,
            giver: AccountId::new("210987654321").unwrap(),
            account: account.id.clone(),
            key: key.id.clone(),
            preset: Preset::Read,
            state: ShareState::Active,
            created: GIVEN,
            expires: GIVEN.plus_seconds(90 * DAY),
            name: "".into(),
            note: "".into(),
            prefix: "".into(),
            actions: None,
            networks: networks(of_share),
            quota: Quota::default(),
            caps: Caps::default(),
            pin: pin.map(|learned| Pin { days: 7, learned: networks(learned) }),
            former_keys: vec![],
        };
        Principal::Key { account, key, share: Some(share) }
    }

    fn asked(principal: &Principal, source: Option<&str>, at: Timestamp) -> Result<(), Reason> {
        speaks_from(principal, source.map(|text| text.parse().unwrap()), at)
    }

    #[test]
    fn a_key_and_its_share_speak_only_from_where_both_may() {
        let principal = holder(&["10.0.0.0/8", "2001:db8::/32"], &["10.1.0.0/16", "192.0.2.1"], None);
        assert_eq!(asked(&principal, Some("10.1.2.3"), GIVEN), Ok(()));
        assert_eq!(asked(&principal, Some("::ffff:10.1.2.3"), GIVEN), Ok(()));
        assert_eq!(asked(&principal, Some("10.2.0.1"), GIVEN), Err(Reason::AddressNotOfShare));
        assert_eq!(asked(&principal, Some("192.0.2.1"), GIVEN), Err(Reason::AddressNotOfKey));
        assert_eq!(asked(&principal, None, GIVEN), Err(Reason::AddressNotOfKey), "unknown");
        assert_eq!(asked(&holder(&[], &[], None), None, GIVEN), Ok(()));
    }

    #[test]
    fn a_pinned_share_learns_for_its_days_and_then_speaks_from_nowhere_else() {
        let principal = holder(&[], &[], Some(&["192.0.2.1/32"]));
        let last = Timestamp::from_millis(GIVEN.plus_seconds(7 * DAY).millis() - 1);
        let over = GIVEN.plus_seconds(7 * DAY);
        assert_eq!(asked(&principal, Some("203.0.113.9"), last), Ok(()));
        assert_eq!(asked(&principal, Some("203.0.113.9"), over), Err(Reason::AddressNotPinned));
        assert_eq!(asked(&principal, None, over), Err(Reason::AddressNotPinned), "unknown");
        assert_eq!(asked(&principal, Some("192.0.2.1"), over), Ok(()));
        assert_eq!(asked(&holder(&[], &[], Some(&[])), Some("192.0.2.1"), over), Err(Reason::AddressNotPinned));
    }

    #[test]
    fn an_expired_key_stands_for_nothing_from_that_very_moment() {
        let Principal::Key { account, mut key, .. } = holder(&[], &[], None) else { panic!() };
        key.share = None;
        key.restriction.expires = Some(GIVEN);
        let principal = Principal::Key { account, key, share: None };
        let before = Timestamp::from_millis(GIVEN.millis() - 1);
        assert!(Standing::of(&principal, before).is_ok());
        assert_eq!(Standing::of(&principal, GIVEN).map(drop), Err(Reason::KeyExpired));
    }
}
