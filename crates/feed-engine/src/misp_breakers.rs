//! Questions to an address that does not answer, and with a key that MISP refuses, fail at once for a while.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use cache::{Clock, MemoryStore, Weigh};
use misp_client::{Breaker, BreakerEvent, BreakerPolicy};

use crate::Upstream;
use crate::upstream::{MispAddress, UpstreamId};

/// Breakers are kept up to this much memory, some ten thousand: tokens can name many ports and keys.
const BREAKERS_BYTES: u64 = 4 * 1024 * 1024;

/// The estimated memory of one breaker.
const BREAKER_BYTES: usize = 256;

/// The suspended addresses and keys of one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suspensions {
    /// Addresses of MISP that do not answer, so that questions to them fail at once.
    pub addresses: u64,
    /// MISP keys that are refused, so that questions with them fail at once.
    pub keys: u64,
    /// Questions that failed at once since the source was made.
    pub questions: u64,
}

/// The breakers of all addresses and keys.
pub(crate) struct MispBreakers {
    addresses: MemoryStore<MispAddress, KeptBreaker>,
    keys: MemoryStore<UpstreamId, KeptBreaker>,
    /// Questions that failed at once, by site; at most one entry for each site file that was ever loaded.
    refused: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct KeptBreaker(Breaker);

impl Weigh for KeptBreaker {
    fn weight_bytes(&self) -> usize {
        BREAKER_BYTES
    }
}

impl MispBreakers {
    /// Returns no breakers yet; they wait by this clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            addresses: MemoryStore::new(BREAKERS_BYTES / 2),
            keys: MemoryStore::new(BREAKERS_BYTES / 2),
            refused: Mutex::default(),
        }
    }

    /// Returns the breaker of the address of this upstream, the same for all keys.
    pub(crate) fn of_address(&self, upstream: &Upstream) -> Breaker {
        let address = upstream.id().address();
        if let Some(KeptBreaker(known)) = self.addresses.get(&address) {
            return known;
        }
        let refused = self.refused(upstream.name());
        let place = upstream.address();
        let breaker = Breaker::with_clock(BreakerPolicy::ADDRESS, self.instants(), move |event| match event {
            BreakerEvent::Opened { failures } => tracing::warn!(
                address = place,
                failures,
                "MISP does not answer: further questions fail at once, until it answers a light one"
            ),
            BreakerEvent::Closed => tracing::info!(address = place, "MISP answers again"),
            BreakerEvent::Refused => _ = refused.fetch_add(1, Ordering::Relaxed),
            _ => {}
        });
        self.addresses.insert(address, KeptBreaker(breaker.clone()));
        breaker
    }

    /// Returns the breaker of the address and key of this upstream.
    pub(crate) fn of_key(&self, upstream: &Upstream) -> Breaker {
        let id = upstream.id();
        if let Some(KeptBreaker(known)) = self.keys.get(&id) {
            return known;
        }
        let refused = self.refused(upstream.name());
        let (place, key) = (upstream.address(), upstream.key_name());
        let breaker = Breaker::with_clock(BreakerPolicy::KEY, self.instants(), move |event| match event {
            BreakerEvent::Opened { failures } => tracing::warn!(
                address = place,
                key,
                failures,
                "MISP refuses a key: further questions with it fail at once, until MISP takes it"
            ),
            BreakerEvent::Closed => tracing::info!(address = place, key, "MISP takes the key again"),
            BreakerEvent::Refused => _ = refused.fetch_add(1, Ordering::Relaxed),
            _ => {}
        });
        self.keys.insert(id, KeptBreaker(breaker.clone()));
        breaker
    }

    /// Returns the suspended addresses and keys, by the name of the site.
    pub(crate) fn suspensions(&self) -> BTreeMap<String, Suspensions> {
        let mut sites: BTreeMap<String, Suspensions> = BTreeMap::new();
        for (site, questions) in &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            sites.entry(site.clone()).or_default().questions = questions.load(Ordering::Relaxed);
        }
        for (address, KeptBreaker(breaker)) in self.addresses.entries() {
            let site = sites.entry(address.site().to_owned()).or_default();
            site.addresses += u64::from(breaker.is_open());
        }
        for (upstream, KeptBreaker(breaker)) in self.keys.entries() {
            let site = sites.entry(upstream.site.clone()).or_default();
            site.keys += u64::from(breaker.is_open());
        }
        sites
    }

    /// Returns the clock as breakers take it.
    fn instants(&self) -> impl Fn() -> Instant + Send + Sync + 'static {
        let (clock, began, first) = (Arc::clone(&self.clock), self.clock.now(), Instant::now());
        move || first + clock.now().since(began)
    }

    fn refused(&self, site: &str) -> Arc<AtomicU64> {
        let mut sites = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sites.entry(site.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use cache::MonotonicClock;
    use misp_client::Protocol;
    use site_config::Site;

    use super::*;

    #[test]
    fn the_breakers_of_thousands_of_keys_are_known() {
        let site = Arc::new(Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap());
        let upstream = |number: usize| {
            let key = format!("{number:040}").into();
            Upstream::new(Arc::clone(&site), Arc::default(), Protocol::Https, 443, key)
        };
        let breakers = MispBreakers::new(Arc::new(MonotonicClock));
        for number in 0..3_000 {
            breakers.of_key(&upstream(number));
        }
        let known = (0..3_000).filter(|number| breakers.keys.get(&upstream(*number).id()).is_some());
        assert_eq!(known.count(), 3_000);
    }
}
