//! Several spellings of one key in a sorted list of URLs.

use std::borrow::Cow;

use super::IndicatorSet;
use super::texts::Texts;
use crate::canonical::canonical_key;

/// Keeps the first of several spellings of one key, with the newest of their times. Only values that are not their own
/// keys cost anything.
pub(super) fn once_by_key(mut set: IndicatorSet, times: &mut Option<Vec<u32>>) -> IndicatorSet {
    let mut respelled = respelled(&set);
    let mut leaving: Vec<u32> = Vec::new();
    for spellings in respelled.chunk_by(|(one, _), (other, _)| one == other) {
        let mut places: Vec<u32> = spellings.iter().map(|(_, place)| *place).collect();
        let key = spellings.first().map_or("", |(key, _)| key);
        places.extend(set.place_of(key).and_then(|place| u32::try_from(place).ok()));
        places.sort_unstable();
        if let Some(times) = times {
            keep_newest(times, &places);
        }
        leaving.extend(places.iter().skip(1));
    }
    leaving.sort_unstable();
    if !leaving.is_empty() {
        let stays = |place: u32| leaving.binary_search(&place).is_err();
        set.texts = staying(&set.texts, stays);
        if let Some(times) = times {
            let mut places = 0..;
            times.retain(|_| places.next().is_some_and(stays));
        }
        respelled.retain(|(_, place)| stays(*place));
    }
    let left_before = |place: u32| u32::try_from(leaving.partition_point(|gone| *gone < place)).unwrap_or(u32::MAX);
    let places = respelled.into_iter().map(|(_, place)| place - left_before(place));
    set.respelled = places.collect();
    set
}

fn staying(texts: &Texts, stays: impl Fn(u32) -> bool) -> Texts {
    let mut kept = Texts::new();
    let staying = (0..).zip(texts.iter()).filter(|(place, _)| stays(*place));
    staying.for_each(|(_, text)| kept.push(text));
    kept
}

/// Gives the first of these places the newest of their times.
fn keep_newest(times: &mut [u32], places: &[u32]) {
    let newest = places.iter().filter_map(|place| times.get(*place as usize)).max();
    let newest = newest.copied().unwrap_or_default();
    if let Some(time) = places.first().and_then(|first| times.get_mut(*first as usize)) {
        *time = newest;
    }
}

/// Returns the keys of the values that are not their own, in order, each with the place of its value.
fn respelled(set: &IndicatorSet) -> Vec<(String, u32)> {
    let keys = (0..).zip(set.texts.iter());
    let mut keys: Vec<(String, u32)> = keys
        .filter_map(|(place, value)| match canonical_key(set.kind, value) {
            Cow::Owned(key) => Some((key, place)),
            Cow::Borrowed(_) => None,
        })
        .collect();
    keys.sort_unstable();
    keys
}
