//! Access keys, for the operator.

use identity::{KeyOptions, KeyUse, LastUsed, SecretText, Stored};
use model::{AccessKey, AccessKeyId, Account, KeyState, Restriction, Timestamp};

use super::{Failure, KeyOrder, KeyView, NewKey, RestrictionView, RotatedKey, rfc3339, terms};
use crate::commit::{Attempts, Committed};
use crate::{Context, Error, Store};

impl Store {
    pub(super) async fn key_create(&self, ctx: &mut Context, order: &KeyOrder) -> Result<NewKey, Failure> {
        let created = self.now();
        let mut restriction = terms::restriction(order, created)?;
        restriction.expires = self.within_lifetime(restriction.expires, created)?;
        let allow_sigv2 = order.allow_sigv2;
        let mut attempts = Attempts::default();
        loop {
            let account = self.account_meant(&order.account).await?;
            let options = KeyOptions { allow_sigv2, created, restriction: restriction.clone() };
            let (key, secret, change) = self.directory.plan_key(&account, options).map_err(Error::from)?;
            let detail = format!("for {}{}", account.value.email, told(&key));
            match self.operate(ctx, change, "CreateAccessKey", key.id.as_str(), detail).await? {
                Committed::Done => return Ok(new_key(&key, &secret, &account.value)),
                Committed::Ceiling => return Err(too_many(&account.value)),
                Committed::Conflict => attempts.again(self, ctx).await?,
            }
        }
    }

    /// A key in place of another: of the same account, held back in the same way and for as long as the old one was.
    pub(super) async fn key_rotate(
        &self,
        ctx: &mut Context,
        meant: &str,
        overlap: &str,
    ) -> Result<RotatedKey, Failure> {
        let overlap = terms::overlap(overlap)?;
        let mut attempts = Attempts::default();
        loop {
            let stored = self.key_meant(meant).await?;
            let old = &stored.value;
            if let Some(share) = &old.share {
                return Err(Failure::conflict(
                    format!("the key {} is the one of the share {share}", old.id),
                    format!("Replace it with `bailiwick shares rotate {share}`."),
                ));
            }
            if old.state == KeyState::Disabled {
                return Err(Failure::conflict(
                    format!("the key {} is disabled", old.id),
                    format!("Enable it first with `bailiwick key enable {}`, or make another key.", old.id),
                ));
            }
            let created = self.now();
            let lifetime = old.restriction.expires.map(|end| end.millis().saturating_sub(old.created.millis()));
            let expires = lifetime.map(|lifetime| Timestamp::from_millis(created.millis().saturating_add(lifetime)));
            // The old key may be from before the limit.
            let last = self.settings.max_key_lifetime.map(|most| created.plus_seconds(most.as_secs()));
            let expires = expires.into_iter().chain(last).min();
            let restriction = Restriction { expires, ..old.restriction.clone() };
            let options = KeyOptions { allow_sigv2: old.allow_sigv2, created, restriction };
            let until = created.plus_seconds(overlap);
            let (key, secret, old, change) =
                self.directory.plan_key_rotate(&stored, options, until).map_err(Error::from)?;
            let account = self.account_of(&key).await?;
            let until = old.restriction.expires.unwrap_or(until);
            let detail = format!("in place of {}, which ends {}", old.id, rfc3339(until));
            match self.operate(ctx, change, "RotateAccessKey", key.id.as_str(), detail).await? {
                Committed::Done => {
                    return Ok(RotatedKey {
                        new: new_key(&key, &secret, &account),
                        replaces: old.id.to_string(),
                        replaced_until: rfc3339(until),
                    });
                }
                Committed::Ceiling => return Err(too_many(&account)),
                Committed::Conflict => attempts.again(self, ctx).await?,
            }
        }
    }

