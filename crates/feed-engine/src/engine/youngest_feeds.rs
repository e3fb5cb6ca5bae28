//! The age of the youngest feed of each site in memory, for health checks.
//!
//! Anyone may ask for the health of a daemon, and there may be thousands of feeds. So the engine looks through them
//! once a second at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache::Moment;

use super::FeedEngine;

/// The engine does not look again for this long.
const PAUSE: Duration = Duration::from_secs(1);

/// The youngest feeds at the last look.
#[derive(Debug, Default)]
pub(super) struct YoungestFeeds(Mutex<Option<Look>>);

#[derive(Clone, Debug)]
struct Look {
    at: Moment,
    /// The times of the newest answer, by the name of the site.
    fetched_at: Arc<BTreeMap<String, Moment>>,
}

impl YoungestFeeds {
    /// Returns the last look, or another one if that is too long ago. Callers of the same moment wait for one.
    fn look(&self, now: Moment, look: impl FnOnce() -> BTreeMap<String, Moment>) -> Look {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if now.since(last.at) < PAUSE => last.clone(),
            _ => {
                let fetched_at = Arc::new(look());
                last.insert(Look { at: now, fetched_at }).clone()
            }
        }
    }
}

impl FeedEngine {
    /// Returns the age of the youngest feed in memory at this site; nothing without one. A feed that came or went in
    /// the last second may not count yet.
    #[must_use]
    pub fn youngest_feed(&self, site: &str) -> Option<Duration> {
        let now = self.now();
        let look = self.inner.youngest.look(now, || self.newest_answers());
        Some(now.since(*look.fetched_at.get(site)?))
    }

    fn newest_answers(&self) -> BTreeMap<String, Moment> {
        let mut newest = BTreeMap::new();
        for (key, held) in self.inner.sets.entries() {
            let at = newest.entry(key.upstream.site.clone()).or_insert(held.fetched_at);
            *at = held.fetched_at.max(*at);
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use cache::{Clock as _, ManualClock};

    use super::*;

    #[test]
    fn feeds_are_looked_through_once_a_second() {
        let (clock, youngest, mut looks) = (ManualClock::new(), YoungestFeeds::default(), 0);
        for _ in 0..10 {
            for _ in 0..100 {
                youngest.look(clock.now(), || {
                    looks += 1;
                    BTreeMap::new()
                });
            }
            clock.advance(PAUSE / 2);
        }
        assert_eq!(looks, 5);
    }
}
