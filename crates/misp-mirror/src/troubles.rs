//! Events that could not be read, and when each is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// Events that could not be read, and when each is tried again.
#[derive(Debug, Default)]
pub(crate) struct Troubles(BTreeMap<u64, Trouble>);

#[derive(Debug)]
struct Trouble {
    failures: u32,
    next_at: Timestamp,
}

impl Troubles {
    /// Notes that an event could not be read in the look that began at `began`. The pause before the next try doubles
    /// with each failure, from `shortest` to `longest`. Returns whether the event is a new one here.
    pub(crate) fn note(&mut self, id: u64, began: Timestamp, shortest: Duration, longest: Duration) -> bool {
        let failures = self.0.get(&id).map_or(0, |trouble| trouble.failures);
        let pause = shortest.saturating_mul(2_u32.saturating_pow(failures));
        let pause = pause.min(longest.max(shortest));
        let trouble = Trouble {
            failures: failures.saturating_add(1),
            next_at: began.saturating_add(pause).unwrap_or(Timestamp::MAX),
        };
        self.0.insert(id, trouble).is_none()
    }

    /// Forgets an event that was read, or is gone.
    pub(crate) fn forget(&mut self, id: u64) {
        self.0.remove(&id);
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.0.contains_key(&id)
    }

    /// Returns whether a look that began at this time leaves the event alone.
    pub(crate) fn waits(&self, id: u64, began: Timestamp) -> bool {
        self.0.get(&id).is_some_and(|trouble| trouble.next_at > began)
    }

    /// Returns the events that a look that began at this time tries again.
    pub(crate) fn due(&self, began: Timestamp) -> impl Iterator<Item = u64> {
        let due = self.0.iter().filter(move |(_, trouble)| trouble.next_at <= began);
        due.map(|(id, _)| *id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_doubles_up_to_the_longest_and_ends_when_the_event_was_read() {
        let began = Timestamp::from_second(1_000).unwrap();
        let after = |second| began + Duration::from_secs(second);
        let (shortest, longest) = (Duration::from_secs(15), Duration::from_secs(50));
        let mut troubles = Troubles::default();
        for (time, pause) in [15, 30, 50, 50].into_iter().enumerate() {
            assert_eq!(troubles.note(7, began, shortest, longest), time == 0);
            assert!(troubles.waits(7, after(pause - 1)) && !troubles.waits(7, after(pause)));
            assert_eq!(troubles.due(after(pause)).collect::<Vec<_>>(), [7]);
        }
        troubles.forget(7);
        assert!(!troubles.contains(7) && troubles.len() == 0);
    }
}
