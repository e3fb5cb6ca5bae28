//! A set as bytes, for the cache that replicas share and for the state directory.

use std::collections::BTreeMap;

use feed_classification::{DropReason, GuardRule, IndicatorSetBuilder, IndicatorType, ValueTimes};

use crate::{FeedContents, FeedSet};

/// Rows without an id, a type or a value.
const UNUSABLE: &str = "unusable";

/// Returns the bytes of a set: reasons, lengths, times and texts, each in one run, since that compresses best. Nothing
/// for a set of a source outside of this crate with reasons of its own.
pub(crate) fn written(set: &FeedSet) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let count = |bytes: &mut Vec<u8>, number: usize| -> Option<()> {
        bytes.extend(u32::try_from(number).ok()?.to_be_bytes());
        Some(())
    };
    count(&mut bytes, set.dropped().len())?;
    for (reason, attributes) in set.dropped() {
        known_reason(reason.as_bytes())?;
        count(&mut bytes, reason.len())?;
        bytes.extend(reason.as_bytes());
        bytes.extend(attributes.to_be_bytes());
    }
    count(&mut bytes, set.values().len())?;
    for value in set.values() {
        count(&mut bytes, value.len())?;
    }
    count(&mut bytes, set.times().map_or(0, ValueTimes::len))?;
    for time in set.times().iter().flat_map(|times| times.iter()) {
        bytes.extend(u32::try_from(time).ok()?.to_be_bytes());
    }
    set.values().iter().for_each(|value| bytes.extend(value.as_bytes()));
    Some(bytes)
}

/// Reads the bytes that [`written`] made; nothing for others.
pub(crate) fn read_set(kind: IndicatorType, bytes: &[u8]) -> Option<FeedContents> {
    let mut rest = bytes;
    let mut dropped = BTreeMap::new();
    for _ in 0..take_number(&mut rest)? {
        let length = take_number(&mut rest)?;
        let (reason, after) = rest.split_at_checked(length)?;
        let (attributes, after) = after.split_first_chunk::<8>()?;
        dropped.insert(known_reason(reason)?, u64::from_be_bytes(*attributes));
        rest = after;
    }
    let count = take_number(&mut rest)?;
    let (lengths, mut rest) = rest.split_at_checked(count.checked_mul(4)?)?;
    let (times, text) = take_times(&mut rest, count)?;
    let mut text = std::str::from_utf8(text).ok()?;
    let mut values = IndicatorSetBuilder::new(kind);
    for length in lengths.chunks(4) {
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let (value, after) = text.split_at_checked(usize::try_from(length).ok()?)?;
        values.push(value);
        text = after;
    }
    // It is kept under the rules by which it was gathered.
    text.is_empty().then(|| FeedContents {
        times,
        is_guarded: true,
        ..FeedContents::new(values.finish(), dropped)
    })
}

/// Returns the times of so many values, if there are any, and the rest.
fn take_times<'b>(bytes: &mut &'b [u8], values: usize) -> Option<(Option<ValueTimes>, &'b [u8])> {
    let count = take_number(bytes)?;
    if count != 0 && count != values {
        return None;
    }
    let (times, rest) = bytes.split_at_checked(count.checked_mul(4)?)?;
    let times = times
        .chunks(4)
        .map_while(|time| Some(u32::from_be_bytes(time.try_into().ok()?)));
    let is_known = count > 0;
    Some((is_known.then(|| ValueTimes::new(times.collect())), rest))
}

fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_be_bytes(*number)).ok()
}

fn known_reason(name: &[u8]) -> Option<&'static str> {
    let names = DropReason::ALL.iter().map(|reason| reason.as_str());
    let mut names = names.chain([UNUSABLE]).chain(GuardRule::NAMES.iter().copied());
    names.find(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use feed_classification::IndicatorSet;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_set_comes_back_as_it_was_and_only_whole() {
        let values = IndicatorSet::of(IndicatorType::Yara, ["rule a {\r\n}", "rule \u{e4}", ""]);
        let dropped = BTreeMap::from([("empty", 3), ("wildcard", 1), ("never_export", 2)]);
        for times in [None, Some(ValueTimes::new(vec![5, u32::MAX, 0]))] {
            let gathered = FeedContents {
                times: times.clone(),
                ..FeedContents::new(values.clone(), dropped.clone())
            };
            let bytes = written(&FeedSet::renew(None, gathered, Timestamp::UNIX_EPOCH)).unwrap();
            let read = read_set(IndicatorType::Yara, &bytes).unwrap();
            assert_eq!(
                (read.values, read.dropped, read.times),
                (values.clone(), dropped.clone(), times)
            );
            for cut in 0..bytes.len() {
                assert!(read_set(IndicatorType::Yara, &bytes[..cut]).is_none(), "{cut}");
            }
        }
    }
}
