//! Planning changes: what must hold, and what to write. Nothing here touches the engine.
//!
//! Each plan requires the records that it was made from, unchanged, and the places of new records, vacant. So two plans
//! that cannot both hold are not both committed, whoever makes them and wherever they run.

use bytes::Bytes;
use kv::{Change, Key, Require, Write};
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, Action, BucketName, CanonicalId, Caps,
    DisplayName, Email, KeyState, Network, Pin, Preset, Quota, Restriction, Share, ShareId, ShareState, Timestamp,
    limits,
};

use crate::{Directory, Error, LastUsed, SecretText, Stored, fresh, keys, records};

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Nobody else's.
    pub email: Email,
    /// For people.
    pub display_name: DisplayName,
    /// Owner or guest.
    pub kind: AccountKind,
    /// Now.
    pub created: Timestamp,
}

/// How a key is to be.
#[derive(Debug, Clone)]
pub struct KeyOptions {
    /// Whether it may sign by SigV2 although the server does not allow that for all.
    pub allow_sigv2: bool,
    /// Now.
    pub created: Timestamp,
    /// What holds it back.
    pub restriction: Restriction,
}

impl KeyOptions {
    /// A key that signs by SigV4, and that nothing holds back.
    pub const fn plain(created: Timestamp) -> Self {
        KeyOptions { allow_sigv2: false, created, restriction: Restriction::NONE }
    }
}

/// What a share gives and what holds it back, beside its preset and its end. The default is the whole bucket by the preset
/// alone. See [`Share`] for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareTerms {
    /// For people.
    pub name: Box<str>,
    /// Why, for people.
    pub note: Box<str>,
    /// What the keys of its objects begin with.
    pub prefix: Box<str>,
    /// In place of the preset.
    pub actions: Option<Vec<Action>>,
    /// Where requests must come from.
    pub networks: Vec<Network>,
    /// How much may lie there.
    pub quota: Quota,
    /// How fast it may be used.
    pub caps: Caps,
    /// For how many days it learns where it is used from.
    pub pin_days: Option<u32>,
}

/// A share to be given.
#[derive(Debug, Clone)]
pub struct NewShare<'a> {
    /// Of what.
    pub bucket: &'a BucketName,
    /// Of which bucket of that name.
    pub incarnation: u64,
    /// By whom: the bucket's owner.
    pub giver: &'a AccountId,
    /// To whom.
    pub account: &'a Stored<Account>,
    /// What it allows.
    pub preset: Preset,
    /// Now.
    pub created: Timestamp,
    /// From when on it allows nothing.
    pub expires: Timestamp,
    /// The rest.
    pub terms: ShareTerms,
}

impl Directory {
    /// Records this master key as the store's; fails at the commit if the store has one already.
    pub fn plan_master_check(&self) -> Change {
        let mut change = Change::default();
        add(&mut change, keys::master_check(), records::encode_master_check(&self.check));
        change
    }

