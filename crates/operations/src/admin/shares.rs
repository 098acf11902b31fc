//! Shares, for the operator: one bucket or a folder of it, handed to one party, by a key of its own.

use identity::{NewAccount as NewAccountRecord, NewShare as NewShareRecord, SecretText, ShareTerms, Stored};
use model::{
    Account, AccountKind, Caps, DisplayName, Email, Network, Preset, Quota, Share, ShareId, ShareState, Timestamp,
    limits,
};

use super::keys::too_many;
use super::{Failure, NewShare, PAGE, ShareOrder, ShareView, rfc3339, terms};
use crate::commit::{Attempts, Committed};
use crate::{Context, Error, Store};

/// What a share allows, checked.
pub(super) struct Terms {
    pub(super) preset: Preset,
    pub(super) terms: ShareTerms,
    pub(super) expires: Timestamp,
}

impl Store {
    pub(super) async fn share(&self, ctx: &mut Context, order: &ShareOrder) -> Result<NewShare, Failure> {
        let (name, prefix) = terms::place(&order.bucket)?;
        let email = Email::new(&order.with)
            .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give an address such as vendor@example.com."))?;
        let created = self.now();
        let Terms { preset, terms, expires } = self.share_terms(order, prefix, created)?;
        let mut attempts = Attempts::default();
        loop {
            let bucket = self.bucket_meant(name).await?;
            let account = self.account_or_guest(ctx, &email).await?;
            let new = NewShareRecord {
                bucket: &bucket.value.name,
                incarnation: bucket.value.incarnation,
                giver: &bucket.value.owner,
                account: &account,
                preset,
                terms: terms.clone(),
                created,
                expires,
            };
            let (share, key, secret, mut change) = self.directory.plan_share(new).map_err(Error::from)?;
            change.require.push(bucket.unchanged());
            let of = format!("{}/{}", share.bucket, share.prefix);
            let of = of.trim_end_matches('/');
            let detail = format!("{} of {of} to {email}, key {}, until {}", share.allowed(), key.id, rfc3339(expires));
            match self.operate(ctx, change, "CreateShare", share.id.as_str(), detail).await? {
                Committed::Done => return Ok(new_share(&share, &email, &secret)),
                Committed::Ceiling => return Err(too_many(&account.value)),
                Committed::Conflict => attempts.again(self, ctx).await?,
            }
        }
    }

    pub(super) fn share_terms(&self, order: &ShareOrder, prefix: Box<str>, now: Timestamp) -> Result<Terms, Failure> {
        let presets = || format!("The presets are: {}.", Preset::ALL.map(Preset::as_str).join(", "));
        let preset = match &order.preset {
            Some(text) => Some(
                Preset::parse(text).ok_or_else(|| Failure::invalid(format!("there is no preset {text}"), presets()))?,
            ),
            None => None,
        };
        let actions = terms::actions(&order.allow)?;
        let (preset, actions) = match (preset, actions.is_empty()) {
            (Some(preset), true) => (preset, None),
            // It says the least there is, should anything ever look at it instead of the actions.
            (None, false) => (Preset::DropBox, Some(actions)),
            (Some(_), false) => {
                return Err(Failure::invalid("both a preset and actions are given", "Give --preset or --allow."));
            }
            (None, true) => return Err(Failure::invalid("the share allows nothing: it has no preset", presets())),
        };
        for (flag, zero) in
            [("--requests-per-second", order.requests_per_second == Some(0)), ("--pin", order.pin == Some(0))]
        {
            if zero {
                return Err(Failure::invalid(format!("{flag} 0 leaves nothing"), "Give at least 1, or leave it out."));
            }
        }
        if order.bytes_per_second.is_some_and(|cap| cap < limits::SHARE_BYTES_PER_SECOND_MIN) {
            return Err(Failure::invalid(
                format!("--bytes-per-second is less than {}", limits::SHARE_BYTES_PER_SECOND_MIN),
                "Give more: clients take what is slower for a connection that is dead.",
            ));
        }
        let terms = ShareTerms {
            name: terms::words("name", order.name.as_deref())?,
            note: terms::words("note", order.note.as_deref())?,
            prefix,
            actions,
            networks: terms::networks(&order.networks)?,
            quota: Quota { bytes: order.max_bytes, objects: order.max_objects },
            caps: Caps { requests_per_second: order.requests_per_second, bytes_per_second: order.bytes_per_second },
            pin_days: order.pin,
        };
        let expires = self.share_end(order.days, order.until.as_deref(), now)?;
        Ok(Terms { preset, terms, expires })
    }

