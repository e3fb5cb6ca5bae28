//! What can be seen of an engine from outside: the feeds at hand, and how asking MISP went. For metrics and health checks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{FeedError, FeedScope};

/// One feed that an engine has at hand.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldFeed {
    /// The site's name.
    pub site: String,
    /// What the feed is about.
    pub scope: FeedScope,
    /// Its values.
    pub count: u64,
    /// How long ago MISP was asked.
    pub age: Duration,
    /// Whether the last attempt to ask MISP failed.
    pub refresh_failing: bool,
}

/// How asking one site's MISP for feeds went since the engine was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteRefreshes {
    /// Feeds that came whole.
    pub succeeded: u64,
    /// Feeds that MISP did not give in time.
    pub timed_out: u64,
    /// Feeds that could not be had for another reason.
    pub failed: u64,
    /// Time that all of these took together.
    pub spent: Duration,
    /// Whether the last one did not come.
    pub is_failing: bool,
    /// Empty answers for feeds that had values: the old values were served until a second question.
    pub held: u64,
}

/// Counts refreshes by site. There are as many entries as sites were ever asked.
#[derive(Debug, Default)]
pub(crate) struct Refreshes(Mutex<BTreeMap<String, SiteRefreshes>>);

impl Refreshes {
    pub(crate) fn count(&self, site: &str, error: Option<&FeedError>, spent: Duration) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = sites.entry(site.to_owned()).or_default();
        match error {
            None => seen.succeeded += 1,
            Some(error) if error.is_timeout() => seen.timed_out += 1,
            Some(_) => seen.failed += 1,
        }
        seen.spent += spent;
        seen.is_failing = error.is_some();
    }

    pub(crate) fn count_held(&self, site: &str) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.entry(site.to_owned()).or_default().held += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<String, SiteRefreshes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refreshes_are_told_apart_by_site_and_outcome() {
        let refreshes = Refreshes::default();
        let late = FeedError::TimedOut { seconds: 3 };
        refreshes.count("a", Some(&late), Duration::from_secs(3));
        refreshes.count("a", None, Duration::from_secs(1));
        refreshes.count("b", Some(&late), Duration::ZERO);
        let all = refreshes.all();
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
