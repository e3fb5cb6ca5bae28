//! Sets of feeds that replicas share: one replica gathers a feed, the others take its result.
//!
//! Every set carries a [`Label`] that is read before it: when its gathering began and ended by the wall clock of the
//! replica that did it, and when its values last changed, so that `ETag` and `Last-Modified` are the same everywhere.
//! Errors are not shared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cache::{Lease, SharedCache, Turn};
use feed_classification::{DropReason, GuardRule, IndicatorSetBuilder, IndicatorType, ValueTimes};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::feed_key::FeedKey;
use crate::{FeedContents, FeedSet, Upstream};

/// Greatest difference between the wall clocks of replicas. A set that seems to come from further ahead is refused.
pub(crate) const SKEW: Duration = Duration::from_secs(2);

/// The others wait at most this long for a replica that is gone; one that works prolongs its lease.
const LEASE: Duration = Duration::from_secs(10);
/// Rows without an id, a type or a value.
const UNUSABLE: &str = "unusable";
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The facts about a shared set that are read before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Label {
    pub(crate) began_at: Timestamp,
    pub(crate) made_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    /// When the values or their times last changed.
    pub(crate) ordered_at: Timestamp,
    /// Stands for the values: 128 bits of their hash.
    pub(crate) values: u128,
    /// The replica had an older set to hold this one against, or its source was sure.
    pub(crate) is_judged: bool,
    /// The source was asked for the times of the values.
    pub(crate) is_timed: bool,
}

/// The conditions for a shared set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// The greatest age of a set.
    pub(crate) max_age: Duration,
    /// The moment of the request: a set whose gathering began later is young enough for any `max_age`.
    pub(crate) asked_at: Timestamp,
    /// This replica already has a set of that time.
    pub(crate) newer_than: Option<Timestamp>,
    /// The feed was forgotten then: only a gathering that began later counts.
    pub(crate) forgotten_at: Option<Timestamp>,
    /// The times of the values are needed.
    pub(crate) wants_times: bool,
}

/// The outcome of looking for a shared set.
pub(crate) enum Sharing {
    /// Another replica has gathered it.
    Found(Label, FeedContents),
    /// It is to be gathered here, for all.
    Ours(Lease),
    /// It is to be gathered here.
    Alone,
}

impl Wish {
    /// Returns whether this set will do now.
    pub(crate) fn likes(&self, label: &Label, now: Timestamp) -> bool {
        let is_believable = label.made_at <= later(now, SKEW) && label.began_at <= label.made_at;
        let counts = self.forgotten_at.is_none_or(|at| label.began_at > later(at, SKEW));
        let is_news = self.newer_than.is_none_or(|held| label.made_at > held);
        let is_young = age(label.made_at, now) <= self.max_age || label.began_at >= self.asked_at;
        let is_enough = label.is_timed || !self.wants_times;
        is_believable && counts && is_news && is_young && is_enough
    }
}

/// Looks for a set that fulfils the conditions; waits while another replica gathers it, at most for the site's
/// time-out.
pub(crate) async fn find(cache: &SharedCache, upstream: &Upstream, key: &FeedKey, wanted: Wish) -> Sharing {
    let name = name(key);
    let give_up = Instant::now() + upstream.site.timeout;
    let likes = move |label: &[u8]| Label::read(label).is_some_and(|label| wanted.likes(&label, Timestamp::now()));
    let mut pause = FIRST_PAUSE;
    loop {
        match cache.find_or_lease(&name, LEASE, &likes).await {
            Turn::Found(found) => {
                let kind = key.scope.kind;
                let reading = tokio::task::spawn_blocking(move || {
                    Some((Label::read(&found.label)?, read_set(kind, &found.value)?))
                });
                return match reading.await {
                    Ok(Some((label, gathered))) => Sharing::Found(label, gathered),
                    _ => Sharing::Alone,
                };
            }
            Turn::Yours(lease) => return Sharing::Ours(lease),
            Turn::Busy if Instant::now() < give_up => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            _ => return Sharing::Alone,
        }
    }
}

/// The facts of a label that the set does not show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof {
    pub(crate) began_at: Timestamp,
    /// Nothing means now.
    pub(crate) made_at: Option<Timestamp>,
    pub(crate) is_judged: bool,
    pub(crate) is_timed: bool,
}

/// Returns the set that replicas shared last, however old it is.
pub(crate) async fn last(cache: &SharedCache, key: &FeedKey) -> Option<(Label, FeedContents)> {
    let Turn::Found(found) = cache.find_or_lease(&name(key), LEASE, &|_| true).await else {
        return None;
    };
    let kind = key.scope.kind;
    let reading =
        tokio::task::spawn_blocking(move || Some((Label::read(&found.label)?, read_set(kind, &found.value)?)));
    reading.await.ok()?
}

/// Puts a set where the others find it, and gives the lease back.
pub(crate) async fn put(
    cache: SharedCache,
    lease: Lease,
    key: FeedKey,
    proof: Proof,
    set: Arc<FeedSet>,
    life: Duration,
) {
    let label = Label {
        began_at: proof.began_at,
        made_at: proof.made_at.unwrap_or_else(Timestamp::now),
        changed_at: set.changed_at(),
        ordered_at: set.ordered_at(),
        values: values_id(&set),
        is_judged: proof.is_judged,
        is_timed: proof.is_timed,
    };
    let work = async {
        // Megabytes: off the threads that serve sockets, so that the lease is prolonged meanwhile.
        let writing = tokio::task::spawn_blocking(move || written(&set));
        // A source outside of this crate may count by a reason that other replicas do not know; such a set is not
        // shared.
        if let Ok(Some(bytes)) = writing.await {
            cache.put(&name(&key), &label.written(), bytes, life).await;
        }
    };
    lease.hold_while(work).await;
    lease.release().await;
}

