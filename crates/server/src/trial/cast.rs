//! Who takes part: the owner with the keys of `owner.credentials`, and the guest with a key made for this proof.
//!
//! Secrets are told once, so a later run cannot use the key of an earlier one. It makes a key of its own and deletes it
//! when the proof is over; nothing is stored for the next run, and no key that somebody else made is touched.

use operations::Teller;
use std::path::Path;

use crate::admin::{AccountView, Command, KeyOrder, NewAccount, NewKey, Outcome};
use crate::complaint::Complaint;
use crate::place;
use crate::serve::Server;
use crate::socket::Execute;

use super::GUEST;
use super::wire::{Key, S3};

/// Everybody, and the server between them.
pub(super) struct Cast<'a> {
    server: &'a Server,
    pub owner: Identity,
    pub guest: Identity,
    /// Whether guests are told that they have not signed up.
    pub strict_signup: bool,
}

/// An account with a key that signs.
pub(super) struct Identity {
    pub canonical_id: String,
    pub access_key_id: String,
    pub s3: S3,
    /// The key was made for this proof.
    ours: bool,
}

impl<'a> Cast<'a> {
    /// Finds or makes everybody.
    pub(super) async fn gather(server: &'a Server, strict_signup: bool) -> Result<Cast<'a>, Complaint> {
        let accounts = match operate(server, Command::AccountList).await? {
            Outcome::Accounts(accounts) => accounts,
            other => return Err(surprise(&other)),
        };
        Ok(Cast {
            server,
            owner: owner(server, &accounts).await?,
            guest: guest(server, &accounts).await?,
            strict_signup,
        })
    }

    /// What an operator would do with a command.
    pub(super) async fn operate(&self, command: Command) -> Result<Outcome, Complaint> {
        operate(self.server, command).await
    }

    /// Deletes the owner's key if it was made for this proof.
    pub(super) async fn dismiss_owner(&self) -> Result<(), Complaint> {
        if self.owner.ours {
            self.operate(Command::KeyDelete { access_key_id: self.owner.access_key_id.clone() }).await?;
        }
        Ok(())
    }
}

async fn operate(server: &Server, command: Command) -> Result<Outcome, Complaint> {
    server
        .engine
        .execute(rustix::process::geteuid().as_raw(), command, Teller::default())
        .await
        .map_err(place::complaint)
}

/// The owner of what `try` makes, by the credentials of the first start; where these were moved away, by a key of its own.
async fn owner(server: &Server, accounts: &[AccountView]) -> Result<Identity, Complaint> {
    let account = accounts.iter().filter(|account| !account.guest).min_by(|a, b| a.created.cmp(&b.created));
    let account = account.ok_or_else(|| {
        Complaint::failed("the store has no account that may own a bucket", "Make one with `bailiwick account create`.")
    })?;
    let (key, ours) = match read_credentials(&server.dir) {
        Some(key) => (key, false),
        None => (new_key(server, &account.email).await?, true),
    };
    identity(server, account.canonical_id.clone(), key, ours)
}

async fn guest(server: &Server, accounts: &[AccountView]) -> Result<Identity, Complaint> {
    if let Some(account) = accounts.iter().find(|account| account.email == GUEST) {
        if !account.guest {
            return Err(Complaint::failed(
                format!("the account {GUEST} is there already and is no guest"),
                "Try it on a data directory of its own, with --data.",
            ));
        }
        let key = new_key(server, &account.email).await?;
        return identity(server, account.canonical_id.clone(), key, true);
    }
    let command = Command::AccountCreate { email: GUEST.to_owned(), display_name: None, guest: true };
    match operate(server, command).await? {
        Outcome::AccountCreated(NewAccount { canonical_id, access_key_id, secret_access_key, .. }) => {
            identity(server, canonical_id, Key { access_key_id, secret_access_key }, true)
        }
        other => Err(surprise(&other)),
    }
}

async fn new_key(server: &Server, account: &str) -> Result<Key, Complaint> {
    let order = KeyOrder { account: account.to_owned(), ..KeyOrder::default() };
    match operate(server, Command::KeyCreate(order)).await? {
        Outcome::KeyCreated(NewKey { access_key_id, secret_access_key, .. }) => {
            Ok(Key { access_key_id, secret_access_key })
        }
        other => Err(surprise(&other)),
    }
}

fn identity(server: &Server, canonical_id: String, key: Key, ours: bool) -> Result<Identity, Complaint> {
    let access_key_id = key.access_key_id.clone();
    Ok(Identity { canonical_id, access_key_id, s3: S3::new(server, key)?, ours })
}

/// The first key of an AWS shared-credentials file.
fn read_credentials(dir: &Path) -> Option<Key> {
    let text = std::fs::read_to_string(dir.join("owner.credentials")).ok()?;
    let value = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    Some(Key { access_key_id: value("aws_access_key_id")?, secret_access_key: value("aws_secret_access_key")? })
}

pub(super) fn surprise(outcome: &Outcome) -> Complaint {
    Complaint::failed(format!("the store answered another question: {outcome:?}"), "This is a bug; please report it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_aws_writes_them() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_credentials(dir.path()).is_none());
        let text = "[default]\naws_access_key_id = AKIA\naws_secret_access_key=a/b+c=\n";
        std::fs::write(dir.path().join("owner.credentials"), text).unwrap();
        let key = read_credentials(dir.path()).unwrap();
        assert_eq!((key.access_key_id.as_str(), key.secret_access_key.as_str()), ("AKIA", "a/b+c="));
    }
}
