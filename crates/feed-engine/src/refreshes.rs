//! Counters of refreshes by site, and a description of feeds in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache::Moment;

use crate::site_health::{Outcome, SiteHealth};
use crate::{FeedError, FeedScope, HeldBack, Upstream};

/// One feed in memory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldFeed {
    /// The site's name.
    pub site: String,
    /// The scope of the feed.
    pub scope: FeedScope,
    /// The number of its values.
    pub count: u64,
    /// The number of attributes without a value and of values that the guard kept out, by the name of the reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// The time since the source answered.
    pub age: Duration,
    /// Whether the last attempt to ask MISP failed.
    pub refresh_failing: bool,
    /// The smaller set that is held back, if any.
    pub held_back: Option<Arc<HeldBack>>,
}

/// The outcomes of refreshes at one site since the engine was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteRefreshes {
    /// Refreshes that brought a whole feed.
    pub succeeded: u64,
    /// Refreshes that MISP did not answer in time.
    pub timed_out: u64,
    /// Refreshes that failed for another reason.
    pub failed: u64,
    /// The time of all of these together.
    pub spent: Duration,
    /// Whether the MISP of the site fails. A failure at a port that only a token names, and that has never answered,
    /// does not count; nor does a key that MISP refuses while it takes another one.
    pub is_failing: bool,
    /// The addresses that only tokens name, that have never answered, and that were asked in vain: for example
    /// `https://misp.example.net:8443`.
    pub unknown_addresses: Vec<String>,
    /// Feeds whose smaller set was held back, each time that it began.
    pub held: u64,
}

/// Counts refreshes by site; at most one entry for each site that was ever asked.
#[derive(Debug, Default)]
pub(crate) struct Refreshes(Mutex<BTreeMap<String, (SiteRefreshes, SiteHealth)>>);

impl Refreshes {
    pub(crate) fn count(&self, upstream: &Upstream, error: Option<&FeedError>, spent: Duration, now: Moment) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, health) = sites.entry(upstream.name().to_owned()).or_default();
        match error {
            None => seen.succeeded += 1,
            Some(error) if error.is_timeout() => seen.timed_out += 1,
            Some(_) => seen.failed += 1,
        }
        seen.spent += spent;
        health.note(upstream, Outcome::of(error), now);
    }

    pub(crate) fn count_held(&self, site: &str) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.entry(site.to_owned()).or_default().0.held += 1;
    }

    pub(crate) fn all(&self, now: Moment) -> BTreeMap<String, SiteRefreshes> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let described = |(seen, health): &(SiteRefreshes, SiteHealth)| SiteRefreshes {
            is_failing: health.is_failing(now),
            unknown_addresses: health.unknown_addresses(),
            ..seen.clone()
        };
        sites
            .iter()
            .map(|(site, seen)| (site.clone(), described(seen)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use cache::{Clock as _, ManualClock};

    use super::*;

    #[test]
    fn refreshes_are_counted_by_site_and_outcome() {
        let (refreshes, now) = (Refreshes::default(), ManualClock::new().now());
        let late = FeedError::TimedOut { seconds: 3 };
        let [a, b] = ["a", "b"].map(|name| Upstream::named(name).unwrap());
        refreshes.count(&a, Some(&late), Duration::from_secs(3), now);
        refreshes.count(&a, None, Duration::from_secs(1), now);
        refreshes.count(&b, Some(&late), Duration::ZERO, now);
        let all = refreshes.all(now);
        let expected = SiteRefreshes {
            succeeded: 1,
            timed_out: 1,
            spent: Duration::from_secs(4),
            ..SiteRefreshes::default()
        };
        assert_eq!(all["a"], expected);
        assert!(all["b"].is_failing);
    }
}
