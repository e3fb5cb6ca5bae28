//! A smaller set of a feed that is held back, and what becomes of the next one.
//!
//! A lost filter, half a database after a restore, a misspelt tag or a revoked right give an answer that looks like any
//! other, and a firewall would open. So a set that lost too much ([`crate::loss`]) is not served at once. It is served
//! when the source knows why the values went, when [`REFRESHES`] refreshes in a row agree, or when an operator accepts
//! it. Only counts and a few examples of it are kept.

use std::sync::Arc;
use std::time::Duration;

use cache::Moment;
use feed_classification::IndicatorSet;

use crate::loss;

/// Refreshes in a row that must agree.
const REFRESHES: u32 = 3;

/// The longest time between two of them: an answer that comes sooner could have the same cause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A source is not asked sooner than this after an answer that was held back, whatever a caller wants.
const REST: Duration = Duration::from_secs(5);

/// Examples of the values that would go, and the length of each in characters.
const EXAMPLES: usize = 5;
const EXAMPLE_CHARS: usize = 100;

/// A smaller set of a feed that is not served yet.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeldBack {
    /// When the first smaller set came.
    pub since: jiff::Timestamp,
    /// The number of values that are served.
    pub from: u64,
    /// The number of values in the newest smaller set.
    pub to: u64,
    /// Refreshes in a row that agree on it.
    pub agreed: u32,
    /// Refreshes in a row after which it is served.
    pub needed: u32,
    /// At most five of the values that would go, each cut after 100 characters.
    pub examples: Vec<String>,
}

/// The reason why the set in memory is served in the place of a smaller one.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    /// When a refresh last counted.
    counted_at: Moment,
    /// When the source last gave a smaller set.
    asked_at: Moment,
    /// When a refresh last counted by the wall clock, for sets of other replicas.
    pub(crate) told_at: jiff::Timestamp,
    pause: Duration,
    /// The configuration changed, and not MISP.
    pub(crate) is_of_rules: bool,
    pub(crate) is_accepted: bool,
    pub(crate) shown: Arc<HeldBack>,
}

/// The answer that a smaller set came with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// When the question began.
    pub(crate) asked_at: Moment,
    /// As of when the answer is; nothing means when the question began.
    pub(crate) as_of: Option<jiff::Timestamp>,
}

/// What a doubt says about the next smaller set.
#[derive(Debug)]
pub(crate) enum Verdict {
    Believed(&'static str),
    HeldBack(Doubt),
}

impl Doubt {
    /// Returns the doubt about the first set that is too small, where refreshes come `soft_expiry` apart.
    pub(crate) fn arising(now: Moment, served: &IndicatorSet, smaller: &IndicatorSet, soft_expiry: Duration) -> Self {
        Self {
            counted_at: now,
            asked_at: now,
            told_at: jiff::Timestamp::now(),
            pause: soft_expiry.clamp(REST, LONGEST_PAUSE),
            is_of_rules: false,
            is_accepted: false,
            shown: Arc::new(HeldBack {
                since: jiff::Timestamp::now(),
                from: served.len() as u64,
                to: smaller.len() as u64,
                agreed: 1,
                needed: REFRESHES,
                examples: examples(served, smaller),
            }),
        }
    }

    /// Returns the doubt about a set that is empty since the configuration changed: an operator changed it, so a second
    /// question soon is enough.
    pub(crate) fn after_other_rules(self) -> Self {
        let shown = HeldBack {
            needed: 2,
            ..(*self.shown).clone()
        };
        Self {
            pause: REST,
            is_of_rules: true,
            shown: Arc::new(shown),
            ..self
        }
    }

    /// Returns what becomes of another set that is too small.
    pub(crate) fn judge(
        &self,
        answered: Answered,
        now: Moment,
        served: &IndicatorSet,
        smaller: &IndicatorSet,
    ) -> Verdict {
        let to = smaller.len();
        if loss::is_too_large(self.size(), to) {
            // It lost as much once more: not the set that refreshes agreed on, or that an operator saw.
            let mut anew = Self::arising(now, served, smaller, self.pause);
            let shown = HeldBack {
                since: self.shown.since,
                needed: self.shown.needed,
                ..(*anew.shown).clone()
            };
            anew.shown = Arc::new(shown);
            anew.is_of_rules = self.is_of_rules;
            return Verdict::HeldBack(anew);
        }
        if self.is_accepted {
            return Verdict::Believed("an operator accepted it");
        }
        // A copy that nothing confirmed since agrees with itself only.
        let is_newer = answered.as_of.is_none_or(|at| at > self.told_at);
        let counts = is_newer && self.may_count(answered.asked_at);
        let agreed = self.shown.agreed + u32::from(counts);
        if agreed >= self.shown.needed {
            return Verdict::Believed("enough refreshes in a row agree");
        }
        let shown = HeldBack {
            to: to as u64,
            agreed,
            ..(*self.shown).clone()
        };
        Verdict::HeldBack(Self {
            counted_at: if counts { now } else { self.counted_at },
            told_at: if counts { jiff::Timestamp::now() } else { self.told_at },
            asked_at: now,
            shown: Arc::new(shown),
            ..self.clone()
        })
    }

    /// Returns whether it is about a set that did not lose as much again as that one.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        !loss::is_too_large(other.size(), self.size())
    }

    /// Returns the same doubt; an operator accepts the smaller set if `is_accepted`.
    pub(crate) fn accepted(self, is_accepted: bool) -> Self {
        Self { is_accepted, ..self }
    }

    /// Returns whether a question that begins now would count.
    pub(crate) fn may_count(&self, now: Moment) -> bool {
        self.is_accepted || now.since(self.counted_at) >= self.pause
    }

    /// Returns whether a caller who wants a new answer may cause a question now.
    pub(crate) fn may_be_asked(&self, now: Moment) -> bool {
        self.is_accepted || now.since(self.asked_at) >= REST
    }

    /// Returns the time between two refreshes that count.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    fn size(&self) -> usize {
        usize::try_from(self.shown.to).unwrap_or(usize::MAX)
    }
}

fn examples(served: &IndicatorSet, smaller: &IndicatorSet) -> Vec<String> {
    let going = served.without_texts_of(smaller);
    let cut = |value: &str| value.chars().take(EXAMPLE_CHARS).collect();
    going.iter().take(EXAMPLES).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_few_and_short() {
        use feed_classification::IndicatorType::Yara;
        let long = "\u{e4}".repeat(1_000);
        let served = IndicatorSet::of(Yara, ["a", "b", "c", "d", "e", "f", long.as_str()]);
        assert_eq!(examples(&served, &IndicatorSet::of(Yara, ["a"])).len(), EXAMPLES);
        let one = examples(&served, &IndicatorSet::of(Yara, ["a", "b", "c", "d", "e", "f"]));
        assert_eq!(one, ["\u{e4}".repeat(EXAMPLE_CHARS)]);
    }
}
