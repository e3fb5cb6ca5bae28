//! The values that a target gets, of one or more indicator types, and the difference between two lists.

use std::collections::BTreeMap;

use feed_classification::{IndicatorSet, IndicatorSetBuilder, IndicatorType};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Sets of values, at most one of each indicator type; types without a value are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<IndicatorType, IndicatorSet>);

impl Values {
    /// Returns the values of all sets together.
    #[must_use]
    pub fn union<'s>(sets: impl IntoIterator<Item = &'s IndicatorSet>) -> Self {
        let mut builders: BTreeMap<IndicatorType, IndicatorSetBuilder> = BTreeMap::new();
        for set in sets {
            let kind = set.kind();
            let builder = builders.entry(kind).or_insert_with(|| IndicatorSetBuilder::new(kind));
            set.iter().for_each(|value| builder.push(value));
        }
        builders.into_values().map(IndicatorSetBuilder::finish).collect()
    }

    /// Returns the sets, in the order of their types.
    pub fn sets(&self) -> impl Iterator<Item = &IndicatorSet> {
        self.0.values()
    }

    /// Returns the set of one type.
    #[must_use]
    pub fn of(&self, kind: IndicatorType) -> Option<&IndicatorSet> {
        self.0.get(&kind)
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets().map(IndicatorSet::len).sum()
    }

    /// Returns whether the values are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the values that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.sets()
            .map(|set| {
                other
                    .of(set.kind())
                    .map_or_else(|| set.clone(), |theirs| set.without(theirs))
            })
            .collect()
    }
}

impl FromIterator<IndicatorSet> for Values {
    /// Takes sets of different types; of two of one type the last one stays.
    fn from_iter<I: IntoIterator<Item = IndicatorSet>>(sets: I) -> Self {
        let filled = sets.into_iter().filter(|set| !set.is_empty());
        Self(filled.map(|set| (set.kind(), set)).collect())
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Set<'s>(&'s IndicatorSet);
        impl Serialize for Set<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0)
            }
        }
        serializer.collect_map(self.sets().map(|set| (set.kind().as_str(), Set(set))))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lists = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
        lists
            .into_iter()
            .map(|(kind, values)| {
                let kind: IndicatorType = kind.parse().map_err(D::Error::custom)?;
                Ok(IndicatorSet::of(kind, values.iter().map(String::as_str)))
            })
            .collect()
    }
}

/// The values that a change adds and removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Values that were not in force before.
    pub added: Values,
    /// Values that are not in force any more.
    pub removed: Values,
}

impl Diff {
    /// Returns the change from `before` to `after`.
    #[must_use]
    pub fn between(before: &Values, after: &Values) -> Self {
        Self {
            added: after.without(before),
            removed: before.without(after),
        }
    }

    /// Returns how many values are added or removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len()
    }

    /// Returns whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Returns the change for people: `+` and `-` lines, at most `lines` of each, control characters escaped.
    #[must_use]
    pub fn shown(&self, lines: usize) -> String {
        let mut text = String::new();
        for (sign, values) in [('+', &self.added), ('-', &self.removed)] {
            let all = values
                .sets()
                .flat_map(|set| set.iter().map(move |value| (set.kind(), value)));
            for (kind, value) in all.take(lines) {
                text.push_str(&format!("{sign} {kind} {}\n", value.escape_debug()));
            }
            if let Some(more) = values.len().checked_sub(lines).filter(|more| *more > 0) {
                text.push_str(&format!("{sign} and {more} more\n"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(kind: IndicatorType, values: &[&str]) -> Values {
        [IndicatorSet::of(kind, values.iter().copied())].into_iter().collect()
    }

    #[test]
    fn values_read_back_from_json() {
        let mut both = values(IndicatorType::Domain, &["b.example", "a.example"]);
        both.0.extend(values(IndicatorType::Yara, &["rule a\n{ }"]).0);
        let json = serde_json::to_string(&both).unwrap();
        assert_eq!(json, r#"{"domain":["a.example","b.example"],"yara":["rule a\n{ }"]}"#);
        assert_eq!(serde_json::from_str::<Values>(&json).unwrap(), both);
        assert!(serde_json::from_str::<Values>(r#"{"nonsense":["x"]}"#).is_err());
    }

    #[test]
    fn a_diff_is_bounded_and_shows_no_control_character() {
        let before = values(IndicatorType::UserAgent, &["a", "b", "c"]);
        let after = values(IndicatorType::UserAgent, &["c", "x\u{1b}[2J"]);
        let diff = Diff::between(&before, &after);
        assert_eq!(diff.len(), 3);
        assert_eq!(
            diff.shown(1),
            "+ user-agent x\\u{1b}[2J\n- user-agent a\n- and 1 more\n"
        );
        assert!(Diff::between(&after, &after).is_empty());
    }

    #[test]
    fn sets_of_one_type_become_one() {
        let (one, two) = (
            IndicatorSet::of(IndicatorType::Ip, ["192.0.2.1", "::1"]),
            IndicatorSet::of(IndicatorType::Ip, ["192.0.2.1"]),
        );
        let all = Values::union([&one, &two, &IndicatorSet::empty(IndicatorType::Url)]);
        assert_eq!((all.len(), all.sets().count()), (2, 1));
    }
}
