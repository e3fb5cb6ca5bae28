//! When the tokens end that devices use, so that monitoring warns in time.

use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use token_crypto::{ExpiryDay, TokenId};

use crate::notes::RequestNotes;

/// The most tokens that are remembered, some 200 bytes each. Beyond that the one that was used the longest ago is
/// forgotten.
const MAX_TOKENS: usize = 10_000;

/// The most tokens that are shown: those that end first.
const MAX_SHOWN: usize = 1_000;

/// A token that ends later than this is not shown.
const AHEAD_SECONDS: i64 = 60 * 86_400;

/// A token that was not used for this long is forgotten: its device has another one by now, or is gone.
const UNUSED_SECONDS: i64 = 7 * 86_400;

/// The tokens that were good lately.
#[derive(Debug)]
pub(crate) struct TokenEnds(Mutex<LruCache<TokenId, Used>>);

#[derive(Debug)]
struct Used {
    site: String,
    label: String,
    ends: ExpiryDay,
    /// Seconds since 1970.
    at: i64,
}

/// A token that ends soon, or has just ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TokenEnd {
    pub(crate) id: TokenId,
    pub(crate) site: String,
    /// Empty for a token without one.
    pub(crate) label: String,
    pub(crate) ends: ExpiryDay,
}

impl Default for TokenEnds {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl TokenEnds {
    /// Remembers a token that was good at `now`, in seconds since 1970.
    pub(crate) fn used(&self, notes: &RequestNotes, ends: ExpiryDay, now: i64) {
        let (Some(id), Some(site)) = (notes.token_id(), notes.site()) else {
            return;
        };
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS && !tokens.contains(&id) {
            tokens.pop_lru();
        }
        let used = tokens.get_or_insert_mut(id, || Used {
            site: site.to_owned(),
            label: notes.label().unwrap_or_default().to_owned(),
            ends,
            at: now,
        });
        used.at = now;
    }

    /// Returns the tokens that end within sixty days after `now` and were used within a week before, the first one
    /// first. One that has ended stays until the week is over.
    pub(crate) fn soon(&self, now: i64) -> Vec<TokenEnd> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_soon = |used: &Used| used.ends.ends_at() <= now + AHEAD_SECONDS && used.at + UNUSED_SECONDS > now;
        let soon = tokens.iter().filter(|(_, used)| is_soon(used));
        let mut soon: Vec<TokenEnd> = soon
            .map(|(id, used)| TokenEnd {
                id: *id,
                site: used.site.clone(),
                label: used.label.clone(),
                ends: used.ends,
            })
            .collect();
        soon.sort_by_key(|token| (token.ends, token.id));
        soon.truncate(MAX_SHOWN);
        soon
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    fn use_token(tokens: &TokenEnds, number: u64, days_left: u32, at: i64) {
        let notes = RequestNotes::default();
        let label = Some(format!("fw{number}")).filter(|_| number != 0);
        notes.token(
            TokenId::from_bytes(number.to_be_bytes()),
            label,
            "misp.example.net".to_owned(),
        );
        tokens.used(&notes, ExpiryDay::days_from(NOW, days_left), at);
    }

    fn labels(tokens: &TokenEnds, now: i64) -> Vec<String> {
        tokens.soon(now).into_iter().map(|token| token.label).collect()
    }

    #[test]
    fn used_tokens_that_end_soon_are_shown_until_nobody_uses_them() {
        let tokens = TokenEnds::default();
        for (number, days_left) in [(1, 90), (2, 50), (3, 2), (0, 60)] {
            use_token(&tokens, number, days_left, NOW);
        }
        assert_eq!(labels(&tokens, NOW), ["fw3", "fw2", ""]);
        assert_eq!(tokens.soon(NOW)[0].ends, ExpiryDay::days_from(NOW, 2));
        assert_eq!(labels(&tokens, NOW + 6 * DAY)[0], "fw3", "it has ended four days ago");
        use_token(&tokens, 2, 50, NOW + 6 * DAY);
        assert_eq!(labels(&tokens, NOW + 8 * DAY), ["fw2"]);
    }

    #[test]
    fn memory_and_lines_are_bounded() {
        let tokens = TokenEnds::default();
        for number in 1..=u64::try_from(MAX_TOKENS).unwrap() + 5 {
            use_token(&tokens, number, 1, NOW);
        }
        assert_eq!(tokens.0.lock().unwrap().len(), MAX_TOKENS);
        assert_eq!(tokens.soon(NOW).len(), MAX_SHOWN);
    }
}
