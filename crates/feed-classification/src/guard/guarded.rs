//! The values of a feed behind the guard.

use std::collections::BTreeMap;

use super::{Guard, GuardRule, Verdict};
use crate::{FalsePositives, IndicatorSet, IndicatorSetBuilder, IndicatorType};

/// A set behind the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guarded {
    /// The values that are exported, with the parts of networks that were cut.
    pub values: IndicatorSet,
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
        let kind = set.kind();
        let judge = |value: &str| self.judge(kind, value, harmless);
        if set.iter().all(|value| judge(value) == Verdict::Exported) {
            return Some(Guarded {
                values: set,
                dropped: BTreeMap::new(),
            });
        }
        let mut guarded = GuardedBuilder::new(kind);
        for value in &set {
            guarded.push(value, judge(value));
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

    /// Adds a value with its judgement.
    pub fn push(&mut self, value: &str, verdict: Verdict) {
        match verdict {
            Verdict::Exported => self.values.push(value),
            Verdict::Refused(rule) => self.drop(value, rule),
            Verdict::Cut(rule, parts) => {
                parts.iter().for_each(|part| self.values.push(&part.to_string()));
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
        Guarded {
            values: self.values.finish(),
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
