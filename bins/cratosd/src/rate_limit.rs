//! How often one address, or one token, may do something that costs.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers that are remembered; beyond that those that could do everything again are forgotten, then all.
const MAX_CALLERS: usize = 10_000;

/// A bucket per caller: so many in a row, then one in each pause.
#[derive(Debug)]
pub(crate) struct RateLimit<K = IpAddr> {
    pause: Duration,
    /// How far ahead of the clock a caller may run.
    slack: Duration,
    /// When the bucket of a caller will be full again.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// Allows each caller `burst` in a row, and one more after each `pause`.
    pub(crate) fn new(burst: u32, pause: Duration) -> Self {
        Self {
            pause,
            slack: pause * burst.saturating_sub(1),
            full_at: Mutex::default(),
        }
    }

    /// Takes so many from the bucket of this caller at that moment, or none.
    ///
    /// # Errors
    /// How long to wait, when there are not so many in it.
    pub(crate) fn take_many(&self, caller: K, count: u32, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CALLERS {
            buckets.retain(|_, full_at| *full_at > now);
            if buckets.len() >= MAX_CALLERS {
                buckets.clear();
            }
        }
        let full_at = buckets.entry(caller).or_insert(now);
        let ahead = full_at.saturating_duration_since(now) + self.pause * count.saturating_sub(1);
        if ahead > self.slack {
            return Err(ahead - self.slack);
        }
        *full_at = now + ahead + self.pause;
        Ok(())
    }
}

impl RateLimit {
    /// Takes one from the bucket of this address at that moment.
    ///
    /// # Errors
    /// How long to wait, when the bucket is empty.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.take_many(household(address), 1, now)
    }
}

/// One IPv6 network of a customer holds more addresses than anybody could remember.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_one_in_each_pause() {
        let limit = RateLimit::new(3, Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| limit.take(address("192.0.2.1"), start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0)], [Ok(()); 3]);
        assert_eq!(at(4), Err(Duration::from_secs(6)));
        assert_eq!([at(10), at(10)], [Ok(()), Err(Duration::from_secs(10))]);
        assert_eq!([at(1_000), at(1_000), at(1_000)], [Ok(()); 3]);
        assert!(at(1_000).is_err());
    }

    #[test]
    fn addresses_do_not_disturb_each_other_unless_they_share_a_network() {
        let limit = RateLimit::new(1, Duration::from_secs(10));
        let now = Instant::now();
        for free in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
            assert_eq!(limit.take(address(free), now), Ok(()), "{free}");
        }
        assert!(limit.take(address("2001:db8::ffff"), now).is_err());
    }

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let limit = RateLimit::new(10, Duration::from_secs(1));
        let start = Instant::now();
        let at = |seconds, count| limit.take_many("token", count, start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0, 6), at(0, 6), at(0, 4)],
            [Ok(()), Err(Duration::from_secs(2)), Ok(())]
        );
        assert_eq!(
            [at(2, 3), at(2, 2), at(2, 1)],
            [Err(Duration::from_secs(1)), Ok(()), Err(Duration::from_secs(1))]
        );
    }

    #[test]
    fn memory_is_bounded() {
        let limit = RateLimit::new(1, Duration::from_secs(10));
        let now = Instant::now();
        for bits in 0..u32::try_from(MAX_CALLERS).unwrap() + 10 {
            let _ = limit.take(std::net::Ipv4Addr::from_bits(bits).into(), now);
        }
        assert!(limit.full_at.lock().unwrap().len() <= MAX_CALLERS);
    }
}
