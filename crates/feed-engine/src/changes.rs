//! The difference between two states of a feed, for a stream that follows it or a caller that asks again later.
//!
//! The name of a state is a digest of the values ([`FeedSet::id`](crate::FeedSet::id)), so it means the same on every
//! replica and after every restart. The engine keeps a bounded number of differences, for feeds with a listener or a
//! caller that asked for differences. A caller whose state it does not know any more gets the whole feed.

mod follower;
mod log;
mod logs;

use std::fmt;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use feed_classification::IndicatorSet;
use tokio::sync::Mutex;

pub use follower::Follower;
pub(crate) use log::FeedLog;
pub(crate) use logs::ChangeLogs;

use crate::FeedSet;

/// The way from the state that a caller has to the present state of a feed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// Nothing has changed.
    None,
    /// These values came and went.
    Delta(Arc<Delta>),
    /// The engine does not know the state of the caller, or not any more: this is the whole feed.
    Snapshot(Arc<Snapshot>),
}

/// The difference between two states of a feed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delta {
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Values that came.
    pub added: IndicatorSet,
    /// Values that went.
    pub removed: IndicatorSet,
    /// The pieces for several followers that get it at the same time.
    pub rendering: Rendering,
    /// The one body for several callers that poll at the same time.
    pub body: Rendering,
}

/// One whole state of a feed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The values.
    pub set: Arc<FeedSet>,
    /// The pieces for several followers that get it at the same time.
    pub rendering: Rendering,
    /// The one body for several callers that poll at the same time.
    pub body: Rendering,
}

/// Bytes that are made of a value once for all tasks that send it at the same time, and freed with the last of them.
#[derive(Default)]
pub struct Rendering(Mutex<Weak<Vec<Bytes>>>);

impl Delta {
    /// Returns the difference between two sets, text by text: a URL in a new spelling is removed and added, so that a
    /// follower holds the lines of the feed.
    #[must_use]
    pub fn between(before: &FeedSet, after: &FeedSet) -> Self {
        Self {
            from: before.id().to_owned(),
            to: after.id().to_owned(),
            added: after.values().without_texts_of(before.values()),
            removed: before.values().without_texts_of(after.values()),
            rendering: Rendering::default(),
            body: Rendering::default(),
        }
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.added.weight_bytes() + self.removed.weight_bytes()
    }
}

impl Snapshot {
    pub(crate) fn of(set: Arc<FeedSet>) -> Arc<Self> {
        Arc::new(Self {
            set,
            rendering: Rendering::default(),
            body: Rendering::default(),
        })
    }

    /// Returns the name of this state.
    #[must_use]
    pub fn id(&self) -> &str {
        self.set.id()
    }
}

impl Rendering {
    /// Returns the bytes that another task sends at this moment, else those that `make` makes. Others wait meanwhile,
    /// and take no thread.
    ///
    /// # Errors
    /// Those of `make`; then the next task that waits makes them.
    pub async fn get_or_make<E, M>(&self, make: impl FnOnce() -> M) -> Result<Arc<Vec<Bytes>>, E>
    where
        M: Future<Output = Result<Vec<Bytes>, E>>,
    {
        let mut made = self.0.lock().await;
        if let Some(bytes) = made.upgrade() {
            return Ok(bytes);
        }
        let bytes = Arc::new(make().await?);
        *made = Arc::downgrade(&bytes);
        Ok(bytes)
    }
}

impl fmt::Debug for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendering").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_made_once_for_all_that_send_them_and_anew_for_the_next() {
        let rendering = Rendering::default();
        let bytes = |text: &'static str| async move { Ok::<_, ()>(vec![Bytes::from_static(text.as_bytes())]) };
        let first = rendering.get_or_make(|| bytes("one")).await.unwrap();
        assert_eq!(*first, ["one"]);
        let second = rendering.get_or_make(|| bytes("two")).await.unwrap();
        assert_eq!(*second, ["one"], "the first is still on its way");
        drop((first, second));
        assert_eq!(
            rendering.get_or_make(|| async { Err("no memory") }).await,
            Err("no memory")
        );
        assert_eq!(*rendering.get_or_make(|| bytes("three")).await.unwrap(), ["three"]);
    }
}
