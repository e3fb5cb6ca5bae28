//! The feeds of recent requests, and those of them that a change in MISP concerns.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache::Moment;
use feed_classification::{IndicatorType, TypeSet};
use site_config::SiteName;

use crate::Upstream;

/// A feed without a request in this time is not refreshed before the next request.
const LATELY: Duration = Duration::from_secs(3600);

/// Requests closer than this to the last one are not recorded, for example of a device that polls every second.
const OFTEN: Duration = Duration::from_secs(10);

/// Feeds remembered; above this number, new ones are refreshed by their age only.
const MAX_FEEDS: usize = 4096;

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
pub(crate) struct RecentRequests<K>(Mutex<HashMap<K, (Upstream, Moment)>>);

impl<K: Clone + Eq + Hash> RecentRequests<K> {
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
                if feeds.len() >= MAX_FEEDS {
                    feeds.retain(|_, (_, at)| now.since(*at) < LATELY);
                }
                if feeds.len() < MAX_FEEDS {
                    feeds.insert(key.clone(), (upstream.clone(), now));
                }
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, (Upstream, Moment)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for RecentRequests<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
