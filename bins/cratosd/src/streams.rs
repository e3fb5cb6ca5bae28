//! Answers that have no end of their own: how many there are, and when they end all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Streams at a time: enough for every host of a large site, and not so many that nobody else gets a connection.
const MAX_STREAMS: usize = 12_288;

/// All streams of this daemon.
#[derive(Debug)]
pub(crate) struct Streams {
    ending: watch::Sender<bool>,
    open: Arc<AtomicUsize>,
}

/// Stands for one open stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    ending: watch::Receiver<bool>,
    open: Arc<AtomicUsize>,
}

impl Streams {
    /// Counts one more, unless there are too many or the daemon ends.
    pub(crate) fn open(&self) -> Option<OpenStream> {
        let has_room = |open: usize| (open < MAX_STREAMS).then_some(open + 1);
        if *self.ending.borrow()
            || self
                .open
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, has_room)
                .is_err()
        {
            return None;
        }
        Some(OpenStream {
            ending: self.ending.subscribe(),
            open: Arc::clone(&self.open),
        })
    }

    /// Tells every stream to end.
    pub(crate) fn end_all(&self) {
        self.ending.send_replace(true);
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            ending: watch::Sender::new(false),
            open: Arc::default(),
        }
    }
}

impl OpenStream {
    /// Waits until the daemon ends.
    pub(crate) async fn ended(&mut self) {
        // An error means that the daemon is gone already.
        let _ = self.ending.wait_for(|ending| *ending).await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_than_the_bound_and_a_closed_one_makes_room() {
        let streams = Streams::default();
        let mut open: Vec<OpenStream> = std::iter::from_fn(|| streams.open()).collect();
        assert_eq!(open.len(), MAX_STREAMS);
        open.pop();
        assert!(streams.open().is_some());
    }

    #[tokio::test]
    async fn all_end_with_the_daemon_and_none_begins_after() {
        let streams = Streams::default();
        let mut open = streams.open().unwrap();
        streams.end_all();
        open.ended().await;
        assert!(streams.open().is_none());
    }
}
