//! Reading accounts, keys and shares.

use std::sync::Arc;

use kv::{Engine, Entry, Key, KeyRange, Require};
use model::{
    AccessKey, AccessKeyId, Account, AccountId, BucketName, CanonicalId, Email, Revision, Share, ShareId, limits,
};
use subtle::ConstantTimeEq;

use crate::known::Known;
use crate::records::{self, LastUsed};
use crate::seal::Sealer;
use crate::{Error, MasterKey, keys};

/// Index entries read at a time where there may be many.
const PAGE: usize = 1000;

/// A record with where it is stored and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The record.
    pub value: T,
    /// Its key.
    pub key: Key,
    /// The commit that wrote it.
    pub revision: Revision,
}

impl<T> Stored<T> {
    /// The condition that it is still what was read.
    pub fn unchanged(&self) -> Require {
        Require::Unchanged(self.key.clone(), self.revision)
    }
}

/// Whether the store's secrets are sealed under this master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterCheck {
    /// The store has not seen a master key; commit [`Directory::plan_master_check`] before anything is sealed.
    Fresh,
    /// They are.
    Right,
    /// They are sealed under another; the store is not to be used with this one.
    Wrong,
}

/// Accounts, keys and shares: reads them, and plans changes of them. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) check: [u8; 32],
    pub(crate) known: Arc<Known>,
}

impl Directory {
    /// Reads from `kv`; seals and opens secrets under `master`, of which it keeps only what it derives.
    pub fn new(kv: Arc<dyn Engine>, master: MasterKey) -> Self {
        let sealer = Arc::new(Sealer::new(&master));
        Directory { engine: kv, sealer, check: master.derive("master key check"), known: Arc::default() }
    }

    /// Whether this is the master key that the store was made with. Ask at start, before the first request.
    ///
    /// # Errors
    /// [`Error`] if the record cannot be read.
    pub async fn check_master(&self) -> Result<MasterCheck, Error> {
        let Some(entry) = self.one(keys::master_check()).await? else { return Ok(MasterCheck::Fresh) };
        let stored = records::master_check(&entry.key, &entry.value)?;
        Ok(if bool::from(stored.ct_eq(&self.check)) { MasterCheck::Right } else { MasterCheck::Wrong })
    }

