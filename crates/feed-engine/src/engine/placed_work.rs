//! Work on an answer that takes longer than a thread that serves sockets may be kept: differences, and many look-ups.

use super::FeedEngine;
use crate::places::Place;
use crate::{FeedError, Upstream, blocking_work};

impl FeedEngine {
    /// Runs work on an answer on a blocking thread and returns its result. As much is done at the same time as there
    /// are threads for feeds, and half of it for one MISP key; the rest waits for a place.
    ///
    /// The work runs to its end, and keeps its place until then, even if the caller leaves.
    ///
    /// # Errors
    /// [`FeedError::Busy`] when no place became free in the site's time-out, and [`FeedError::Internal`] that names
    /// `step` if the work panicked.
    pub async fn in_a_place<T: Send + 'static>(
        &self,
        upstream: &Upstream,
        step: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FeedError> {
        let place = self.place(upstream).await?;
        blocking_work::run(step, move || {
            let done = work();
            drop(place);
            done
        })
        .await
    }

    /// Waits for a place to work on an answer.
    pub(super) async fn place(&self, upstream: &Upstream) -> Result<Place, FeedError> {
        let places = &self.inner.answering;
        places.take(&upstream.id(), upstream.site.timeout).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;
    use crate::workshop;

    #[tokio::test]
    async fn one_key_works_in_half_of_the_places_and_keeps_them_when_callers_leave() {
        let (engine, begun) = (FeedEngine::default(), Arc::new(AtomicUsize::new(0)));
        let patient = Upstream::named("list").unwrap();
        let hasty = patient.clone().timeout(Duration::from_millis(50));
        let (mut requests, mut held) = (JoinSet::new(), Vec::new());
        for _ in 0..10 {
            let (hold, released) = mpsc::channel::<()>();
            held.push(hold);
            let (engine, upstream, begun) = (engine.clone(), hasty.clone(), Arc::clone(&begun));
            requests.spawn(async move {
                let work = move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    // Until the sender is dropped.
                    released.recv().unwrap_err();
                };
                engine.in_a_place(&upstream, "working", work).await
            });
        }
        let places = workshop::threads().div_ceil(2);
        for _ in places..10 {
            let outcome = requests.join_next().await.unwrap().unwrap();
            assert!(matches!(outcome, Err(FeedError::Busy { .. })), "{outcome:?}");
        }
        assert_eq!(begun.load(Ordering::SeqCst), places);
        requests.shutdown().await;
        let outcome = engine.in_a_place(&hasty, "working", || ()).await;
        assert!(
            matches!(outcome, Err(FeedError::Busy { .. })),
            "the work goes on: {outcome:?}"
        );
        drop(held);
        engine.in_a_place(&patient, "working", || ()).await.unwrap();
    }
}
