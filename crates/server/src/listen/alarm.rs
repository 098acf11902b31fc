//! A timer for waits that hardly ever last to their end.
//!
//! It is moved only when it rings, and polled only by a task that it does not know yet, so that a wait that is over in time
//! costs the reading of the clock.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Default)]
pub(super) struct Alarm(Option<Set>);

/// Set to ring, at the end of this wait or of an earlier one.
struct Set {
    timer: Pin<Box<Sleep>>,
    /// Whom it will wake.
    wakes: Waker,
}

impl Alarm {
    /// Waits until `end`. A later wait must not end earlier than one before it.
    pub(super) fn poll(&mut self, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let set = match &mut self.0 {
            Some(set) if set.wakes.will_wake(cx.waker()) && !set.timer.is_elapsed() => return Poll::Pending,
            Some(set) => {
                set.wakes.clone_from(cx.waker());
                set
            }
            none => none.insert(Set { timer: Box::pin(sleep_until(end)), wakes: cx.waker().clone() }),
        };
        loop {
            // Not put off to let others run: then it would know nobody to wake.
            ready!(pin!(unconstrained(set.timer.as_mut())).poll(cx));
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            set.timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    async fn wait(alarm: &mut Alarm) {
        let end = Instant::now() + MINUTE;
        poll_fn(|cx| alarm.poll(end, cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_lasts_to_its_own_end_whatever_was_waited_for_before() {
        let (mut alarm, begun) = (Alarm::default(), Instant::now());
        for _ in 0..3 {
            assert!(timeout(MINUTE / 6 * 5, wait(&mut alarm)).await.is_err());
        }
        wait(&mut alarm).await;
        assert_eq!(begun.elapsed().as_secs(), 3 * 50 + 60);
        wait(&mut alarm).await;
        assert_eq!(begun.elapsed().as_secs(), 3 * 50 + 120);
    }

    /// tokio lets a task poll so much and no more before others have their turn.
    #[tokio::test(start_paused = true)]
    async fn it_rings_for_a_task_that_has_used_up_its_turn() {
        let mut alarm = Alarm::default();
        let begun = Instant::now();
        tokio::task::spawn(async move {
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::coop::consume_budget().await;
            }
            wait(&mut alarm).await;
        })
        .await
        .unwrap();
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_the_task_that_waits_now() {
        let mut alarm = Alarm::default();
        assert!(timeout(MINUTE / 2, wait(&mut alarm)).await.is_err());
        // Another task, which the timer has never seen.
        let begun = Instant::now();
        tokio::spawn(async move { wait(&mut alarm).await }).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 60);
    }
}
