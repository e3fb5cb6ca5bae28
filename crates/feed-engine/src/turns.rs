//! Places for questions, their shares, and the order of waiting questions.
//!
//! The most urgent question goes first. Of equally urgent ones it is the one whose caller holds the fewest places, then
//! the one whose key does, then the one that came first. No key gets all places, and no caller all places of its key:
//! questions that hang hold up questions of the same caller and key, and no others. The last free place is kept for
//! waiting callers, so that a round of refreshes never takes all places.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::caller_id::CallerId;
use crate::errand::{Errand, Standing, Urgency};
use crate::upstream::UpstreamId;
use crate::{FeedError, Upstream};

/// How many questions are asked at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// With all keys.
    pub(crate) all: usize,
    /// With one key.
    pub(crate) of_key: usize,
    /// For one caller.
    pub(crate) of_caller: usize,
}

impl Shares {
    /// Returns the shares of one MISP: so many questions with one key, twice as many with all keys, and three quarters
    /// as many for one caller.
    pub(crate) fn of_questions(with_one_key: NonZeroUsize) -> Self {
        let of_key = with_one_key.get();
        Self {
            all: of_key * 2,
            of_key,
            of_caller: (of_key * 3 / 4).max(1),
        }
    }

    /// Returns places that anyone may take all of.
    pub(crate) fn undivided(places: usize) -> Self {
        let places = places.max(1);
        Self {
            all: places,
            of_key: places,
            of_caller: places,
        }
    }
}

/// The places, and the questions that wait for one.
#[derive(Debug)]
pub(crate) struct Turns {
    shares: Shares,
    queue: Mutex<Queue>,
}

/// The side of one upstream: its questions wait here for a place.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    turns: Arc<Turns>,
    upstream: UpstreamId,
    /// How long a question waits for a place after a caller began to wait for its answer.
    patience: Duration,
}

/// The right to ask one question after the other, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    /// Nothing where the receiver has left before the turn came.
    place: Option<(Arc<Turns>, Seat)>,
    /// Another place that the same question needs.
    also: Option<Box<Turn>>,
}

/// The shares that a question takes its place from.
#[derive(Clone, Debug)]
struct Seat {
    key: UpstreamId,
    caller: Option<CallerId>,
}

#[derive(Debug)]
struct Waiting {
    seat: Seat,
    give: oneshot::Sender<Turn>,
}

#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    with_key: HashMap<UpstreamId, usize>,
    by_caller: HashMap<CallerId, usize>,
    waiting: BTreeMap<(Urgency, u64), Waiting>,
    numbers: u64,
}

impl Turns {
    /// Returns free places.
    pub(crate) fn new(shares: Shares) -> Arc<Self> {
        Arc::new(Self {
            shares,
            queue: Mutex::default(),
        })
    }

    /// Returns the line of this upstream.
    pub(crate) fn line(self: &Arc<Self>, upstream: &Upstream) -> Line {
        Line {
            turns: Arc::clone(self),
            upstream: upstream.id(),
            // The other half is for the answer.
            patience: upstream.site.timeout / 2,
        }
    }

