//! `verify`: all of it, now.

use ledger::Ledger;
use tokio::task::spawn_blocking;

use super::bodies::{self, Look};
use super::{Care, Findings, Teller, structure};
use crate::admin::{Failure, VerifyView};
use crate::{Error, Store};

impl Store {
    /// What looking after this store takes.
    ///
    /// # Errors
    /// [`Failure`] where its engine cannot show a moment.
    pub(crate) fn care(&self) -> Result<&Care, Failure> {
        self.care.as_ref().ok_or_else(|| {
            Failure::unavailable("this store lies in memory and cannot be looked after", "Use one in a data directory.")
        })
    }

    /// Looks at the structure, and at each body; if `deep`, at every byte.
    ///
    /// # Errors
    /// [`Failure`] if the store cannot be read. Damage is no failure.
    pub async fn verify(&self, deep: bool, teller: &Teller) -> Result<VerifyView, Failure> {
        let care = self.care()?;
        let (store, telling) = (self.clone(), teller.clone());
        let structure = spawn_blocking(move || {
            let mut findings = Findings::default();
            let snapshot = (store.care().map_err(|failure| kv::Error::Io(failure.message))?.snapshot)()?;
            let sums = structure::check(&snapshot, &store.directory, &mut findings, &telling)?;
            Ok::<_, kv::Error>((sums, findings))
        });
        let done = structure.await.map_err(|error| Error::Unavailable(error.to_string()))?;
        let (sums, mut findings) = done.map_err(Error::from)?;
        teller.begin("checking the ledger", "events", None);
        let events = match Ledger::new(self.engine.clone()).verify(&care.log_key).await {
            Ok(events) => events,
            Err(error) => {
                findings.whole("the ledger", error);
                0
            }
        };
        let doing = if deep { "reading bodies" } else { "looking at bodies" };
        teller.begin(doing, "bytes", Some(sums.bytes));
        let look = Look { deep, rows: false, pace: None };
        let seen = bodies::check(self, care, &look, &mut findings, teller).await?;
        Ok(VerifyView {
            deep,
            rows: sums.rows,
            objects: sums.objects,
            bytes: sums.bytes,
            bodies: seen.bodies,
            bytes_read: seen.bytes,
            events,
            damage: findings.listed,
            more_damage: findings.more,
        })
    }
}
