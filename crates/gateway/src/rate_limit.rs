//! The rate at which one address, or one token, may do something that costs.
//!
//! The crate `governor` implements the same algorithm (GCRA), and was decided against. Its keyed limiter has no bound
//! of its own: an address that is not asked about again stays until `retain_recent` walks all keys, and that walk
//! keeps every bucket that is not full, so a flood from many addresses grows it without end. It also fixes the rate
//! when the limiter is built, while here the rate comes with each request, so that a reload changes it and every caller
//! keeps its bucket. `lru` bounds the memory exactly: beyond 10 000 callers it forgets the one that asked the longest
//! ago, whose bucket is most likely full again, and no other.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// The most callers that a limit remembers. Beyond that it forgets the caller that came the longest ago, and no other.
const MAX_CALLERS: usize = 10_000;

/// A rate: `burst` requests in a row, and then one in each `pause`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) pause: Duration,
}

impl Rate {
    /// Returns the rate of so many requests in a row, and as many in each minute after that.
    pub(crate) fn a_minute(number: u32) -> Self {
        Self {
            burst: number,
            pause: Duration::from_secs(60) / number.max(1),
        }
    }

    /// Takes `count` requests from a bucket that will be full at `full_at`, or no request.
    ///
    /// # Errors
    /// The time to wait, if the bucket does not hold so many.
    pub(crate) fn take(self, full_at: &mut Instant, count: u32, now: Instant) -> Result<(), Duration> {
        let ahead = full_at.saturating_duration_since(now) + self.pause * count.saturating_sub(1);
        let slack = self.slack();
        if ahead > slack {
            return Err(ahead - slack);
        }
        *full_at = now + ahead + self.pause;
        Ok(())
    }

    /// Returns how far ahead of the clock a caller may run.
    fn slack(self) -> Duration {
        self.pause * self.burst.saturating_sub(1)
    }
}

/// A bucket for each caller. The rate comes with each request, so that a reload can change it.
#[derive(Debug)]
pub(crate) struct RateLimit<K: Eq + Hash = IpAddr> {
    /// The moment at which the bucket of a caller will be full again.
    full_at: Mutex<LruCache<K, Instant>>,
    turned_away: AtomicU64,
}

impl<K: Eq + Hash> Default for RateLimit<K> {
    fn default() -> Self {
        Self {
            full_at: Mutex::new(LruCache::unbounded()),
            turned_away: AtomicU64::new(0),
        }
    }
}

impl<K: Eq + Hash> RateLimit<K> {
    /// Takes `count` requests from the bucket of this caller at that moment, or no request.
    ///
    /// # Errors
    /// The time to wait, if the bucket does not hold so many.
    pub(crate) fn take_many(&self, caller: K, count: u32, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CALLERS && !buckets.contains(&caller) {
            buckets.pop_lru();
        }
        let full_at = buckets.get_or_insert_mut(caller, || now);
        rate.take(full_at, count, now).inspect_err(|_| {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Returns the number of refused requests.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

impl RateLimit {
    /// Takes one from the bucket of this address.
    ///
    /// # Errors
    /// The time to wait, if the bucket is empty.
    pub(crate) fn take(&self, address: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.take_many(household(address), 1, rate, now)
    }
}

/// Returns the address that a caller counts as. An IPv6 address counts as its /64, since the network of one customer
/// holds more addresses than a limit remembers.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(burst: u32, seconds: u64) -> Rate {
        let pause = Duration::from_secs(seconds);
        Rate { burst, pause }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_one_in_each_pause() {
        let limit = RateLimit::default();
        let rate = rate(3, 10);
        let start = Instant::now();
        let at = |seconds| limit.take(address("192.0.2.1"), rate, start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0)], [Ok(()); 3]);
        assert_eq!(at(4), Err(Duration::from_secs(6)));
        assert_eq!([at(10), at(10)], [Ok(()), Err(Duration::from_secs(10))]);
        assert_eq!([at(1_000), at(1_000), at(1_000)], [Ok(()); 3]);
        assert!(at(1_000).is_err());
    }

    #[test]
    fn addresses_do_not_disturb_each_other_unless_they_share_a_network() {
        let (limit, rate) = (RateLimit::default(), rate(1, 10));
        let now = Instant::now();
        for free in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
            assert_eq!(limit.take(address(free), rate, now), Ok(()), "{free}");
        }
        assert!(limit.take(address("2001:db8::ffff"), rate, now).is_err());
    }

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let (limit, rate) = (RateLimit::default(), rate(10, 1));
        let start = Instant::now();
        let at = |seconds, count| limit.take_many("token", count, rate, start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0, 6), at(0, 6), at(0, 4)],
            [Ok(()), Err(Duration::from_secs(2)), Ok(())]
        );
        assert_eq!(
            [at(2, 3), at(2, 2), at(2, 1)],
            [Err(Duration::from_secs(1)), Ok(()), Err(Duration::from_secs(1))]
        );
    }

    /// A flood from many addresses must not give a fresh bucket to an address that asks all the time.
    #[test]
    fn a_flood_of_others_does_not_fill_an_empty_bucket() {
        let (limit, rate, now) = (RateLimit::default(), rate(1, 10), Instant::now());
        assert!(limit.take(address("192.0.2.1"), rate, now).is_ok());
        for bits in 0..u32::try_from(3 * MAX_CALLERS).unwrap() {
            let _ = limit.take(std::net::Ipv4Addr::from_bits(bits).into(), rate, now);
            if bits % 1_000 == 0 {
                assert!(limit.take(address("192.0.2.1"), rate, now).is_err());
            }
        }
    }

    #[test]
    fn so_many_a_minute_is_a_burst_and_a_pause() {
        let rate = Rate::a_minute(10);
        assert_eq!((rate.burst, rate.pause), (10, Duration::from_secs(6)));
    }

    #[test]
    fn memory_is_bounded() {
        let (limit, rate) = (RateLimit::default(), rate(1, 10));
        let now = Instant::now();
        for bits in 0..u32::try_from(MAX_CALLERS).unwrap() + 10 {
            let _ = limit.take(std::net::Ipv4Addr::from_bits(bits).into(), rate, now);
        }
        assert!(limit.full_at.lock().unwrap().len() <= MAX_CALLERS);
    }
}
