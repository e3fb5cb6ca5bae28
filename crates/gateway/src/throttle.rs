//! Callers with many failures get 429 for a while, and for longer each time.
//!
//! Only failures are counted and only failures are refused. A caller with a good token is always answered, also from an
//! address with many failures: many devices share one address behind NAT or a proxy.
//!
//! The crate `governor` is not used here: its keyed limiters have no bound on the keys that they remember, and its
//! pauses do not grow.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use token_crypto::TokenId;

use crate::rate_limit::household;

/// Failures are counted in spans of this length.
const SPAN: Duration = Duration::from_secs(60);

/// The first pause and the longest one; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A caller without a failure for this long begins anew.
const FORGET_AFTER: Duration = Duration::from_secs(30 * 60);

/// The most callers that are remembered, some 100 bytes each. Beyond it the caller whose last failure is the oldest is
/// forgotten: a flood from many addresses does not free an address that fails all the time.
const MAX_CALLERS: usize = 10_000;

/// The keys by which failures are counted. An IPv6 address stands for its /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FailureKey {
    /// An address from which tokens come that do not open.
    Tokens(IpAddr),
    /// A token that opens and is refused: expired, revoked, or used from elsewhere.
    Refused(TokenId),
    /// An address that orders tokens with keys that MISP refuses.
    Keys(IpAddr),
}

impl FailureKey {
    /// Returns the key for tokens from this address that do not open.
    pub(crate) fn tokens(address: IpAddr) -> Self {
        Self::Tokens(household(address))
    }

    /// Returns the key for MISP keys from this address that MISP refuses.
    pub(crate) fn keys(address: IpAddr) -> Self {
        Self::Keys(household(address))
    }
}

/// Counts failures, and reports when there were too many.
#[derive(Debug)]
pub(crate) struct Throttle<K: Hash + Eq = FailureKey> {
    failures: Mutex<LruCache<K, Failures>>,
    turned_away: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    last: Instant,
    span_began: Instant,
    in_span: u32,
    /// The end of the last pause and its length.
    pause: Option<(Instant, Duration)>,
}

impl<K: Hash + Eq> Default for Throttle<K> {
    fn default() -> Self {
        Self {
            failures: Mutex::new(LruCache::unbounded()),
            turned_away: AtomicU64::new(0),
        }
    }
}

impl<K: Hash + Eq> Throttle<K> {
    /// Counts a failure; `per_minute` of them are answered in a minute.
    ///
    /// # Errors
    /// The time to wait, when there were more.
    pub(crate) fn failed(&self, caller: K, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let mut known = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_CALLERS && !known.contains(&caller) {
            known.pop_lru();
        }
        let failures = known.get_or_insert_mut(caller, || Failures::none(now));
        let outcome = failures.one_more(per_minute, now);
        drop(known);
        outcome.inspect_err(|_| self.count())
    }

    /// Checks whether a caller has to wait, whatever it sends.
    ///
    /// # Errors
    /// The time to wait.
    pub(crate) fn check(&self, caller: &K, now: Instant) -> Result<(), Duration> {
        let known = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let left = known.peek(caller).and_then(|failures| failures.left(now));
        drop(known);
        left.map_or(Ok(()), |left| {
            self.count();
            Err(left)
        })
    }

    /// Returns the number of refused requests.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }
}

impl Failures {
    fn none(now: Instant) -> Self {
        Self {
            last: now,
            span_began: now,
            in_span: 0,
            pause: None,
        }
    }

    fn one_more(&mut self, per_minute: u32, now: Instant) -> Result<(), Duration> {
        if now.saturating_duration_since(self.last) >= FORGET_AFTER {
            *self = Self::none(now);
        }
        self.last = now;
        if let Some(left) = self.left(now) {
            return Err(left);
        }
        if now.saturating_duration_since(self.span_began) >= SPAN {
            (self.span_began, self.in_span) = (now, 0);
        }
        self.in_span = self.in_span.saturating_add(1);
        if self.in_span <= per_minute {
            return Ok(());
        }
        let length = self
            .pause
            .map_or(FIRST_PAUSE, |(_, before)| (before * 2).min(LONGEST_PAUSE));
        self.pause = Some((now + length, length));
        self.in_span = 0;
        Err(length)
    }

    /// Returns the rest of a pause.
    fn left(&self, now: Instant) -> Option<Duration> {
        let (ends, _) = self.pause?;
        Some(ends.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets one caller fail at these seconds; shows after how many seconds it may come again, 0 for now.
    fn waits(seconds: &[u64]) -> Vec<u64> {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let at = |second: &u64| throttle.failed("caller", 2, start + Duration::from_secs(*second));
        let wait = |outcome: Result<(), Duration>| outcome.err().map_or(0, |left| left.as_secs());
        seconds.iter().map(|second| wait(at(second))).collect()
    }

    #[test]
    fn so_many_failures_a_minute_are_answered_and_then_there_is_a_pause() {
        assert_eq!(waits(&[0, 10, 60, 70, 120]), [0; 5]);
        assert_eq!(waits(&[0, 1, 2, 3, 61, 62]), [0, 0, 60, 59, 1, 0]);
    }

    #[test]
    fn pauses_grow_and_end_at_a_quarter_of_an_hour() {
        let mut now = 0;
        let mut pauses = Vec::new();
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..7 {
            let pause = (0..3).find_map(|_| throttle.failed("x", 2, start + Duration::from_secs(now)).err());
            pauses.push(pause.unwrap().as_secs());
            now += pauses.last().unwrap();
        }
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn who_has_not_failed_for_half_an_hour_begins_anew() {
        assert_eq!(waits(&[0, 0, 0, 1_799, 1_799, 1_799]), [0, 0, 60, 0, 0, 120]);
        assert_eq!(waits(&[0, 0, 0, 1_800, 1_800, 1_800]), [0, 0, 60, 0, 0, 60]);
    }

    #[test]
    fn callers_are_apart_and_one_ipv6_network_is_one_caller() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let failed = |address: &str| {
            throttle
                .failed(FailureKey::tokens(address.parse().unwrap()), 1, now)
                .is_err()
        };
        let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"];
        assert_eq!(addresses.map(failed), [false; 4]);
        assert!(failed("2001:db8::ffff") && failed("192.0.2.1"));
        assert!(
            throttle
                .failed(FailureKey::keys("192.0.2.1".parse().unwrap()), 1, now)
                .is_ok()
        );
        assert!(
            throttle
                .check(&FailureKey::tokens("192.0.2.1".parse().unwrap()), now)
                .is_err()
        );
        assert!(
            throttle
                .check(&FailureKey::tokens("192.0.2.2".parse().unwrap()), now)
                .is_ok()
        );
        assert_eq!(throttle.turned_away(), 3);
    }

    #[test]
    fn memory_is_bounded_and_who_fails_all_the_time_is_not_forgotten() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let stubborn = usize::MAX;
        assert!((0..3).any(|_| throttle.failed(stubborn, 2, now).is_err()));
        for caller in 0..3 * MAX_CALLERS {
            let _ = throttle.failed(caller, 2, now);
            if caller % 1_000 == 0 {
                assert!(throttle.failed(stubborn, 2, now).is_err());
            }
        }
        assert!(throttle.failures.lock().unwrap().len() <= MAX_CALLERS);
    }
}
