//! The timer by which hyper bounds the wait for a head.
//!
//! hyper asks for a new one with each request, and drops it when the head is there. So what is handed out is a moment;
//! the timer is the connection's.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

use super::alarm::Alarm;

/// One connection's.
#[derive(Clone, Default)]
pub(crate) struct HeadTimer(Shared);

type Shared = Arc<Mutex<Alarm>>;

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait { end: deadline.into(), timer: self.0.clone() })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }
}

struct Wait {
    end: time::Instant,
    timer: Shared,
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // It rings for an earlier wait, or at the end of this one: a later wait of a connection never ends earlier.
        self.timer.lock().unwrap_or_else(PoisonError::into_inner).poll(self.end, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_wait_ends_when_it_should_and_one_that_is_dropped_wakes_nobody() {
        let timer = HeadTimer::default();
        let begun = time::Instant::now();
        drop(timer.sleep(Duration::from_secs(60)));
        assert!(time::timeout(Duration::from_secs(50), timer.sleep(Duration::from_secs(60))).await.is_err());
        // The timer was set to ring ten seconds from here.
        timer.sleep(Duration::from_secs(60)).await;
        assert_eq!(begun.elapsed().as_secs(), 110);
        timer.sleep(Duration::from_secs(60)).await;
        assert_eq!(begun.elapsed().as_secs(), 170);
    }
}
