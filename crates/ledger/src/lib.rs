//! Who did what, and who pays: an event for each committed change, and usage by owner, bucket and causing key.
//!
//! Events and usage are planned here as [`kv::Write`]s and committed in the change that they tell of, so that neither
//! can exist without the other. Events form a log whose entries the engine numbers without gaps and chains under a key,
//! so that a removed or altered one is detected ([`Ledger::verify`]). What reads cause (bytes out, requests) is
//! collected in a [`Meter`] and written in batches.
//!
//! Absent on purpose: who may see it, HTTP, prices.

mod audit;
mod event;
mod meter;
mod usage;

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use kv::{Engine, Key, KeyRange, Write};
use model::AccountId;
use sha2::Sha256;

pub use audit::{Row, audit};
pub use event::{Actor, Event};
pub use meter::{Line, Meter};
pub use usage::{Ceilings, Usage, UsageKey, add, add_within};

/// Where the log of events is.
const LOG: &[u8] = b"L/";

/// The ledger cannot answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The engine cannot.
    #[error(transparent)]
    Engine(#[from] kv::Error),
    /// What is stored is not what was written.
    #[error("the ledger is damaged at entry {entry}: {what}")]
    Corrupt {
        /// The number of the first entry that is wrong; 0 for the head or for usage.
        entry: u64,
        /// What was found.
        what: String,
    },
}

/// The write that records `event`.
pub fn append(event: &Event) -> Write {
    Write::Append { log: Key::from_static(LOG), payload: event.encode() }
}

/// Reads the ledger.
#[derive(Clone)]
pub struct Ledger {
    engine: Arc<dyn Engine>,
}

impl Ledger {
    /// Reads from `engine`.
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Ledger { engine }
    }

    /// Up to `limit` events after the number `after` (0: from the first), each with its number.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Event)>, Error> {
        let entries = self.entries(after, limit).await?;
        entries.into_iter().map(|(number, payload, _)| Ok((number, Event::decode(number, &payload)?))).collect()
    }

    async fn entries(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes, [u8; 32])>, Error> {
        let start = kv::log_entry_key(LOG, after.saturating_add(1));
        let end = KeyRange::prefix(Key::from_static(LOG)).end;
        let page = self.engine.scan(KeyRange { start, end }, limit).await?;
        let part = |e: kv::Entry| {
            let number = e.key.get(LOG.len()..).and_then(|n| n.try_into().ok()).map(u64::from_be_bytes);
            let number = number.ok_or_else(|| corrupt(0, "an entry has no number"))?;
            let chain = e.value.first_chunk::<32>().ok_or_else(|| corrupt(number, "the entry has no chain"))?;
            Ok((number, e.value.slice(32..), *chain))
        };
        page.entries.into_iter().map(part).collect()
    }

    /// Checks the whole log against the key under which it was written, and says how many events it holds. Events that
    /// are appended meanwhile are checked too.
    ///
    /// It cannot tell a log that was cut off together with its head from one that never grew: whoever must notice that
    /// keeps a number that this returned, elsewhere.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming the first entry that is missing or not what was written.
    pub async fn verify(&self, log_key: &[u8; 32]) -> Result<u64, Error> {
        let mut check = self.check();
        while check.step(log_key).await?.is_some() {}
        Ok(check.last)
    }

    /// The same, step by step.
    pub fn check(&self) -> Check {
        Check { ledger: self.clone(), chain: [0; 32], last: 0 }
    }

    /// The usage of each of `of`, in that order.
    pub async fn usage_of(&self, of: &[UsageKey]) -> Result<Vec<Usage>, Error> {
        usage::stored(self.engine.as_ref(), of).await
    }

    /// All usage, or that of one owner, by owner, bucket and cause.
    pub async fn usage(&self, owner: Option<&AccountId>) -> Result<Vec<(UsageKey, Usage)>, Error> {
        usage::read(self.engine.as_ref(), owner).await
    }
}

/// A check of the log that is under way.
pub struct Check {
    ledger: Ledger,
    chain: [u8; 32],
    last: u64,
}

impl Check {
    /// Checks the next up to 1000 events: how many bytes they have; `None` if there are no more and all of them hold.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn step(&mut self, log_key: &[u8; 32]) -> Result<Option<usize>, Error> {
        let entries = self.ledger.entries(self.last, 1000).await?;
        if entries.is_empty() {
            let head = self.ledger.engine.get_many(&[Key::from_static(LOG)]).await?.pop().flatten();
            let agrees = match &head {
                None => self.last == 0,
                Some(head) => head.value.as_ref() == [&self.last.to_be_bytes()[..], &self.chain].concat(),
            };
            if agrees {
                return Ok(None);
            }
            // Unless entries came between the two reads, the head knows of some that are not there.
            if self.ledger.entries(self.last, 1).await?.is_empty() {
                return Err(corrupt(self.last + 1, "the log is shorter than its head says, or its head is damaged"));
            }
        }
        let mut bytes = 0;
        for (number, payload, stored) in entries {
            if number != self.last + 1 {
                return Err(corrupt(self.last + 1, "the entry is missing"));
            }
            let mut mac = Hmac::<Sha256>::new_from_slice(log_key).expect("any length is a key");
            mac.update(&self.chain);
            mac.update(&number.to_be_bytes());
            mac.update(&payload);
            mac.verify_slice(&stored).map_err(|_| corrupt(number, "the entry is not what was written"))?;
            bytes += payload.len();
            (self.chain, self.last) = (stored, number);
        }
        Ok(Some(bytes))
    }
}

fn corrupt(entry: u64, what: &str) -> Error {
    Error::Corrupt { entry, what: what.to_owned() }
}
