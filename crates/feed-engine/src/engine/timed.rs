//! The times of values, for bodies with a length limit.
//!
//! A body of the newest values needs the time of each value. Most feeds are never asked for such a body, so a source
//! that answers from a copy gives times only where the engine wants them: for feeds that were asked for with a length
//! limit before. The set of the first such request may have none; then the source is asked once more.

use cache::{MemoryStore, Weigh};

use super::FeedEngine;
use super::current::{Answer, PAUSE_AFTER_FAILURE, RefreshRequest};
use super::prepared::PreparedFeed;
use crate::bodies::is_beyond;
use crate::feed_key::{FeedKey, FeedKeyParts};
use crate::{FeedError, FeedValues, Upstream, Urgency};

/// Memory for the names of feeds whose times are wanted: some thousand.
const BYTES: u64 = 2 * 1024 * 1024;

/// The feeds whose times are wanted.
pub(crate) struct TimedFeeds(MemoryStore<FeedKey, Wanted>);

#[derive(Clone, Copy)]
struct Wanted;

impl Weigh for Wanted {
    fn weight_bytes(&self) -> usize {
        size_of::<FeedKeyParts>()
    }
}

impl Default for TimedFeeds {
    fn default() -> Self {
        Self(MemoryStore::new(BYTES))
    }
}

impl TimedFeeds {
    /// Returns whether the times of this feed are wanted.
    pub(crate) fn wants(&self, key: &FeedKey) -> bool {
        self.0.get(key).is_some()
    }

    pub(super) fn note(&self, key: &FeedKey) {
        if !self.wants(key) {
            self.0.insert(key.clone(), Wanted);
        }
    }
}

impl FeedEngine {
    /// Returns the values for a request, with their times where its length limit needs them and the source has them.
    pub(super) async fn values_for(&self, prepared: &PreparedFeed) -> Result<FeedValues, FeedError> {
        let PreparedFeed {
            upstream, key, limit, ..
        } = prepared;
        if limit.is_some() {
            self.inner.timed.note(key);
        }
        let values = self.values_of(upstream, key, prepared.request.max_age).await?;
        if values.set.times().is_some() || !limit.is_some_and(|limit| is_beyond(limit, &values.set)) {
            return Ok(values);
        }
        let timed = Box::pin(self.gathered_with_times(upstream, key)).await;
        Ok(timed.unwrap_or(values))
    }

    /// Has the source asked for the times of a feed; nothing if it was asked already, or cannot be asked now.
    async fn gathered_with_times(&self, upstream: &Upstream, key: &FeedKey) -> Option<FeedValues> {
        let held = self.inner.sets.get(key)?;
        if held.times_wanted {
            return None;
        }
        if held
            .failed_at
            .is_some_and(|at| self.now().since(at) < PAUSE_AFTER_FAILURE)
        {
            return None;
        }
        let asking = RefreshRequest {
            limit: upstream.site.soft_expiry,
            errand: self.inner.errands.of(key, Urgency::Awaited).asked_by(upstream.caller()),
        };
        let patience = self.patience(upstream, &held, None);
        let fresh = self.refreshed(upstream, key, Some(&held), &asking, patience).await;
        match fresh {
            Ok(fresh) => Some(self.described(upstream, Answer::of(fresh))),
            Err(error) => {
                tracing::warn!(
                    site = upstream.site.name.as_str(),
                    feed = %key.scope,
                    error = error.chain(),
                    "the times of a feed's values cannot be had now: a list with a length limit has the first values in order"
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed_key::tests::of_list;

    #[test]
    fn a_thousand_feeds_are_known_to_want_times() {
        let timed = TimedFeeds::default();
        for number in 0..1_000 {
            timed.note(&of_list(number));
        }
        let known = (0..1_000).filter(|number| timed.wants(&of_list(*number)));
        assert_eq!(known.count(), 1_000);
        assert!(
            !timed.wants(&of_list(1_000)),
            "it was never asked for with a length limit"
        );
    }
}
