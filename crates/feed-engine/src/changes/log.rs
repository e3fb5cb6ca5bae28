//! The last differences of one feed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use feed_classification::{IndicatorSet, IndicatorType};
use tokio::sync::watch;

use super::{Change, Delta, Rendering, Snapshot};
use crate::blocking_work;
use crate::places::Place;
use crate::{FeedError, FeedSet};

/// Differences kept for one feed.
const MAX_DELTAS: usize = 256;

/// Differences may weigh as much as the feed itself, or this many bytes: more would be longer than the whole feed.
const MIN_DELTA_BYTES: usize = 64 * 1024;

/// The newest state of one feed and the differences that led to it.
#[derive(Debug)]
pub(crate) struct FeedLog {
    newest: watch::Sender<Arc<Snapshot>>,
    /// A later set with the values of the newest state: only times have changed.
    same_values: Mutex<Weak<FeedSet>>,
    /// Held for moments only: threads that serve sockets look here.
    deltas: Mutex<VecDeque<Arc<Delta>>>,
    /// The weight of all of them.
    delta_bytes: AtomicUsize,
    joined: Arc<Joined>,
    /// Held while a new state is compared with the newest, which takes long.
    noting: Mutex<()>,
    /// A task keeps the feed fresh for its listeners.
    driven: AtomicBool,
}

impl FeedLog {
    pub(super) fn beginning_with(set: Arc<FeedSet>) -> Self {
        Self {
            newest: watch::Sender::new(Snapshot::of(set)),
            same_values: Mutex::default(),
            deltas: Mutex::default(),
            delta_bytes: AtomicUsize::new(0),
            joined: Arc::default(),
            noting: Mutex::default(),
            driven: AtomicBool::new(false),
        }
    }

    /// Returns whether this set was noted last, the very same one in memory.
    pub(crate) fn is_at(&self, set: &Arc<FeedSet>) -> bool {
        // The place of a set is not used again while this refers to it.
        let is_same = || std::ptr::eq(self.same_values().as_ptr(), Arc::as_ptr(set));
        Arc::ptr_eq(&self.newest.borrow().set, set) || is_same()
    }

    /// Records the newest state and wakes the listeners if it differs. Takes long for large feeds.
    pub(crate) fn note(&self, set: &Arc<FeedSet>) {
        let _noting = self.noting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = Arc::clone(&self.newest.borrow());
        if before.set.values() == set.values() {
            *self.same_values() = Arc::downgrade(set);
            return;
        }
        let delta = Arc::new(Delta::between(&before.set, set));
        let mut deltas = self.lock();
        deltas.push_back(delta);
        let bound = set.weight_bytes().max(MIN_DELTA_BYTES);
        let mut weight: usize = deltas.iter().map(|delta| delta.weight_bytes()).sum();
        while deltas.len() > MAX_DELTAS || weight > bound {
            let Some(oldest) = deltas.pop_front() else { break };
            weight -= oldest.weight_bytes();
        }
        self.delta_bytes.store(weight, Ordering::Relaxed);
        self.newest.send_replace(Snapshot::of(Arc::clone(set)));
        *self.same_values() = Weak::new();
    }

    /// Returns the steps from the state that a caller has to the newest state, and that state.
    pub(crate) fn since(&self, state: Option<&str>) -> (Steps, Arc<Snapshot>) {
        let deltas = self.lock();
        let newest = Arc::clone(&self.newest.borrow());
        let steps = match state {
            Some(state) if state == newest.id() => Steps::Change(Change::None),
            // A feed may come back to a state that it had: the last time counts.
            Some(state) => match deltas.iter().rposition(|delta| delta.from == state) {
                Some(first) if first + 1 < deltas.len() => {
                    let kind = newest.set.values().kind();
                    let deltas = deltas.range(first..).cloned().collect();
                    Steps::Several(kind, deltas, Arc::clone(&self.joined))
                }
                Some(only) => Steps::Change(deltas.get(only).cloned().map_or(Change::None, Change::Delta)),
                None => Steps::Change(Change::Snapshot(Arc::clone(&newest))),
            },
            None => Steps::Change(Change::Snapshot(Arc::clone(&newest))),
        };
        (steps, newest)
    }

