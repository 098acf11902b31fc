//! What an operator may ask: one command in, one outcome or failure out.
//!
//! The operator has full authority, so nothing here asks the authoriser, and everything here takes an operator's user id,
//! which its ledger entry names. What a command changes is committed as any other change is.

mod accounts;
mod api;
mod buckets;
mod diff;
mod keys;
mod proposal;
mod reach;
mod shares;
mod terms;
mod usage;
mod why;

use kv::Change;
use model::{AccessKeyId, Account, AccountId, CanonicalId, Email, Timestamp};

pub use accounts::PlannedOwner;
pub use api::*;
pub use proposal::*;

use crate::commit::{Committed, Deed};
use crate::{Context, Error, Store, Teller};

/// Accounts, shares or keys read at a time where there may be many.
const PAGE: usize = 1000;

impl Store {
    /// Does what the operator with that user id asks. `request_id` names the command in the ledger.
    ///
    /// # Errors
    /// [`Failure`], for the person who typed it.
    pub async fn execute(&self, uid: u32, request_id: String, command: Command) -> Result<Outcome, Failure> {
        self.execute_telling(uid, request_id, command, &Teller::default()).await
    }

    /// The same, telling how far it is.
    ///
    /// # Errors
    /// As [`execute`](Store::execute).
    pub async fn execute_telling(
        &self,
        uid: u32,
        request_id: String,
        command: Command,
        teller: &Teller,
    ) -> Result<Outcome, Failure> {
        let mut ctx = Context::operator(uid, request_id);
        let ctx = &mut ctx;
        match command {
            Command::AccountCreate { email, display_name, guest } => {
                self.account_create(ctx, &email, display_name.as_deref(), guest).await.map(Outcome::AccountCreated)
            }
            Command::AccountList => self.account_list().await.map(Outcome::Accounts),
            Command::AccountShow { account } => self.account_show(&account).await.map(Outcome::Account),
            Command::AccountSuspend { account, resume } => {
                self.account_suspend(ctx, &account, resume).await?;
                self.account_show(&account).await.map(Outcome::Account)
            }
            Command::KeyCreate(order) => self.key_create(ctx, &order).await.map(Outcome::KeyCreated),
            Command::KeyRotate { access_key_id, overlap } => {
                self.key_rotate(ctx, &access_key_id, &overlap).await.map(Outcome::KeyRotated)
            }
            Command::KeyList { account } => self.key_list(account.as_deref()).await.map(Outcome::Keys),
            Command::KeyDisable { access_key_id } => {
                self.key_state(ctx, &access_key_id, model::KeyState::Disabled).await.map(Outcome::Key)
            }
            Command::KeyEnable { access_key_id } => {
                self.key_state(ctx, &access_key_id, model::KeyState::Enabled).await.map(Outcome::Key)
            }
            Command::KeyDelete { access_key_id } => self.key_delete(ctx, &access_key_id).await.map(Outcome::KeyDeleted),
            Command::BucketCreate { bucket, owner } => {
                self.bucket_make(ctx, &bucket, owner.as_deref()).await.map(Outcome::BucketCreated)
            }
            Command::BucketList => self.bucket_list().await.map(Outcome::Buckets),
            Command::BucketShow { bucket } => self.bucket_show(&bucket).await.map(Outcome::Bucket),
            Command::BucketDelete { bucket } => self.bucket_remove(ctx, &bucket).await.map(Outcome::BucketDeleted),
            Command::Share(order) => self.share(ctx, &order).await.map(Outcome::Shared),
            Command::SharesList => self.shares_list().await.map(Outcome::Shares),
            Command::SharesShow { share_id } => self.shares_show(&share_id).await.map(Outcome::Share),
            Command::SharesRevoke { share_id } => self.shares_revoke(ctx, &share_id).await.map(Outcome::Share),
            Command::SharesRotate { share_id } => self.shares_rotate(ctx, &share_id).await.map(Outcome::Shared),
            Command::SharesExtend { share_id, days, until } => {
                self.shares_extend(ctx, &share_id, days, until.as_deref()).await.map(Outcome::Share)
            }
            Command::Reach { access_key_id } => self.reach(&access_key_id).await.map(Outcome::Reach),
            Command::ReachOnly { access_key_id, only } => {
                self.reach_only(&access_key_id, &only).await.map(Outcome::ReachOnly)
            }
            Command::ReachPublic => self.reach_public().await.map(Outcome::Reach),
            Command::ReachAll => self.reach_all().await.map(Outcome::ReachAll),
            Command::ReachDiff { whose, bucket, proposal } => {
                self.reach_diff(ctx, &whose, bucket.as_deref(), &proposal).await.map(Outcome::ReachDiff)
            }
            Command::Why { request_id } => self.why(&request_id).await.map(Outcome::Why),
            Command::Can { who, action, what, source, at } => {
                let when = (source.as_deref(), at.as_deref());
                self.can(&who, &action, &what, when).await.map(Outcome::Can)
            }
            Command::Usage { bucket } => self.usage_report(bucket.as_deref()).await.map(Outcome::Usage),
            Command::Status => self.status().await.map(Outcome::Status),
            Command::Verify { deep } => self.verify(deep, teller).await.map(Outcome::Verified),
            Command::Compact => self.compact(teller).await.map(Outcome::Compacted),
            Command::Backup(order) => self.back_up(ctx, &order, teller).await.map(Outcome::BackedUp),
        }
    }

