//! Answers without an end: their number, and their end with the daemon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// All streams of this daemon.
#[derive(Debug)]
pub(crate) struct Streams {
    ending: watch::Sender<bool>,
    open: Arc<Mutex<Open>>,
    most: usize,
}

/// The number of open streams, by the fingerprint of the token.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_token: HashMap<String, usize>,
}

/// Stands for one open stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    ending: watch::Receiver<bool>,
    open: Arc<Mutex<Open>>,
    token: String,
}

impl Streams {
    /// Returns room for `most` open streams.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            ending: watch::Sender::new(false),
            open: Arc::default(),
            most,
        }
    }

    /// Counts one more stream for the token with this fingerprint, unless there are too many or the daemon is ending.
    ///
    /// One token gets half of the streams at most: many hosts may share it, but a faulty client must not shut out those
    /// of other tokens.
    pub(crate) fn open(&self, token: String) -> Option<OpenStream> {
        let mut open = lock(&self.open);
        let of_token = open.by_token.get(&token).copied().unwrap_or(0);
        if *self.ending.borrow() || open.all >= self.most || of_token >= self.most.div_ceil(2) {
            return None;
        }
        open.all += 1;
        open.by_token.insert(token.clone(), of_token + 1);
        drop(open);
        Some(OpenStream {
            ending: self.ending.subscribe(),
            open: Arc::clone(&self.open),
            token,
        })
    }

    /// Ends every stream.
    pub(crate) fn end_all(&self) {
        self.ending.send_replace(true);
    }

    /// Returns the number of open streams.
    pub(crate) fn count(&self) -> usize {
        lock(&self.open).all
    }
}

impl OpenStream {
    /// Waits until the daemon ends.
    pub(crate) async fn ended(&mut self) {
        // An error means that the gateway is gone already.
        let _ = self.ending.wait_for(|ending| *ending).await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.all -= 1;
        match open.by_token.get_mut(&self.token) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_token.remove(&self.token);
            }
        }
    }
}

/// Nothing that can panic runs under this lock.
fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gets_half_and_all_together_no_more_than_the_bound() {
        let streams = Streams::new(10);
        let mut open: Vec<OpenStream> = std::iter::from_fn(|| streams.open("a".to_owned())).collect();
        assert_eq!(open.len(), 5);
        open.extend(std::iter::from_fn(|| streams.open("b".to_owned())));
        assert_eq!((open.len(), streams.count()), (10, 10));
        assert!(streams.open("c".to_owned()).is_none());
        open.pop();
        assert!(streams.open("c".to_owned()).is_some());
        open.clear();
        assert!(lock(&streams.open).by_token.is_empty());
    }

    #[tokio::test]
    async fn all_end_with_the_daemon_and_none_begins_after() {
        let streams = Streams::new(10);
        let mut open = streams.open("a".to_owned()).unwrap();
        streams.end_all();
        open.ended().await;
        assert!(streams.open("a".to_owned()).is_none());
    }
}