    /// When a key made at `created` ends that is to end at `wanted`: not later than the server lets any.
    pub(super) fn within_lifetime(
        &self,
        wanted: Option<Timestamp>,
        created: Timestamp,
    ) -> Result<Option<Timestamp>, Failure> {
        let Some(most) = self.settings.max_key_lifetime else { return Ok(wanted) };
        let last = created.plus_seconds(most.as_secs());
        match wanted {
            Some(wanted) if wanted > last => Err(Failure::invalid(
                format!("{} is later than any key of this server may end: {}", rfc3339(wanted), rfc3339(last)),
                "Give an earlier end, or leave it out; the limit is `serve --max-key-lifetime`.",
            )),
            wanted => Ok(Some(wanted.unwrap_or(last))),
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
        let now = self.now();
        Ok(keys.iter().zip(used).map(|(key, used)| view(&key.value, account, used, now)).collect())
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
        let account = self.account_of(key).await?;
        let used = self.directory.last_used(std::slice::from_ref(&key.id)).await.map_err(Error::from)?;
        Ok(view(key, &account, used.into_iter().next().flatten(), self.now()))
    }

    async fn account_of(&self, key: &AccessKey) -> Result<Account, Failure> {
        let account = self.directory.account(&key.account).await.map_err(Error::from)?;
        let account = account.ok_or_else(|| Error::Damaged(format!("the account of key {} does not exist", key.id)))?;
        Ok(account.value)
    }
}

/// An account has as many keys as it may.
pub(super) fn too_many(account: &Account) -> Failure {
    Failure::conflict(
        format!("{} has {} access keys, the most there may be", account.email, model::limits::KEYS_PER_ACCOUNT),
        "Delete keys with `bailiwick key delete`, or revoke shares.",
    )
}

fn new_key(key: &AccessKey, secret: &SecretText, account: &Account) -> NewKey {
    NewKey {
        access_key_id: key.id.to_string(),
        secret_access_key: secret.expose().to_owned(),
        account_id: key.account.to_string(),
        email: account.email.to_string(),
        allow_sigv2: key.allow_sigv2,
        expires: key.restriction.expires.map(rfc3339),
        restriction: terms::view(&key.restriction),
    }
}

/// What a new key may beside the usual, and what it is held back by, for the ledger.
fn told(key: &AccessKey) -> String {
    let RestrictionView { buckets, prefixes, networks, policy } = terms::view(&key.restriction);
    let mut told = String::new();
    let mut list = |what: &str, all: &[String]| {
        if !all.is_empty() {
            told.push_str(&format!(", {what} {}", all.join(" ")));
        }
    };
    list("buckets", &buckets);
    list("prefixes", &prefixes);
    list("from", &networks);
    if policy.is_some() {
        told.push_str(", by a policy");
    }
    if let Some(expires) = key.restriction.expires {
        told.push_str(&format!(", until {}", rfc3339(expires)));
    }
    if key.allow_sigv2 {
        told.push_str(", may sign by SigV2");
    }
    told
}

fn view(key: &AccessKey, account: &Account, used: Option<LastUsed>, now: Timestamp) -> KeyView {
    let from = |used: &Option<KeyUse>| used.as_ref().and_then(|used| used.source).map(|source| source.to_string());
    let by = |used: &Option<KeyUse>| used.as_ref().and_then(|used| used.client.as_deref()).map(str::to_owned);
    let (first, last) = used.map_or((None, None), |used| (used.first, Some(used.last)));
    KeyView {
        access_key_id: key.id.to_string(),
        account_id: key.account.to_string(),
        email: account.email.to_string(),
        enabled: key.state == KeyState::Enabled,
        allow_sigv2: key.allow_sigv2,
        share_id: key.share.as_ref().map(|share| share.to_string()),
        created: rfc3339(key.created),
        expires: key.restriction.expires.map(rfc3339),
        expired: key.restriction.expires.is_some_and(|expires| now >= expires),
        restriction: terms::view(&key.restriction),
        last_used: last.as_ref().map(|used| rfc3339(used.at)),
        last_used_from: from(&last),
        last_used_by: by(&last),
        first_used: first.as_ref().map(|used| rfc3339(used.at)),
        first_used_from: from(&first),
        first_used_by: by(&first),
    }
}