    async fn status(&self) -> Result<StatusView, Failure> {
        let accounts = self.all_accounts().await?.len() as u64;
        let buckets = self.catalog.buckets().await.map_err(Error::from)?.len() as u64;
        let (mut bytes, mut objects) = (0, 0);
        for (_, usage) in self.ledger.usage(None).await.map_err(Error::from)? {
            bytes += usage.bytes_stored;
            objects += usage.objects;
        }
        let last = self.last_backup().await?;
        Ok(StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.since.elapsed().as_secs(),
            accounts,
            buckets,
            objects: u64::try_from(objects).unwrap_or(0),
            bytes: u64::try_from(bytes).unwrap_or(0),
            trouble: (self.trouble)(),
            last_backup: last.map(|last| LastBackupView {
                id: last.id,
                place: last.place,
                made: last.made,
                lacks: last.lacks,
            }),
            scrub: self.scrub_view().await?,
        })
    }

    /// Commits a change of identity.
    pub(crate) async fn operate(
        &self,
        ctx: &Context,
        change: Change,
        operation: &'static str,
        subject: &str,
        detail: String,
    ) -> Result<Committed, Failure> {
        let deed = Deed { operation, subject, object: None, detail, usage: vec![] };
        Ok(self.commit(ctx, None, change, deed).await?)
    }

    /// All accounts, by id.
    pub(crate) async fn all_accounts(&self) -> Result<Vec<identity::Stored<Account>>, Failure> {
        let mut all: Vec<identity::Stored<Account>> = vec![];
        loop {
            let after = all.last().map(|account| account.value.id.clone());
            let page = self.directory.accounts(after, PAGE).await.map_err(Error::from)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// The account that somebody means by an e-mail address, an account id or a canonical id.
    async fn account_meant(&self, text: &str) -> Result<identity::Stored<Account>, Failure> {
        let found = if let Ok(id) = AccountId::new(text) {
            self.directory.account(&id).await
        } else if let Ok(id) = CanonicalId::new(text) {
            self.directory.account_by_canonical(&id).await
        } else {
            let email = Email::new(text).map_err(|invalid| {
                Failure::invalid(
                    format!("{text} is no account: as an e-mail address, it {}", invalid.reason),
                    "Give an e-mail address, a 12-digit account id or a 64-digit canonical id.",
                )
            })?;
            self.directory.account_by_email(&email).await
        };
        found
            .map_err(Error::from)?
            .ok_or_else(|| Failure::not_found(format!("there is no account {text}"), "See `bailiwick account list`."))
    }

    async fn key_meant(&self, text: &str) -> Result<identity::Stored<model::AccessKey>, Failure> {
        let unknown = || Failure::not_found(format!("there is no access key {text}"), "See `bailiwick key list`.");
        let id = AccessKeyId::new(text).map_err(|_| unknown())?;
        self.directory.key(&id).await.map_err(Error::from)?.ok_or_else(unknown)
    }

    /// The e-mail address of an account, for people.
    async fn email_of(&self, id: &AccountId) -> Result<String, Failure> {
        let account = self.directory.account(id).await.map_err(Error::from)?;
        Ok(account.map_or_else(|| id.to_string(), |account| account.value.email.to_string()))
    }
}

/// RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

impl Failure {
    fn of(kind: FailureKind, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Failure { kind, message: message.into(), remedy: remedy.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Failure::of(FailureKind::Invalid, message, remedy)
    }

    pub(crate) fn not_found(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Failure::of(FailureKind::NotFound, message, remedy)
    }

    pub(crate) fn conflict(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Failure::of(FailureKind::Conflict, message, remedy)
    }

    pub(crate) fn unavailable(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Failure::of(FailureKind::Unavailable, message, remedy)
    }

    /// Others changed the same thing in between.
    fn met(what: &str) -> Self {
        Failure::conflict(format!("{what} was changed by somebody else at the same time"), "Look, and try again.")
    }
}

/// What an operator is told of a failure that no command expects.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let remedy = match &error {
            Error::Full => "Make room on the device that holds the data directory, then try again.",
            Error::Unavailable(_) => "Restart the server; nothing acknowledged is lost.",
            Error::Damaged(_) => {
                "`bailiwick verify --deep` names all that is damaged, `bailiwick restore` gets it back from a backup."
            }
            Error::Contention => "Try again.",
            _ => "See the server's log.",
        };
        Failure::of(FailureKind::Unavailable, error.to_string(), remedy)
    }
}