    /// Returns a receiver of new states.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.newest.subscribe()
    }

    pub(crate) fn is_followed(&self) -> bool {
        self.newest.receiver_count() > 0
    }

    /// Returns the memory that ends with this log: its differences, and its newest state unless the engine or a caller
    /// has that too.
    pub(super) fn own_bytes(&self) -> usize {
        let set = &self.newest.borrow().set;
        let is_shared = Arc::strong_count(set) > 1;
        let state = if is_shared { 0 } else { set.weight_bytes() };
        size_of::<Self>() + state + self.delta_bytes.load(Ordering::Relaxed)
    }

    /// Returns true to one caller at a time, which then has to keep the feed fresh.
    pub(crate) fn take_wheel(&self) -> bool {
        !self.driven.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn leave_wheel(&self) {
        self.driven.store(false, Ordering::Release);
    }

    fn same_values(&self) -> std::sync::MutexGuard<'_, Weak<FeedSet>> {
        self.same_values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Delta>>> {
        self.deltas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The steps from one state to another.
#[derive(Debug)]
pub(crate) enum Steps {
    /// One change.
    Change(Change),
    /// Differences of a feed of this type, one after the other; two at least.
    Several(IndicatorType, Vec<Arc<Delta>>, Arc<Joined>),
}

/// Differences over several steps that callers hold at this moment. Callers with the same state get the same one, so
/// that its bytes are in memory once.
#[derive(Debug, Default)]
pub(crate) struct Joined(tokio::sync::Mutex<Vec<Weak<Delta>>>);

impl Joined {
    /// Returns the difference over these steps. It is put together on a blocking thread, one at a time for each feed.
    async fn over(
        &self,
        kind: IndicatorType,
        steps: Vec<Arc<Delta>>,
        place: Option<Place>,
    ) -> Result<Change, FeedError> {
        let (Some(first), Some(last)) = (steps.first().cloned(), steps.last().cloned()) else {
            return Ok(Change::None);
        };
        let mut known = self.0.lock().await;
        known.retain(|delta| delta.strong_count() > 0);
        let mut held = known.iter().filter_map(Weak::upgrade);
        if let Some(same) = held.find(|delta| delta.from == first.from && delta.to == last.to) {
            return Ok(Change::Delta(same));
        }
        let joining = blocking_work::run("putting changes together", move || {
            let delta = Arc::new(together(kind, &first, &last, &steps));
            drop(place);
            delta
        });
        let delta = joining.await?;
        known.push(Arc::downgrade(&delta));
        Ok(Change::Delta(delta))
    }
}

impl Steps {
    /// Returns whether the steps take long to put together.
    pub(crate) fn are_several(&self) -> bool {
        matches!(self, Self::Several(..))
    }

    /// Returns the steps as one change; the work keeps the place to its end.
    ///
    /// # Errors
    /// [`FeedError::Internal`] if the runtime ends.
    pub(crate) async fn together(self, place: Option<Place>) -> Result<Change, FeedError> {
        match self {
            Self::Change(change) => Ok(change),
            Self::Several(kind, deltas, joined) => joined.over(kind, deltas, place).await,
        }
    }
}

/// Returns consecutive differences as one, without values that were added and removed again.
fn together(kind: IndicatorType, first: &Delta, last: &Delta, deltas: &[Arc<Delta>]) -> Delta {
    let mut came: BTreeMap<&str, bool> = BTreeMap::new();
    for delta in deltas {
        let removed = delta.removed.iter().map(|value| (value, false));
        for (value, is_there) in removed.chain(delta.added.iter().map(|value| (value, true))) {
            match came.entry(value) {
                Entry::Occupied(entry) if *entry.get() != is_there => {
                    entry.remove();
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(is_there);
                }
            }
        }
    }
    let with = |wanted: bool| {
        let values = came.iter().filter(|(_, is_there)| **is_there == wanted);
        IndicatorSet::of(kind, values.map(|(value, _)| *value))
    };
    Delta {
        from: first.from.clone(),
        to: last.to.clone(),
        added: with(true),
        removed: with(false),
        rendering: Rendering::default(),
        body: Rendering::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::FeedContents;

    fn set(values: &BTreeSet<u8>) -> Arc<FeedSet> {
        let texts: Vec<String> = values.iter().map(|value| format!("v{value}.example")).collect();
        let values = IndicatorSet::of(IndicatorType::Domain, texts.iter().map(String::as_str));
        FeedSet::renew(
            None,
            FeedContents::new(values, BTreeMap::new()),
            jiff::Timestamp::UNIX_EPOCH,
        )
    }

    fn after(before: &FeedSet, delta: &Delta) -> Vec<String> {
        let mut values: BTreeSet<String> = before.values().iter().map(str::to_owned).collect();
        for value in &delta.removed {
            assert!(values.remove(value), "{value} was not there");
        }
        for value in &delta.added {
            assert!(values.insert(value.to_owned()), "{value} was there");
        }
        values.into_iter().collect()
    }

    /// What [`Steps::together`] makes, without a runtime.
    fn since(log: &FeedLog, state: Option<&str>) -> Change {
        match log.since(state).0 {
            Steps::Change(change) => change,
            Steps::Several(kind, deltas, _) => {
                let (first, last) = (&deltas[0], &deltas[deltas.len() - 1]);
                Change::Delta(Arc::new(together(kind, first, last, &deltas)))
            }
        }
    }

    /// Otherwise each call for differences compares the whole feed again after only times have changed.
    #[test]
    fn a_later_set_with_the_same_values_is_the_newest_state_too() {
        let [first, again, other] = [&[1, 2][..], &[1, 2], &[1]].map(|values| set(&values.iter().copied().collect()));
        let log = FeedLog::beginning_with(Arc::clone(&first));
        let mut watch = log.watch();
        watch.mark_unchanged();
        assert!(log.is_at(&first) && !log.is_at(&again));
        log.note(&again);
        assert!(log.is_at(&again) && !watch.has_changed().unwrap());
        log.note(&other);
        assert!(log.is_at(&other) && watch.has_changed().unwrap());
        assert!(!log.is_at(&first) && !log.is_at(&again));
    }

    proptest! {
        #[test]
        fn from_every_known_state_the_difference_leads_to_the_newest(
            states in prop::collection::vec(prop::collection::btree_set(0_u8..12, 0..8), 1..12),
        ) {
            let sets: Vec<Arc<FeedSet>> = states.iter().map(set).collect();
            let log = FeedLog::beginning_with(Arc::clone(&sets[0]));
            sets.iter().for_each(|set| log.note(set));
            let newest: Vec<String> = sets[sets.len() - 1].values().iter().map(str::to_owned).collect();
            for known in &sets {
                match since(&log, Some(known.id())) {
                    Change::None => prop_assert_eq!(known.values(), sets[sets.len() - 1].values()),
                    Change::Delta(delta) => prop_assert_eq!(&after(known, &delta), &newest),
                    Change::Snapshot(_) => prop_assert!(false, "a state was forgotten"),
                }
            }
        }
    }

    #[tokio::test]
    async fn callers_with_the_same_old_state_share_one_difference() {
        let sets: Vec<Arc<FeedSet>> = [&[1][..], &[1, 2], &[2, 3]]
            .map(|values| set(&values.iter().copied().collect()))
            .into();
        let log = FeedLog::beginning_with(Arc::clone(&sets[0]));
        sets.iter().for_each(|set| log.note(set));
        let since = async || match log.since(Some(sets[0].id())).0.together(None).await.unwrap() {
            Change::Delta(delta) => delta,
            other => panic!("{other:?}"),
        };
        let (one, other) = tokio::join!(since(), since());
        assert!(Arc::ptr_eq(&one, &other));
        drop((one, other));
        assert_eq!(
            log.joined.0.lock().await[0].strong_count(),
            0,
            "nobody holds it any more"
        );
    }

    /// A consumer that follows a feed holds its lines: the delta removes the line with the old spelling and adds the
    /// new one.
    #[test]
    fn a_url_in_a_new_spelling_replaces_its_old_line() {
        let state = |url: &str| {
            let values = IndicatorSet::of(IndicatorType::Url, [url]);
            FeedSet::renew(
                None,
                FeedContents::new(values, BTreeMap::new()),
                jiff::Timestamp::UNIX_EPOCH,
            )
        };
        let (before, after) = (state("HTTP://a.example"), state("http://a.example/"));
        let log = FeedLog::beginning_with(Arc::clone(&before));
        log.note(&after);
        let Change::Delta(delta) = since(&log, Some(before.id())) else {
            panic!("the state is known")
        };
        assert!(delta.removed.iter().eq(["HTTP://a.example"]));
        assert!(delta.added.iter().eq(["http://a.example/"]));
    }

    #[test]
    fn a_caller_without_a_state_or_with_an_unknown_one_gets_everything() {
        let log = FeedLog::beginning_with(set(&BTreeSet::from([1, 2])));
        for state in [None, Some(""), Some("\"x\"")] {
            let Change::Snapshot(all) = since(&log, state) else {
                panic!("{state:?}")
            };
            assert_eq!(all.set.values().len(), 2);
        }
    }

    #[test]
    fn differences_are_forgotten_before_they_outweigh_the_feed() {
        let states: Vec<Arc<FeedSet>> = (0..40_u32)
            .map(|n| {
                let texts: Vec<String> = (0..500).map(|m| format!("{n}-{m}.example")).collect();
                let values = IndicatorSet::of(IndicatorType::Domain, texts.iter().map(String::as_str));
                FeedSet::renew(
                    None,
                    FeedContents::new(values, BTreeMap::new()),
                    jiff::Timestamp::UNIX_EPOCH,
                )
            })
            .collect();
        let log = FeedLog::beginning_with(Arc::clone(&states[0]));
        states.iter().for_each(|set| log.note(set));
        assert!(log.lock().len() < 10, "{}", log.lock().len());
        assert!(matches!(since(&log, Some(states[0].id())), Change::Snapshot(_)));
        assert!(matches!(since(&log, Some(states[38].id())), Change::Delta(_)));
    }
}
