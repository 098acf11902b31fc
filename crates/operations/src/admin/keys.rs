//! Access keys, for the operator.

use identity::{KeyOptions, LastUsed, Stored};
use model::{AccessKey, AccessKeyId, Account, KeyState};

use super::{Failure, KeyView, NewKey, rfc3339};
use crate::commit::{Attempts, Committed};
use crate::{Context, Error, Store};

impl Store {
    pub(super) async fn key_create(
        &self,
        ctx: &mut Context,
        meant: &str,
        allow_sigv2: bool,
    ) -> Result<NewKey, Failure> {
        let mut attempts = Attempts::default();
        loop {
            let account = self.account_meant(meant).await?;
            let options = KeyOptions { allow_sigv2, created: self.now() };
            let (key, secret, change) = self.directory.plan_key(&account, options).map_err(Error::from)?;
            let detail = format!("for {}{}", account.value.email, if allow_sigv2 { ", may sign by SigV2" } else { "" });
            match self.operate(ctx, change, "CreateAccessKey", key.id.as_str(), detail).await? {
                Committed::Done => {
                    return Ok(NewKey {
                        access_key_id: key.id.to_string(),
                        secret_access_key: secret.expose().to_owned(),
                        account_id: key.account.to_string(),
                        email: account.value.email.to_string(),
                        allow_sigv2,
                    });
                }
                Committed::Ceiling => return Err(too_many(&account.value)),
                Committed::Conflict => attempts.again(self, ctx).await?,
            }
        }
    }

    pub(super) async fn key_list(&self, meant: Option<&str>) -> Result<Vec<KeyView>, Failure> {
        if let Some(meant) = meant {
            let account = self.account_meant(meant).await?;
            return self.keys_of(&account.value).await;
        }
        let mut all = vec![];
        for account in self.all_accounts().await? {
            all.extend(self.keys_of(&account.value).await?);
        }
        Ok(all)
    }

    pub(super) async fn keys_of(&self, account: &Account) -> Result<Vec<KeyView>, Failure> {
        // What was noted since the last batch is to be seen too.
        self.flush().await?;
        let mut keys = self.directory.keys_of(&account.id).await.map_err(Error::from)?;
        keys.sort_by(|a, b| (a.value.created, &a.value.id).cmp(&(b.value.created, &b.value.id)));
        let ids: Vec<AccessKeyId> = keys.iter().map(|key| key.value.id.clone()).collect();
        let used = self.directory.last_used(&ids).await.map_err(Error::from)?;
        Ok(keys.iter().zip(used).map(|(key, used)| view(&key.value, account, used)).collect())
    }

    pub(super) async fn key_state(&self, ctx: &mut Context, meant: &str, state: KeyState) -> Result<KeyView, Failure> {
        let operation = match state {
            KeyState::Enabled => "EnableAccessKey",
            KeyState::Disabled => "DisableAccessKey",
        };
        let mut attempts = Attempts::default();
        loop {
            let stored = self.key_meant(meant).await?;
            let (key, change) = self.directory.plan_key_state(&stored, state);
            match self.operate(ctx, change, operation, key.id.as_str(), String::new()).await? {
                Committed::Done => return self.key_view(&key).await,
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    pub(super) async fn key_delete(&self, ctx: &mut Context, meant: &str) -> Result<KeyView, Failure> {
        let mut attempts = Attempts::default();
        loop {
            let stored: Stored<AccessKey> = self.key_meant(meant).await?;
            let shown = self.key_view(&stored.value).await?;
            let change = self.directory.plan_key_delete(&stored);
            match self.operate(ctx, change, "DeleteAccessKey", stored.value.id.as_str(), String::new()).await? {
                Committed::Done => return Ok(shown),
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    async fn key_view(&self, key: &AccessKey) -> Result<KeyView, Failure> {
        let account = self.directory.account(&key.account).await.map_err(Error::from)?;
        let account = account.ok_or_else(|| Error::Damaged(format!("the account of key {} does not exist", key.id)))?;
        let used = self.directory.last_used(std::slice::from_ref(&key.id)).await.map_err(Error::from)?;
        Ok(view(key, &account.value, used.into_iter().next().flatten()))
    }
}

/// An account has as many keys as it may.
pub(super) fn too_many(account: &Account) -> Failure {
    Failure::conflict(
        format!("{} has {} access keys, the most there may be", account.email, model::limits::KEYS_PER_ACCOUNT),
        "Delete keys with `bailiwick key delete`, or revoke shares.",
    )
}

fn view(key: &AccessKey, account: &Account, used: Option<LastUsed>) -> KeyView {
    KeyView {
        access_key_id: key.id.to_string(),
        account_id: key.account.to_string(),
        email: account.email.to_string(),
        enabled: key.state == KeyState::Enabled,
        allow_sigv2: key.allow_sigv2,
        share_id: key.share.as_ref().map(|share| share.to_string()),
        created: rfc3339(key.created),
        last_used: used.map(|used| rfc3339(used.at)),
    }
}
