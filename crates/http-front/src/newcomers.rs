//! Connections that were accepted and have not sent a request yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// How long a newcomer may still send a request while the server ends. A client sends its request right after it
/// connects; a browser that opened a spare connection sends none.
const PATIENCE: Duration = Duration::from_secs(3);

/// Counts newcomers. Their clients expect an answer like all others, so the end of the server waits for them.
#[derive(Clone, Debug)]
pub(crate) struct Newcomers(Arc<watch::Sender<usize>>);

/// One newcomer, until its first request or its end.
#[derive(Debug)]
pub(crate) struct Newcomer {
    all: Newcomers,
    has_asked: AtomicBool,
}

impl Newcomers {
    /// Returns a count of zero.
    pub(crate) fn none() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Counts one more.
    pub(crate) fn one(&self) -> Newcomer {
        self.0.send_modify(|count| *count += 1);
        Newcomer {
            all: self.clone(),
            has_asked: AtomicBool::new(false),
        }
    }

    /// Waits until the count is zero, for [`PATIENCE`] at most.
    pub(crate) async fn settled(&self) {
        // The sender is here, so the only error is the end of the patience; both ends are the same.
        let _ = tokio::time::timeout(PATIENCE, self.0.subscribe().wait_for(|count| *count == 0)).await;
    }
}

impl Newcomer {
    /// Notes that the first request has arrived; further calls change nothing.
    pub(crate) fn asks(&self) {
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
    async fn the_end_waits_for_newcomers_until_they_ask_or_leave() {
        let newcomers = Newcomers::none();
        newcomers.settled().await;
        let (asks, leaves, stays) = (newcomers.one(), newcomers.one(), newcomers.one());
        let begun = Instant::now();
        asks.asks();
        asks.asks();
        drop(leaves);
        newcomers.settled().await;
        assert_eq!(begun.elapsed(), PATIENCE, "one is silent");
        stays.asks();
        newcomers.settled().await;
        drop((asks, stays));
        assert_eq!((*newcomers.0.borrow(), begun.elapsed()), (0, PATIENCE));
    }
}
