//! A place in the log of changes that mirrors share.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The time in which one mirror leads. Of two epochs the greater one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Epoch {
    number: u64,
    /// Drawn by lot, so that two mirrors that begin at once have different epochs.
    lot: u64,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) epoch: Epoch,
    pub(crate) sequence: u64,
}

impl Epoch {
    /// Returns an epoch after these. It begins with the time, so that it is also later than one that every mirror has
    /// forgotten.
    pub(crate) fn after(known: impl IntoIterator<Item = Self>, now: Timestamp) -> Self {
        let last = known.into_iter().map(|epoch| epoch.number).max().unwrap_or(0);
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let mut lot = [0; 8];
        // Without random bytes two leaders that begin in the same millisecond may have the same epoch.
        let _ = getrandom::fill(&mut lot);
        Self {
            number: last.saturating_add(1).max(now),
            lot: u64::from_ne_bytes(lot),
        }
    }

    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn numbered(number: u64) -> Self {
        Self { number, lot: 0 }
    }
}

impl Position {
    /// Returns the name of the item with the entry.
    pub(crate) fn name(self) -> String {
        let Self { epoch, sequence } = self;
        format!("entry {:x} {:x} {sequence}", epoch.number, epoch.lot)
    }

    /// Returns another place in the same epoch.
    pub(crate) fn at(self, sequence: u64) -> Self {
        Self { sequence, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_grow_also_where_the_clock_goes_back() {
        let early = Timestamp::from_second(1_000).unwrap();
        let first = Epoch::after([], Timestamp::from_second(2_000).unwrap());
        assert_eq!(first.number, 2_000_000);
        assert!(Epoch::after([first], early) > first);
        assert_ne!(Epoch::after([], early), Epoch::after([], early));
    }
}
