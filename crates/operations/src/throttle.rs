//! Bounds how often one address may fail: at signatures, and at finding out who has which e-mail address.
//!
//! A bucket of tokens for each address and kind of attempt. Only failures take a token, so that honest clients never meet
//! it; the number of addresses remembered is bounded, and forgetting one only ever lets it try again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use parking_lot::Mutex;

/// What may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Attempt {
    /// To prove to hold a key.
    Signature,
    /// To grant to an e-mail address.
    EmailLookup,
}

/// Addresses remembered at a time.
const ADDRESSES: usize = 10_000;

impl Attempt {
    /// Failures in a row that are allowed.
    const fn burst(self) -> f64 {
        match self {
            Attempt::Signature => 500.0,
            Attempt::EmailLookup => 100.0,
        }
    }

    /// Failures a second that are allowed for ever.
    const fn per_second(self) -> f64 {
        match self {
            Attempt::Signature => 50.0,
            Attempt::EmailLookup => 1.0,
        }
    }
}

/// Counts failures by address.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<(Attempt, IpAddr), Failures>>);

struct Failures {
    left: f64,
    since: Instant,
}

impl Failures {
    /// What is left of the burst at `now`.
    fn left(&self, attempt: Attempt, now: Instant) -> f64 {
        let regained = now.duration_since(self.since).as_secs_f64() * attempt.per_second();
        (self.left + regained).min(attempt.burst())
    }
}

impl Throttle {
    /// Whether `source` may try; who has no address (the server's own machine) always may.
    pub(crate) fn allows(&self, attempt: Attempt, source: Option<IpAddr>) -> bool {
        // Hardly ever has anybody failed lately.
        source.is_none() || self.0.lock().is_empty() || self.allows_at(attempt, source, Instant::now())
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, attempt: Attempt, source: Option<IpAddr>) {
        self.failed_at(attempt, source, Instant::now());
    }

    fn allows_at(&self, attempt: Attempt, source: Option<IpAddr>, now: Instant) -> bool {
        let Some(source) = source else { return true };
        self.0.lock().get(&(attempt, network(source))).is_none_or(|failures| failures.left(attempt, now) >= 1.0)
    }

    fn failed_at(&self, attempt: Attempt, source: Option<IpAddr>, now: Instant) {
        let Some(source) = source else { return };
        let mut all = self.0.lock();
        if all.len() >= ADDRESSES {
            all.retain(|(attempt, _), failures| failures.left(*attempt, now) < attempt.burst());
            if all.len() >= ADDRESSES {
                all.clear();
            }
        }
        let failures = all.entry((attempt, network(source))).or_insert(Failures { left: attempt.burst(), since: now });
        failures.left = (failures.left(attempt, now) - 1.0).max(0.0);
        failures.since = now;
    }
}

/// Whoever has one IPv6 address has the whole /64.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => (u128::from(address) >> 64 << 64).to_be_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_address_that_fails_too_often_waits_and_others_do_not() {
        let throttle = Throttle::default();
        let (bad, good) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        let now = Instant::now();
        let mut failed = 0;
        while throttle.allows_at(Attempt::EmailLookup, bad, now) {
            throttle.failed_at(Attempt::EmailLookup, bad, now);
            failed += 1;
        }
        assert_eq!(failed, 100);
        assert!(throttle.allows_at(Attempt::EmailLookup, good, now));
        assert!(throttle.allows_at(Attempt::Signature, bad, now));
        assert!(throttle.allows_at(Attempt::EmailLookup, None, now));
        assert!(!throttle.allows_at(Attempt::EmailLookup, bad, now + Duration::from_millis(900)));
        assert!(throttle.allows_at(Attempt::EmailLookup, bad, now + Duration::from_millis(1100)));
    }

    #[test]
    fn one_ipv6_network_is_one_address_and_memory_is_bounded() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for host in 0..200u128 {
            throttle.failed_at(Attempt::EmailLookup, Some(IpAddr::from((0x2001_0db8 << 96 | host).to_be_bytes())), now);
        }
        assert!(!throttle.allows_at(Attempt::EmailLookup, Some("2001:db8::ffff".parse().unwrap()), now));
        for host in 0..30_000u32 {
            throttle.failed_at(Attempt::Signature, Some(IpAddr::from(host.to_be_bytes())), now);
        }
        assert!(throttle.0.lock().len() <= ADDRESSES);
    }
}
