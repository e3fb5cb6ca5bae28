//! The way from a source that notices changes to the engine that serves its feeds.

use std::fmt;
use std::sync::Arc;

use crate::{ChangeHint, Upstream};

/// Takes the changes that a source announces; see [`IndicatorSource::watch`](crate::IndicatorSource::watch). Clones
/// share everything.
#[derive(Clone)]
pub struct ChangeListener(Arc<Take>);

type Take = dyn Fn(&Upstream, ChangeHint) + Send + Sync;

impl ChangeListener {
    /// Returns a listener that calls `take` with the upstream and what changed there.
    pub fn new(take: impl Fn(&Upstream, ChangeHint) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Announces a change: from now on the source answers with the new values. Returns at once; call it inside a tokio
    /// runtime, on which the engine gathers the feeds that were requested lately.
    pub fn announce(&self, upstream: &Upstream, changed: ChangeHint) {
        (self.0)(upstream, changed);
    }
}

impl fmt::Debug for ChangeListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeListener").finish_non_exhaustive()
    }
}
