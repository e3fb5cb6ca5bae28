//! Numbers about an engine for metrics and health checks.

use std::collections::BTreeMap;

use super::FeedEngine;
use crate::refreshes::{HeldFeed, SiteRefreshes};

impl FeedEngine {
    /// Returns every feed in memory, unordered: one for each MISP key that asked for it.
    #[must_use]
    pub fn held_feeds(&self) -> Vec<HeldFeed> {
        let now = self.inner.clock.now();
        let entries = self.inner.sets.entries().into_iter();
        entries
            .map(|(key, held)| HeldFeed {
                site: key.upstream.site.clone(),
                scope: key.scope,
                count: held.set.values().len() as u64,
                dropped: held.set.dropped().clone(),
                age: now.since(held.fetched_at),
                refresh_failing: held.failed_at.is_some(),
                held_back: held.doubt.map(|doubt| doubt.shown),
            })
            .collect()
    }

    /// Returns the outcomes of refreshes by the name of the site.
    #[must_use]
    pub fn refreshes(&self) -> BTreeMap<String, SiteRefreshes> {
        self.inner.counted.all(self.inner.clock.now())
    }

    /// Returns how many bodies were streamed because they are too large to keep, by the name of the site.
    #[must_use]
    pub fn streamed_bodies(&self) -> BTreeMap<String, u64> {
        self.inner.bodies.streamed()
    }

    /// Returns the present memory of values and bodies, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.inner.sets.weighted_size() + self.inner.bodies.weighted_size()
    }
}
