//! The rows of an index before it is known which of them count.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use catalogue::{LOOKUP_TYPES, MatchedEvent};
use feed_classification::{
    Extractor, FalsePositives, IndicatorSetBuilder, IndicatorType, TypeSet, canonical_key, network_of,
};
use misp_client::Attribute;

use super::feed_types::FeedTypes;
use super::listed_values::{ListedValues, Mention};
use crate::pass::Sink;
use crate::provenance::Provenance;
use crate::score::Scoring;
use crate::{FeedError, score};

/// The greatest number of values, as for a feed; more are refused as a mistake.
pub(super) const MAX_VALUES: usize = 10_000_000;

/// The values and events of some rows.
#[derive(Debug)]
pub(crate) struct Entries {
    taken_by: Arc<FeedTypes>,
    scoring: Option<Scoring>,
    text: String,
    entries: Vec<Entry>,
    events: Vec<MatchedEvent>,
    places: HashMap<MatchedEvent, u32>,
    dropped: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The canonical key of the value; a spelling that differs follows on it.
    key: Range<usize>,
    /// How long that spelling is; 0 where the value is its own key.
    spelling: u32,
    mention: Mention,
    at: Provenance,
}

impl Entries {
    /// Returns no entries; without `scoring` no row has a score.
    pub(super) fn new(taken_by: Arc<FeedTypes>, scoring: Option<Scoring>) -> Self {
        Self {
            taken_by,
            scoring,
            text: String::new(),
            entries: Vec::new(),
            events: Vec::new(),
            places: HashMap::new(),
            dropped: BTreeMap::new(),
        }
    }

    /// Returns the number of values, each counted once for every row that has it.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the place of an event; an event that many attributes describe alike is kept once.
    pub(super) fn event(&mut self, event: MatchedEvent) -> u32 {
        if let Some(place) = self.places.get(&event) {
            return *place;
        }
        let place = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        self.events.push(event.clone());
        self.places.insert(event, place);
        place
    }

    /// Adds the rows of another question.
    pub(super) fn join(&mut self, other: Self) {
        for entry in &other.entries {
            self.copy(&other, entry);
        }
    }

    fn copy(&mut self, other: &Self, entry: &Entry) {
        let Some(event) = other.events.get(entry.mention.event as usize) else {
            return;
        };
        let event = self.event(event.clone());
        self.push(other.value(entry), Mention { event, ..entry.mention }, entry.at);
    }

    pub(super) fn push(&mut self, value: &str, mention: Mention, at: Provenance) {
        let key = canonical_key(mention.kind, value);
        let from = self.text.len();
        self.text.push_str(&key);
        let key_end = self.text.len();
        if key != value {
            self.text.push_str(value);
        }
        self.entries.push(Entry {
            key: from..key_end,
            spelling: u32::try_from(self.text.len() - key_end).unwrap_or(0),
            mention,
            at,
        });
    }

    /// Returns all values as false positives.
    pub(super) fn into_false_positives(self) -> FalsePositives {
        let mut sets: BTreeMap<IndicatorType, IndicatorSetBuilder> = BTreeMap::new();
        for entry in &self.entries {
            let kind = entry.mention.kind;
            let set = sets.entry(kind).or_insert_with(|| IndicatorSetBuilder::new(kind));
            set.push(self.key(entry));
        }
        FalsePositives::of(sets.into_values().map(IndicatorSetBuilder::finish))
    }

