//! The timer by which hyper bounds the wait for a head.
//!
//! hyper asks for a new one with each request, and drops it when the head is there. So what is handed out is a moment;
//! the timer is the connection's, and is moved only when it rings, so that requests that come in time cost next to
//! nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// One connection's.
#[derive(Clone, Default)]
pub(crate) struct HeadTimer(Shared);

/// `None` until somebody waits.
type Shared = Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>;

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
        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(time::sleep_until(self.end)));
        // It rings for an earlier wait, or at the end of this one: a later wait of a connection never ends earlier.
        loop {
            ready!(timer.as_mut().poll(cx));
            if time::Instant::now() >= self.end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(self.end);
        }
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
