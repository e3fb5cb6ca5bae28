//! The logs of all feeds that have a listener, or a caller that asked for differences.
//!
//! A log keeps the newest state of its feed in memory, and tokens can name many feeds. So logs without a listener stay
//! up to a bound in bytes, the most recently used first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{FeedLog, Snapshot};
use crate::FeedSet;
use crate::feed_key::FeedKey;

/// Feeds whose differences are kept.
const MAX_LOGS: usize = 256;

/// All logs, by feed.
#[derive(Debug)]
pub(crate) struct ChangeLogs {
    /// The most that logs without a listener weigh together.
    max_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    logs: HashMap<FeedKey, UsedLog>,
    uses: u64,
}

#[derive(Debug)]
struct UsedLog {
    log: Arc<FeedLog>,
    /// The number of its last use.
    used: u64,
}

impl ChangeLogs {
    /// Returns no logs yet. Those without a listener will take this much memory together.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
            kept: Mutex::default(),
        }
    }

    /// Returns the log of a feed; a new one begins with this state. A log that finds no room lives as long as its
    /// callers.
    pub(crate) fn open(&self, key: &FeedKey, set: &Arc<FeedSet>) -> Arc<FeedLog> {
        self.used(key, set, Arc::clone)
    }

    /// Returns the log of a feed with a receiver of new states: while it lives, the log stays.
    pub(crate) fn follow(&self, key: &FeedKey, set: &Arc<FeedSet>) -> (Arc<FeedLog>, watch::Receiver<Arc<Snapshot>>) {
        self.used(key, set, |log| (Arc::clone(log), log.watch()))
    }

    fn used<T>(&self, key: &FeedKey, set: &Arc<FeedSet>, take: impl FnOnce(&Arc<FeedLog>) -> T) -> T {
        let mut kept = self.lock();
        kept.uses += 1;
        let used = kept.uses;
        if let Some(known) = kept.logs.get_mut(key) {
            known.used = used;
            return take(&known.log);
        }
        let log = Arc::new(FeedLog::beginning_with(Arc::clone(set)));
        let taken = take(&log);
        kept.logs.insert(key.clone(), UsedLog { log, used });
        drop(kept);
        self.settle();
        taken
    }

    /// Returns whether the feed has a listener now.
    pub(crate) fn is_followed(&self, key: &FeedKey) -> bool {
        self.lock().logs.get(key).is_some_and(|known| known.log.is_followed())
    }

    /// Returns the log of a feed, if its differences are kept.
    pub(crate) fn known(&self, key: &FeedKey) -> Option<Arc<FeedLog>> {
        self.lock().logs.get(key).map(|known| Arc::clone(&known.log))
    }

    /// Drops logs without a listener until the others fit into the bounds. Call it when a log has become heavier.
    pub(crate) fn settle(&self) {
        let mut kept = self.lock();
        let followed = kept.logs.values().filter(|known| known.log.is_followed()).count();
        let mut unfollowed: Vec<(u64, usize, FeedKey)> = kept
            .logs
            .iter()
            .filter(|(_, known)| !known.log.is_followed())
            .map(|(key, known)| (known.used, known.log.own_bytes(), key.clone()))
            .collect();
        unfollowed.sort_unstable_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let (mut places, mut room) = (MAX_LOGS.saturating_sub(followed), self.max_bytes);
        let mut dropped = Vec::new();
        for (_, bytes, key) in unfollowed {
            if places > 0 && bytes <= room {
                (places, room) = (places - 1, room - bytes);
            } else {
                dropped.extend(kept.logs.remove(&key));
            }
        }
        // Freeing large states takes long.
        drop(kept);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use feed_classification::{IndicatorSet, IndicatorType};

    use super::*;
    use crate::FeedContents;
    use crate::feed_key::tests::of_list;

    /// A state of some 20 kB.
    fn state(number: usize) -> Arc<FeedSet> {
        let texts: Vec<String> = (0..1_000).map(|value| format!("v{value}.of{number}.example")).collect();
        let values = IndicatorSet::of(IndicatorType::Domain, texts.iter().map(String::as_str));
        let contents = FeedContents::new(values, BTreeMap::new());
        FeedSet::renew(None, contents, jiff::Timestamp::UNIX_EPOCH)
    }

    fn weight(logs: &ChangeLogs) -> usize {
        logs.lock().logs.values().map(|known| known.log.own_bytes()).sum()
    }

    #[test]
    fn logs_that_are_not_used_any_more_make_room() {
        let logs = ChangeLogs::new(200_000);
        for number in 0..200 {
            logs.open(&of_list(number), &state(number));
            logs.open(&of_list(0), &state(0));
        }
        // The last state was still in use when its log was opened.
        logs.settle();
        assert!(weight(&logs) <= 200_000, "{}", weight(&logs));
        let is_kept = |number| logs.known(&of_list(number)).is_some();
        assert!(
            is_kept(199) && is_kept(198) && is_kept(0),
            "the last ones that were used"
        );
        assert!(!is_kept(1) && !is_kept(100));
    }

    #[test]
    fn a_log_stays_while_it_has_a_listener() {
        let logs = ChangeLogs::new(0);
        logs.open(&of_list(0), &state(0));
        assert!(logs.known(&of_list(0)).is_none(), "there is no room");
        let (_, listener) = logs.follow(&of_list(0), &state(0));
        logs.settle();
        assert!(logs.is_followed(&of_list(0)));
        drop(listener);
        logs.settle();
        assert!(logs.known(&of_list(0)).is_none());
    }

    #[test]
    fn a_state_that_the_engine_has_too_weighs_nothing() {
        let logs = ChangeLogs::new(50_000);
        let states: Vec<_> = (0..20).map(state).collect();
        for (number, state) in states.iter().enumerate() {
            logs.open(&of_list(number), state);
        }
        assert_eq!(logs.lock().logs.len(), 20);
        drop(states);
        logs.settle();
        assert!(weight(&logs) <= 50_000, "{}", weight(&logs));
        assert!(logs.known(&of_list(19)).is_some() && logs.known(&of_list(0)).is_none());
    }

    #[test]
    fn beyond_the_number_of_logs_the_least_recently_used_ones_go() {
        let (logs, empty) = (ChangeLogs::new(u64::MAX), state(0));
        for number in 0..MAX_LOGS + 10 {
            logs.open(&of_list(number), &empty);
        }
        assert_eq!(logs.lock().logs.len(), MAX_LOGS);
        assert!(logs.known(&of_list(9)).is_none() && logs.known(&of_list(10)).is_some());
    }
}
