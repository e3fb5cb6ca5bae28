//! Times of a row that few rows have.

/// No time.
const NONE: u32 = u32::MAX;

/// When the thing itself was seen: unix seconds in four bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Times {
    last_seen: u32,
    last_sighting: u32,
}

/// The times of the row at this place of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) row: u32,
    pub(crate) times: Times,
}

impl Times {
    pub(crate) const NONE: Self = Self {
        last_seen: NONE,
        last_sighting: NONE,
    };

    pub(crate) fn new(last_seen: Option<i64>, last_sighting: Option<i64>) -> Self {
        let kept = |time: Option<i64>| time.map_or(NONE, |time| seconds(time).min(NONE - 1));
        Self {
            last_seen: kept(last_seen),
            last_sighting: kept(last_sighting),
        }
    }

    pub(crate) fn last_seen(self) -> Option<i64> {
        (self.last_seen != NONE).then_some(i64::from(self.last_seen))
    }

    pub(crate) fn last_sighting(self) -> Option<i64> {
        (self.last_sighting != NONE).then_some(i64::from(self.last_sighting))
    }
}

/// Returns the nearest time that four bytes hold.
pub(crate) fn seconds(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_of_range_is_the_nearest_one_and_never_none() {
        let times = Times::new(Some(i64::MAX), Some(i64::MIN));
        assert_eq!(times.last_seen(), Some(i64::from(u32::MAX) - 1));
        assert_eq!(times.last_sighting(), Some(0));
        assert_eq!(Times::new(None, None), Times::NONE);
        assert_eq!(Times::NONE.last_seen(), None);
        assert_eq!((seconds(-1), seconds(7), seconds(1 << 40)), (0, 7, u32::MAX));
    }
}
