//! One listener of a feed.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Change, FeedLog, Snapshot};

/// Returns every change of one feed to one listener, from the state that the listener has.
///
/// A slow listener misses nothing and costs nothing: all changes since its last state come as one difference.
#[derive(Debug)]
pub struct Follower {
    log: Arc<FeedLog>,
    newest: watch::Receiver<Arc<Snapshot>>,
    state: Option<String>,
}

impl Follower {
    pub(crate) fn new(log: Arc<FeedLog>, mut newest: watch::Receiver<Arc<Snapshot>>, state: Option<String>) -> Self {
        newest.mark_changed();
        Self { log, newest, state }
    }

    /// Waits for a state that this listener does not have and returns the change to it; never [`Change::None`].
    ///
    /// A caller can drop this wait and begin another one.
    pub async fn next(&mut self) -> Change {
        loop {
            // An error would mean that the log is gone, but `self` holds it.
            if self.newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            // A wait that is dropped here finds the same state at its next start.
            self.newest.mark_changed();
            let (steps, newest) = self.log.since(self.state.as_deref());
            let Ok(change) = steps.together(None).await else {
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

    /// Returns the last state that this listener got.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}
