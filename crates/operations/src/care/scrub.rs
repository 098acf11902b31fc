//! The scrub: all that is stored is read again and again, slowly, so that damage is found while there still is a backup of
//! what is damaged, and not when somebody wants it.
//!
//! It reads what `verify --deep` reads but the counters, at a steady rate. What it finds is logged by name and told by
//! `status`; nothing is changed. A round that is cut off by a stop begins anew.

use std::sync::Arc;
use std::time::Duration;

use kv::{Change, Entry, Key, Write};
use ledger::Ledger;
use model::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::bodies::{self, Look};
use super::pace::Throughput;
use super::{Care, Findings, Teller};
use crate::admin::{DamageView, Progress, ScrubView, rfc3339};
use crate::{Error, Store};

/// Where the last whole round is remembered.
const LAST: &[u8] = b"z/scrub";
/// Most findings that are remembered.
const REMEMBERED: usize = 100;
/// After a round that could not be carried out.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// How the store is scrubbed.
#[derive(Debug, Clone, Copy)]
pub struct Scrubbing {
    /// Bytes that are read a second.
    pub bytes_per_second: u64,
    /// From the beginning of one round to that of the next; a longer round is followed at once.
    pub every: Duration,
}

/// How far the scrub is.
#[derive(Default)]
pub(crate) struct Scrub(Mutex<State>);

#[derive(Default)]
struct State {
    settings: Option<Scrubbing>,
    /// The round that is under way.
    round: Option<Round>,
    /// Why the last round came to no end, and what it had found.
    failed: Option<(String, Vec<DamageView>)>,
}

struct Round {
    progress: watch::Receiver<Progress>,
    found: Arc<Mutex<Vec<DamageView>>>,
}

/// The last whole round, as it is remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Last {
    version: u32,
    began: u64,
    finished: u64,
    bytes: u64,
    damage: Vec<DamageView>,
    more_damage: u64,
}

impl Store {
    /// Scrubs for ever.
    pub(crate) async fn scrub(&self, settings: Scrubbing) {
        if self.care.is_none() || settings.bytes_per_second == 0 {
            return;
        }
        self.scrub.0.lock().settings = Some(settings);
        loop {
            match self.last_scrub().await {
                Ok(last) => {
                    let next = last.map_or(0, |last| last.began.saturating_add(settings.every.as_millis() as u64));
                    tokio::time::sleep(Duration::from_millis(next.saturating_sub(self.now().millis()))).await;
                }
                Err(error) => tracing::warn!(%error, "the last scrub is not known"),
            }
            let done = self.round(settings).await;
            {
                let mut state = self.scrub.0.lock();
                let found = state.round.take().map(|round| round.found.lock().clone()).unwrap_or_default();
                state.failed = done.as_ref().err().map(|error| (error.to_string(), found));
            }
            if let Err(error) = done {
                tracing::warn!(%error, "a scrub could not be carried out");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    async fn round(&self, settings: Scrubbing) -> Result<(), Error> {
        let Some(care) = &self.care else { return Ok(()) };
        let began = self.now();
        let (sender, progress) = watch::channel(Progress::default());
        let mut findings = Findings { shared: Some(Arc::default()), ..Findings::default() };
        let found = findings.shared.clone().unwrap_or_default();
        self.scrub.0.lock().round = Some(Round { progress, found });
        let teller = Teller::new(sender);
        let of: i64 = self.ledger.usage(None).await?.iter().map(|(_, usage)| usage.bytes_stored).sum();
        teller.begin("scrubbing", "bytes", u64::try_from(of).ok());
        let pace = Throughput::new(settings.bytes_per_second);
        let look = Look { deep: true, rows: true, pace: Some(&pace) };
        let seen = bodies::check(self, care, &look, &mut findings, &teller).await?;
        self.chain(care, &pace, &mut findings).await?;
        let mut damage = findings.listed;
        let more_damage = findings.more + damage.len().saturating_sub(REMEMBERED) as u64;
        damage.truncate(REMEMBERED);
        tracing::info!(bytes = seen.bytes, damaged = damage.len(), "all that is stored was read");
        let (began, finished) = (began.millis(), self.now().millis());
        let last = Last { version: 1, began, finished, bytes: seen.bytes, damage, more_damage };
        let value = serde_json::to_vec(&last).map_err(|error| Error::Unavailable(error.to_string()))?;
        let write = vec![Write::Put(Key::from_static(LAST), value.into())];
        // A change without conditions meets no conflict.
        let _ = self.engine.commit(Change { require: vec![], write }).await?;
        Ok(())
    }

    /// The ledger's chain.
    async fn chain(&self, care: &Care, pace: &Throughput, findings: &mut Findings) -> Result<(), Error> {
        let mut check = Ledger::new(self.engine.clone()).check();
        loop {
            match check.step(&care.log_key).await {
                Ok(Some(bytes)) => pace.after(bytes).await,
                Ok(None) => return Ok(()),
                Err(ledger::Error::Engine(error)) if !matches!(error, kv::Error::Corrupt(_) | kv::Error::Io(_)) => {
                    return Err(error.into());
                }
                Err(error) => {
                    findings.whole("the ledger", error);
                    return Ok(());
                }
            }
        }
    }

    async fn last_scrub(&self) -> Result<Option<Last>, Error> {
        let found = self.engine.get(&Key::from_static(LAST)).await?;
        let read = |entry: Entry| {
            serde_json::from_slice(&entry.value).map_err(|error| Error::Damaged(format!("row z/scrub: {error}")))
        };
        found.map(read).transpose()
    }

    /// What is known of the scrub; `None` where there never was one.
    pub(crate) async fn scrub_view(&self) -> Result<Option<ScrubView>, Error> {
        let last = self.last_scrub().await?;
        let state = self.scrub.0.lock();
        if last.is_none() && state.settings.is_none() {
            return Ok(None);
        }
        let running = state.round.as_ref().map(|round| round.progress.borrow().clone());
        let found = state.round.as_ref().map(|round| round.found.lock().clone()).unwrap_or_default();
        let failed = state.failed.as_ref();
        let (damage, more_damage) = match &last {
            _ if !found.is_empty() => (found, 0),
            _ if failed.is_some_and(|(_, found)| !found.is_empty()) => {
                (failed.map(|(_, found)| found.clone()).unwrap_or_default(), 0)
            }
            Some(last) => (last.damage.clone(), last.more_damage),
            None => (vec![], 0),
        };
        Ok(Some(ScrubView {
            bytes_per_second: state.settings.map_or(0, |settings| settings.bytes_per_second),
            running,
            failed: failed.map(|(why, _)| why.clone()),
            last_finished: last.as_ref().map(|last| rfc3339(Timestamp::from_millis(last.finished))),
            last_bytes: last.as_ref().map(|last| last.bytes),
            damage,
            more_damage,
        }))
    }
}
