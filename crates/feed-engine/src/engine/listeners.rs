//! Listeners of feeds, and refreshes of feeds that MISP says have changed.

use std::sync::Arc;
use std::time::Duration;

use site_config::SiteName;

use super::FeedEngine;
use crate::changes::FeedLog;
use crate::feed_key::FeedKey;
use crate::round::Round;
use crate::{Change, ChangeHint, FeedError, FeedScope, FeedSet, Follower, Snapshot, Upstream, Urgency, question};

/// How often the engine looks at the age of a feed with listeners.
const TICK: Duration = Duration::from_secs(1);

impl FeedEngine {
    /// Returns a listener of a feed. `state` is the state that the listener already has
    /// ([`FeedSet::id`](crate::FeedSet::id)), if any.
    ///
    /// While the feed has listeners, the engine keeps it fresh as if a device polled it.
    ///
    /// # Errors
    /// [`FeedError`] if the first state cannot be gathered.
    pub async fn follow(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        state: Option<String>,
    ) -> Result<Follower, FeedError> {
        let (key, set) = self.present(upstream, scope).await?;
        let (log, newest) = self.logs().follow(&key, &set);
        self.note(upstream, &key, &log, set).await?;
        let follower = Follower::new(Arc::clone(&log), newest, state);
        if log.take_wheel() {
            tokio::spawn(keep_fresh(self.clone(), upstream.clone(), key, log));
        }
        Ok(follower)
    }

    /// Returns the change from `state` to the present state of the feed, and the present state.
    ///
    /// # Errors
    /// [`FeedError`] if the feed cannot be gathered and no old one exists, or if others have their differences put
    /// together all the time.
    pub async fn changes(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        state: Option<&str>,
    ) -> Result<(Change, Arc<Snapshot>), FeedError> {
        let (key, set) = self.present(upstream, scope).await?;
        let log = self.logs().open(&key, &set);
        self.note(upstream, &key, &log, set).await?;
        self.note_poll(upstream, &key);
        let (steps, newest) = log.since(state);
        let place = match steps.are_several() {
            true => Some(self.place(upstream).await?),
            false => None,
        };
        Ok((steps.together(place).await?, newest))
    }

    /// Returns whether a feed asked for as `a` is the one asked for as `b`: the same MISP, key, and rules about values.
    #[must_use]
    pub fn is_same_feed(a: &Upstream, b: &Upstream, scope: FeedScope) -> bool {
        FeedKey::of(a, scope) == FeedKey::of(b, scope)
    }

    /// Asks MISP anew for the lately used feeds of a site that `touched` concerns, and waits for the answers. Where the
    /// source [follows](crate::IndicatorSource::follows) MISP by itself, this makes it look for changes now, and it
    /// announces what it finds.
    ///
    /// Returns the number of these feeds. A failure is recorded with its feed, as in every refresh. Followed feeds go
    /// first, and callers who wait for MISP go before all of them.
    pub async fn refresh_touched(&self, site: &SiteName, touched: &ChangeHint) -> usize {
        let followed = self.refresh_followed(site, touched);
        let (followed, others) = tokio::join!(followed, self.refresh_unfollowed(site, touched));
        followed + others
    }

    /// Refreshes those of these feeds that have listeners, and gives the source the hint.
    pub async fn refresh_followed(&self, site: &SiteName, touched: &ChangeHint) -> usize {
        self.source().hint(site);
        let mut feeds = self.touched_feeds(site, touched, true);
        feeds.retain(|(_, upstream)| !self.source().follows(upstream));
        self.refresh_round(feeds, Urgency::Followed).await
    }

    /// Refreshes those of these feeds without listeners, and the indexes for look-ups. The source gets no hint: each
    /// would be a look at MISP, and [`refresh_followed`](Self::refresh_followed) gives the one for both.
    pub async fn refresh_unfollowed(&self, site: &SiteName, touched: &ChangeHint) -> usize {
        let indexes = self.touched_indexes(site, touched);
        let count = indexes.len();
        let indexing = indexes.into_iter().map(|(key, upstream)| {
            let engine = self.clone();
            tokio::spawn(async move { engine.refresh_index_now(upstream, key).await })
        });
        let indexing: Vec<_> = indexing.collect();
        let mut feeds = self.touched_feeds(site, touched, false);
        feeds.retain(|(_, upstream)| !self.source().follows(upstream));
        let feeds = self.refresh_round(feeds, Urgency::Round).await;
        for index in indexing {
            // A panic concerns this index only, and its flight has reported it.
            let _ = index.await;
        }
        count + feeds
    }

    pub(super) fn touched_feeds(
        &self,
        site: &SiteName,
        touched: &ChangeHint,
        followed: bool,
    ) -> Vec<(FeedKey, Upstream)> {
        let mut feeds = self.asked().touched(site, self.now(), |key, upstream| {
            touched.concerns(key.scope.kind, upstream)
        });
        feeds.retain(|(key, _)| self.logs().is_followed(key) == followed);
        feeds
    }

    /// The source asks one MISP a few questions at a time, and asks a question that several feeds share once.
    pub(super) async fn refresh_round(&self, feeds: Vec<(FeedKey, Upstream)>, urgency: Urgency) -> usize {
        let (count, round) = (feeds.len(), Arc::new(Round::default()));
        let refreshes = feeds.into_iter().map(|(key, upstream)| {
            let (engine, round) = (self.clone(), Arc::clone(&round));
            tokio::spawn(async move { engine.refresh_now(&upstream, &key, urgency, &round).await })
        });
        for refresh in refreshes.collect::<Vec<_>>() {
            // A panic concerns this feed only, and its flight has reported it.
            let _ = refresh.await;
        }
        count
    }

    async fn present(&self, upstream: &Upstream, scope: FeedScope) -> Result<(FeedKey, Arc<FeedSet>), FeedError> {
        question::check(upstream, scope)?;
        let key = FeedKey::of(upstream, scope);
        let set = self.current(upstream, &key, Urgency::Awaited).await?;
        Ok((key, set))
    }

    /// Compares the present state with the one in the log: the log of a feed that is too large to be kept may hold an
    /// older one.
    async fn note(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        log: &Arc<FeedLog>,
        set: Arc<FeedSet>,
    ) -> Result<(), FeedError> {
        if log.is_at(&set) {
            return Ok(());
        }
        let (engine, key, log) = (self.clone(), key.clone(), Arc::clone(log));
        self.in_a_place(upstream, "comparing the feed", move || {
            // While it waited for a place, a refresh may have noted a newer state. The older one must not follow that.
            let set = engine.inner.sets.get(&key).map_or(set, |held| held.set);
            log.note(&set);
            drop(set);
            engine.logs().settle();
        })
        .await
    }
}

/// Asks for the feed as a device does, until the last listener has left.
async fn keep_fresh(engine: FeedEngine, upstream: Upstream, key: FeedKey, log: Arc<FeedLog>) {
    loop {
        while log.is_followed() {
            engine.sleep(TICK).await;
            // A failure is recorded and logged with the feed; the listeners keep their state.
            let _ = engine.current(&upstream, &key, Urgency::Followed).await;
        }
        log.leave_wheel();
        // A listener that came between the two lines has found the wheel taken.
        if !log.is_followed() || !log.take_wheel() {
            return;
        }
    }
}