    /// An account.
    ///
    /// # Errors
    /// [`Error`] if it cannot be read; so for every reading function here.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Stored<Account>>, Error> {
        load(self.one(keys::account(id)).await?, records::account)
    }

    /// The account that has this address.
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<Stored<Account>>, Error> {
        self.through_index(keys::email(email), |account| account.email == *email).await
    }

    /// The account that ACLs name so.
    pub async fn account_by_canonical(&self, id: &CanonicalId) -> Result<Option<Stored<Account>>, Error> {
        self.through_index(keys::canonical(id), |account| account.canonical_id == *id).await
    }

    /// The accounts that ACLs name so, in the order of `ids`; two reads, however many there are.
    pub async fn accounts_by_canonical(&self, ids: &[CanonicalId]) -> Result<Vec<Option<Stored<Account>>>, Error> {
        let index: Vec<Key> = ids.iter().map(keys::canonical).collect();
        let index = self.engine.get_many(&index).await?;
        let mut wanted = Vec::with_capacity(index.len());
        for entry in index.iter().flatten() {
            wanted.push(keys::account(&records::account_ref(&entry.key, &entry.value)?));
        }
        let mut accounts = self.engine.get_many(&wanted).await?.into_iter();
        let led_to = index.into_iter().zip(ids).map(|(entry, id)| match entry {
            None => Ok(None),
            Some(entry) => led_from(&entry, accounts.next().flatten(), |account| account.canonical_id == *id).map(Some),
        });
        led_to.collect()
    }

    /// At most `limit` accounts, by id, after `after`.
    pub async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Stored<Account>>, Error> {
        let page = self.engine.scan(keys::accounts(after.as_ref()), limit).await?;
        page.entries.into_iter().map(|entry| records::stored(entry, records::account)).collect()
    }

    /// An access key.
    pub async fn key(&self, id: &AccessKeyId) -> Result<Option<Stored<AccessKey>>, Error> {
        load(self.one(keys::access_key(id)).await?, records::access_key)
    }

    /// All access keys of an account, by id; at most [`limits::KEYS_PER_ACCOUNT`].
    pub async fn keys_of(&self, account: &AccountId) -> Result<Vec<Stored<AccessKey>>, Error> {
        let prefix = keys::keys_of(account);
        let index = self.engine.scan(KeyRange::prefix(prefix.clone()), limits::KEYS_PER_ACCOUNT).await?;
        self.behind(
            &prefix,
            index.entries,
            |id| AccessKeyId::new(id).map(|id| keys::access_key(&id)),
            records::access_key,
        )
        .await
    }

    /// A share.
    pub async fn share(&self, id: &ShareId) -> Result<Option<Stored<Share>>, Error> {
        load(self.one(keys::share(id)).await?, records::share)
    }

    /// At most `limit` shares, revoked ones among them, by id, after `after`.
    pub async fn shares(&self, after: Option<ShareId>, limit: usize) -> Result<Vec<Stored<Share>>, Error> {
        let page = self.engine.scan(keys::shares(after.as_ref()), limit).await?;
        page.entries.into_iter().map(|entry| records::stored(entry, records::share)).collect()
    }

    /// All shares of one incarnation of a bucket, revoked ones among them, by id.
    pub async fn shares_of_bucket(&self, bucket: &BucketName, incarnation: u64) -> Result<Vec<Stored<Share>>, Error> {
        let prefix = keys::shares_of(bucket, incarnation);
        let mut range = KeyRange::prefix(prefix.clone());
        let mut shares = Vec::new();
        loop {
            let index = self.engine.scan(range.clone(), PAGE).await?;
            let Some(last) = index.entries.last() else { return Ok(shares) };
            range.start = [&last.key[..], b"\0"].concat().into();
            let to_share = |id: &str| ShareId::new(id).map(|id| keys::share(&id));
            shares.extend(self.behind(&prefix, index.entries, to_share, records::share).await?);
            if !index.more {
                return Ok(shares);
            }
        }
    }

    /// When keys were last used, in the order of `ids`; `None` for one that never was.
    pub async fn last_used(&self, ids: &[AccessKeyId]) -> Result<Vec<Option<LastUsed>>, Error> {
        let wanted: Vec<Key> = ids.iter().map(keys::last_used).collect();
        let found = self.engine.get_many(&wanted).await?.into_iter();
        found.map(|entry| entry.map(|entry| records::last_used(&entry.key, &entry.value)).transpose()).collect()
    }

    pub(crate) async fn one(&self, key: Key) -> Result<Option<Entry>, Error> {
        Ok(self.engine.get_many(&[key]).await?.pop().flatten())
    }

    async fn through_index(
        &self,
        index: Key,
        fits: impl Fn(&Account) -> bool,
    ) -> Result<Option<Stored<Account>>, Error> {
        let Some(entry) = self.one(index).await? else { return Ok(None) };
        let account = records::account_ref(&entry.key, &entry.value)?;
        let account = self.one(keys::account(&account)).await?;
        led_from(&entry, account, fits).map(Some)
    }

    /// The records that index entries lead to. One removed between the two reads is left out.
    async fn behind<T>(
        &self,
        prefix: &[u8],
        index: Vec<Entry>,
        to_record: impl Fn(&str) -> Result<Key, model::Invalid>,
        decode: fn(&[u8], &[u8]) -> Result<T, Error>,
    ) -> Result<Vec<Stored<T>>, Error> {
        let mut wanted = Vec::with_capacity(index.len());
        for entry in &index {
            let record = to_record(keys::tail(&entry.key, prefix));
            wanted.push(record.map_err(|invalid| Error::corrupt(&entry.key, invalid.to_string()))?);
        }
        let found = self.engine.get_many(&wanted).await?;
        found.into_iter().flatten().map(|entry| records::stored(entry, decode)).collect()
    }
}

fn load<T>(entry: Option<Entry>, decode: fn(&[u8], &[u8]) -> Result<T, Error>) -> Result<Option<Stored<T>>, Error> {
    entry.map(|entry| records::stored(entry, decode)).transpose()
}

/// The account that an index entry leads to. As accounts are never removed and neither address nor canonical id ever
/// changes, one that is missing or does not fit is damage, and nobody is taken for it.
fn led_from(index: &Entry, account: Option<Entry>, fits: impl Fn(&Account) -> bool) -> Result<Stored<Account>, Error> {
    let account = account.ok_or_else(|| Error::corrupt(&index.key, "it leads to an account that does not exist"))?;
    let account = records::stored(account, records::account)?;
    if !fits(&account.value) {
        return Err(Error::corrupt(&index.key, "it leads to another's account"));
    }
    Ok(account)
}
