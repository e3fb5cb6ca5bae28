//! Questions to a MISP that does not answer fail at once, until a light question to it is answered.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a [`Breaker`] opens, and when it lets a light question try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerPolicy {
    /// Failures in a row after which it opens.
    pub failures: u32,
    /// Time from there to the first try.
    pub first_pause: Duration,
    /// Longest time between two tries; each pause is twice as long as the one before.
    pub longest_pause: Duration,
}

impl BreakerPolicy {
    /// For connection faults and time-outs of one address: after 5 in a row, with tries after 5 s and at most 30 s.
    pub const ADDRESS: Self = Self {
        failures: 5,
        first_pause: Duration::from_secs(5),
        longest_pause: Duration::from_secs(30),
    };
    /// For a key that MISP refuses: after 3 times in a row, with tries after 10 s and at most 120 s.
    pub const KEY: Self = Self {
        failures: 3,
        first_pause: Duration::from_secs(10),
        longest_pause: Duration::from_secs(120),
    };
}

/// What happened at a [`Breaker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerEvent {
    /// It opened after so many failures in a row.
    Opened {
        /// Failures in a row.
        failures: u32,
    },
    /// A question failed at once, because the breaker is open.
    Refused,
    /// An answer came: questions are sent again.
    Closed,
}

/// Counts failures in a row. After too many it is open: questions fail at once, and from time to time one of them first
/// sends a light question (`/servers/getVersion`, for at most 10 s). An answer closes the breaker. Clones are one
/// breaker.
///
/// Give the same breaker to all clients of one address with
/// [`ClientBuilder::address_breaker`](crate::ClientBuilder::address_breaker), and another one to all clients of one key
/// with [`ClientBuilder::key_breaker`](crate::ClientBuilder::key_breaker).
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;
type Listener = Arc<dyn Fn(BreakerEvent) + Send + Sync>;

struct Inner {
    policy: BreakerPolicy,
    clock: Clock,
    listener: Listener,
    /// Whether the last failure was a time-out.
    has_timed_out: AtomicBool,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        try_at: Instant,
        next_pause: Duration,
    },
    /// A light question is under way.
    Trying {
        next_pause: Duration,
    },
}

/// Whether a question may be sent.
pub(crate) enum Admission {
    Sent,
    /// Not before this time has passed.
    Refused(Duration),
    /// After a light question has been answered.
    AfterTry(Try),
}

/// A light question under way. Dropped without an outcome, the next question makes the try.
pub(crate) struct Try(Option<Breaker>);

