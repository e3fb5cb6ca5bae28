//! Confirmation of an empty answer for a feed that had values.
//!
//! A lost filter, a misspelt tag in the site file or a user without rights gives an answer that looks like any other
//! empty one, and a firewall would open. So the engine serves the old values at first, asks MISP again after
//! [`CONFIRM_AFTER`], and believes the second answer. Which events held the values does not count.

use std::sync::Arc;

use cache::Moment;

use super::Inner;
use super::current::RefreshRequest;
use super::refresh::Attempt;
use crate::feed_set::{CONFIRM_AFTER, Doubt, HeldSet};
use crate::request::FeedKey;
use crate::{FeedContents, FeedSet, Upstream};

impl Inner {
    /// Returns the set to keep in spite of `gathered`, if that would empty the feed and is not confirmed.
    pub(super) fn emptied(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        gathered: &FeedContents,
        asked_at: Moment,
    ) -> Option<HeldSet> {
        if !gathered.values.is_empty() {
            return None;
        }
        let before = match self.sets.get(key) {
            // The source vouches for the emptiness, but not for a changed site file, which may name a wrong tag.
            Some(_) if gathered.is_sure => return None,
            Some(held) => held,
            None => self.under_other_rules(key)?,
        };
        let is_dead = self.clock.now().since(before.fetched_at) >= upstream.site.max_stale;
        if before.set.values().is_empty() || is_dead {
            return None;
        }
        let is_confirmed = before.doubt.is_some_and(|doubt| doubt.may_be_confirmed(asked_at));
        if is_confirmed {
            let (site, values) = (upstream.site.name.as_str(), before.set.values().len());
            tracing::warn!(site, feed = %key.scope, values, "MISP has confirmed that this feed is empty: an empty list is served from now on");
            return None;
        }
        Some(before)
    }

    /// Keeps `before` in spite of an empty answer, and has MISP asked again.
    pub(super) async fn hold(
        self: Arc<Self>,
        upstream: Upstream,
        key: FeedKey,
        before: HeldSet,
        attempt: Attempt,
    ) -> Arc<FeedSet> {
        let (site, values) = (upstream.site.name.as_str(), before.set.values().len());
        let seconds = CONFIRM_AFTER.as_secs();
        tracing::warn!(
            site,
            feed = %key.scope,
            values,
            "MISP answers that this feed has no values any more: the old values are served, and MISP is asked again in {seconds} s; the list becomes empty if that answer is the same"
        );
        self.counted.count_held(site);
        let (set, doubt) = (Arc::clone(&before.set), Doubt::arising(self.clock.now()));
        self.change_set(key.clone(), |held| {
            let forgotten = held.as_ref().and_then(|held| held.forgotten);
            Some(HeldSet {
                // This attempt answers an earlier `clear_cache`.
                forgotten: forgotten.filter(|_| forgotten != attempt.forgotten_before),
                failed_at: None,
                late_at: None,
                doubt: Some(before.doubt.unwrap_or(doubt)),
                ..held.unwrap_or(before)
            })
        });
        if let Some(lease) = attempt.lease {
            lease.release().await;
        }
        self.ask_again(upstream, key);
        set
    }

    fn ask_again(self: Arc<Self>, upstream: Upstream, key: FeedKey) {
        tokio::spawn(async move {
            self.clock.sleep(CONFIRM_AFTER).await;
            let Some(held) = self.sets.get(&key).filter(|held| held.doubt.is_some()) else {
                return;
            };
            let flights = self.refreshes.clone();
            let asking = RefreshRequest {
                limit: upstream.site.soft_expiry,
                errand: self.errands.of(&key, self.urgency_without_callers(&key)),
            };
            let work = self.refresh_since(upstream, key.clone(), Some(held.fetch), asking);
            flights.start(key, move || work);
        });
    }

    /// Returns the newest set of the same feed from before a site file or the mappings changed.
    ///
    /// Not for feeds with limits: the change may have been made to keep values from the callers with these limits.
    fn under_other_rules(&self, key: &FeedKey) -> Option<HeldSet> {
        if !key.scope.filter.is_none() {
            return None;
        }
        let entries = self.sets.entries().into_iter();
        let same_feed = entries.filter(|(other, held)| {
            other.scope == key.scope && other.upstream == key.upstream && !held.set.values().is_empty()
        });
        let youngest = same_feed.map(|(_, held)| held).max_by_key(|held| held.fetched_at)?;
        Some(HeldSet {
            forgotten: None,
            doubt: None,
            ..youngest
        })
    }
}
