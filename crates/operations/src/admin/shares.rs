//! Shares, for the operator: one bucket, handed to one party, by a key of its own.

use identity::{NewAccount as NewAccountRecord, NewShare as NewShareRecord, Stored};
use model::{Account, AccountKind, DisplayName, Email, Preset, Share, ShareId, ShareState, limits};

use super::keys::too_many;
use super::{Failure, NewShare, PAGE, ShareView, rfc3339};
use crate::commit::{Attempts, Committed};
use crate::{Context, Error, Store};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

impl Store {
    pub(super) async fn share(
        &self,
        ctx: &mut Context,
        bucket: &str,
        with: &str,
        preset: &str,
        days: Option<u64>,
    ) -> Result<NewShare, Failure> {
        let preset = Preset::parse(preset).ok_or_else(|| {
            let all = Preset::ALL.map(Preset::as_str).join(", ");
            Failure::invalid(format!("there is no preset {preset}"), format!("The presets are: {all}."))
        })?;
        let email = Email::new(with)
            .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give an address such as vendor@example.com."))?;
        let days = days.unwrap_or(limits::SHARE_DAYS);
        let mut attempts = Attempts::default();
        loop {
            let bucket = self.bucket_meant(bucket).await?;
            let account = self.account_or_guest(ctx, &email).await?;
            let created = self.now();
            let new = NewShareRecord {
                bucket: &bucket.value.name,
                incarnation: bucket.value.incarnation,
                giver: &bucket.value.owner,
                account: &account,
                preset,
                created,
                expires: created.plus_seconds(days.saturating_mul(SECONDS_PER_DAY)),
            };
            let (share, key, secret, mut change) = self.directory.plan_share(new).map_err(Error::from)?;
            change.require.push(bucket.unchanged());
            let detail = format!("{} of {} to {email}, key {}", preset.as_str(), share.bucket, key.id);
            match self.operate(ctx, change, "CreateShare", share.id.as_str(), detail).await? {
                Committed::Done => {
                    return Ok(NewShare {
                        share_id: share.id.to_string(),
                        bucket: share.bucket.to_string(),
                        email: email.to_string(),
                        account_id: account.value.id.to_string(),
                        preset: preset.as_str().to_owned(),
                        expires: rfc3339(share.expires),
                        access_key_id: key.id.to_string(),
                        secret_access_key: secret.expose().to_owned(),
                    });
                }
                Committed::Ceiling => return Err(too_many(&account.value)),
                Committed::Conflict => attempts.again(self, ctx).await?,
            }
        }
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
        Ok(self.all_shares().await?.iter().any(|share| share.value.key.as_str() == key))
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
            let detail = format!("{} of {}, key {}", share.preset.as_str(), share.bucket, share.key);
            match self.operate(ctx, change, "RevokeShare", share.id.as_str(), detail).await? {
                Committed::Done => return self.share_view(&share).await,
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
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
        Ok(ShareView {
            share_id: share.id.to_string(),
            bucket: share.bucket.to_string(),
            email: self.email_of(&share.account).await?,
            giver: self.email_of(&share.giver).await?,
            preset: share.preset.as_str().to_owned(),
            state: state.to_owned(),
            created: rfc3339(share.created),
            expires: rfc3339(share.expires),
            access_key_id: share.key.to_string(),
        })
    }
}
