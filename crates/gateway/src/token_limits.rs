//! How much one token may ask: so many requests a second, and so many at the same time.
//!
//! Only tokens that open and are good are counted, so nobody else can use up a token's requests, and the tables hold
//! tokens of this installation only.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use site_config::TokenLimits;
use token_crypto::TokenId;

use crate::rate_limit::{Rate, RateLimit};
use crate::reject::Reject;

/// When a caller with too many requests at once should come again: one of them has most likely ended then.
const SOON: Duration = Duration::from_secs(1);

/// The requests of each token.
#[derive(Debug, Default)]
pub(crate) struct TokenRequests {
    rate: RateLimit<TokenId>,
    /// Only of tokens that have a request now.
    under_way: Mutex<HashMap<TokenId, u32>>,
    crowded: AtomicU64,
}

/// One request of a token, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    requests: &'a TokenRequests,
    token: TokenId,
}

impl TokenRequests {
    /// Counts a request of a good token.
    ///
    /// # Errors
    /// 429 with the time to wait, if there are too many at once or in a row.
    pub(crate) fn begin(&self, token: TokenId, limits: &TokenLimits, now: Instant) -> Result<UnderWay<'_>, Reject> {
        let under_way = self.one_more(token, limits.at_once)?;
        let rate = Rate {
            burst: limits.burst,
            pause: Duration::from_secs(1) / limits.per_second.max(1),
        };
        // A refused request ends here, and `under_way` with it.
        self.rate
            .take_many(token, 1, rate, now)
            .map_err(|retry_after| Reject::TooManyRequests { retry_after })?;
        Ok(under_way)
    }

    /// Returns the number of requests that were refused because of the rate, and because of others at the same time.
    pub(crate) fn turned_away(&self) -> (u64, u64) {
        (self.rate.turned_away(), self.crowded.load(Ordering::Relaxed))
    }

    fn one_more(&self, token: TokenId, at_once: u32) -> Result<UnderWay<'_>, Reject> {
        let mut under_way = self.lock();
        let count = under_way.entry(token).or_default();
        if *count >= at_once {
            drop(under_way);
            self.crowded.fetch_add(1, Ordering::Relaxed);
            return Err(Reject::TooManyAtOnce { retry_after: SOON });
        }
        *count += 1;
        Ok(UnderWay { requests: self, token })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, u32>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.requests.lock();
        if let Some(count) = under_way.get_mut(&self.token) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                under_way.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits of a core file.
    fn limits(text: &str) -> TokenLimits {
        let core = format!("encryption_key: {}\nsalt: {}\n{text}", "k".repeat(64), "s".repeat(32));
        site_config::Core::from_yaml(&core).unwrap().token_limits
    }

    fn token(number: u8) -> TokenId {
        TokenId::from_bytes([number; 8])
    }

    #[test]
    fn a_burst_passes_then_so_many_a_second_and_other_tokens_have_their_own() {
        let (requests, start) = (TokenRequests::default(), Instant::now());
        let limits = limits("token_limits: { burst: 3, per_second: 2 }\n");
        let at = |milliseconds, number| {
            let outcome = requests.begin(token(number), &limits, start + Duration::from_millis(milliseconds));
            outcome.map(drop).map_err(|reject| reject.retry_after().unwrap())
        };
        assert_eq!([at(0, 1), at(0, 1), at(0, 1)], [Ok(()); 3]);
        assert_eq!(at(100, 1), Err(Duration::from_millis(400)));
        assert_eq!(at(100, 2), Ok(()));
        assert_eq!(
            [at(500, 1), at(999, 1), at(1_000, 1)],
            [Ok(()), Err(Duration::from_millis(1)), Ok(())]
        );
        assert_eq!(requests.turned_away(), (2, 0));
    }

    #[test]
    fn so_many_are_under_way_at_once_and_those_that_have_ended_are_not_remembered() {
        let (requests, now) = (TokenRequests::default(), Instant::now());
        let limits = limits("token_limits: { at_once: 2 }\n");
        let begin = |number| requests.begin(token(number), &limits, now);
        let (first, _second, other) = (begin(1).unwrap(), begin(1).unwrap(), begin(2).unwrap());
        assert!(matches!(begin(1), Err(Reject::TooManyAtOnce { .. })));
        drop(first);
        assert!(begin(1).is_ok());
        drop(other);
        assert_eq!(requests.lock().len(), 1);
        assert_eq!(requests.turned_away(), (0, 1));
    }

    #[test]
    fn a_request_that_is_refused_for_the_rate_is_not_under_way() {
        let (requests, now) = (TokenRequests::default(), Instant::now());
        let limits = limits("token_limits: { burst: 1, per_second: 1, at_once: 1 }\n");
        assert!(requests.begin(token(1), &limits, now).is_ok());
        assert!(matches!(
            requests.begin(token(1), &limits, now),
            Err(Reject::TooManyRequests { .. })
        ));
        assert!(requests.lock().is_empty());
    }
}
