//! All values that can be looked up in one feed, in memory.

use std::fmt;
use std::net::IpAddr;

use cache::Weigh;
use feed_classification::IndicatorType;
use ipnet::IpNet;

use super::networks::Networks;
use super::{Match, MatchedEvent, Query, Relation};
use crate::score::Worth;
use crate::{FeedError, Filter, Judge, aside};

/// The values of one feed with the events they come from, to be looked up one at a time.
///
/// A million values take about their text and 30 bytes each; a look-up is a binary search for each form of the value.
#[derive(Default)]
pub struct LookupIndex {
    /// All values in order, one after another.
    text: String,
    /// Where each value ends in `text`.
    ends: Vec<usize>,
    /// Where the mentions of each value end in `mentions`.
    mentions_end: Vec<u32>,
    mentions: Vec<Mention>,
    events: Vec<MatchedEvent>,
    networks: Networks,
    /// Why nothing is known of scores, where it is so.
    without_scores: Option<FeedError>,
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
    /// Returns whether both are of the same type in the same event, whatever they are worth.
    pub(super) fn says_as(self, other: Self) -> bool {
        self.kind == other.kind && self.event == other.event
    }
}

impl LookupIndex {
    /// Returns the index of mentions, which come in order of their values.
    pub(super) fn new<'v>(mentions: impl IntoIterator<Item = (&'v str, Mention)>, events: Vec<MatchedEvent>) -> Self {
        let mut index = Self::default();
        let mut last: Option<&str> = None;
        for (value, mention) in mentions {
            if last != Some(value) {
                index.begin_value(value);
                last = Some(value);
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

    /// Says why nothing is known of scores.
    pub(super) fn without_scores(mut self, why: Option<FeedError>) -> Self {
        self.without_scores = why;
        self
    }

    /// Checks that this index can be judged by these limits: look-ups go on while MISP does not tell its decaying models, but for those
    /// that ask for scores.
    ///
    /// # Errors
    /// [`FeedError::NoDecayingModel`], or why the model was not there when the index was made.
    pub fn judgeable(&self, filter: Filter) -> Result<(), FeedError> {
        match &self.without_scores {
            Some(why) if filter.score().is_some() => Err(why.clone()),
            _ => Ok(()),
        }
    }

    fn begin_value(&mut self, value: &str) {
        let place = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.text.push_str(value);
        self.ends.push(self.text.len());
        self.mentions_end.push(0);
        if value.contains('/')
            && let Ok(network) = value.parse::<IpNet>()
        {
            self.networks.add(network, place);
        }
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns what is listed about a value within the limits of `judge`, the closest first, up to `limit` matches.
    ///
    /// What is beyond the limits does not exist for the caller. Where an attribute is within them and its event is not, the match is told
    /// and what it says of the event is not: neither its title nor its threat actors.
    #[must_use]
    pub fn find(&self, query: &Query, judge: &Judge, limit: usize) -> Vec<Match> {
        let exact = query.exact.iter().filter_map(|form| self.place(form));
        let networks = query
            .address
            .map(|address| self.networks.containing(address))
            .unwrap_or_default();
        let parents = query.parents().filter_map(|parent| self.place(parent));
        let places = exact
            .map(|place| (place, Relation::Exact))
            .chain(networks.into_iter().map(|place| (place as usize, Relation::Network)))
            .chain(parents.map(|place| (place, Relation::Parent)));
        places
            .flat_map(|(place, relation)| self.matches(place, relation, judge))
            .take(limit)
            .collect()
    }

    fn matches(&self, place: usize, relation: Relation, judge: &Judge) -> impl Iterator<Item = Match> {
        let value = self.at(place);
        let end = |place: usize| self.mentions_end.get(place).map_or(0, |end| *end as usize);
        let from = place.checked_sub(1).map_or(0, end);
        let mentions = self.mentions.get(from..end(place)).unwrap_or_default();
        // What is above a name must be a name itself: nothing else has parents.
        let fits = move |kind: IndicatorType| {
            relation != Relation::Parent || matches!(kind, IndicatorType::Domain | IndicatorType::Hostname)
        };
        mentions
            .iter()
            .filter(move |mention| fits(mention.kind))
            .filter_map(move |mention| {
                let event = self.events.get(mention.event as usize)?;
                let counts = judge.permits_tlp(event.tlp) && judge.permits_worth(|| mention.worth);
                counts.then(|| Match {
                    value: value.to_owned(),
                    kind: specific(mention.kind, value),
                    relation,
                    event: told(event, judge),
                })
            })
    }

    fn place(&self, value: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(value) {
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

/// Returns what a caller within limits is told of an event: an attribute may be green while nobody has said so of its event.
fn told(event: &MatchedEvent, judge: &Judge) -> MatchedEvent {
    if judge.permits_tlp(event.event_tlp) {
        return event.clone();
    }
    MatchedEvent {
        info: String::new(),
        threat_actors: Vec::new(),
        ..*event
    }
}

/// Addresses and networks of both families are kept as one type; here they are told apart.
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

impl Drop for LookupIndex {
    fn drop(&mut self) {
        let weight = self.text.capacity() + self.events.len() * size_of::<MatchedEvent>();
        let values = (std::mem::take(&mut self.text), std::mem::take(&mut self.ends));
        let mentions = (
            std::mem::take(&mut self.mentions_end),
            std::mem::take(&mut self.mentions),
        );
        let rest = (std::mem::take(&mut self.events), std::mem::take(&mut self.networks));
        aside::free((values, mentions, rest), weight);
    }
}

impl Weigh for LookupIndex {
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
        self.text.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.mentions_end.capacity() * size_of::<u32>()
            + self.mentions.capacity() * size_of::<Mention>()
            + self.networks.weight_bytes()
            + events
    }
}

impl fmt::Debug for LookupIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookupIndex")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
