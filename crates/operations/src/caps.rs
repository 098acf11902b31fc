//! How fast a share is used: its requests a second are refused beyond their number, its bytes a second are slowed down.
//!
//! A bucket of tokens for each share and kind. It is kept in memory, by each process for itself: a cap protects from a key
//! that runs wild, and is not what anybody is billed by. Memory is bounded; what is forgotten begins with a full bucket.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use identity::Caller;
use model::{Principal, ShareId};
use parking_lot::Mutex;

use crate::intake::{Aborted, Expected, Source};
use crate::{Error, Store};

/// Shares remembered at a time.
const SHARES: usize = 10_000;

/// For how many seconds' worth of requests a share that was idle may ask at once.
const BURST_SECONDS: f64 = 10.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Requests,
    Bytes,
}

/// Tokens, which come back at a steady rate. Below zero they are a debt.
struct Tokens {
    left: f64,
    since: Instant,
}

impl Tokens {
    fn refill(&mut self, rate: f64, burst: f64, now: Instant) {
        let back = now.saturating_duration_since(self.since).as_secs_f64() * rate;
        self.left = (self.left + back).min(burst);
        self.since = now;
    }
}

/// The buckets of all shares that are capped.
#[derive(Default)]
pub(crate) struct Caps(Mutex<HashMap<(ShareId, Kind), Tokens>>);

impl Caps {
    fn with<T>(&self, share: &ShareId, kind: Kind, burst: f64, now: Instant, f: impl FnOnce(&mut Tokens) -> T) -> T {
        let mut all = self.0.lock();
        if all.len() >= SHARES && !all.contains_key(&(share.clone(), kind)) {
            all.clear();
        }
        f(all.entry((share.clone(), kind)).or_insert(Tokens { left: burst, since: now }))
    }

    /// Whether one more request is within the cap.
    fn request(&self, share: &ShareId, per_second: u32, now: Instant) -> bool {
        let rate = f64::from(per_second);
        let burst = (rate * BURST_SECONDS).max(1.0);
        self.with(share, Kind::Requests, burst, now, |tokens| {
            tokens.refill(rate, burst, now);
            let enough = tokens.left >= 1.0;
            if enough {
                tokens.left -= 1.0;
            }
            enough
        })
    }

    /// How long to wait after `bytes` have moved.
    fn moved(&self, share: &ShareId, per_second: u64, bytes: usize, now: Instant) -> Duration {
        let rate = per_second as f64;
        self.with(share, Kind::Bytes, rate, now, |tokens| {
            tokens.refill(rate, rate, now);
            tokens.left -= bytes as f64;
            Duration::from_secs_f64((-tokens.left).max(0.0) / rate)
        })
    }
}

/// The speed of a share's bytes.
#[derive(Clone)]
pub(crate) struct Pace {
    store: Store,
    share: ShareId,
    per_second: u64,
}

impl Pace {
    /// Waits for as long as the bytes that just moved take.
    pub(crate) async fn after(&self, bytes: usize) {
        let wait = self.store.caps.moved(&self.share, self.per_second, bytes, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

impl Store {
    /// Counts a request of a proven caller against the cap of its share, if it has one.
    ///
    /// # Errors
    /// [`Error::SlowDown`] beyond it.
    pub fn admit(&self, caller: &Caller) -> Result<(), Error> {
        let Principal::Key { share: Some(share), .. } = caller.principal() else { return Ok(()) };
        match share.caps.requests_per_second {
            Some(cap) if !self.caps.request(&share.id, cap, Instant::now()) => Err(Error::SlowDown),
            _ => Ok(()),
        }
    }

    /// At which speed the caller's bytes move; `None`: as fast as they can.
    pub(crate) fn pace(&self, caller: &Caller) -> Option<Pace> {
        let Principal::Key { share: Some(share), .. } = caller.principal() else { return None };
        let per_second = share.caps.bytes_per_second?;
        Some(Pace { store: self.clone(), share: share.id.clone(), per_second: per_second.max(1) })
    }
}

/// A body that comes in at a share's speed.
pub(crate) struct Paced<'a> {
    pub source: &'a mut dyn Source,
    pub pace: Option<Pace>,
}

#[async_trait]
impl Source for Paced<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        let bytes = self.source.next().await?;
        if let (Some(bytes), Some(pace)) = (&bytes, &self.pace) {
            pace.after(bytes.len()).await;
        }
        Ok(bytes)
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        self.source.expected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(n: u32) -> ShareId {
        ShareId::new(&format!("{n:012x}")).unwrap()
    }

    #[test]
    fn a_share_asks_so_often_and_another_one_is_not_slowed_by_it() {
        let (caps, now) = (Caps::default(), Instant::now());
        let asked = |n, at| caps.request(&share(n), 5, at);
        assert_eq!((0..100).filter(|_| asked(1, now)).count(), 50, "ten seconds' worth at once");
        assert!(asked(2, now));
        assert!(!asked(1, now + Duration::from_millis(190)));
        assert!(asked(1, now + Duration::from_millis(201)));
        let late = now + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| asked(1, late)).count(), 50, "idle time is not saved up");
    }

    #[test]
    fn bytes_take_as_long_as_their_speed_says() {
        let (caps, now) = (Caps::default(), Instant::now());
        let moved = |bytes, at| caps.moved(&share(1), 1000, bytes, at).as_millis();
        assert_eq!(moved(1000, now), 0, "a second's worth at once");
        assert_eq!(moved(500, now), 500);
        assert_eq!(moved(1000, now), 1500, "a debt adds up");
        assert_eq!(moved(0, now + Duration::from_millis(1500)), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let (caps, now) = (Caps::default(), Instant::now());
        for n in 0..30_000 {
            caps.request(&share(n), 1, now);
        }
        assert!(caps.0.lock().len() <= SHARES);
    }
}
