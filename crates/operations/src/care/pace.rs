//! A steady rate, so that what is done beside requests does not starve them.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What may be saved up while nothing happens: a quarter of a second's worth.
const BURST_SECONDS: f64 = 0.25;

/// Bytes a second, on average.
pub(crate) struct Throughput {
    per_second: f64,
    /// What is left, below zero a debt, and since when.
    left: Mutex<(f64, Instant)>,
}

impl Throughput {
    /// Of at least one byte a second.
    pub fn new(per_second: u64) -> Self {
        Throughput { per_second: per_second.max(1) as f64, left: Mutex::new((0.0, Instant::now())) }
    }

    /// Waits for as long as the bytes that were just moved take.
    pub async fn after(&self, bytes: usize) {
        let wait = self.moved(bytes, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn moved(&self, bytes: usize, now: Instant) -> Duration {
        let mut left = self.left.lock();
        let back = now.saturating_duration_since(left.1).as_secs_f64() * self.per_second;
        *left = ((left.0 + back).min(self.per_second * BURST_SECONDS) - bytes as f64, now);
        Duration::from_secs_f64((-left.0).max(0.0) / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_faster_waits_for_the_rate() {
        let pace = Throughput::new(1000);
        let begun = pace.left.lock().1;
        assert_eq!(pace.moved(500, begun), Duration::from_millis(500));
        assert_eq!(pace.moved(500, begun + Duration::from_millis(500)), Duration::from_millis(500));
        // Nothing for long: no more than a quarter of a second is saved up.
        assert_eq!(pace.moved(250, begun + Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(pace.moved(100, begun + Duration::from_secs(60)), Duration::from_millis(100));
    }
}
