//! From a key's id to a candidate: the records that must be in order before anybody may prove anything.

use std::sync::Arc;

use model::{AccessKeyId, AccountState, Basis, KeyState, Principal, ShareState};

use crate::known::{Derived, Standing};
use crate::{Caller, CallerKind, Candidate, Directory, Error, LookupError, Proven, keys, records};

impl Directory {
    /// The candidate for `key_id`, as a request names it. Key, secret, account and share are those of one moment during
    /// the call.
    ///
    /// # Errors
    /// [`LookupError`]; it does not depend on the secret, which nobody has shown to know yet.
    pub async fn candidate(&self, key_id: &str) -> Result<Candidate, LookupError> {
        let id = AccessKeyId::new(key_id).map_err(|_| LookupError::Unknown)?;
        let (standing, keep_in) = match self.known(&id).await? {
            Some(standing) => (standing, None),
            None => (Arc::new(self.read_standing(&id).await?), Some(self.known.clone())),
        };
        let missing = || Error::corrupt(&keys::secret(&id), "the key is there, its secret is not");
        Ok(Candidate::new(standing, keep_in).ok_or_else(missing)?)
    }

    /// The same caller with its records read anew, if its key would still be let in: for another attempt at a commit
    /// that met a conflict. The proof of the first attempt stands, as a key's secret never changes.
    ///
    /// # Errors
    /// [`LookupError`], as if the key were presented now.
    pub async fn refresh(&self, caller: &Caller) -> Result<Caller, LookupError> {
        let key = match (caller.kind(), caller.principal()) {
            (CallerKind::Key, Principal::Key { key, .. }) => key,
            _ => return Ok(caller.clone()),
        };
        Ok(Caller::of_key(match self.known(&key.id).await? {
            Some(standing) => standing,
            None => Arc::new(self.read_standing(&key.id).await?),
        }))
    }

    /// Lets an earlier proof stand for another of the same: whoever calls vouches that what is asked now is to the byte what
    /// was proven then. `None` if anything about key, secret, account or share has changed since, or is not remembered: then
    /// it has to be proven anew.
    ///
    /// # Errors
    /// [`Error`] if that cannot be told.
    pub async fn recall(&self, proven: &Proven) -> Result<Option<Caller>, Error> {
        let Some(standing) = proven.standing() else { return Ok(None) };
        Ok(self.engine.unchanged(&standing.rows).await?.then(|| Caller::of_key(standing)))
    }

    /// Who was let in before, if everything still is as it was then.
    async fn known(&self, id: &AccessKeyId) -> Result<Option<Arc<Standing>>, Error> {
        let Some(standing) = self.known.get(id) else { return Ok(None) };
        if self.engine.unchanged(&standing.rows).await? {
            return Ok(Some(standing));
        }
        self.known.forget(id);
        Ok(None)
    }

    /// Two reads; what counts comes from the second, which sees everything at one moment.
    async fn read_standing(&self, id: &AccessKeyId) -> Result<Standing, LookupError> {
        let at = keys::access_key(id);
        let Some(entry) = self.one(at.clone()).await? else { return Err(LookupError::Unknown) };
        let hint = records::access_key(&entry.key, &entry.value)?;

        // The key again, with what it names: apart, each could be in order at its own moment and never all at once.
        let mut wanted = vec![at, keys::secret(id), keys::account(&hint.account)];
        wanted.extend(hint.share.as_ref().map(keys::share));
        let mut found = self.engine.get_many(&wanted).await?.into_iter();
        let [key, secret, account, share] = std::array::from_fn(|_| found.next().flatten());
        let all = [&key, &secret, &account, &share];
        let rows = all.into_iter().flatten().map(|entry| (entry.key.clone(), entry.revision)).collect();

        let Some(key) = key else { return Err(LookupError::Unknown) };
        let key = records::stored(key, records::access_key)?;
        let damaged = |what| LookupError::Internal(Error::corrupt(&key.key, what));
        if key.value.account != hint.account || key.value.share != hint.share {
            return Err(damaged("it has changed hands"));
        }
        let account = account.ok_or_else(|| damaged("its account does not exist"))?;
        let account = records::stored(account, records::account)?;
        let share = share.map(|share| records::stored(share, records::share)).transpose()?;
        let mut revoked = false;
        match (&key.value.share, &share) {
            (None, None) => {}
            (Some(_), Some(share)) if share.value.key == *id && share.value.account == account.value.id => {
                revoked = share.value.state != ShareState::Active;
            }
            (Some(_), Some(_)) => return Err(damaged("its share is of another key or account")),
            _ => return Err(damaged("its share does not exist")),
        }
        if account.value.state != AccountState::Active {
            return Err(LookupError::AccountSuspended);
        }
        if key.value.state != KeyState::Enabled || revoked {
            return Err(LookupError::Disabled);
        }

        let mut basis = Basis(Vec::with_capacity(3));
        basis.0.push((key.key.clone(), Some(key.revision)));
        basis.0.push((account.key.clone(), Some(account.revision)));
        basis.0.extend(share.iter().map(|share| (share.key.clone(), Some(share.revision))));
        let principal =
            Principal::Key { account: account.value, key: key.value, share: share.map(|share| share.value) };
        let secret = secret.map(|sealed| self.sealer.open(id, &sealed.value)).transpose()?;
        Ok(Standing { principal, basis, secret, rows, derived: Derived::default() })
    }
}
