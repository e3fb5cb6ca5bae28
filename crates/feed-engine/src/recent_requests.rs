//! The feeds of recent requests, and those of them that a change in MISP concerns.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache::Moment;
use feed_classification::{IndicatorType, TypeSet};
use site_config::SiteName;

use crate::hashed_key::HashedKeyMap;
use crate::{Upstream, used_longest_ago};

/// A feed without a request in this time is not refreshed before the next request.
const LATELY: Duration = Duration::from_secs(3600);

/// Requests closer than this to the last one are not recorded, for example of a device that polls every second.
const OFTEN: Duration = Duration::from_secs(10);

/// A hint about a change in a MISP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeHint {
    /// Anything.
    Everything,
    /// Attributes of these MISP attribute types.
    AttributeTypes(BTreeSet<String>),
    /// Values of these indicator types, in feeds of exactly these types.
    IndicatorTypes(TypeSet),
}

impl ChangeHint {
    /// Returns a hint about both changes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::AttributeTypes(mut types), Self::AttributeTypes(more)) => {
                types.extend(more);
                Self::AttributeTypes(types)
            }
            (Self::IndicatorTypes(types), Self::IndicatorTypes(more)) => Self::IndicatorTypes(types.union(more)),
            _ => Self::Everything,
        }
    }

    /// Returns whether the change concerns a feed of this kind: also by a false positive, which counts for all types of
    /// one family.
    pub(crate) fn concerns(&self, kind: IndicatorType, upstream: &Upstream) -> bool {
        let touched = match self {
            Self::Everything => return true,
            Self::IndicatorTypes(types) => return types.contains(kind),
            Self::AttributeTypes(touched) => touched,
        };
        let family = IndicatorType::ALL
            .iter()
            .filter(|other| other.family() == kind.family());
        let mut asked = family.flat_map(|other| upstream.mappings.attribute_types(*other));
        asked.any(|asked| touched.iter().any(|touched| misp_client::brings_type(asked, touched)))
    }
}

/// Recent requests (for feeds, or indexes for look-ups), each with its upstream.
#[derive(Debug)]
pub(crate) struct RecentRequests<K> {
    feeds: Mutex<HashedKeyMap<K, (Upstream, Moment)>>,
    most: usize,
}

impl<K: Clone + Eq + Hash> RecentRequests<K> {
    /// Returns an empty memory for at most this many feeds. Above it, those that were asked for the longest time ago
    /// are forgotten, and refreshed by their age only.
    pub(crate) fn up_to(most: usize) -> Self {
        Self {
            feeds: Mutex::default(),
            most,
        }
    }

    /// Records a request.
    pub(crate) fn note(&self, key: &K, upstream: &Upstream, now: Moment) {
        let mut feeds = self.lock();
        match feeds.get_mut(key) {
            // The site's rules that change no value, such as its time-out, are taken over too.
            Some((known, at)) => {
                if now.since(*at) >= OFTEN || !Arc::ptr_eq(&known.site, &upstream.site) {
                    (*known, *at) = (upstream.clone(), now);
                }
            }
            None => {
                if feeds.len() >= self.most {
                    let owner = |(upstream, _): &(Upstream, Moment)| upstream.caller();
                    used_longest_ago::remove(&mut *feeds, owner, |(_, at)| *at);
                }
                feeds.insert(key.clone(), (upstream.clone(), now));
            }
        }
    }

    /// Returns the recent requests at a site for which `concerned` returns true.
    pub(crate) fn touched(
        &self,
        site: &SiteName,
        now: Moment,
        concerned: impl Fn(&K, &Upstream) -> bool,
    ) -> Vec<(K, Upstream)> {
        let mut feeds = self.lock();
        feeds.retain(|_, (_, at)| now.since(*at) < LATELY);
        feeds
            .iter()
            .filter(|(key, (upstream, _))| upstream.site.name == *site && concerned(key, upstream))
            .map(|(key, (upstream, _))| (key.clone(), upstream.clone()))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashedKeyMap<K, (Upstream, Moment)>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use cache::Clock as _;

    use super::*;

    #[test]
    fn a_new_feed_takes_the_place_of_the_one_that_was_asked_for_the_longest_time_ago() {
        let upstream = Upstream::named("list").unwrap();
        let (clock, requests) = (cache::ManualClock::new(), RecentRequests::up_to(8));
        for number in [0, 1, 2, 3, 4, 5, 6, 7, 0, 8] {
            clock.advance(OFTEN);
            requests.note(&number, &upstream, clock.now());
        }
        let touched = requests.touched(&upstream.site.name, clock.now(), |_, _| true);
        let mut numbers: Vec<i32> = touched.into_iter().map(|(number, _)| number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 2, 3, 4, 5, 6, 7, 8]);
    }
}
