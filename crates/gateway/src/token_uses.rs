//! The uses of each good token: how much it asks, and when it ends.
//!
//! The table holds only good tokens of this installation. So a caller without a token cannot use up its requests.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use lru::LruCache;
use site_config::TokenLimits;
use token_crypto::{ExpiryDay, TokenId};

use crate::notes::NotedToken;
use crate::rate_limit::Rate;
use crate::reject::Reject;
use crate::request_time::RequestTime;

/// The most tokens that are remembered, some 200 bytes each. Beyond that the one that was used the longest ago is
/// forgotten.
const MAX_TOKENS: usize = 10_000;

/// The most tokens that are shown: those that end first.
const MAX_SHOWN: usize = 1_000;

/// A token that ends later than this is not shown.
const AHEAD_SECONDS: i64 = 60 * 86_400;

/// A token that was not used for this long is not shown: its device has another one by now, or is gone.
const UNUSED_SECONDS: i64 = 7 * 86_400;

/// When a caller with too many requests at once should come again: one of them has most likely ended then.
const SOON: Duration = Duration::from_secs(1);

/// The uses of all tokens. They stay when the configuration changes, so a reload gives no token more requests.
#[derive(Debug)]
pub(crate) struct TokenUses {
    /// In the order in which they were looked up; [`TokenUse::seen`] says more.
    kept: Mutex<LruCache<TokenId, Arc<TokenUse>>>,
    too_fast: AtomicU64,
    crowded: AtomicU64,
}

/// The uses of one token.
#[derive(Debug)]
struct TokenUse {
    token: Arc<NotedToken>,
    ends: ExpiryDay,
    /// The last use, in seconds since 1970.
    at: AtomicI64,
    /// The last use that counts for its place in the order.
    seen: AtomicI64,
    under_way: AtomicU32,
    /// The moment at which its bucket will be full again.
    full_at: Mutex<Instant>,
    /// The table has it no more.
    is_forgotten: AtomicBool,
}

/// The place in a grant for the uses of its token, so that a request need not look them up.
#[derive(Debug, Default)]
pub(crate) struct UsesOfGrant(ArcSwapOption<TokenUse>);

/// One request of a token, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<TokenUse>);

/// A token that ends soon, or has just ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TokenEnd {
    pub(crate) id: TokenId,
    pub(crate) site: String,
    /// Empty for a token without one.
    pub(crate) label: String,
    pub(crate) ends: ExpiryDay,
}

impl Default for TokenUses {
    fn default() -> Self {
        Self {
            kept: Mutex::new(LruCache::unbounded()),
            too_fast: AtomicU64::new(0),
            crowded: AtomicU64::new(0),
        }
    }
}

impl TokenUses {
    /// Counts a request of a good token until the returned value is dropped. `place` is that of its grant.
    ///
    /// # Errors
    /// 429 with the time to wait, if there are too many at once or in a row.
    pub(crate) fn begin(
        &self,
        place: &UsesOfGrant,
        (token, ends): (&Arc<NotedToken>, ExpiryDay),
        limits: &TokenLimits,
        now: RequestTime,
    ) -> Result<UnderWay, Reject> {
        let known = place.0.load_full();
        let uses = match known.filter(|uses| !uses.is_forgotten.load(Ordering::Acquire)) {
            Some(uses) => uses,
            None => {
                let uses = self.look_up(token, ends, now);
                place.0.store(Some(Arc::clone(&uses)));
                uses
            }
        };
        uses.at.store(now.second, Ordering::Relaxed);
        let Some(under_way) = uses.one_more(limits.at_once) else {
            self.crowded.fetch_add(1, Ordering::Relaxed);
            return Err(Reject::TooManyAtOnce { retry_after: SOON });
        };
        let rate = Rate {
            burst: limits.burst,
            pause: Duration::from_secs(1) / limits.per_second.max(1),
        };
        let mut full_at = under_way.0.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = rate.take(&mut full_at, 1, now.at);
        drop(full_at);
        // A refused request ends here, and `under_way` with it.
        taken.map_err(|retry_after| {
            self.too_fast.fetch_add(1, Ordering::Relaxed);
            Reject::TooManyRequests { retry_after }
        })?;
        Ok(under_way)
    }

    /// Returns the number of requests that were refused because of the rate, and because of others at the same time.
    pub(crate) fn turned_away(&self) -> (u64, u64) {
        (
            self.too_fast.load(Ordering::Relaxed),
            self.crowded.load(Ordering::Relaxed),
        )
    }

    /// Returns the tokens that end within sixty days after `now` and were used within a week before, the first one
    /// first. One that has ended stays until the week is over.
    pub(crate) fn soon(&self, now: i64) -> Vec<TokenEnd> {
        let kept = self.lock();
        let is_soon = |uses: &TokenUse| {
            uses.ends.ends_at() <= now + AHEAD_SECONDS && uses.at.load(Ordering::Relaxed) + UNUSED_SECONDS > now
        };
        let soon = kept.iter().filter(|(_, uses)| is_soon(uses));
        let mut soon: Vec<TokenEnd> = soon
            .map(|(id, uses)| TokenEnd {
                id: *id,
                site: uses.token.site.clone(),
                label: uses.token.label.clone().unwrap_or_default(),
                ends: uses.ends,
            })
            .collect();
        drop(kept);
        soon.sort_by_key(|token| (token.ends, token.id));
        soon.truncate(MAX_SHOWN);
        soon
    }

    fn look_up(&self, token: &Arc<NotedToken>, ends: ExpiryDay, now: RequestTime) -> Arc<TokenUse> {
        let mut kept = self.lock();
        if let Some(uses) = kept.get(&token.id) {
            return Arc::clone(uses);
        }
        if kept.len() >= MAX_TOKENS {
            forget_one(&mut kept);
        }
        let uses = Arc::new(TokenUse {
            token: Arc::clone(token),
            ends,
            at: AtomicI64::new(now.second),
            seen: AtomicI64::new(now.second),
            under_way: AtomicU32::new(0),
            full_at: Mutex::new(now.at),
            is_forgotten: AtomicBool::new(false),
        });
        kept.put(token.id, Arc::clone(&uses));
        uses
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<TokenId, Arc<TokenUse>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the token that was used the longest ago. Requests find their token without a look at the table, so one that
/// was used since it got its place gets another one. A token with a request under way stays.
fn forget_one(kept: &mut LruCache<TokenId, Arc<TokenUse>>) {
    for tries_left in (0..kept.len()).rev() {
        let Some((id, oldest)) = kept.pop_lru() else { return };
        let at = oldest.at.load(Ordering::Relaxed);
        let is_used = oldest.seen.swap(at, Ordering::Relaxed) != at || oldest.under_way.load(Ordering::Relaxed) > 0;
        if !is_used || tries_left == 0 {
            oldest.is_forgotten.store(true, Ordering::Release);
            return;
        }
        kept.put(id, oldest);
    }
}

impl TokenUse {
    /// Counts one request more, unless so many are under way.
    fn one_more(self: &Arc<Self>, at_once: u32) -> Option<UnderWay> {
        let more = |count: u32| (count < at_once).then_some(count.saturating_add(1));
        let before = self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        before.is_ok().then(|| UnderWay(Arc::clone(self)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
