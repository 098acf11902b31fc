//! Rows as they are met one after the other, by whoever looks after the store: whether each can be read, and which others
//! must be there because of it.

use kv::{Entry, Key};
use model::{AccessKeyId, AccountId};

use crate::{Directory, Error, keys, records};

impl Directory {
    /// Reads a row of identity: the keys of the rows that are there because it is, and because of no other. `None` if it is
    /// of no table of identity's. A sealed secret is opened, and dropped.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is not what a row of its table looks like, [`Error::Sealed`] if a secret does not open.
    pub fn audit(&self, entry: &Entry) -> Option<Result<Vec<Key>, Error>> {
        let (key, value) = (entry.key.as_ref(), entry.value.as_ref());
        let (table, rest) = key.split_first_chunk::<2>()?;
        Some(match table {
            b"a/" => records::account(key, value)
                .map(|account| vec![keys::email(&account.email), keys::canonical(&account.canonical_id)]),
            b"k/" => records::access_key(key, value)
                .map(|found| vec![keys::secret(&found.id), keys::key_of(&found.account, &found.id)]),
            b"s/" => records::share(key, value)
                .map(|share| vec![keys::share_of(&share.bucket, share.incarnation, &share.id)]),
            b"e/" | b"c/" => records::account_ref(key, value).map(|_| vec![]),
            b"x/" => access_key_id(key, rest).and_then(|id| self.sealer.open(&id, value)).map(|_| vec![]),
            b"u/" => access_key_id(key, rest).and_then(|_| records::last_used(key, value)).map(|_| vec![]),
            b"K/" | b"S/" if value == records::mark() => Ok(vec![]),
            b"K/" | b"S/" => Err(Error::corrupt(key, "an index row holds something else than its mark")),
            b"n/" => match (text(rest).and_then(|id| AccountId::new(id).ok()), kv::decode_counter(&entry.value)) {
                (Some(_), Some(count)) if count >= 0 => Ok(vec![]),
                _ => Err(Error::corrupt(key, "it counts no account's keys")),
            },
            b"m/" => records::master_check(key, value).map(|_| vec![]),
            _ => return None,
        })
    }

    /// Whether rows of that key's table are there only because of others.
    pub fn is_companion(key: &[u8]) -> bool {
        matches!(key.first_chunk(), Some(b"e/" | b"c/" | b"x/" | b"K/" | b"S/"))
    }
}

fn text(rest: &[u8]) -> Option<&str> {
    std::str::from_utf8(rest).ok()
}

fn access_key_id(key: &[u8], rest: &[u8]) -> Result<AccessKeyId, Error> {
    let id = text(rest).and_then(|id| AccessKeyId::new(id).ok());
    id.ok_or_else(|| Error::corrupt(key, "it names no access key"))
}
