//! Changes that the source announces: the engine refreshes the feeds and look-up indexes of recent requests at once,
//! feeds with streams first.
//!
//! One task for each upstream gathers its feeds with streams, and one the others. Announcements that come while a task
//! works are taken together afterwards, so that a source that announces often does not pile up work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::upstream::UpstreamId;
use crate::{ChangeHint, ChangeListener, Upstream, Urgency};

use super::{FeedEngine, Inner};

/// Announcements that wait. An upstream is in it while a task works for it.
#[derive(Debug, Default)]
pub(super) struct Announcements(Mutex<HashMap<Work, Option<ChangeHint>>>);

/// The feeds of one upstream that one task gathers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Work {
    upstream: UpstreamId,
    /// Those with streams, or the others.
    followed: bool,
}

impl Announcements {
    /// Adds a change, and returns whether the caller has to start a task for it.
    fn add(&self, work: &Work, changed: ChangeHint) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let starts = !all.contains_key(work);
        let waiting = all.entry(work.clone()).or_default();
        *waiting = Some(match waiting.take() {
            Some(before) => before.and(changed),
            None => changed,
        });
        starts
    }

    /// Takes the next change; without one the task has ended.
    fn take(&self, work: &Work) -> Option<ChangeHint> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = all.get_mut(work).and_then(Option::take);
        if next.is_none() {
            all.remove(work);
        }
        next
    }
}

/// Returns a listener that refreshes feeds of this engine, as long as it lives.
pub(super) fn listener(inner: Weak<Inner>) -> ChangeListener {
    ChangeListener::new(move |upstream, changed| {
        if let Some(inner) = inner.upgrade() {
            note(&inner, upstream, &changed);
        }
    })
}

fn note(inner: &Arc<Inner>, upstream: &Upstream, changed: &ChangeHint) {
    for followed in [true, false] {
        let work = Work {
            upstream: upstream.id(),
            followed,
        };
        if inner.announcements.add(&work, changed.clone()) {
            tokio::spawn(refresh(Arc::downgrade(inner), upstream.clone(), work));
        }
    }
}

/// Refreshes feeds until no announcement waits. Holds the engine only while it works.
async fn refresh(inner: Weak<Inner>, upstream: Upstream, work: Work) {
    let urgency = if work.followed {
        Urgency::Followed
    } else {
        Urgency::Round
    };
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let Some(changed) = inner.announcements.take(&work) else {
            return;
        };
        let engine = FeedEngine { inner };
        let mut feeds = engine.touched_feeds(&upstream.site.name, &changed, work.followed);
        feeds.retain(|(key, _)| key.upstream == work.upstream);
        engine.refresh_round(feeds, urgency).await;
        if !work.followed {
            let mut indexes = engine.touched_indexes(&upstream.site.name, &changed);
            indexes.retain(|(key, _)| key.upstream == work.upstream);
            for (key, upstream) in indexes {
                engine.refresh_index_now(upstream, key).await;
            }
        }
    }
}