    /// A new account, active, with ids that nobody had before. The commit fails with a conflict if the address is taken
    /// by then.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn plan_account(&self, new: NewAccount) -> Result<(Account, Change), Error> {
        let id = format!("{}{}", *fresh::text(&DIGITS[1..], 1)?, *fresh::text(DIGITS, 11)?);
        let account = Account {
            id: AccountId::new(&id).expect("twelve digits"),
            canonical_id: CanonicalId::new(&fresh::text(HEX, 64)?).expect("64 hexadecimal digits"),
            email: new.email,
            display_name: new.display_name,
            kind: new.kind,
            state: AccountState::Active,
            created: new.created,
        };
        let mut change = Change::default();
        add(&mut change, keys::account(&account.id), records::encode_account(&account));
        add(&mut change, keys::email(&account.email), records::encode_account_ref(&account.id));
        add(&mut change, keys::canonical(&account.canonical_id), records::encode_account_ref(&account.id));
        Ok((account, change))
    }

    /// A new account and its first key, in one change.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn plan_account_with_key(
        &self,
        new: NewAccount,
        options: KeyOptions,
    ) -> Result<(Account, AccessKey, SecretText, Change), Error> {
        let (account, mut change) = self.plan_account(new)?;
        let key = new_key(account.id.clone(), None, options)?;
        let secret = self.add_key(&mut change, &key)?;
        Ok((account, key, secret, change))
    }

    /// The account, suspended or active again.
    pub fn plan_account_state(&self, stored: &Stored<Account>, state: AccountState) -> (Account, Change) {
        let account = Account { state, ..stored.value.clone() };
        let change = replace(stored, records::encode_account(&account));
        (account, change)
    }

    /// A new key of `account`, enabled, which reaches what the account does. Its secret is returned here and nowhere
    /// else. The commit fails at its ceiling if the account has [`limits::KEYS_PER_ACCOUNT`] keys already.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn plan_key(
        &self,
        account: &Stored<Account>,
        options: KeyOptions,
    ) -> Result<(AccessKey, SecretText, Change), Error> {
        let key = new_key(account.value.id.clone(), None, options)?;
        let mut change = Change { require: vec![account.unchanged()], write: vec![] };
        let secret = self.add_key(&mut change, &key)?;
        Ok((key, secret, change))
    }

    /// The key, disabled or enabled again. The key of a revoked share does not come back: it is gone.
    pub fn plan_key_state(&self, stored: &Stored<AccessKey>, state: KeyState) -> (AccessKey, Change) {
        let key = AccessKey { state, ..stored.value.clone() };
        let change = replace(stored, records::encode_key(&key));
        (key, change)
    }

    /// Another key of the same account beside `stored`, which works until `until` and no longer. The new key works at
    /// once, as `options` say. For a key that is no share's: a share's is replaced by [`Directory::plan_share_rotate`].
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn plan_key_rotate(
        &self,
        stored: &Stored<AccessKey>,
        options: KeyOptions,
        until: Timestamp,
    ) -> Result<(AccessKey, SecretText, AccessKey, Change), Error> {
        let mut old = stored.value.clone();
        old.restriction.expires = Some(old.restriction.expires.map_or(until, |expires| expires.min(until)));
        let mut change = replace(stored, records::encode_key(&old));
        let new = new_key(old.account.clone(), None, options)?;
        let secret = self.add_key(&mut change, &new)?;
        Ok((new, secret, old, change))
    }

    /// Removes a key and its secret. Where it is a share's, the share stays as a record that nobody can use.
    pub fn plan_key_delete(&self, stored: &Stored<AccessKey>) -> Change {
        let key = &stored.value;
        let mut change = Change { require: vec![stored.unchanged()], write: vec![] };
        remove_key(&mut change, &key.account, &key.id);
        // The place of a share's key is the share's until that is revoked, so that it is given back once.
        if key.share.is_none() {
            change.write.push(count(&key.account, -1));
        }
        change
    }

    /// A new share and the key that it is used by, which counts among the keys of the account that it is given to.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn plan_share(&self, new: NewShare<'_>) -> Result<(Share, AccessKey, SecretText, Change), Error> {
        let id = ShareId::new(&fresh::text(HEX, 12)?).expect("12 hexadecimal digits");
        let key = new_key(new.account.value.id.clone(), Some(id.clone()), KeyOptions::plain(new.created))?;
        let ShareTerms { name, note, prefix, actions, networks, quota, caps, pin_days } = new.terms;
        let share = Share {
            id,
            bucket: new.bucket.clone(),
            incarnation: new.incarnation,
            giver: new.giver.clone(),
            account: key.account.clone(),
            key: key.id.clone(),
            preset: new.preset,
            state: ShareState::Active,
            created: new.created,
            expires: new.expires,
            name,
            note,
            prefix,
            actions,
            networks,
            quota,
            caps,
            pin: pin_days.map(|days| Pin { days, learned: vec![] }),
            former_keys: vec![],
        };
        let mut change = Change { require: vec![new.account.unchanged()], write: vec![] };
        add(&mut change, keys::share(&share.id), records::encode_share(&share));
        add(&mut change, keys::share_of(&share.bucket, share.incarnation, &share.id), records::mark());
        let secret = self.add_key(&mut change, &key)?;
        Ok((share, key, secret, change))
    }

    /// The share, revoked for good, and its key removed. Revoking it again changes nothing.
    pub fn plan_share_revoke(&self, stored: &Stored<Share>) -> (Share, Change) {
        let share = Share { state: ShareState::Revoked, ..stored.value.clone() };
        let mut change = replace(stored, records::encode_share(&share));
        if stored.value.state == ShareState::Active {
            remove_key(&mut change, &share.account, &share.key);
            change.write.push(count(&share.account, -1));
        }
        (share, change)
    }

    /// The share, ending at another time. One that is revoked stays so.
    pub fn plan_share_extend(&self, stored: &Stored<Share>, expires: Timestamp) -> (Share, Change) {
        let share = Share { expires, ..stored.value.clone() };
        let change = replace(stored, records::encode_share(&share));
        (share, change)
    }

    /// The share with another key in place of the one it has, which stops working with the commit. There is no overlap:
    /// a share has one key, so that what is known of it is known of the share.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn plan_share_rotate(
        &self,
        stored: &Stored<Share>,
        created: Timestamp,
    ) -> Result<(Share, AccessKey, SecretText, Change), Error> {
        let old = &stored.value;
        let key = new_key(old.account.clone(), Some(old.id.clone()), KeyOptions::plain(created))?;
        let mut share = Share { key: key.id.clone(), ..old.clone() };
        share.former_keys.push(old.key.clone());
        let mut change = replace(stored, records::encode_share(&share));
        remove_key(&mut change, &old.account, &old.key);
        // The place of the old key is the share's whether that key was still there or not.
        change.write.push(count(&old.account, -1));
        let secret = self.add_key(&mut change, &key)?;
        Ok((share, key, secret, change))
    }

    /// The share, whose pin has learned `networks` too; `None` if there is nothing new to learn, or no room for it
    /// ([`limits::PINNED_NETWORKS`]).
    pub fn plan_share_pin(&self, stored: &Stored<Share>, networks: &[Network]) -> Option<(Share, Change)> {
        let mut share = stored.value.clone();
        let learned = &mut share.pin.as_mut()?.learned;
        for network in networks {
            if !learned.contains(network) && learned.len() < limits::PINNED_NETWORKS {
                learned.push(*network);
            }
        }
        if share == stored.value {
            return None;
        }
        let change = replace(stored, records::encode_share(&share));
        Some((share, change))
    }

    /// When keys were first and last used. No condition: what came later is written later.
    pub fn plan_last_used(&self, used: &[(AccessKeyId, LastUsed)]) -> Vec<Write> {
        let write =
            |(id, used): &(AccessKeyId, LastUsed)| Write::Put(keys::last_used(id), records::encode_last_used(used));
        used.iter().map(write).collect()
    }

    fn add_key(&self, change: &mut Change, key: &AccessKey) -> Result<SecretText, Error> {
        let secret = SecretText::fresh()?;
        add(change, keys::access_key(&key.id), records::encode_key(key));
        add(change, keys::secret(&key.id), self.sealer.seal(&key.id, &secret)?);
        add(change, keys::key_of(&key.account, &key.id), records::mark());
        change.write.push(count(&key.account, 1));
        Ok(secret)
    }
}

