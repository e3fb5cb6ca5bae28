//! Values in the form of a consumer, sorted and made unique once more.

use std::borrow::Cow;

use crate::canonical::{canonical_key, canonical_text};
use crate::{Indicator, IndicatorType};

/// Rewritten values in order, each once by its [`canonical_key`]: those of an [`IndicatorSet`](crate::IndicatorSet) of
/// them, in less memory. A value that only lost its scheme stays where it lies and costs 24 bytes.
#[derive(Debug)]
pub(super) struct Rewritten<'v> {
    kind: IndicatorType,
    values: Vec<Cow<'v, str>>,
}

impl<'v> Rewritten<'v> {
    /// Takes the values in any order.
    pub(super) fn of(kind: IndicatorType, values: impl Iterator<Item = Cow<'v, str>>) -> Self {
        let mut values: Vec<_> = values.map(|value| in_usual_spelling(kind, value)).collect();
        values.sort_unstable();
        values.dedup();
        let (leaving, mut places) = (later_spellings(kind, &values), 0..);
        values.retain(|_| places.next().is_none_or(|place| leaving.binary_search(&place).is_err()));
        Self { kind, values }
    }

    /// Returns the values with their type, as exporters take them.
    pub(super) fn indicators(&self) -> impl Iterator<Item = Indicator<'_>> {
        self.values.iter().map(|value| Indicator::new(self.kind, value))
    }
}

fn in_usual_spelling(kind: IndicatorType, value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(value) => canonical_text(kind, value),
        Cow::Owned(value) => Cow::Owned(canonical_text(kind, &value).into_owned()),
    }
}

/// Returns the places of the values that are another spelling of one before them, in order.
fn later_spellings(kind: IndicatorType, values: &[Cow<'_, str>]) -> Vec<usize> {
    let keys = values.iter().enumerate();
    let mut respelled: Vec<(String, usize)> = keys
        .filter_map(|(place, value)| match canonical_key(kind, value) {
            Cow::Owned(key) => Some((key, place)),
            Cow::Borrowed(_) => None,
        })
        .collect();
    respelled.sort_unstable();
    let mut later = Vec::new();
    for spellings in respelled.chunk_by(|(one, _), (other, _)| one == other) {
        let key = spellings.first().map_or("", |(key, _)| key);
        let own = values.binary_search_by(|value| (**value).cmp(key)).ok();
        let mut places: Vec<usize> = spellings.iter().map(|(_, place)| *place).chain(own).collect();
        places.sort_unstable();
        later.extend(places.into_iter().skip(1));
    }
    later.sort_unstable();
    later
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::IndicatorSet;

    proptest! {
        #[test]
        fn they_are_those_of_a_set(
            urls in prop::collection::vec("((HTTP|http)://)?[ab]\\.(example|EXAMPLE)(:80)?/?[cC]?", 0..30),
            addresses in prop::collection::vec("192\\.0\\.2\\.[0-3](/3[12])?|(::ffff:)192\\.0\\.2\\.[0-3]", 0..20),
            owned in any::<bool>(),
        ) {
            for (kind, values) in [(IndicatorType::Url, urls), (IndicatorType::Ip, addresses)] {
                let cows = values.iter().map(|value| if owned { value.clone().into() } else { value.into() });
                let rewritten = Rewritten::of(kind, cows);
                let set = IndicatorSet::of(kind, values.iter().map(String::as_str));
                prop_assert!(rewritten.indicators().map(|item| item.value).eq(&set));
            }
        }
    }
}
