//! The values of a feed behind the guard.

use std::collections::BTreeMap;

use super::{Guard, GuardRule, Verdict};
use crate::{FalsePositives, IndicatorSet, IndicatorSetBuilder, IndicatorType, ValueTimes};

/// A set behind the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guarded {
    /// The values that are exported, with the parts of networks that were cut.
    pub values: IndicatorSet,
    /// The times of these values, where they are known. A part of a network has the time of the network.
    pub times: Option<ValueTimes>,
    /// The values that are not exported as they were listed, by the rule: those that are refused, and the networks that
    /// were cut.
    pub dropped: BTreeMap<GuardRule, IndicatorSet>,
}

/// Collects the values of a feed, each judged by the guard.
///
/// ```
/// use feed_classification::{FalsePositives, Guard, GuardRule, GuardedBuilder, IndicatorType};
///
/// let (guard, harmless) = (Guard::default(), FalsePositives::default());
/// let mut feed = GuardedBuilder::new(IndicatorType::Domain);
/// for name in ["co.uk", "evil.example"] {
///     feed.push(name, guard.judge(IndicatorType::Domain, name, &harmless));
/// }
/// let guarded = feed.finish();
/// assert!(guarded.values.iter().eq(["evil.example"]));
/// assert_eq!(guarded.dropped[&GuardRule::PublicSuffixes].len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct GuardedBuilder {
    kind: IndicatorType,
    values: IndicatorSetBuilder,
    dropped: BTreeMap<GuardRule, IndicatorSetBuilder>,
}

impl Guard {
    /// Returns the values of a set that are exported; nothing if the cut networks make more than `most` values. Applied
    /// to its result, it changes nothing.
    #[must_use]
    pub fn applied_to(&self, set: IndicatorSet, harmless: &FalsePositives, most: usize) -> Option<Guarded> {
        self.applied_to_timed(set, None, harmless, most)
    }

    /// Returns the same for a set with the times of its values.
    #[must_use]
    pub fn applied_to_timed(
        &self,
        set: IndicatorSet,
        times: Option<ValueTimes>,
        harmless: &FalsePositives,
        most: usize,
    ) -> Option<Guarded> {
        let kind = set.kind();
        let judge = |value: &str| self.judge(kind, value, harmless);
        if set.iter().all(|value| judge(value) == Verdict::Exported) {
            return Some(Guarded {
                values: set,
                times,
                dropped: BTreeMap::new(),
            });
        }
        let mut guarded = match times {
            Some(_) => GuardedBuilder::timed(kind),
            None => GuardedBuilder::new(kind),
        };
        let mut times = times.iter().flat_map(ValueTimes::iter);
        for value in &set {
            guarded.push_at(value, times.next().unwrap_or_default(), judge(value));
            if guarded.pushed() > most {
                return None;
            }
        }
        Some(guarded.finish())
    }
}

impl GuardedBuilder {
    /// Makes a builder with no value.
    #[must_use]
    pub const fn new(kind: IndicatorType) -> Self {
        Self {
            kind,
            values: IndicatorSetBuilder::new(kind),
            dropped: BTreeMap::new(),
        }
    }

    /// Makes a builder with no value that keeps the times of the exported values.
    #[must_use]
    pub const fn timed(kind: IndicatorType) -> Self {
        Self {
            kind,
            values: IndicatorSetBuilder::timed(kind),
            dropped: BTreeMap::new(),
        }
    }

    /// Adds a value with its judgement. Where times are kept, its time is 0.
    pub fn push(&mut self, value: &str, verdict: Verdict) {
        self.push_at(value, 0, verdict);
    }

    /// Adds a value that was changed at this unix second, with its judgement.
    pub fn push_at(&mut self, value: &str, time: i64, verdict: Verdict) {
        match verdict {
            Verdict::Exported => self.values.push_at(value, time),
            Verdict::Refused(rule) => self.drop(value, rule),
            Verdict::Cut(rule, parts) => {
                for part in parts {
                    self.values.push_at(&part.to_string(), time);
                }
                self.drop(value, rule);
            }
        }
    }

    /// Returns the number of values so far, exported ones and others; repetitions may count.
    #[must_use]
    pub fn pushed(&self) -> usize {
        let dropped = self.dropped.values().map(IndicatorSetBuilder::pushed);
        self.values.pushed() + dropped.sum::<usize>()
    }

    /// Returns the set behind the guard.
    #[must_use]
    pub fn finish(self) -> Guarded {
        let dropped = self.dropped.into_iter();
        let (values, times) = self.values.finish_timed();
        Guarded {
            values,
            times,
            dropped: dropped.map(|(rule, values)| (rule, values.finish())).collect(),
        }
    }

    fn drop(&mut self, value: &str, rule: GuardRule) {
        let of_rule = self.dropped.entry(rule);
        of_rule
            .or_insert_with(|| IndicatorSetBuilder::new(self.kind))
            .push(value);
    }
}
