//! All values of one feed that a source gathered, in memory.

use std::fmt;
use std::net::IpAddr;

use cache::Weigh;
use catalogue::{Match, MatchedEvent, Query, Relation};
use feed_classification::{IndicatorType, network_of};

use super::networks::Networks;
use crate::score::Worth;
use crate::{Judge, blocking_work};

/// The values of one feed with the events that they come from.
///
/// A million values take about their text and 30 bytes each.
#[derive(Default)]
pub(super) struct ListedValues {
    /// The canonical keys of all values in order, one after another.
    text: String,
    /// Where each key ends in `text`.
    ends: Vec<usize>,
    /// Where the mentions of each value end in `mentions`.
    mentions_end: Vec<u32>,
    mentions: Vec<Mention>,
    /// The spelling of a value in a mention where it differs from the key, sorted by the place of the mention.
    spellings: Vec<(u32, Box<str>)>,
    events: Vec<MatchedEvent>,
    networks: Networks,
}

/// A value in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    pub(super) kind: IndicatorType,
    /// Place in `events`.
    pub(super) event: u32,
    /// As of when the index was made.
    pub(super) worth: Worth,
}

impl Mention {
    /// Returns whether both have the same type and the same event; their worth does not count.
    pub(super) fn says_as(self, other: Self) -> bool {
        self.kind == other.kind && self.event == other.event
    }
}

impl ListedValues {
    /// Returns the index of mentions, which come in order of their keys, each with the spelling of its value where that
    /// is not the key.
    pub(super) fn new<'v>(
        mentions: impl IntoIterator<Item = (&'v str, Option<&'v str>, Mention)>,
        events: Vec<MatchedEvent>,
    ) -> Self {
        let mut index = Self::default();
        let (mut last, mut is_network): (Option<&str>, bool) = (None, false);
        for (key, spelling, mention) in mentions {
            if last != Some(key) {
                index.begin_value(key);
                last = Some(key);
                is_network = false;
            }
            // `192.0.2.0/24` may be a URL as well, so the types of all mentions count.
            if mention.kind == IndicatorType::Ip && !is_network {
                is_network = true;
                index.add_network(key);
            }
            if let Some(spelling) = spelling {
                let place = u32::try_from(index.mentions.len()).unwrap_or(u32::MAX);
                index.spellings.push((place, spelling.into()));
            }
            index.mentions.push(mention);
            if let Some(end) = index.mentions_end.last_mut() {
                *end = u32::try_from(index.mentions.len()).unwrap_or(u32::MAX);
            }
        }
        index.networks.settle();
        index.events = events;
        index
    }

    fn begin_value(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
        self.mentions_end.push(0);
    }

    /// Remembers that the value that was begun last is a network, if it is one.
    fn add_network(&mut self, key: &str) {
        let place = self
            .ends
            .len()
            .checked_sub(1)
            .and_then(|place| u32::try_from(place).ok());
        if key.contains('/')
            && let (Some(network), Some(place)) = (network_of(key), place)
        {
            self.networks.add(network, place);
        }
    }

    /// Returns the number of values.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the matches of a value; see [`LookupIndex::find`](super::LookupIndex::find).
    pub(super) fn find(&self, query: &Query, judge: &Judge, limit: usize) -> Vec<Match> {
        let exact = query.keys().filter_map(|key| self.place(key));
        let hosts = query.hosts().filter_map(|host| self.place(host));
        let networks = query
            .networks()
            .iter()
            .flat_map(|network| self.networks.containing(*network));
        let parents = query.parents().filter_map(|parent| self.place(parent));
        let places = exact
            .map(|place| (place, Relation::Exact))
            .chain(hosts.map(|place| (place, Relation::Host)))
            .chain(networks.map(|place| (place as usize, Relation::Network)))
            .chain(parents.map(|place| (place, Relation::Parent)));
        places
            .flat_map(|(place, relation)| self.matches(place, relation, judge))
            .take(limit)
            .collect()
    }

    fn matches(&self, place: usize, relation: Relation, judge: &Judge) -> impl Iterator<Item = Match> {
        let key = self.at(place);
        let end = |place: usize| self.mentions_end.get(place).map_or(0, |end| *end as usize);
        let from = place.checked_sub(1).map_or(0, end);
        let mentions = self.mentions.get(from..end(place)).unwrap_or_default();
        (from..)
            .zip(mentions)
            .filter(move |(_, mention)| relation.fits(mention.kind))
            .filter_map(move |(at, mention)| {
                let event = self.events.get(mention.event as usize)?;
                let counts = judge.permits_tlp(event.tlp) && judge.permits_worth(|| mention.worth);
                let value = self.spelling(at).unwrap_or(key);
                counts.then(|| Match::new(value, specific(mention.kind, key), relation, visible(event, judge)))
            })
    }

    /// Returns how the value of a mention is written, where that is not its key.
    fn spelling(&self, mention: usize) -> Option<&str> {
        let place = u32::try_from(mention).ok()?;
        let at = self.spellings.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.spellings.get(at).map(|(_, spelling)| &**spelling)
    }

    fn place(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn at(&self, place: usize) -> &str {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(place).copied().unwrap_or(0);
        self.text.get(start.unwrap_or(0)..end).unwrap_or_default()
    }
}

/// Returns the part of an event that a caller within limits may see: an attribute may be green and its event not.
fn visible(event: &MatchedEvent, judge: &Judge) -> MatchedEvent {
    let event = event.clone();
    if judge.permits_tlp(event.event_tlp) {
        event
    } else {
        event.without_context()
    }
}

/// Returns the narrow type of an address or network; the index keeps both families as one type.
fn specific(kind: IndicatorType, value: &str) -> IndicatorType {
    if kind != IndicatorType::Ip {
        return kind;
    }
    match (value.parse::<IpAddr>(), value.contains(':')) {
        (Ok(IpAddr::V4(_)), _) => IndicatorType::Ipv4,
        (Ok(IpAddr::V6(_)), _) => IndicatorType::Ipv6,
        (Err(_), false) => IndicatorType::Cidr4,
        (Err(_), true) => IndicatorType::Cidr6,
    }
}

impl Drop for ListedValues {
    fn drop(&mut self) {
        let weight = self.text.capacity() + self.events.len() * size_of::<MatchedEvent>();
        let values = (std::mem::take(&mut self.text), std::mem::take(&mut self.ends));
        let mentions = (
            std::mem::take(&mut self.mentions_end),
            std::mem::take(&mut self.mentions),
        );
        let rest = (std::mem::take(&mut self.events), std::mem::take(&mut self.networks));
        blocking_work::free((values, mentions, rest), weight);
    }
}

impl Weigh for ListedValues {
    fn weight_bytes(&self) -> usize {
        let event = |event: &MatchedEvent| {
            let actors: usize = event
                .threat_actors
                .iter()
                .map(|actor| actor.capacity() + size_of::<String>())
                .sum();
            event.info.capacity() + actors + size_of::<MatchedEvent>()
        };
        let events: usize = self.events.iter().map(event).sum();
        let spelling = |(_, spelling): &(u32, Box<str>)| spelling.len() + size_of::<(u32, Box<str>)>();
        self.text.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.mentions_end.capacity() * size_of::<u32>()
            + self.mentions.capacity() * size_of::<Mention>()
            + self.spellings.iter().map(spelling).sum::<usize>()
            + self.networks.weight_bytes()
            + events
    }
}

impl fmt::Debug for ListedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedValues")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
