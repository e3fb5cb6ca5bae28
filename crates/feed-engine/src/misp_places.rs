//! The places for questions to every MISP, and those for answers that take much memory.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::Upstream;
use crate::turns::{Line, Shares, Turns};
use crate::upstream::MispAddress;

/// Addresses without a question are thrown out of the list when it is this long: tokens can name many ports.
const MAX_IDLE: usize = 64;

/// Large answers that are read at the same time, from all MISPs. One upstream takes half of the places, and one caller
/// one.
const LARGE_ANSWERS: Shares = Shares {
    all: 4,
    of_key: 2,
    of_caller: 1,
};

/// The places of every MISP.
#[derive(Debug)]
pub(crate) struct MispPlaces {
    shares: Shares,
    by_address: Mutex<HashMap<MispAddress, Weak<Turns>>>,
    large_answers: Arc<Turns>,
}

impl MispPlaces {
    /// Returns so many places at each MISP for the questions with one key, and twice as many for all keys.
    pub(crate) fn new(with_one_key: NonZeroUsize) -> Self {
        Self {
            shares: Shares::of_questions(with_one_key),
            by_address: Mutex::default(),
            large_answers: Turns::new(LARGE_ANSWERS),
        }
    }

    /// Returns the line of this upstream before the places of its MISP.
    pub(crate) fn line(&self, upstream: &Upstream) -> Line {
        self.turns(upstream.id().address()).line(upstream)
    }

    /// Returns the line of this upstream before the places for large answers.
    pub(crate) fn large_answers(&self, upstream: &Upstream) -> Line {
        self.large_answers.line(upstream)
    }

    fn turns(&self, address: MispAddress) -> Arc<Turns> {
        let mut known = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = known.get(&address).and_then(Weak::upgrade) {
            return turns;
        }
        if known.len() >= MAX_IDLE {
            known.retain(|_, turns| turns.strong_count() > 0);
        }
        let turns = Turns::new(self.shares);
        known.insert(address, Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use misp_client::Protocol;

    use super::*;
    use crate::{Errand, Urgency};

    fn upstream(port: u16) -> Upstream {
        let list = Upstream::named("misp.example.net").unwrap();
        let key = "k".repeat(40).into();
        Upstream::new(list.site.clone(), list.mappings.clone(), Protocol::Https, port, key)
    }

    #[tokio::test(start_paused = true)]
    async fn each_port_has_places_of_its_own_and_only_those_in_use_are_remembered() {
        let places = MispPlaces::new(NonZeroUsize::MIN);
        let errand = Errand::new(Urgency::Awaited);
        let held = places.line(&upstream(8443)).take(&errand).await.unwrap();
        assert!(places.line(&upstream(8443)).take(&errand).await.is_err());
        for port in 1..=1_000 {
            assert!(places.line(&upstream(port)).take(&errand).await.is_ok(), "{port}");
        }
        let known = places.by_address.lock().unwrap().len();
        assert!(known <= MAX_IDLE + 1, "{known}");
        drop(held);
        assert!(places.line(&upstream(8443)).take(&errand).await.is_ok());
    }
}
