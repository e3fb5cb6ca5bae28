//! Sorting texts where they lie.

use std::cmp::Ordering;

use super::placing;
use super::texts::Texts;

/// A text to be sorted, known by its place, with a mark.
///
/// The first bytes behind the beginning that all texts share are with it, so that most comparisons read no text: an
/// IPv4 address is compared by them alone.
#[derive(Clone, Copy, Debug)]
struct Ranked<F> {
    first_bytes: F,
    place: u32,
    mark: u32,
}

/// The beginning of a text, as numbers in the order of the bytes. A text that ends before is filled up with zeros.
trait FirstBytes: Copy + Ord {
    fn of(text: &[u8]) -> Self;
}

/// Texts of one length from here on, such as hashes, are sorted in little memory: they stay in their list, and eight
/// bytes are compared, which nearly always differ. For shorter ones it is faster to copy them.
const LONG: usize = 32;

/// Returns the texts at these places in order of their code points, each once, with the greatest of its marks.
pub(super) fn sorted(texts: Texts, marked: impl Iterator<Item = (u32, u32)>) -> (Texts, Vec<u32>) {
    if let Some(length @ LONG..) = texts.common_length() {
        let ranked = ranked::<u64>(&texts, marked);
        let sorted = placing::placed(texts, length, ranked.len(), |index| place(&ranked, index));
        return (sorted, marks(ranked));
    }
    let ranked = ranked::<[u64; 2]>(&texts, marked);
    let sorted = copied(&texts, &ranked);
    drop(texts);
    (sorted, marks(ranked))
}

fn ranked<F: FirstBytes>(texts: &Texts, marked: impl Iterator<Item = (u32, u32)>) -> Vec<Ranked<F>> {
    let shared = shared_beginning(texts);
    let mut ranked: Vec<Ranked<F>> = Vec::with_capacity(texts.len());
    ranked.extend(marked.map(|(place, mark)| Ranked {
        first_bytes: F::of(at(texts, place).as_bytes().get(shared..).unwrap_or_default()),
        place,
        mark,
    }));
    let order = |a: &Ranked<F>, b: &Ranked<F>| {
        let by_first_bytes = a.first_bytes.cmp(&b.first_bytes);
        by_first_bytes.then_with(|| at(texts, a.place).cmp(at(texts, b.place)))
    };
    ranked.sort_unstable_by(order);
    ranked.dedup_by(|later, kept| {
        let is_same = order(later, kept) == Ordering::Equal;
        if is_same {
            kept.mark = later.mark.max(kept.mark);
        }
        is_same
    });
    ranked
}

fn marks<F>(ranked: Vec<Ranked<F>>) -> Vec<u32> {
    ranked.into_iter().map(|ranked| ranked.mark).collect()
}

fn copied<F>(texts: &Texts, ranked: &[Ranked<F>]) -> Texts {
    let bytes = ranked.iter().map(|ranked| at(texts, ranked.place).len()).sum();
    let mut sorted = Texts::with_room(ranked.len(), bytes);
    ranked.iter().for_each(|ranked| sorted.push(at(texts, ranked.place)));
    sorted
}

fn place<F>(ranked: &[Ranked<F>], index: usize) -> usize {
    ranked.get(index).map_or(0, |ranked| ranked.place as usize)
}

fn at(texts: &Texts, place: u32) -> &str {
    texts.get(place as usize).unwrap_or_default()
}

/// Returns how many bytes at the beginning of all texts are the same.
fn shared_beginning(texts: &Texts) -> usize {
    let mut texts = texts.iter().map(str::as_bytes);
    let mut shared = texts.next().unwrap_or_default();
    for text in texts {
        // Nearly all texts begin like those before them.
        if !text.starts_with(shared) {
            let same = shared.iter().zip(text).take_while(|(one, other)| one == other);
            shared = shared.get(..same.count()).unwrap_or_default();
        }
        if shared.is_empty() {
            break;
        }
    }
    shared.len()
}

impl FirstBytes for u64 {
    fn of(text: &[u8]) -> Self {
        Self::from_be_bytes(filled_up(text))
    }
}

impl FirstBytes for [u64; 2] {
    fn of(text: &[u8]) -> Self {
        let number = u128::from_be_bytes(filled_up(text));
        [(number >> 64) as u64, number as u64]
    }
}

fn filled_up<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    first.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
    first
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_bytes_stand_in_the_order_of_their_texts() {
        let texts = ["", "a", "a-long-text.example", "ab", "b"];
        for pair in texts.map(str::as_bytes).windows(2) {
            assert!(u64::of(pair[0]) < u64::of(pair[1]), "{pair:?}");
            assert!(<[u64; 2]>::of(pair[0]) < <[u64; 2]>::of(pair[1]), "{pair:?}");
        }
    }

    fn check(values: &[(String, u32)]) {
        let mut texts = Texts::new();
        let mut expected = BTreeMap::<&str, u32>::new();
        for (value, mark) in values {
            texts.push(value);
            let known = expected.entry(value).or_insert(*mark);
            *known = (*known).max(*mark);
        }
        let (sorted, marks) = sorted(texts, (0..).zip(values.iter().map(|(_, mark)| *mark)));
        assert!(sorted.iter().eq(expected.keys().copied()));
        assert!(marks.iter().eq(expected.values()));
    }

    proptest! {
        #[test]
        fn texts_come_in_order_and_once_whatever_bytes_they_share(
            shared in "(abcdefgh){0,3}ä?",
            values in prop::collection::vec(("(abcdefgh){0,3}[\0a-c]{0,2}(ä|\u{10000})?", any::<u32>()), 0..40),
        ) {
            let values: Vec<(String, u32)> = values.iter().map(|(value, mark)| (shared.clone() + value, *mark)).collect();
            check(&values);
        }

        #[test]
        fn long_texts_of_one_length_come_in_order_and_once(
            shared in "[ab]{0,30}",
            values in prop::collection::vec(("[ab]{1,12}", any::<u32>()), 0..40),
        ) {
            let values: Vec<(String, u32)> =
                values.iter().map(|(value, mark)| (format!("{shared}{value:_<34}"), *mark)).collect();
            check(&values);
        }
    }
}