    /// Gives free places to the next waiting questions.
    fn give_out(self: &Arc<Self>) {
        loop {
            let next = self.lock().next(self.shares);
            let Some(Waiting { seat, give }) = next else { return };
            let turn = Turn {
                place: Some((Arc::clone(self), seat)),
                also: None,
            };
            if let Err(mut unwanted) = give.send(turn)
                && let Some((_, seat)) = unwanted.place.take()
            {
                // The receiver has left since: the place is free as before.
                self.lock().release(&seat);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Waits for a place. A question that becomes more urgent meanwhile moves forward.
    ///
    /// # Errors
    /// [`FeedError::NoPlace`] when a caller waits for the answer and no place becomes free in half of the site's
    /// time-out. Questions that no caller waits for wait as long as it takes.
    pub(crate) async fn take(&self, errand: &Errand) -> Result<Turn, FeedError> {
        tokio::select! {
            biased;
            turn = self.turn(errand) => Ok(turn),
            () = self.out_of_patience(errand) => Err(FeedError::NoPlace { seconds: self.patience.as_secs() }),
        }
    }

    /// Waits for a place, however long it takes.
    pub(crate) async fn turn(&self, errand: &Errand) -> Turn {
        let number = self.turns.lock().number();
        loop {
            let standing = errand.standing();
            let place = self.line_up(standing, number);
            tokio::select! {
                biased;
                turn = place => {
                    if let Ok(turn) = turn {
                        return turn;
                    }
                }
                // A place that was given at this very moment is given on.
                () = errand.changed_from(standing) => {}
            }
        }
    }

    async fn out_of_patience(&self, errand: &Errand) {
        errand.raised_above(Urgency::Followed).await;
        tokio::time::sleep(self.patience).await;
    }

    fn line_up(&self, standing: Standing, number: u64) -> oneshot::Receiver<Turn> {
        let (give, place) = oneshot::channel();
        let seat = Seat {
            key: self.upstream.clone(),
            caller: standing.caller(),
        };
        let mut queue = self.turns.lock();
        queue.waiting.retain(|_, waiting| !waiting.give.is_closed());
        queue.waiting.insert((standing.urgency, number), Waiting { seat, give });
        drop(queue);
        self.turns.give_out();
        place
    }
}

impl Turn {
    /// Returns both turns as one.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.also = Some(Box::new(other));
        self
    }
}

impl Queue {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Takes a place for the next question that may have one.
    fn next(&mut self, shares: Shares) -> Option<Waiting> {
        let fit = self
            .waiting
            .iter()
            .filter(|((urgency, _), waiting)| self.has_room(*urgency, &waiting.seat, shares));
        let order = |((urgency, number), waiting): &(&(Urgency, u64), &Waiting)| {
            let Seat { key, caller } = &waiting.seat;
            (*urgency, self.held_by(*caller), self.held_with(key), *number)
        };
        let (place, _) = fit.min_by_key(order)?;
        let place = *place;
        let next = self.waiting.remove(&place)?;
        self.taken += 1;
        *self.with_key.entry(next.seat.key.clone()).or_default() += 1;
        if let Some(caller) = next.seat.caller {
            *self.by_caller.entry(caller).or_default() += 1;
        }
        Some(next)
    }

    fn has_room(&self, urgency: Urgency, seat: &Seat, shares: Shares) -> bool {
        let kept = |places: usize| usize::from(urgency != Urgency::Awaited && places > 1);
        self.taken + kept(shares.all) < shares.all
            && self.held_with(&seat.key) + kept(shares.of_key) < shares.of_key
            && self.held_by(seat.caller) < shares.of_caller
    }

    fn held_with(&self, key: &UpstreamId) -> usize {
        self.with_key.get(key).copied().unwrap_or_default()
    }

    fn held_by(&self, caller: Option<CallerId>) -> usize {
        let held = caller.and_then(|caller| self.by_caller.get(&caller));
        held.copied().unwrap_or_default()
    }

    fn release(&mut self, seat: &Seat) {
        self.taken -= 1;
        one_less(&mut self.with_key, &seat.key);
        if let Some(caller) = &seat.caller {
            one_less(&mut self.by_caller, caller);
        }
    }
}

/// Those that hold no place are not remembered.
fn one_less<K: Eq + std::hash::Hash>(held: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = held.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            held.remove(of);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.also.take());
        if let Some((turns, seat)) = self.place.take() {
            turns.lock().release(&seat);
            turns.give_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Places for so many questions with one key.
    fn turns(with_one_key: usize) -> Arc<Turns> {
        Turns::new(Shares::of_questions(NonZeroUsize::new(with_one_key).unwrap()))
    }

    /// The line of an upstream whose site has a time-out of 100 seconds.
    fn line(turns: &Arc<Turns>, upstream: &str) -> Line {
        let upstream = Upstream::named(upstream).unwrap();
        turns.line(&upstream.timeout(Duration::from_secs(100)))
    }

    fn awaited(caller: u64) -> Errand {
        Errand::default().asked_by(Some(CallerId::new(caller)))
    }

    async fn is_free(line: &Line, errand: &Errand) -> Option<Turn> {
        timeout(Duration::from_secs(1), line.turn(errand)).await.ok()
    }

    /// Takes every place that this errand may have.
    async fn all_for(line: &Line, errand: &Errand) -> Vec<Turn> {
        let mut held = Vec::new();
        while let Some(turn) = is_free(line, errand).await {
            held.push(turn);
        }
        held
    }

    /// Stands in line, and writes its name down when it has had its turn.
    fn waits(
        line: &Line,
        errand: &Errand,
        name: &'static str,
        order: &Arc<Mutex<Vec<&'static str>>>,
    ) -> JoinHandle<()> {
        let (line, errand, order) = (line.clone(), errand.clone(), Arc::clone(order));
        tokio::spawn(async move {
            let _turn = line.turn(&errand).await;
            order.lock().unwrap().push(name);
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_never_holds_all_places() {
        let line = line(&turns(4), "a");
        let held = all_for(&line, &Errand::new(Urgency::Round)).await;
        assert_eq!(held.len(), 3);
        assert!(is_free(&line, &Errand::new(Urgency::Followed)).await.is_none());
        assert!(is_free(&line, &Errand::default()).await.is_some());
        let only = self::line(&turns(1), "a");
        assert!(is_free(&only, &Errand::new(Urgency::Round)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn no_caller_holds_all_places_of_its_key_and_no_key_those_of_the_address() {
        for (questions, for_one, for_key) in [(1, 1, 1), (2, 1, 2), (3, 2, 3), (4, 3, 4), (64, 48, 64)] {
            let turns = turns(questions);
            let (a, b) = (line(&turns, "a"), line(&turns, "b"));
            let first = all_for(&a, &awaited(1)).await;
            let second = all_for(&a, &awaited(2)).await;
            assert_eq!((first.len(), first.len() + second.len()), (for_one, for_key));
            assert!(is_free(&a, &Errand::default()).await.is_none());
            let others = all_for(&b, &Errand::default()).await;
            assert_eq!(others.len(), for_key, "another key has as many again");
        }
    }

    /// An errand that several callers wait for is nobody's own.
    #[tokio::test(start_paused = true)]
    async fn a_question_of_several_callers_is_in_the_share_of_none() {
        let line = line(&turns(4), "a");
        let held = all_for(&line, &awaited(1)).await;
        let joined = awaited(1);
        let order = Arc::default();
        let waiting = waits(&line, &joined, "joined", &order);
        tokio::task::yield_now().await;
        assert!(order.lock().unwrap().is_empty());
        let _ = joined.asked_by(Some(CallerId::new(2)));
        waiting.await.unwrap();
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_urgent_goes_first_and_an_errand_that_is_raised_moves_forward() {
        let line = line(&turns(1), "a");
        let order = Arc::new(Mutex::new(Vec::new()));
        let errand = Errand::new;
        let held = line.turn(&errand(Urgency::Awaited)).await;
        let raised = errand(Urgency::Round);
        let tasks = [
            waits(&line, &errand(Urgency::Round), "round", &order),
            waits(&line, &raised, "raised", &order),
            waits(&line, &errand(Urgency::Unhurried), "unhurried", &order),
            waits(&line, &errand(Urgency::Followed), "followed", &order),
            waits(&line, &errand(Urgency::Awaited), "caller", &order),
        ];
        tokio::task::yield_now().await;
        raised.raise(Urgency::Awaited);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        // Both came before the place was free, and the raised one was there first.
        assert_eq!(
            *order.lock().unwrap(),
            ["raised", "caller", "followed", "unhurried", "round"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_with_fewer_places_goes_before_one_with_more_that_came_earlier() {
        let line = line(&turns(4), "a");
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut held = vec![line.turn(&awaited(1)).await, line.turn(&awaited(1)).await];
        held.extend([line.turn(&awaited(3)).await, line.turn(&awaited(4)).await]);
        let mut tasks: Vec<_> = (0..12).map(|_| waits(&line, &awaited(1), "many", &order)).collect();
        tokio::task::yield_now().await;
        tasks.push(waits(&line, &awaited(2), "one", &order));
        tokio::task::yield_now().await;
        held.pop();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(order.lock().unwrap()[0], "one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_waits_half_of_the_time_out_for_a_place_and_a_refresh_as_long_as_it_takes() {
        let line = line(&turns(1), "a");
        let held = line.turn(&Errand::default()).await;
        let began = Instant::now();
        let error = line.take(&awaited(1)).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_secs(50));
        assert!(matches!(error, FeedError::NoPlace { seconds: 50 }), "{error}");
        let raised = Errand::new(Urgency::Unhurried);
        let waiting = tokio::spawn({
            let (line, errand) = (line.clone(), raised.clone());
            async move { line.take(&errand).await }
        });
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        assert!(!waiting.is_finished());
        raised.raise(Urgency::Awaited);
        tokio::time::sleep(Duration::from_secs(51)).await;
        assert!(waiting.is_finished(), "since a caller waits for it");
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_the_line_takes_no_place_away() {
        let turns = turns(1);
        let line = line(&turns, "a");
        let held = line.turn(&awaited(1)).await;
        assert!(is_free(&line, &awaited(1)).await.is_none());
        drop(held);
        for _ in 0..3 {
            assert!(is_free(&line, &awaited(1)).await.is_some());
        }
        let queue = turns.lock();
        assert!(queue.taken == 0 && queue.with_key.is_empty() && queue.by_caller.is_empty());
    }
}
