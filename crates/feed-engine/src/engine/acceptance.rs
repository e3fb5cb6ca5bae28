//! Smaller sets that are held back, for operators.

use std::sync::Arc;
use std::time::Duration;

use super::FeedEngine;
use super::current::RefreshRequest;
use crate::feed_key::FeedKey;
use crate::feed_set::HeldSet;
use crate::{FeedError, FeedScope, HeldBack, Upstream, Urgency, question};

impl FeedEngine {
    /// Returns the feeds of this upstream whose smaller set is held back.
    #[must_use]
    pub fn held_back(&self, upstream: &Upstream) -> Vec<(FeedScope, Arc<HeldBack>)> {
        let entries = self.inner.sets.entries().into_iter();
        let own = entries.filter(|(key, _)| key.upstream == upstream.id());
        own.filter_map(|(key, held)| {
            let is_present = key == FeedKey::of(upstream, key.scope);
            held.doubt.filter(|_| is_present).map(|doubt| (key.scope, doubt.shown))
        })
        .collect()
    }

    /// Serves the smaller set of a feed that is held back: the source is asked once more, and its answer counts unless
    /// it lost as much again. Returns what was held back, or nothing where nothing was.
    ///
    /// # Errors
    /// [`FeedError`] if the source cannot be asked now; then its next answer counts.
    pub async fn accept(&self, upstream: &Upstream, scope: FeedScope) -> Result<Option<Arc<HeldBack>>, FeedError> {
        question::check(upstream, scope)?;
        let key = FeedKey::of(upstream, scope);
        let mut shown = None;
        self.inner.change_set(key.clone(), |held| {
            let held = held?;
            let doubt = held.doubt?;
            shown = Some(Arc::clone(&doubt.shown));
            Some(HeldSet {
                doubt: Some(doubt.accepted(true)),
                ..held
            })
        });
        if shown.is_none() {
            return Ok(None);
        }
        let asking = RefreshRequest {
            limit: Duration::ZERO,
            errand: self.inner.errands.of(&key, Urgency::Awaited),
        };
        let asking_again = async {
            let held = self.inner.sets.get(&key);
            let outcome = self.flight(upstream, &key, held.as_ref(), &asking).await;
            // The answer to a question that was under way may have been judged before.
            match self.inner.sets.get(&key) {
                Some(held) if outcome.is_ok() && held.doubt.as_ref().is_some_and(|doubt| doubt.is_accepted) => {
                    self.flight(upstream, &key, Some(&held), &asking).await
                }
                _ => outcome,
            }
        };
        match tokio::time::timeout(upstream.site.timeout, asking_again).await {
            Ok(outcome) => outcome.map(|_| shown).map_err(FeedError::from),
            Err(_) => Err(FeedError::TimedOut {
                seconds: upstream.site.timeout.as_secs(),
            }),
        }
    }
}
