//! One listener of a feed.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Change, FeedLog, Snapshot};

/// Tells every change of one feed to one listener, from the state that it has.
///
/// A slow listener misses nothing and costs nothing: what changed meanwhile comes as one difference.
#[derive(Debug)]
pub struct Follower {
    log: Arc<FeedLog>,
    newest: watch::Receiver<Arc<Snapshot>>,
    state: Option<String>,
}

impl Follower {
    pub(crate) fn new(log: Arc<FeedLog>, state: Option<String>) -> Self {
        let mut newest = log.watch();
        newest.mark_changed();
        Self { log, newest, state }
    }

    /// Waits until the feed is in another state than this listener knows, and returns what leads there; never [`Change::None`].
    ///
    /// The wait can be dropped and begun again.
    pub async fn next(&mut self) -> Change {
        loop {
            // An error would mean that the log is gone, which we hold.
            if self.newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            // Whoever drops this wait finds the news again at the next one.
            self.newest.mark_changed();
            let (steps, newest) = self.log.since(self.state.as_deref());
            let Ok(change) = steps.together().await else {
                // The runtime ends.
                return std::future::pending().await;
            };
            self.newest.mark_unchanged();
            let is_newest = Arc::ptr_eq(&self.newest.borrow(), &newest);
            if !is_newest {
                self.newest.mark_changed();
            }
            if !matches!(change, Change::None) {
                self.state = Some(newest.id().to_owned());
                return change;
            }
        }
    }

    /// Returns the state that this listener has been told last.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}
