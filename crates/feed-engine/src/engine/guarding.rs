//! The guard before everything that a source gathered.

use feed_classification::GuardRule;

use super::Inner;
use crate::feed_key::FeedKey;
use crate::{FeedContents, FeedError, Upstream, blocking_work};

impl Inner {
    /// Returns the contents of a feed behind the guard of its site, unless the source has applied it.
    pub(super) async fn guarded(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        gathered: FeedContents,
    ) -> Result<FeedContents, FeedError> {
        let mut guarded = if gathered.is_guarded {
            gathered
        } else {
            let guard = upstream.site.guard.clone();
            blocking_work::run("guarding the feed", move || gathered.behind(&guard)).await??
        };
        // A caller within limits must not learn about a false positive beyond them.
        if !key.scope.filter.is_none() {
            guarded.dropped.remove(GuardRule::FalsePositive.as_str());
        }
        if let Some(notices) = &self.guard_notices {
            notices.note(&upstream.site, key.scope, &guarded.dropped, jiff::Timestamp::now());
        }
        Ok(guarded)
    }
}