/// Returns a number for the values that is the same on every replica.
pub(crate) fn values_id(set: &FeedSet) -> u128 {
    u128::from_str_radix(set.id(), 16).unwrap_or_default()
}

impl Label {
    const JUDGED: u128 = 1;
    const TIMED: u128 = 1 << 1;

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<[u8; 16]> = bytes.chunks(16).map_while(|chunk| chunk.try_into().ok()).collect();
        let [began, made, changed, ordered, values, flags] = *numbers.as_slice() else {
            return None;
        };
        let time = |bytes| Timestamp::from_nanosecond(i128::from_be_bytes(bytes)).ok();
        Some(Self {
            began_at: time(began)?,
            made_at: time(made)?,
            changed_at: time(changed)?,
            ordered_at: time(ordered)?,
            values: u128::from_be_bytes(values),
            is_judged: u128::from_be_bytes(flags) & Self::JUDGED != 0,
            is_timed: u128::from_be_bytes(flags) & Self::TIMED != 0,
        })
    }

    fn written(&self) -> Vec<u8> {
        let times = [self.began_at, self.made_at, self.changed_at, self.ordered_at];
        let times = times.into_iter().flat_map(|time| time.as_nanosecond().to_be_bytes());
        let flags = u128::from(self.is_judged) * Self::JUDGED + u128::from(self.is_timed) * Self::TIMED;
        let numbers = [self.values, flags];
        times.chain(numbers.into_iter().flat_map(u128::to_be_bytes)).collect()
    }
}

/// Returns how long ago that was by this replica's wall clock.
pub(crate) fn age(made_at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(made_at)).unwrap_or_default()
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Names a set among replicas. Another version of ours may extract other values from the same rows.
fn name(key: &FeedKey) -> Vec<u8> {
    format!("set/{}/{key:?}", env!("CARGO_PKG_VERSION")).into_bytes()
}

/// Reasons, lengths, times and texts, each in one run: that compresses best.
fn written(set: &FeedSet) -> Option<Vec<u8>> {
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

fn read_set(kind: IndicatorType, bytes: &[u8]) -> Option<FeedContents> {
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
    // The replica that gathered it has the same rules.
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

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn label(began: i64, made: i64) -> Label {
        Label {
            began_at: at(began),
            made_at: at(made),
            changed_at: at(0),
            ordered_at: at(1),
            values: 7,
            is_judged: made % 2 == 0,
            is_timed: made % 3 == 0,
        }
    }

    const DAY: Duration = Duration::from_secs(86_400);

    fn wanted(max_age: u64) -> Wish {
        Wish {
            max_age: Duration::from_secs(max_age),
            asked_at: at(100),
            newer_than: None,
            forgotten_at: None,
            wants_times: false,
        }
    }

    #[test]
    fn a_set_comes_back_as_it_was_with_its_label() {
        let values = IndicatorSet::of(IndicatorType::Yara, ["rule a {\r\n}", "rule \u{e4}", ""]);
        let dropped = BTreeMap::from([("empty", 3), ("wildcard", 1), ("never_export", 2)]);
        for times in [None, Some(ValueTimes::new(vec![5, u32::MAX, 0]))] {
            let gathered = FeedContents {
                times: times.clone(),
                ..FeedContents::new(values.clone(), dropped.clone())
            };
            let bytes = written(&FeedSet::renew(None, gathered, at(0))).unwrap();
            let read = read_set(IndicatorType::Yara, &bytes).unwrap();
            assert_eq!(
                (read.values, read.dropped, read.times),
                (values.clone(), dropped.clone(), times)
            );
            comes_back_whole_only(&bytes);
        }
        for label in [label(1, 2), label(1, 3), label(1, 6), label(1, 7)] {
            assert_eq!(Label::read(&label.written()), Some(label));
        }
    }

    fn comes_back_whole_only(bytes: &[u8]) {
        for cut in 0..bytes.len() {
            assert!(
                read_set(IndicatorType::Yara, bytes.get(..cut).unwrap()).is_none(),
                "{cut}"
            );
        }
    }

    #[test]
    fn a_set_without_times_is_not_taken_for_a_body_that_needs_them() {
        let needy = Wish {
            wants_times: true,
            ..wanted(300)
        };
        assert!(needy.likes(&label(0, 3), at(10)), "its label says that it has times");
        assert!(!needy.likes(&label(0, 1), at(10)));
    }

    #[test]
    fn a_set_is_taken_as_long_as_the_caller_would_take_one_of_ours() {
        assert!(wanted(300).likes(&label(0, 1), at(301)));
        assert!(!wanted(300).likes(&label(0, 1), at(302)));
        assert!(!wanted(0).likes(&label(99, 100), at(101)));
        assert!(wanted(0).likes(&label(100, 101), at(102)), "it began after we asked");
    }

    #[test]
    fn a_forgotten_feed_is_taken_from_a_replica_that_began_later() {
        let forgotten = Wish {
            forgotten_at: Some(at(50)),
            max_age: DAY,
            ..wanted(0)
        };
        assert!(!forgotten.likes(&label(49, 60), at(60)));
        assert!(!forgotten.likes(&label(51, 60), at(60)), "the clocks may be apart");
        assert!(forgotten.likes(&label(53, 60), at(60)));
    }

    #[test]
    fn a_set_from_the_future_or_one_that_is_here_already_is_not_taken() {
        assert!(wanted(300).likes(&label(0, 102), at(100)));
        assert!(!wanted(300).likes(&label(0, 103), at(100)));
        let held = Wish {
            newer_than: Some(at(90)),
            ..wanted(300)
        };
        assert!(!held.likes(&label(0, 90), at(100)));
        assert!(held.likes(&label(0, 91), at(100)));
    }
}
