//! Connections that were accepted and have not asked for anything yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// How long they may still ask when the daemon ends. Who connects sends its request at once; a browser that connected for later sends none.
const PATIENCE: Duration = Duration::from_secs(3);

/// Counts them: to their callers they are as good as any, so the end of the daemon must not come between.
#[derive(Clone, Debug)]
pub(super) struct Newcomers(Arc<watch::Sender<usize>>);

/// Stands for one of them, until it has asked or is gone.
#[derive(Debug)]
pub(super) struct Newcomer {
    all: Newcomers,
    has_asked: AtomicBool,
}

impl Newcomers {
    /// Returns a count of none.
    pub(super) fn none() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Counts one more.
    pub(super) fn one(&self) -> Newcomer {
        self.0.send_modify(|count| *count += 1);
        Newcomer {
            all: self.clone(),
            has_asked: AtomicBool::new(false),
        }
    }

    /// Waits until none is left, or as long as they are waited for.
    pub(super) async fn settled(&self) {
        // No time left is the same as no newcomer left, and the sender is here.
        let _ = tokio::time::timeout(PATIENCE, self.0.subscribe().wait_for(|count| *count == 0)).await;
    }
}

impl Newcomer {
    /// Its first request is there; further calls change nothing.
    pub(super) fn asks(&self) {
        if !self.has_asked.swap(true, Ordering::Relaxed) {
            self.all.0.send_modify(|count| *count = count.saturating_sub(1));
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.asks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_or_goes_is_waited_for_no_longer() {
        let newcomers = Newcomers::none();
        newcomers.settled().await;
        let (asks, goes, stays) = (newcomers.one(), newcomers.one(), newcomers.one());
        let begun = Instant::now();
        asks.asks();
        asks.asks();
        drop(goes);
        newcomers.settled().await;
        assert_eq!(begun.elapsed(), PATIENCE, "one is silent");
        stays.asks();
        newcomers.settled().await;
        drop((asks, stays));
        assert_eq!((*newcomers.0.borrow(), begun.elapsed()), (0, PATIENCE));
    }
}