fn new_key(account: AccountId, share: Option<ShareId>, options: KeyOptions) -> Result<AccessKey, Error> {
    let id = format!("BW{}", *fresh::text(BASE32, 18)?);
    Ok(AccessKey {
        id: AccessKeyId::new(&id).expect("20 characters of the alphabet"),
        account,
        state: KeyState::Enabled,
        share,
        allow_sigv2: options.allow_sigv2,
        created: options.created,
        restriction: options.restriction,
    })
}

fn remove_key(change: &mut Change, account: &AccountId, id: &AccessKeyId) {
    let all = [keys::access_key(id), keys::secret(id), keys::key_of(account, id), keys::last_used(id)];
    change.write.extend(all.map(Write::Delete));
}

fn count(account: &AccountId, delta: i64) -> Write {
    let ceiling = i64::try_from(limits::KEYS_PER_ACCOUNT).ok();
    Write::Add { key: keys::key_count(account), delta, ceiling }
}

/// A new record where there must be none.
fn add(change: &mut Change, key: Key, value: Bytes) {
    change.require.push(Require::Absent(key.clone()));
    change.write.push(Write::Put(key, value));
}

/// Another value for a record that must be as it was read.
fn replace<T>(stored: &Stored<T>, value: Bytes) -> Change {
    Change { require: vec![stored.unchanged()], write: vec![Write::Put(stored.key.clone(), value)] }
}