impl Breaker {
    /// Returns a closed breaker.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self::with_clock(policy, || tokio::time::Instant::now().into_std(), |_| ())
    }

    /// Returns a closed breaker that tells `listener` what happens, for logs and metrics. `listener` must not block.
    pub fn with_listener(policy: BreakerPolicy, listener: impl Fn(BreakerEvent) + Send + Sync + 'static) -> Self {
        Self::with_clock(policy, || tokio::time::Instant::now().into_std(), listener)
    }

    /// As [`with_listener`](Self::with_listener), with the time from `clock`.
    pub fn with_clock(
        policy: BreakerPolicy,
        clock: impl Fn() -> Instant + Send + Sync + 'static,
        listener: impl Fn(BreakerEvent) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            policy,
            clock: Arc::new(clock),
            listener: Arc::new(listener),
            has_timed_out: AtomicBool::new(false),
            state: Mutex::new(State::Closed { failures: 0 }),
        }))
    }

    /// Returns whether questions fail at once.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(*self.lock(), State::Closed { .. })
    }

    /// Returns whether the last failure was a time-out.
    pub(crate) fn has_timed_out(&self) -> bool {
        self.0.has_timed_out.load(Ordering::Relaxed)
    }

    pub(crate) fn admit(&self) -> Admission {
        let now = (self.0.clock)();
        let mut state = self.lock();
        let wait = match *state {
            State::Closed { .. } => return Admission::Sent,
            State::Open { try_at, next_pause } if try_at <= now => {
                *state = State::Trying { next_pause };
                return Admission::AfterTry(Try(Some(self.clone())));
            }
            State::Open { try_at, .. } => try_at - now,
            State::Trying { .. } => Duration::from_secs(1),
        };
        drop(state);
        (self.0.listener)(BreakerEvent::Refused);
        Admission::Refused(wait)
    }

    /// Notes an answer.
    pub(crate) fn answered(&self) {
        let was = std::mem::replace(&mut *self.lock(), State::Closed { failures: 0 });
        if !matches!(was, State::Closed { .. }) {
            (self.0.listener)(BreakerEvent::Closed);
        }
    }

    /// Notes a failure. After a time-out a light question tries without a pause: it may be the fault of the question.
    pub(crate) fn failed(&self, is_timeout: bool) {
        self.0.has_timed_out.store(is_timeout, Ordering::Relaxed);
        let BreakerPolicy {
            failures: most,
            first_pause,
            ..
        } = self.0.policy;
        let mut state = self.lock();
        let State::Closed { failures } = &mut *state else {
            return;
        };
        *failures += 1;
        let failures = *failures;
        if failures < most {
            return;
        }
        let now = (self.0.clock)();
        *state = if is_timeout {
            State::Open {
                try_at: now,
                next_pause: first_pause,
            }
        } else {
            State::Open {
                try_at: now + first_pause,
                next_pause: self.doubled(first_pause),
            }
        };
        drop(state);
        (self.0.listener)(BreakerEvent::Opened { failures });
    }

    /// Ends a try that brought no answer, or was given up.
    fn try_ended(&self, failed: bool) {
        let now = (self.0.clock)();
        let mut state = self.lock();
        // An answer to another question may have closed it meanwhile.
        if let State::Trying { next_pause } = *state {
            let (pause, next_pause) = if failed {
                (next_pause, self.doubled(next_pause))
            } else {
                (Duration::ZERO, next_pause)
            };
            *state = State::Open {
                try_at: now + pause,
                next_pause,
            };
        }
    }

    fn doubled(&self, pause: Duration) -> Duration {
        (pause * 2).min(self.0.policy.longest_pause)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try {
    /// Notes that the light question was answered.
    pub(crate) fn answered(mut self) {
        if let Some(breaker) = self.0.take() {
            breaker.answered();
        }
    }

    /// Notes that it was not.
    pub(crate) fn failed(mut self) {
        if let Some(breaker) = self.0.take() {
            breaker.try_ended(true);
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if let Some(breaker) = self.0.take() {
            breaker.try_ended(false);
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("policy", &self.0.policy)
            .field("state", &*self.lock())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A breaker of an address on a clock that a test moves, with what it told.
    struct Bench {
        breaker: Breaker,
        now: Arc<Mutex<Instant>>,
        told: Arc<Mutex<Vec<BreakerEvent>>>,
    }

    impl Bench {
        fn new() -> Self {
            let (now, told) = (Arc::new(Mutex::new(Instant::now())), Arc::<Mutex<Vec<_>>>::default());
            let (clock, events) = (Arc::clone(&now), Arc::clone(&told));
            Self {
                breaker: Breaker::with_clock(
                    BreakerPolicy::ADDRESS,
                    move || *clock.lock().unwrap(),
                    move |event| events.lock().unwrap().push(event),
                ),
                now,
                told,
            }
        }

        fn open(at_once: bool) -> Self {
            let bench = Self::new();
            (0..5).for_each(|_| bench.breaker.failed(at_once));
            bench
        }

        fn pass(&self, seconds: u64) {
            *self.now.lock().unwrap() += Duration::from_secs(seconds);
        }

        /// Returns how many seconds a question would have to wait; nothing for one that is sent.
        fn wait(&self) -> Option<u64> {
            match self.breaker.admit() {
                Admission::Refused(wait) => Some(wait.as_secs()),
                Admission::Sent => None,
                Admission::AfterTry(_) => panic!("a try is due"),
            }
        }

        fn try_it(&self) -> Try {
            match self.breaker.admit() {
                Admission::AfterTry(under_way) => under_way,
                _ => panic!("no try is due"),
            }
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let bench = Bench::new();
        for _ in 0..10 {
            (0..4).for_each(|_| bench.breaker.failed(false));
            bench.breaker.answered();
        }
        assert!(bench.told.lock().unwrap().is_empty());
        (0..5).for_each(|_| bench.breaker.failed(false));
        assert_eq!(bench.wait(), Some(5));
        bench.breaker.failed(false);
        let told = [BreakerEvent::Opened { failures: 5 }, BreakerEvent::Refused];
        assert_eq!(*bench.told.lock().unwrap(), told);
    }

    #[test]
    fn pauses_between_tries_grow_to_half_a_minute_and_one_question_tries() {
        let bench = Bench::open(false);
        for pause in [5, 10, 20, 30, 30] {
            assert_eq!(bench.wait(), Some(pause));
            bench.pass(pause);
            let under_way = bench.try_it();
            assert_eq!(bench.wait(), Some(1), "the others do not wait for it");
            under_way.failed();
        }
        bench.pass(30);
        bench.try_it().answered();
        assert_eq!(bench.wait(), None);
        assert_eq!(bench.told.lock().unwrap().last(), Some(&BreakerEvent::Closed));
        (0..5).for_each(|_| bench.breaker.failed(false));
        assert_eq!(bench.wait(), Some(5), "it begins anew");
    }

    /// Five heavy questions of one caller must not make light ones of others fail.
    #[test]
    fn after_time_outs_a_light_question_tries_at_once() {
        let bench = Bench::open(true);
        bench.try_it().answered();
        assert_eq!(bench.wait(), None);
        let bench = Bench::open(true);
        bench.try_it().failed();
        assert_eq!(bench.wait(), Some(5));
    }

    #[test]
    fn a_try_that_is_given_up_is_made_by_the_next_question() {
        let bench = Bench::open(false);
        bench.pass(5);
        drop(bench.try_it());
        bench.try_it().failed();
        assert_eq!(bench.wait(), Some(10));
    }

    #[test]
    fn an_answer_to_an_earlier_question_closes_it() {
        let bench = Bench::open(false);
        bench.pass(5);
        let under_way = bench.try_it();
        bench.breaker.answered();
        under_way.failed();
        assert_eq!(bench.wait(), None);
    }
}
