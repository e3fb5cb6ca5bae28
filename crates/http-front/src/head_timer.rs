//! The time for the head of a request, kept by the alarm that its connection has anyway.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::Instant;

/// No head is waited for.
const NONE: u64 = u64::MAX;
/// The head has taken too long.
const OVER: u64 = 0;

/// The timer that hyper sets before each head of HTTP/1 and gives back after it.
///
/// An alarm of tokio's for each head would be put into the wheel of the runtime and taken out of it for each request.
/// This one only notes the moment. [`IdleTimeout`](crate::idle_timeout::IdleTimeout) looks at it when its own alarm
/// goes off, which is never later than a head may end. hyper asks only after the stream below it was pending, so the
/// alarm then wakes the task of the connection.
#[derive(Clone, Debug)]
pub(crate) struct HeadTimer(Arc<Head>);

#[derive(Debug)]
struct Head {
    began: Instant,
    /// The longest that a head may take.
    patience: Duration,
    /// Nanoseconds after `began`, [`NONE`] or [`OVER`].
    ends_at: AtomicU64,
}

/// The wait for one head, until it is dropped.
struct Wait(Arc<Head>);

impl HeadTimer {
    /// Returns the timer of a connection whose heads may take so long.
    pub(crate) fn new(patience: Duration) -> Self {
        Self(Arc::new(Head {
            began: Instant::now(),
            patience,
            ends_at: AtomicU64::new(NONE),
        }))
    }

    /// Ends the wait for a head that has taken too long, and returns when to look again.
    pub(crate) fn look(&self, now: Instant) -> Instant {
        let Head {
            began,
            patience,
            ends_at,
        } = &*self.0;
        let latest = now + *patience;
        match ends_at.load(Ordering::Relaxed) {
            NONE | OVER => latest,
            nanoseconds => {
                let at = *began + Duration::from_nanos(nanoseconds);
                if at > now {
                    return at.min(latest);
                }
                ends_at.store(OVER, Ordering::Relaxed);
                latest
            }
        }
    }

    /// Returns whether a head is waited for.
    pub(crate) fn is_waiting(&self) -> bool {
        !matches!(self.0.ends_at.load(Ordering::Relaxed), NONE | OVER)
    }

    /// Stops the wait for a head until [`begin`](Self::begin), without giving it up.
    pub(crate) fn pause(&self) {
        self.0.ends_at.store(NONE, Ordering::Relaxed);
    }

    /// Restarts the wait for a head.
    pub(crate) fn begin(&self) {
        self.set((Instant::now() + self.0.patience).into_std());
    }

    fn set(&self, deadline: std::time::Instant) {
        let after = Instant::from_std(deadline).saturating_duration_since(self.0.began);
        let nanoseconds = u64::try_from(after.as_nanos()).unwrap_or(NONE);
        self.0.ends_at.store(nanoseconds.max(OVER + 1), Ordering::Relaxed);
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        self.set(deadline);
        Box::pin(Wait(Arc::clone(&self.0)))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn reset(&self, _: &mut Pin<Box<dyn Sleep>>, deadline: std::time::Instant) {
        self.set(deadline);
    }
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.ends_at.load(Ordering::Relaxed) == OVER {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.ends_at.store(NONE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn is_over(wait: &mut Pin<Box<dyn Sleep>>) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        wait.as_mut().poll(&mut context).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_ends_the_wait_for_a_late_head_and_names_the_next_look() {
        let timer = HeadTimer::new(PATIENCE);
        let began = Instant::now();
        assert_eq!(timer.look(began), began + PATIENCE, "no head is waited for");
        tokio::time::advance(Duration::from_secs(10)).await;
        let mut wait = timer.sleep(PATIENCE);
        let ends_at = began + Duration::from_secs(40);
        assert_eq!(timer.look(began + PATIENCE), ends_at);
        assert!(!is_over(&mut wait));
        timer.look(ends_at);
        assert!(is_over(&mut wait));
        timer.reset(&mut wait, (ends_at + PATIENCE).into_std());
        assert!(!is_over(&mut wait));
        drop(wait);
        assert_eq!(timer.look(ends_at + PATIENCE * 2), ends_at + PATIENCE * 3);
    }
}