    /// Returns the index of the rows that `counts` and whose values are not `harmless`.
    pub(super) fn into_index(
        mut self,
        mut counts: impl FnMut(&Provenance) -> bool,
        harmless: &FalsePositives,
    ) -> ListedValues {
        let (mut entries, events) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.events));
        entries.retain(|entry| counts(&entry.at) && !harmless.contains(entry.mention.kind, self.key(entry)));
        // The events of a value are in order of their numbers, whatever order MISP had its rows in.
        let event = |entry: &Entry| events.get(entry.mention.event as usize);
        entries.sort_unstable_by(|a, b| {
            (self.key(a), a.mention.kind, event(a), self.spelling(a)).cmp(&(
                self.key(b),
                b.mention.kind,
                event(b),
                self.spelling(b),
            ))
        });
        // Several attributes of an event may hold the same value; their common worth counts.
        entries.dedup_by(|later, kept| {
            let is_same = later.mention.says_as(kept.mention) && self.key(later) == self.key(kept);
            if is_same {
                kept.mention.worth = kept.mention.worth.and(later.mention.worth);
            }
            is_same
        });
        let mentions = entries
            .iter()
            .map(|entry| (self.key(entry), self.spelling(entry), entry.mention));
        ListedValues::new(mentions, events)
    }

    fn key(&self, entry: &Entry) -> &str {
        self.text.get(entry.key.clone()).unwrap_or_default()
    }

    /// Returns the value as it is written, where that is not its key.
    fn spelling(&self, entry: &Entry) -> Option<&str> {
        let end = entry.key.end + entry.spelling as usize;
        self.text
            .get(entry.key.end..end)
            .filter(|spelling| !spelling.is_empty())
    }

    fn value(&self, entry: &Entry) -> &str {
        self.spelling(entry).unwrap_or_else(|| self.key(entry))
    }
}

impl Sink for Entries {
    fn take(&mut self, attribute: &Attribute) -> Result<(), FeedError> {
        let taken_by = self.taken_by.of(&attribute.kind);
        if taken_by.is_empty() {
            return Ok(());
        }
        let event = self.event(described(attribute));
        let worth = score::worth(self.scoring.as_ref(), attribute);
        for &kind in LOOKUP_TYPES.iter().filter(|kind| is_listed_as(taken_by, **kind)) {
            let (mention, at) = (Mention { kind, event, worth }, Provenance::of(attribute));
            let outcome = Extractor::new(kind).extract(&attribute.kind, &attribute.value, &mut |value| {
                if kind != IndicatorType::Ip || holds_address(taken_by, value) {
                    self.push(value, mention, at);
                }
            });
            match outcome {
                Ok(()) => {}
                Err(reason) if reason.belongs_elsewhere() => {}
                Err(reason) => self.count_dropped(reason.as_str(), 1),
            }
        }
        if self.entries.len() > MAX_VALUES {
            return Err(FeedError::TooManyValues { limit: MAX_VALUES });
        }
        Ok(())
    }

    fn count_dropped(&mut self, reason: &'static str, attributes: u64) {
        if attributes > 0 {
            *self.dropped.entry(reason).or_default() += attributes;
        }
    }

    fn absorb(&mut self, other: &Self, left_out: &HashSet<u64>) {
        let mut known = left_out.clone();
        known.extend(self.entries.iter().map(|entry| entry.at.attribute_id));
        for entry in other
            .entries
            .iter()
            .filter(|entry| !known.contains(&entry.at.attribute_id))
        {
            self.copy(other, entry);
        }
    }
}

/// Returns whether a value of these types is listed as `kind`.
fn is_listed_as(taken_by: TypeSet, kind: IndicatorType) -> bool {
    match kind {
        IndicatorType::Ip => TypeSet::ADDRESSES.iter().any(|kind| taken_by.contains(kind)),
        kind => taken_by.contains(kind),
    }
}

/// Returns whether a feed of one of these types holds an address or network of this family and length; mappings may
/// differ by type.
fn holds_address(kinds: TypeSet, value: &str) -> bool {
    use IndicatorType as Kind;
    let Some(network) = network_of(value) else {
        return false;
    };
    let is_single = network.prefix_len() == network.max_prefix_len();
    let holders = match (network.addr().is_ipv4(), is_single) {
        (true, true) => [Kind::Ipv4, Kind::Ipv4Ext, Kind::Ip],
        (true, false) => [Kind::Cidr4, Kind::Ipv4Ext, Kind::Ip],
        (false, true) => [Kind::Ipv6, Kind::Ipv6Ext, Kind::Ip],
        (false, false) => [Kind::Cidr6, Kind::Ipv6Ext, Kind::Ip],
    };
    holders.iter().any(|kind| kinds.contains(*kind))
}

/// Returns the event of a row; tags of the attribute itself count too.
fn described(attribute: &Attribute) -> MatchedEvent {
    let event = MatchedEvent::new(attribute.event_id, attribute.event.info.as_deref().unwrap_or_default());
    let tags = attribute.tags.iter().map(|tag| (tag.name.as_str(), tag.inherited));
    event.uuid(attribute.event.uuid).tagged(tags)
}
