//! The places for gathering feeds at one site, and the order of waiting feeds.
//!
//! The most urgent errand goes first, and of equally urgent ones the one that came first. The last free place is kept
//! for waiting callers, so that a round of refreshes never takes all places.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::errand::{Errand, Urgency};

/// The places of one site.
#[derive(Debug)]
pub(crate) struct Turns {
    places: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    /// By urgency and by number, the next one first.
    waiting: BTreeMap<(Urgency, u64), oneshot::Sender<Turn>>,
    numbers: u64,
}

/// The right to ask one question after the other, until it is dropped. Empty where the receiver has left before it
/// came.
#[derive(Debug)]
pub(crate) struct Turn(Option<Arc<Turns>>);

impl Turns {
    /// Returns this many free places, at least one.
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: places.max(1),
            queue: Mutex::default(),
        })
    }

    /// Waits for a place. An errand that becomes more urgent meanwhile moves forward.
    pub(crate) async fn take(self: &Arc<Self>, errand: &Errand) -> Turn {
        loop {
            let urgency = errand.urgency();
            let place = self.line_up(urgency);
            tokio::select! {
                biased;
                turn = place => {
                    if let Ok(turn) = turn {
                        return turn;
                    }
                }
                // A place that was given at this very moment is given on.
                () = errand.raised_above(urgency) => {}
            }
        }
    }

    fn line_up(self: &Arc<Self>, urgency: Urgency) -> oneshot::Receiver<Turn> {
        let (give, place) = oneshot::channel();
        let mut queue = self.lock();
        queue.waiting.retain(|_, waiting| !waiting.is_closed());
        queue.numbers += 1;
        let number = queue.numbers;
        queue.waiting.insert((urgency, number), give);
        drop(queue);
        self.give_out();
        place
    }

    /// Gives free places to the next waiting feeds.
    fn give_out(self: &Arc<Self>) {
        loop {
            let next = self.lock().next(self.places);
            let Some(next) = next else { return };
            if let Err(mut unwanted) = next.send(Turn(Some(Arc::clone(self)))) {
                // The receiver has left since: the place is free as before.
                unwanted.0 = None;
                self.lock().taken -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Takes a place for the next one that may have one.
    fn next(&mut self, places: usize) -> Option<oneshot::Sender<Turn>> {
        let first = self.waiting.first_entry()?;
        let (urgency, _) = *first.key();
        let kept = usize::from(urgency != Urgency::Awaited && places > 1);
        if self.taken + kept >= places {
            return None;
        }
        self.taken += 1;
        Some(first.remove())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.lock().taken -= 1;
            turns.give_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;

    async fn is_free(turns: &Arc<Turns>, urgency: Urgency) -> Option<Turn> {
        timeout(Duration::from_secs(1), turns.take(&Errand::new(urgency)))
            .await
            .ok()
    }

    /// Stands in line, and writes its name down when it has had its turn.
    fn waits(
        turns: &Arc<Turns>,
        errand: &Errand,
        name: &'static str,
        order: &Arc<Mutex<Vec<&'static str>>>,
    ) -> JoinHandle<()> {
        let (turns, errand, order) = (Arc::clone(turns), errand.clone(), Arc::clone(order));
        tokio::spawn(async move {
            let _turn = turns.take(&errand).await;
            order.lock().unwrap().push(name);
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_never_holds_all_places() {
        let turns = Turns::new(4);
        let mut held = Vec::new();
        while let Some(turn) = is_free(&turns, Urgency::Round).await {
            held.push(turn);
        }
        assert_eq!(held.len(), 3);
        assert!(is_free(&turns, Urgency::Followed).await.is_none());
        assert!(is_free(&turns, Urgency::Awaited).await.is_some());
        let only = Turns::new(1);
        assert!(is_free(&only, Urgency::Round).await.is_some(), "one place is for all");
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_urgent_goes_first_and_an_errand_that_is_raised_moves_forward() {
        let turns = Turns::new(1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let errand = Errand::new;
        let held = turns.take(&errand(Urgency::Awaited)).await;
        let raised = errand(Urgency::Round);
        let tasks = [
            waits(&turns, &errand(Urgency::Round), "round", &order),
            waits(&turns, &raised, "raised", &order),
            waits(&turns, &errand(Urgency::Unhurried), "unhurried", &order),
            waits(&turns, &errand(Urgency::Followed), "followed", &order),
            waits(&turns, &errand(Urgency::Awaited), "caller", &order),
        ];
        tokio::task::yield_now().await;
        raised.raise(Urgency::Awaited);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            *order.lock().unwrap(),
            ["caller", "raised", "followed", "unhurried", "round"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_the_line_takes_no_place_away() {
        let turns = Turns::new(1);
        let held = turns.take(&Errand::default()).await;
        assert!(is_free(&turns, Urgency::Awaited).await.is_none());
        drop(held);
        for _ in 0..3 {
            assert!(is_free(&turns, Urgency::Awaited).await.is_some());
        }
    }
}
