//! Accounts, for the operator.

use identity::{KeyOptions, NewAccount as NewAccountRecord, Stored};
use kv::Change;
use model::{Account, AccountKind, AccountState, DisplayName, Email, Restriction};

use super::{AccountDetail, AccountView, Failure, NewAccount, rfc3339};
use crate::commit::{Attempts, Committed};
use crate::{Context, Error, Store};

/// What the ledger calls it.
const CREATE: &str = "CreateAccount";

/// The owner's account of a new store, about to be made.
pub struct PlannedOwner {
    account: NewAccount,
    change: Change,
    ctx: Context,
}

impl PlannedOwner {
    /// What it will be.
    pub fn account(&self) -> &NewAccount {
        &self.account
    }
}

impl Store {
    pub(super) async fn account_create(
        &self,
        ctx: &mut Context,
        email: &str,
        display_name: Option<&str>,
        guest: bool,
    ) -> Result<NewAccount, Failure> {
        let email = Email::new(email)
            .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give an address such as vendor@example.com."))?;
        let mut attempts = Attempts::default();
        loop {
            if self.directory.account_by_email(&email).await.map_err(Error::from)?.is_some() {
                return Err(Failure::conflict(
                    format!("there is an account {email} already"),
                    format!("Make it another key with `bailiwick key create {email}`, or use another address."),
                ));
            }
            let (account, change) = self.plan_new_account(&email, display_name, guest)?;
            match self.operate(ctx, change, CREATE, &account.account_id, detail(&account)).await? {
                Committed::Done => return Ok(account),
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    fn plan_new_account(
        &self,
        email: &Email,
        display_name: Option<&str>,
        guest: bool,
    ) -> Result<(NewAccount, Change), Failure> {
        let display_name = DisplayName::new(display_name.unwrap_or(email.as_str()))
            .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give another name with --display-name."))?;
        let created = self.now();
        let kind = if guest { AccountKind::Guest } else { AccountKind::Owner };
        let new = NewAccountRecord { email: email.clone(), display_name, kind, created };
        let restriction = Restriction { expires: self.within_lifetime(None, created)?, ..Restriction::NONE };
        let options = KeyOptions { restriction, ..KeyOptions::plain(created) };
        let (account, key, secret, change) = self.directory.plan_account_with_key(new, options).map_err(Error::from)?;
        let account = NewAccount {
            email: account.email.to_string(),
            account_id: account.id.to_string(),
            canonical_id: account.canonical_id.to_string(),
            display_name: account.display_name.as_str().to_owned(),
            guest,
            access_key_id: key.id.to_string(),
            secret_access_key: secret.expose().to_owned(),
            expires: key.restriction.expires.map(rfc3339),
        };
        Ok((account, change))
    }

    pub(super) async fn account_list(&self) -> Result<Vec<AccountView>, Failure> {
        let mut accounts = self.all_accounts().await?;
        accounts.sort_by(|a, b| (a.value.created, &a.value.email).cmp(&(b.value.created, &b.value.email)));
        Ok(accounts.iter().map(|account| view(&account.value)).collect())
    }

    pub(super) async fn account_show(&self, account: &str) -> Result<AccountDetail, Failure> {
        let account = self.account_meant(account).await?.value;
        let keys = self.keys_of(&account).await?;
        let buckets = self.catalog.owned_buckets(&account.id).await.map_err(Error::from)?;
        Ok(AccountDetail { account: view(&account), keys, buckets: buckets.iter().map(|b| b.to_string()).collect() })
    }

    pub(super) async fn account_suspend(&self, ctx: &mut Context, meant: &str, resume: bool) -> Result<(), Failure> {
        let (state, operation) = match resume {
            false => (AccountState::Suspended, "SuspendAccount"),
            true => (AccountState::Active, "ResumeAccount"),
        };
        let mut attempts = Attempts::default();
        loop {
            let stored = self.account_meant(meant).await?;
            let (account, change) = self.directory.plan_account_state(&stored, state);
            match self.operate(ctx, change, operation, account.id.as_str(), account.email.to_string()).await? {
                Committed::Done => return Ok(()),
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    /// The owner's account of a new store with its first key, not made yet; `None` where there is an account already.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn plan_first_owner(
        &self,
        uid: u32,
        request_id: String,
        email: &Email,
    ) -> Result<Option<PlannedOwner>, Failure> {
        if !self.directory.accounts(None, 1).await.map_err(Error::from)?.is_empty() {
            return Ok(None);
        }
        let (account, change) = self.plan_new_account(email, None, false)?;
        Ok(Some(PlannedOwner { account, change, ctx: Context::operator(uid, request_id) }))
    }

    /// Makes it.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn make_first_owner(&self, planned: PlannedOwner) -> Result<(), Failure> {
        let PlannedOwner { account, change, ctx } = planned;
        match self.operate(&ctx, change, CREATE, &account.account_id, detail(&account)).await? {
            Committed::Done => Ok(()),
            Committed::Conflict | Committed::Ceiling => Err(Failure::met("the store")),
        }
    }

    /// Whether there is an access key of that id.
    pub async fn has_key(&self, id: &str) -> bool {
        self.key_meant(id).await.is_ok()
    }

    /// The account that was made first among those that may own buckets.
    pub(super) async fn first_of_owners(&self) -> Result<Stored<Account>, Failure> {
        let owners = self.all_accounts().await?.into_iter().filter(|a| a.value.kind == AccountKind::Owner);
        owners.min_by(|a, b| (a.value.created, &a.value.id).cmp(&(b.value.created, &b.value.id))).ok_or_else(|| {
            Failure::not_found("there is no account that may own a bucket", "Make one with `bailiwick account create`.")
        })
    }
}

fn detail(account: &NewAccount) -> String {
    let kind = if account.guest { "guest" } else { "owner" };
    format!("{kind} {}, key {}", account.email, account.access_key_id)
}

fn view(account: &Account) -> AccountView {
    AccountView {
        email: account.email.to_string(),
        account_id: account.id.to_string(),
        canonical_id: account.canonical_id.to_string(),
        display_name: account.display_name.as_str().to_owned(),
        guest: account.kind == AccountKind::Guest,
        suspended: account.state == AccountState::Suspended,
        created: rfc3339(account.created),
    }
}
