//! One store, and what tests do with it.

use std::sync::Arc;

use identity::{
    Caller, Candidate, Directory, KeyOptions, LookupError, MasterKey, NewAccount, NewShare, SecretText, ShareTerms,
    Stored,
};
use kv::{Change, Commit, Conflict, Engine, Entry, KeyRange, Write};
use model::{
    AccessKey, AccessKeyId, Account, AccountKind, BucketName, DisplayName, Email, Preset, Share, ShareId, Timestamp,
};

pub const NOW: Timestamp = Timestamp::from_seconds(1_289_952_000);
pub const LATER: Timestamp = Timestamp::from_seconds(1_297_728_000);

pub struct World {
    pub engine: Arc<dyn Engine>,
    pub directory: Directory,
}

pub fn master(first: u8) -> MasterKey {
    MasterKey::from_bytes(std::array::from_fn(|i| first.wrapping_add(i as u8)))
}

pub fn email(text: &str) -> Email {
    Email::new(text).unwrap()
}

pub fn bucket(name: &str) -> BucketName {
    BucketName::new(name).unwrap()
}

pub fn guest(address: &str) -> NewAccount {
    NewAccount {
        email: email(address),
        display_name: DisplayName::new("A guest").unwrap(),
        kind: AccountKind::Guest,
        created: NOW,
    }
}

pub const OPTIONS: KeyOptions = KeyOptions::plain(NOW);

impl World {
    pub fn new() -> Self {
        let engine: Arc<dyn Engine> = Arc::new(kv::Memory::new([7; 32]));
        World { directory: Directory::new(engine.clone(), master(1)), engine }
    }

    /// Another directory over the same engine.
    pub fn under(&self, master: MasterKey) -> Directory {
        Directory::new(self.engine.clone(), master)
    }

    pub async fn commit(&self, change: Change) -> Commit {
        self.engine.commit(change).await.unwrap()
    }

    pub async fn done(&self, change: Change) {
        self.commit(change).await.unwrap();
    }

    /// Every entry there is.
    pub async fn dump(&self) -> Vec<Entry> {
        let page = self.engine.scan(KeyRange::prefix(""), usize::MAX).await.unwrap();
        assert!(!page.more);
        page.entries
    }

    /// Overwrites, as damage would.
    pub async fn write(&self, write: Write) {
        self.done(Change { require: vec![], write: vec![write] }).await;
    }

    pub async fn account(&self, address: &str) -> Stored<Account> {
        let (account, change) = self.directory.plan_account(guest(address)).unwrap();
        self.done(change).await;
        self.directory.account(&account.id).await.unwrap().unwrap()
    }

    pub async fn key(&self, account: &Stored<Account>) -> (Stored<AccessKey>, SecretText) {
        let (key, secret, change) = self.directory.plan_key(account, OPTIONS).unwrap();
        self.done(change).await;
        (self.stored_key(&key.id).await.unwrap(), secret)
    }

    pub async fn stored_key(&self, id: &AccessKeyId) -> Option<Stored<AccessKey>> {
        self.directory.key(id).await.unwrap()
    }

    pub async fn stored_share(&self, id: &ShareId) -> Stored<Share> {
        self.directory.share(id).await.unwrap().unwrap()
    }

    pub async fn share(&self, of: &BucketName, account: &Stored<Account>) -> (Stored<Share>, AccessKey, SecretText) {
        let (share, key, secret, change) = self.directory.plan_share(new_share(of, account)).unwrap();
        self.done(change).await;
        (self.stored_share(&share.id).await, key, secret)
    }

    pub async fn candidate(&self, id: &AccessKeyId) -> Result<Candidate, LookupError> {
        self.directory.candidate(id.as_str()).await
    }

    /// The caller that whoever holds `secret` becomes.
    pub async fn caller(&self, id: &AccessKeyId, secret: &SecretText) -> Result<Caller, LookupError> {
        let candidate = self.candidate(id).await?;
        Ok(candidate.prove(|stored| holds(stored, secret)).expect("the secret is right").0)
    }
}

pub fn new_share<'a>(of: &'a BucketName, account: &'a Stored<Account>) -> NewShare<'a> {
    NewShare {
        bucket: of,
        incarnation: 7,
        giver: &account.value.id,
        account,
        preset: Preset::ReadWrite,
        created: NOW,
        expires: LATER,
        terms: ShareTerms::default(),
    }
}

/// Stands for a signature's check.
pub fn holds(stored: &[u8], presented: &SecretText) -> Result<(), &'static str> {
    if stored == presented.expose().as_bytes() { Ok(()) } else { Err("it is another secret") }
}

pub fn changed(commit: Commit) -> bool {
    matches!(commit, Err(Conflict::Changed(_)))
}