    /// When a share ends: as ordered, or by default, but no later than the server lets any key.
    fn share_end(&self, days: Option<u64>, until: Option<&str>, now: Timestamp) -> Result<Timestamp, Failure> {
        let wanted = terms::end(days, until, limits::SHARE_DAYS, now)?;
        if days.is_none() && until.is_none() {
            return Ok(self.within_lifetime(None, now)?.map_or(wanted, |last| last.min(wanted)));
        }
        Ok(self.within_lifetime(Some(wanted), now)?.unwrap_or(wanted))
    }

    /// The account at that address; a guest without a key of its own, where there is none yet.
    async fn account_or_guest(&self, ctx: &mut Context, email: &Email) -> Result<Stored<Account>, Failure> {
        let mut attempts = Attempts::default();
        loop {
            if let Some(account) = self.directory.account_by_email(email).await.map_err(Error::from)? {
                return Ok(account);
            }
            let display_name = DisplayName::new(email.as_str())
                .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give another address."))?;
            let new =
                NewAccountRecord { email: email.clone(), display_name, kind: AccountKind::Guest, created: self.now() };
            let (account, change) = self.directory.plan_account(new).map_err(Error::from)?;
            let detail = format!("guest {email}, for a share");
            match self.operate(ctx, change, "CreateAccount", account.id.as_str(), detail).await? {
                Committed::Done => {}
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    async fn all_shares(&self) -> Result<Vec<Stored<Share>>, Failure> {
        let mut all: Vec<Stored<Share>> = vec![];
        loop {
            let after = all.last().map(|share| share.value.id.clone());
            let page = self.directory.shares(after, PAGE).await.map_err(Error::from)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Whether a share was made with that key.
    pub(super) async fn was_a_shares(&self, key: &str) -> Result<bool, Failure> {
        let shares = self.all_shares().await?;
        Ok(shares.iter().any(|share| {
            let former = &share.value.former_keys;
            share.value.key.as_str() == key || former.iter().any(|former| former.as_str() == key)
        }))
    }

    pub(super) async fn shares_list(&self) -> Result<Vec<ShareView>, Failure> {
        let mut all = self.all_shares().await?;
        all.sort_by(|a, b| (a.value.created, &a.value.id).cmp(&(b.value.created, &b.value.id)));
        let mut views = vec![];
        for share in all {
            views.push(self.share_view(&share.value).await?);
        }
        Ok(views)
    }

    pub(super) async fn shares_show(&self, meant: &str) -> Result<ShareView, Failure> {
        self.share_view(&self.share_meant(meant).await?.value).await
    }

    pub(super) async fn shares_revoke(&self, ctx: &mut Context, meant: &str) -> Result<ShareView, Failure> {
        let mut attempts = Attempts::default();
        loop {
            let stored = self.share_meant(meant).await?;
            if stored.value.state == ShareState::Revoked {
                return self.share_view(&stored.value).await;
            }
            let (share, change) = self.directory.plan_share_revoke(&stored);
            let detail = format!("{} of {}, key {}", share.allowed(), share.bucket, share.key);
            match self.operate(ctx, change, "RevokeShare", share.id.as_str(), detail).await? {
                Committed::Done => return self.share_view(&share).await,
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    pub(super) async fn shares_rotate(&self, ctx: &mut Context, meant: &str) -> Result<NewShare, Failure> {
        let mut attempts = Attempts::default();
        loop {
            let stored = self.active_share(meant).await?;
            if stored.value.former_keys.len() >= limits::FORMER_KEYS {
                return Err(Failure::conflict(
                    format!("the share {meant} has had {} keys", limits::FORMER_KEYS + 1),
                    "Give it anew with `bailiwick share`, and revoke this one.",
                ));
            }
            let (share, key, secret, change) =
                self.directory.plan_share_rotate(&stored, self.now()).map_err(Error::from)?;
            let account = self.directory.account(&share.account).await.map_err(Error::from)?;
            let account =
                account.ok_or_else(|| Error::Damaged(format!("the account of share {meant} is not there")))?;
            let detail = format!("key {} in place of {}", key.id, stored.value.key);
            match self.operate(ctx, change, "RotateShare", share.id.as_str(), detail).await? {
                Committed::Done => return Ok(new_share(&share, &account.value.email, &secret)),
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    pub(super) async fn shares_extend(
        &self,
        ctx: &mut Context,
        meant: &str,
        days: Option<u64>,
        until: Option<&str>,
    ) -> Result<ShareView, Failure> {
        let mut attempts = Attempts::default();
        loop {
            let stored = self.active_share(meant).await?;
            let expires = self.share_end(days, until, self.now())?;
            let (share, change) = self.directory.plan_share_extend(&stored, expires);
            let detail = format!("until {} instead of {}", rfc3339(expires), rfc3339(stored.value.expires));
            match self.operate(ctx, change, "ExtendShare", share.id.as_str(), detail).await? {
                Committed::Done => return self.share_view(&share).await,
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    /// A share that was not revoked; it may have expired.
    async fn active_share(&self, meant: &str) -> Result<Stored<Share>, Failure> {
        let stored = self.share_meant(meant).await?;
        match stored.value.state {
            ShareState::Active => Ok(stored),
            ShareState::Revoked => Err(Failure::conflict(
                format!("the share {meant} is revoked, for good"),
                "Give another one with `bailiwick share`.",
            )),
        }
    }

    async fn share_meant(&self, text: &str) -> Result<Stored<Share>, Failure> {
        let unknown = || Failure::not_found(format!("there is no share {text}"), "See `bailiwick shares list`.");
        let id = ShareId::new(text).map_err(|_| unknown())?;
        self.directory.share(&id).await.map_err(Error::from)?.ok_or_else(unknown)
    }

    pub(super) async fn share_view(&self, share: &Share) -> Result<ShareView, Failure> {
        let state = match share.state {
            ShareState::Revoked => "revoked",
            ShareState::Active if self.now() >= share.expires => "expired",
            ShareState::Active => "active",
        };
        let texts = |networks: &[Network]| networks.iter().map(Network::to_string).collect();
        Ok(ShareView {
            share_id: share.id.to_string(),
            name: share.name.to_string(),
            note: share.note.to_string(),
            bucket: share.bucket.to_string(),
            prefix: share.prefix.to_string(),
            email: self.email_of(&share.account).await?,
            account_id: share.account.to_string(),
            giver: self.email_of(&share.giver).await?,
            preset: share.allowed(),
            state: state.to_owned(),
            created: rfc3339(share.created),
            expires: rfc3339(share.expires),
            access_key_id: share.key.to_string(),
            networks: texts(&share.networks),
            max_bytes: share.quota.bytes,
            max_objects: share.quota.objects,
            requests_per_second: share.caps.requests_per_second,
            bytes_per_second: share.caps.bytes_per_second,
            pin_days: share.pin.as_ref().map(|pin| pin.days),
            pinned: share.pin.as_ref().map(|pin| texts(&pin.learned)).unwrap_or_default(),
        })
    }
}

fn new_share(share: &Share, email: &Email, secret: &SecretText) -> NewShare {
    NewShare {
        share_id: share.id.to_string(),
        bucket: share.bucket.to_string(),
        prefix: (!share.prefix.is_empty()).then(|| share.prefix.to_string()),
        email: email.to_string(),
        account_id: share.account.to_string(),
        preset: share.allowed(),
        expires: rfc3339(share.expires),
        access_key_id: share.key.to_string(),
        secret_access_key: secret.expose().to_owned(),
    }
}
