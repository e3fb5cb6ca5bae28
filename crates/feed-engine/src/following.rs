//! Following feeds, and refreshing those that MISP says have changed.

use std::sync::Arc;
use std::time::Duration;

use site_config::SiteName;

use crate::aside::aside;
use crate::changes::FeedLog;
use crate::engine::feed_key;
use crate::request::FeedKey;
use crate::{Change, FeedEngine, FeedError, FeedScope, Follower, Snapshot, Touched, Upstream, question};

/// How often a followed feed's age is looked at.
const TICK: Duration = Duration::from_secs(1);

impl FeedEngine {
    /// Returns a listener of a feed that has `state` ([`FeedSet::id`](crate::FeedSet::id)) already, or nothing.
    ///
    /// While anybody listens, the feed is kept fresh as if it was asked for.
    ///
    /// # Errors
    /// [`FeedError`] if there is no feed to begin with.
    pub async fn follow(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        state: Option<String>,
    ) -> Result<Follower, FeedError> {
        let (key, log) = self.log(upstream, scope).await?;
        let follower = Follower::new(Arc::clone(&log), state);
        if log.take_wheel() {
            tokio::spawn(keep_fresh(self.clone(), upstream.clone(), key, log));
        }
        Ok(follower)
    }

    /// Returns what leads from `state` to what the feed is now, and what that is.
    ///
    /// # Errors
    /// [`FeedError`] if there is no feed.
    pub async fn changes(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        state: Option<&str>,
    ) -> Result<(Change, Arc<Snapshot>), FeedError> {
        let (key, log) = self.log(upstream, scope).await?;
        self.note_poll(upstream, &key);
        let (steps, newest) = log.since(state);
        Ok((steps.together().await?, newest))
    }

    /// Returns whether a feed asked for as `a` is the one asked for as `b`: the same MISP, key, and rules about values.
    #[must_use]
    pub fn is_same_feed(a: &Upstream, b: &Upstream, scope: FeedScope) -> bool {
        feed_key(a, scope) == feed_key(b, scope)
    }

    /// Asks MISP anew for the feeds of a site that `touched` names and that somebody asked for lately, and waits for the answers.
    ///
    /// Returns how many feeds that were. What fails is noted with the feed, as in every refresh.
    pub async fn refresh_touched(&self, site: &SiteName, touched: &Touched) -> usize {
        let feeds = self.asked().touched(site, self.now(), |key, upstream| {
            touched.concerns(key.scope.kind, upstream)
        });
        let indexes = self.touched_indexes(site, touched);
        let count = feeds.len() + indexes.len();
        let indexing = indexes.into_iter().map(|(key, upstream)| {
            let engine = self.clone();
            tokio::spawn(async move { engine.refresh_index_now(upstream, key).await })
        });
        let indexing: Vec<_> = indexing.collect();
        let refreshes = feeds.into_iter().map(|(key, upstream)| {
            let engine = self.clone();
            // At their own pace: the source asks one MISP a few questions at a time.
            tokio::spawn(async move { engine.refresh_now(&upstream, &key).await })
        });
        for refresh in refreshes.collect::<Vec<_>>() {
            // A panic is one feed's alone, and its flight has said so.
            let _ = refresh.await;
        }
        for index in indexing {
            let _ = index.await;
        }
        count
    }

    async fn log(&self, upstream: &Upstream, scope: FeedScope) -> Result<(FeedKey, Arc<FeedLog>), FeedError> {
        question::for_feed(upstream, scope, jiff::Timestamp::now())?;
        let key = feed_key(upstream, scope);
        let set = self.current(upstream, &key).await?;
        let log = self.logs().open(&key, &set);
        // It may have begun before a feed that was too large to be kept changed.
        aside("comparing the feed", move || {
            log.note(&set);
            (key, log)
        })
        .await
    }
}

/// Asks for the feed as a device would, until the last listener has left.
async fn keep_fresh(engine: FeedEngine, upstream: Upstream, key: FeedKey, log: Arc<FeedLog>) {
    loop {
        while log.is_followed() {
            tokio::time::sleep(TICK).await;
            // What fails is noted and logged with the feed; the listeners keep what they have.
            let _ = engine.current(&upstream, &key).await;
        }
        log.leave_wheel();
        // Who came between the look and the leaving found the wheel taken.
        if !log.is_followed() || !log.take_wheel() {
            return;
        }
    }
}
