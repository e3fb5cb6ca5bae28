//! How many pieces of work of one kind are done at the same time, of all upstreams and of one.
//!
//! For example, each feed, output and encoding that is not in memory costs processor time, and a token may ask for all
//! of them at once. So the others wait for a place. One upstream gets half of the places, and with a single place the
//! upstreams take turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::FeedError;
use crate::upstream::UpstreamId;

/// The places for one kind of work.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    share: usize,
    shares: Mutex<HashMap<UpstreamId, Weak<Semaphore>>>,
}

/// The right to do one piece of work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
}

impl Places {
    /// Returns so many free places, at least one.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(places.max(1))),
            share: places.div_ceil(2).max(1),
            shares: Mutex::default(),
        }
    }

    /// Waits for a place, in the order of arrival.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when none was free within `patience`.
    pub(crate) async fn take(&self, upstream: &UpstreamId, patience: Duration) -> Result<Place, FeedError> {
        let share = self.share_of(upstream);
        let place = async {
            // The share first: an upstream stands in the line for all places with no more than its share.
            let of_share = acquire(&share).await?;
            let of_all = acquire(&self.all).await?;
            Ok(Place {
                _of_all: of_all,
                _of_share: of_share,
            })
        };
        let place = tokio::time::timeout(patience, place).await;
        place.unwrap_or(Err(FeedError::Busy {
            seconds: patience.as_secs(),
        }))
    }

    fn share_of(&self, upstream: &UpstreamId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(upstream).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(upstream.clone(), Arc::downgrade(&share));
        share
    }
}

async fn acquire(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, FeedError> {
    let place = Arc::clone(places).acquire_owned().await;
    place.map_err(|error| FeedError::internal("waiting for a place to work", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Upstream;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn upstream(name: &str) -> UpstreamId {
        Upstream::named(name).unwrap().id()
    }

    #[tokio::test(start_paused = true)]
    async fn one_upstream_leaves_half_of_the_places_to_others() {
        let places = Places::new(4);
        let (greedy, other) = (upstream("greedy"), upstream("other"));
        let held = [
            places.take(&greedy, PATIENCE).await.unwrap(),
            places.take(&greedy, PATIENCE).await.unwrap(),
        ];
        let third = places.take(&greedy, PATIENCE).await;
        assert!(matches!(third, Err(FeedError::Busy { seconds: 5 })), "{third:?}");
        let _others = [
            places.take(&other, PATIENCE).await.unwrap(),
            places.take(&other, PATIENCE).await.unwrap(),
        ];
        drop(held);
        assert!(places.take(&greedy, PATIENCE).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn upstreams_take_turns_at_a_single_place() {
        let places = Places::new(1);
        let (greedy, other) = (upstream("greedy"), upstream("other"));
        let order = Mutex::new(Vec::new());
        let held = places.take(&greedy, PATIENCE).await.unwrap();
        let wait = |upstream, name| {
            let (places, order) = (&places, &order);
            async move {
                let _place = places.take(upstream, PATIENCE).await.unwrap();
                order.lock().unwrap().push(name);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(
            wait(&greedy, "greedy"),
            wait(&greedy, "greedy"),
            wait(&other, "other"),
            async { drop(held) },
        );
        assert_eq!(order.into_inner().unwrap(), ["other", "greedy", "greedy"]);
    }

    #[tokio::test]
    async fn upstreams_that_hold_no_place_are_forgotten() {
        let places = Places::new(2);
        for name in ["a", "b", "c"] {
            places.take(&upstream(name), PATIENCE).await.unwrap();
        }
        assert_eq!(places.shares.lock().unwrap().len(), 1);
    }
}
