//! Refreshes shortly before a regular poll, so that the poll gets a fresh answer at once.

use std::hash::Hash;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cache::Moment;

use super::polls::{Plan, Polls, lead};
use super::{FeedEngine, Inner};
use crate::Upstream;
use crate::feed_key::FeedKey;

/// The shortest pause between two looks at one rhythm.
const SHORTEST_LOOK: Duration = Duration::from_millis(50);

/// Something that devices poll: a feed, or an index for look-ups.
pub(crate) trait Polled: Clone + Eq + Hash + Send + Sync + 'static {
    /// Returns the polls of all things of this kind.
    fn polls(engine: &FeedEngine) -> &Polls<Self>;

    /// Returns when the set or index in memory was gathered, if memory has one.
    fn fetched_at(&self, engine: &FeedEngine) -> Option<Moment>;

    /// Starts a refresh without waiting for it.
    fn refresh(&self, engine: &FeedEngine, upstream: &Upstream);
}

impl Polled for FeedKey {
    fn polls(engine: &FeedEngine) -> &Polls<Self> {
        &engine.inner.polls
    }

    fn fetched_at(&self, engine: &FeedEngine) -> Option<Moment> {
        engine.inner.sets.get(self).map(|held| held.fetched_at)
    }

    fn refresh(&self, engine: &FeedEngine, upstream: &Upstream) {
        if let Some(held) = engine.inner.sets.get(self) {
            // An older set of another replica would be stale when the poll comes.
            engine.refresh_in_background(upstream, self, &held, lead(upstream.site.soft_expiry));
        }
    }
}

/// Records a poll; the first one in a rhythm starts a task that refreshes ahead of the next ones until they stop.
pub(crate) fn note_poll<K: Polled>(engine: &FeedEngine, upstream: &Upstream, key: &K, now: Moment) {
    if K::polls(engine).note(key, upstream, now) {
        tokio::spawn(keep_ahead(Arc::downgrade(&engine.inner), key.clone()));
    }
}

/// Holds the engine only while it looks, so that a dropped engine does not live on until the next poll.
async fn keep_ahead<K: Polled>(inner: Weak<Inner>, key: K) {
    loop {
        let sleep = {
            let Some(inner) = inner.upgrade() else { return };
            let engine = FeedEngine { inner };
            let wait = match K::polls(&engine).plan(&key, engine.now(), key.fetched_at(&engine)) {
                Plan::Refresh(upstream) => {
                    key.refresh(&engine, &upstream);
                    SHORTEST_LOOK
                }
                Plan::LookAgain(wait) => wait.max(SHORTEST_LOOK),
                Plan::Stop => return,
            };
            engine.sleep(wait)
        };
        sleep.await;
    }
}
