//! How far one run may change what is enforced.

use std::fmt;

use crate::Values;
use crate::values::Diff;

/// How far one run may change what a target enforces. What goes beyond is held back: what was in force stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most values that the target is ever given.
    pub max_entries: usize,
    /// The most values that one run adds and removes together.
    pub max_change: usize,
    /// The same as a percentage of what is enforced; changes of up to [`Limits::free_change`] values pass.
    pub max_change_percent: u32,
    /// Changes of up to so many values are not measured in per cent, since in a short list every change is a large one.
    pub free_change: usize,
    /// The first list of all is not a change.
    pub first_run_free: bool,
    /// A list may become empty.
    pub allow_empty: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 500_000,
            max_change: 100_000,
            max_change_percent: 50,
            free_change: 100,
            first_run_free: true,
            allow_empty: false,
        }
    }
}

impl Limits {
    /// Returns why the change must be held back; `enforced` is `None` before the first run.
    ///
    /// With `accept` an operator has seen the change: only the size is judged then.
    #[must_use]
    pub fn objection(&self, enforced: Option<&Values>, wanted: &Values, accept: bool) -> Option<Objection> {
        if wanted.len() > self.max_entries {
            return Some(Objection::TooMany {
                entries: wanted.len(),
                limit: self.max_entries,
            });
        }
        if accept || (enforced.is_none() && self.first_run_free) {
            return None;
        }
        let nothing = Values::default();
        let enforced = enforced.unwrap_or(&nothing);
        if wanted.is_empty() && !enforced.is_empty() && !self.allow_empty {
            return Some(Objection::Empty {
                entries: enforced.len(),
            });
        }
        let change = Diff::between(enforced, wanted).len();
        let percent = change.saturating_mul(100) / enforced.len().max(1);
        let by_percent = change > self.free_change && percent > self.max_change_percent as usize;
        (change > self.max_change || by_percent).then_some(Objection::TooMuchChange {
            change,
            entries: enforced.len(),
        })
    }
}

/// Why a change is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objection {
    /// More values than the target may have.
    TooMany {
        /// How many came.
        entries: usize,
        /// How many may.
        limit: usize,
    },
    /// Nothing came where something is enforced.
    Empty {
        /// How many values are enforced.
        entries: usize,
    },
    /// More is added and removed than one run may.
    TooMuchChange {
        /// How many values are added and removed.
        change: usize,
        /// How many values are enforced.
        entries: usize,
    },
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { entries, limit } => {
                write!(f, "{entries} entries are more than `max_entries` ({limit}) allows")
            }
            Self::Empty { entries } => write!(
                f,
                "the list is empty while {entries} entries are enforced; `cratos-agent apply --accept-change` lets it pass"
            ),
            Self::TooMuchChange { change, entries } => write!(
                f,
                "{change} of {entries} entries would change in one run; `cratos-agent apply --accept-change` lets it pass"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::{IndicatorSet, IndicatorType};

    use super::*;

    fn addresses(range: std::ops::Range<u8>) -> Values {
        let texts: Vec<String> = range.map(|octet| format!("192.0.2.{octet}")).collect();
        let set = IndicatorSet::of(IndicatorType::Ipv4, texts.iter().map(String::as_str));
        [set].into_iter().collect()
    }

    #[test]
    fn an_empty_answer_after_a_full_one_is_held_back() {
        let (limits, full, empty) = (Limits::default(), addresses(0..3), Values::default());
        let held = limits.objection(Some(&full), &empty, false);
        assert_eq!(held, Some(Objection::Empty { entries: 3 }));
        assert_eq!(limits.objection(Some(&full), &empty, true), None, "an operator said so");
        let allowed = Limits {
            allow_empty: true,
            ..limits
        };
        assert_eq!(allowed.objection(Some(&full), &empty, false), None);
        assert_eq!(limits.objection(Some(&empty), &empty, false), None);
        assert_eq!(limits.objection(None, &empty, false), None);
    }

    #[test]
    fn a_change_beyond_the_percentage_is_held_back_unless_it_is_small() {
        let limits = Limits {
            free_change: 10,
            ..Limits::default()
        };
        let objection = |before, after| limits.objection(Some(&addresses(before)), &addresses(after), false);
        assert_eq!(objection(0..3, 0..12), None, "nine values are few");
        assert_eq!(objection(0..100, 0..150), None);
        assert_eq!(
            objection(0..100, 0..151),
            Some(Objection::TooMuchChange {
                change: 51,
                entries: 100
            })
        );
        assert_eq!(
            objection(0..100, 30..130),
            Some(Objection::TooMuchChange {
                change: 60,
                entries: 100
            })
        );
    }

    #[test]
    fn the_absolute_limits_hold_too() {
        let limits = Limits {
            max_change: 5,
            max_entries: 20,
            ..Limits::default()
        };
        let objection = limits.objection(Some(&addresses(0..10)), &addresses(0..16), false);
        assert_eq!(objection, Some(Objection::TooMuchChange { change: 6, entries: 10 }));
        let many = limits.objection(None, &addresses(0..21), true);
        assert_eq!(
            many,
            Some(Objection::TooMany { entries: 21, limit: 20 }),
            "no order lets it pass"
        );
        let strict = Limits {
            first_run_free: false,
            ..limits
        };
        assert!(strict.objection(None, &addresses(0..6), false).is_some());
    }
}
