//! The reason to ask MISP, and its urgency.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

use crate::caller_id::CallerId;
use crate::event_rows::LastGood;
use crate::round::Round;

/// Errands that have ended are thrown out of the list when it is this long.
const MAX_ENDED: usize = 256;

/// The urgency of a question; the smallest goes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Urgency {
    /// A caller waits for the answer.
    Awaited,
    /// A stream sends the answer to its listeners.
    Followed,
    /// A device has an older answer, or will ask soon.
    Unhurried,
    /// MISP said that something changed, which may have touched many feeds.
    Round,
}

/// How urgent an errand is, and who waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    pub(crate) urgency: Urgency,
    callers: Callers,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Callers {
    /// None has come yet.
    Nobody,
    One(CallerId),
    /// Several, or one that is not known.
    Several,
}

impl Standing {
    /// Returns the caller from whose share the errand takes its place: the only one that waits for it.
    pub(crate) fn caller(self) -> Option<CallerId> {
        match (self.urgency, self.callers) {
            (Urgency::Awaited, Callers::One(caller)) => Some(caller),
            _ => None,
        }
    }
}

/// One reason to ask MISP for one feed or index. Clones share the urgency.
#[derive(Clone, Debug)]
pub struct Errand {
    standing: Arc<watch::Sender<Standing>>,
    round: Option<Arc<Round>>,
    confirmed_since: Option<jiff::Timestamp>,
    wants_times: bool,
    last_good: Option<Arc<LastGood>>,
}

impl Errand {
    /// Returns an errand of this urgency.
    #[must_use]
    pub fn new(urgency: Urgency) -> Self {
        let callers = Callers::Nobody;
        Self {
            standing: Arc::new(watch::Sender::new(Standing { urgency, callers })),
            round: None,
            confirmed_since: None,
            wants_times: false,
            last_good: None,
        }
    }

    /// Returns how urgent it is now.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        self.standing().urgency
    }

    pub(crate) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Makes it as urgent as this; one that is more urgent stays so.
    pub fn raise(&self, urgency: Urgency) {
        self.standing.send_if_modified(|now| {
            let is_higher = urgency < now.urgency;
            now.urgency = now.urgency.min(urgency);
            is_higher
        });
    }

    /// Notes a caller that waits for the answer; nothing for one that is not known.
    #[must_use]
    pub fn asked_by(self, caller: Option<CallerId>) -> Self {
        self.standing.send_if_modified(|now| {
            let callers = match (now.callers, caller) {
                (Callers::Nobody, Some(caller)) => Callers::One(caller),
                (Callers::One(known), Some(caller)) if known == caller => Callers::One(known),
                _ => Callers::Several,
            };
            std::mem::replace(&mut now.callers, callers) != callers
        });
        self
    }

    /// Waits until it is more urgent than this.
    pub async fn raised_above(&self, urgency: Urgency) {
        // The sender is in `self`, so the channel stays open.
        let _ = self.standing.subscribe().wait_for(|now| now.urgency < urgency).await;
    }

    /// Waits until its urgency or its callers are others than these.
    pub(crate) async fn changed_from(&self, standing: Standing) {
        let _ = self.standing.subscribe().wait_for(|now| *now != standing).await;
    }

    /// Returns the errand of a caller that accepts only values confirmed since this moment; nothing leaves it to the
    /// source.
    #[must_use]
    pub fn confirmed_from(mut self, moment: Option<jiff::Timestamp>) -> Self {
        self.confirmed_since = moment;
        self
    }

    /// Returns since when the values must have been confirmed ([`FeedContents::as_of`](crate::FeedContents::as_of)). A
    /// source that answers from a copy has an older copy confirmed first; if that fails it answers from the copy as it
    /// is.
    #[must_use]
    pub fn confirmed_since(&self) -> Option<jiff::Timestamp> {
        self.confirmed_since
    }

    /// Returns the errand of an engine that needs the time of each value, or does not.
    #[must_use]
    pub fn with_times(mut self, wants_times: bool) -> Self {
        self.wants_times = wants_times;
        self
    }

    /// Returns whether the engine needs the time of each value ([`FeedContents::times`](crate::FeedContents::times)),
    /// for outputs with a length limit. A source that always has the times at hand may give them without being asked.
    #[must_use]
    pub fn wants_times(&self) -> bool {
        self.wants_times
    }

    pub(crate) fn in_round(mut self, round: Option<Arc<Round>>) -> Self {
        self.round = round;
        self
    }

    /// Returns the errand to replace this set.
    pub(crate) fn replacing(mut self, last_good: Option<LastGood>) -> Self {
        self.last_good = last_good.map(Arc::new);
        self
    }

    /// Returns the set that the answer would replace.
    pub(crate) fn last_good(&self) -> Option<&LastGood> {
        self.last_good.as_deref()
    }

    pub(crate) fn round(&self) -> Option<&Arc<Round>> {
        self.round.as_ref()
    }
}

impl Default for Errand {
    /// Returns an errand that a caller waits for.
    fn default() -> Self {
        Self::new(Urgency::Awaited)
    }
}

/// The errands that are under way. A caller that joins a less urgent one makes it more urgent.
#[derive(Debug)]
pub(crate) struct Errands<K>(Mutex<HashMap<K, Weak<watch::Sender<Standing>>>>);

impl<K: Clone + Eq + Hash> Errands<K> {
    /// Returns the errand for this key, at least as urgent as asked.
    pub(crate) fn of(&self, key: &K, urgency: Urgency) -> Errand {
        let mut errands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = errands.get(key).and_then(Weak::upgrade) {
            let errand = Errand {
                standing: known,
                round: None,
                confirmed_since: None,
                wants_times: false,
                last_good: None,
            };
            errand.raise(urgency);
            return errand;
        }
        if errands.len() >= MAX_ENDED {
            errands.retain(|_, standing| standing.strong_count() > 0);
        }
        let errand = Errand::new(urgency);
        errands.insert(key.clone(), Arc::downgrade(&errand.standing));
        errand
    }
}

impl<K> Default for Errands<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_joins_an_errand_raises_its_urgency_and_never_lowers_it() {
        let errands = Errands::default();
        let round = errands.of(&1, Urgency::Round);
        let caller = errands.of(&1, Urgency::Awaited);
        assert_eq!(
            (round.urgency(), caller.urgency()),
            (Urgency::Awaited, Urgency::Awaited)
        );
        assert_eq!(errands.of(&1, Urgency::Unhurried).urgency(), Urgency::Awaited);
        assert_eq!(errands.of(&2, Urgency::Unhurried).urgency(), Urgency::Unhurried);
        drop((round, caller));
        assert_eq!(
            errands.of(&1, Urgency::Round).urgency(),
            Urgency::Round,
            "the errand before it has ended"
        );
    }
}
