//! The order in which bodies that are too large to keep are made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::FeedError;
use crate::feed_key::FeedKey;
use crate::places::{Place, Places};

/// Bodies of one feed that are under way at most: each takes a thread and the memory of its exporter. More than one
/// only while callers are slow to take theirs.
const MOST_BEGUN: usize = 8;

/// The same for all feeds.
const MOST_BEGUN_OF_ALL: usize = 32;

/// The turns of all feeds.
#[derive(Debug)]
pub(crate) struct Turns {
    begun: Places,
    queues: Mutex<HashMap<FeedKey, Weak<Queue>>>,
}

/// The callers that wait for one feed, in order of arrival.
#[derive(Debug)]
struct Queue {
    begun: Arc<Semaphore>,
    making: Arc<Semaphore>,
}

/// Stands for one body on its way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    queue: Arc<Queue>,
    making: Option<OwnedSemaphorePermit>,
    _begun: OwnedSemaphorePermit,
    _begun_of_all: Place,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            begun: Places::new(MOST_BEGUN_OF_ALL),
            queues: Mutex::default(),
        }
    }
}

impl Turns {
    /// Waits for a turn at this feed.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when it did not come within `patience`.
    pub(crate) async fn wait(&self, feed: &FeedKey, patience: Duration) -> Result<Turn, FeedError> {
        let queue = self.queue(feed);
        let turn = async {
            let begun = acquire(&queue.begun).await?;
            let begun_of_all = self.begun.take(&feed.upstream, patience).await?;
            let making = acquire(&queue.making).await?;
            Ok(Turn {
                queue: Arc::clone(&queue),
                making: Some(making),
                _begun: begun,
                _begun_of_all: begun_of_all,
            })
        };
        tokio::time::timeout(patience, turn)
            .await
            .unwrap_or(Err(FeedError::Busy {
                seconds: patience.as_secs(),
            }))
    }

    fn queue(&self, feed: &FeedKey) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(feed).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Queue {
            begun: Arc::new(Semaphore::new(MOST_BEGUN)),
            making: Arc::new(Semaphore::new(1)),
        });
        queues.insert(feed.clone(), Arc::downgrade(&queue));
        queue
    }
}

impl Turn {
    /// Lets the next caller go on while this one does not read its pieces.
    pub(crate) fn pause(&mut self) {
        self.making = None;
    }

    /// Waits until it is this one's turn again.
    ///
    /// # Errors
    /// [`FeedError::Internal`], if the queue were closed, which never happens.
    pub(crate) async fn go_on(&mut self) -> Result<(), FeedError> {
        self.making = Some(acquire(&self.queue.making).await?);
        Ok(())
    }
}

async fn acquire(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, FeedError> {
    let place = Arc::clone(places).acquire_owned().await;
    place.map_err(|error| FeedError::internal("waiting for a turn to make a body", error))
}

#[cfg(test)]
mod tests {
    use feed_classification::{Age, FeedName, IndicatorType};

    use super::*;
    use crate::{FeedScope, Filter, Selection, Upstream};

    const PATIENCE: Duration = Duration::from_secs(3);

    fn feed() -> FeedKey {
        let scope = FeedScope {
            selection: Selection::Feed(FeedName::Block),
            kind: IndicatorType::Domain,
            age: Age::Weeks1,
            filter: Filter::NONE,
        };
        FeedKey::of(&Upstream::named("list").unwrap(), scope)
    }

    #[tokio::test(start_paused = true)]
    async fn one_body_of_a_feed_is_made_at_a_time_and_a_paused_one_waits_for_its_turn() {
        let (turns, feed) = (Turns::default(), feed());
        let mut first = turns.wait(&feed, PATIENCE).await.unwrap();
        let busy = turns.wait(&feed, PATIENCE).await;
        assert!(matches!(busy, Err(FeedError::Busy { seconds: 3 })), "{busy:?}");
        first.pause();
        let second = turns.wait(&feed, PATIENCE).await.unwrap();
        let too_early = tokio::time::timeout(PATIENCE, first.go_on()).await;
        assert!(too_early.is_err(), "the second one is being made");
        drop(second);
        first.go_on().await.unwrap();
        let busy = turns.wait(&feed, PATIENCE).await;
        assert!(matches!(busy, Err(FeedError::Busy { .. })), "{busy:?}");
    }
}
