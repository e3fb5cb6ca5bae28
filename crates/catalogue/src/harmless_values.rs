//! The values that an analyst called harmless.

use std::collections::BTreeSet;

use feed_classification::{FalsePositives, IndicatorSet, IndicatorType, canonical_key};

use crate::tag_sets::place_of;
use crate::{Class, Harmless, Row, Snapshot, families};

/// The harmless values of one family.
#[derive(Debug)]
pub(crate) struct HarmlessValues {
    /// By rank; of addresses the single ones.
    ranks: Vec<bool>,
    /// Addresses and networks together; empty for other families.
    addresses: FalsePositives,
    has_networks: bool,
}

/// How a tag set carries the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    None,
    Own,
    OfEvent,
}

impl HarmlessValues {
    /// Returns the values of the family of `kind` that carry the mark; nothing if none does.
    pub(crate) fn of(snapshot: &Snapshot, kind: IndicatorType, harmless: &Harmless) -> Option<Self> {
        let marks = marks(snapshot, &harmless.tag);
        if marks.iter().all(|mark| *mark == Mark::None) {
            return None;
        }
        let class = snapshot.class(kind);
        let is_marked = |row: &Row| {
            let since = |time: i64| harmless.since <= 0 || time >= harmless.since;
            let of_event = || snapshot.event(row).is_some_and(|event| since(event.timestamp));
            row.is_current()
                && match marks.get(row.tag_set() as usize).copied().unwrap_or(Mark::None) {
                    Mark::None => false,
                    Mark::Own => since(row.timestamp()),
                    Mark::OfEvent => since(row.timestamp()) || of_event(),
                }
        };
        let marked: BTreeSet<u32> = (0..)
            .zip(class.values().all_rows())
            .filter(|(_, row)| is_marked(row))
            .map(|(place, _)| class.values().rank_of_row(place))
            .collect();
        (!marked.is_empty()).then(|| Self::at(class, kind, &marked))
    }

    fn at(class: &Class, kind: IndicatorType, marked: &BTreeSet<u32>) -> Self {
        let values = class.values();
        let texts = || marked.iter().filter_map(|rank| values.value(*rank));
        let mut ranks = vec![false; values.len()];
        let is_address = families::kept_as(kind) == IndicatorType::Ip;
        let every_spelling = texts().flat_map(|text| class.ranks_of_key(&canonical_key(kind, text)));
        for rank in every_spelling {
            if let Some(is_harmless) = ranks.get_mut(rank as usize) {
                *is_harmless = true;
            }
        }
        let addresses = is_address.then(|| FalsePositives::of([IndicatorSet::of(IndicatorType::Ip, texts())]));
        Self {
            ranks,
            addresses: addresses.unwrap_or_default(),
            has_networks: is_address && texts().any(|text| text.contains('/')),
        }
    }

    /// Returns whether this value of the class is harmless. A single address lies in a harmless network or is one; a
    /// network may also lie in several together.
    pub(crate) fn contains(&self, rank: u32, value: &str) -> bool {
        let is_marked = self.ranks.get(rank as usize).is_some_and(|is_harmless| *is_harmless);
        if self.addresses.is_empty() {
            return is_marked;
        }
        match value.contains('/') {
            true => self.contains_address(value),
            false => is_marked || (self.has_networks && self.contains_address(value)),
        }
    }

    /// Returns the harmless addresses and networks; empty for other families.
    pub(crate) fn addresses(&self) -> &FalsePositives {
        &self.addresses
    }

    /// Returns whether an address or network that need not be in the class is harmless.
    pub(crate) fn contains_address(&self, value: &str) -> bool {
        self.addresses.contains(IndicatorType::Ip, value)
    }
}

/// Returns for each tag set how it carries a tag.
fn marks(snapshot: &Snapshot, tag: &str) -> Vec<Mark> {
    let named = snapshot.tag_sets.named(tag);
    let mark = |member: &u32| match place_of(*member) {
        (place, _) if !named.get(place).is_some_and(|is_named| *is_named) => Mark::None,
        (_, true) => Mark::OfEvent,
        (_, false) => Mark::Own,
    };
    let of_set = |members: &[u32]| members.iter().map(mark).max().unwrap_or(Mark::None);
    snapshot.tag_sets.sets().map(of_set).collect()
}
