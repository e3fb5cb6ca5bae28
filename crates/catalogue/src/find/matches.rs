//! What a look-up finds.

use feed_classification::{IndicatorType, Tlp, TypeSet};
use uuid::Uuid;

use super::actor;

/// The longest description of an event that is kept, in bytes.
const MAX_INFO_BYTES: usize = 512;

/// Threat actors of one event that are kept.
const MAX_ACTORS: usize = 16;

/// The relation of a listed value to the value of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Relation {
    /// It is the same.
    Exact,
    /// It is the host of the URL or e-mail address in the query.
    Host,
    /// It is a network that contains it, or its host.
    Network,
    /// It is a domain above it, or above its host.
    Parent,
}

impl Relation {
    /// Returns the name, as answers have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Host => "host",
            Self::Network => "network",
            Self::Parent => "parent",
        }
    }

    /// Returns whether a listed value of this type can have this relation to another value: a file may have the name of
    /// a host, a network or a domain.
    #[must_use]
    pub fn fits(self, kind: IndicatorType) -> bool {
        match self {
            Self::Exact => true,
            Self::Host => TypeSet::ADDRESSES.union(TypeSet::NAMES).contains(kind),
            Self::Network => TypeSet::ADDRESSES.contains(kind),
            Self::Parent => TypeSet::NAMES.contains(kind),
        }
    }
}

/// One listed value with one event that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The value as it is listed.
    pub value: String,
    /// Its type; for addresses and networks the narrow one (`ipv4`, `cidr6`, …).
    pub kind: IndicatorType,
    /// Its relation to the value of the query.
    pub relation: Relation,
    /// The event.
    pub event: MatchedEvent,
}

impl Match {
    /// Returns a match of these parts.
    #[must_use]
    pub fn new(value: impl Into<String>, kind: IndicatorType, relation: Relation, event: MatchedEvent) -> Self {
        Self {
            value: value.into(),
            kind,
            relation,
            event,
        }
    }
}

/// The facts about an event that one of its attributes brings.
///
/// They are in order of the event's number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct MatchedEvent {
    /// MISP's number of the event; 0 where the source knows no events.
    pub id: u64,
    /// Its UUID, which is the same on every MISP that has the event.
    pub uuid: Option<Uuid>,
    /// The title of the event, at most 512 bytes.
    pub info: String,
    /// The most closed TLP tag of attribute and event.
    pub tlp: Option<Tlp>,
    /// The most closed TLP tag of the event alone.
    pub event_tlp: Option<Tlp>,
    /// The threat actors of its galaxy tags.
    pub threat_actors: Vec<String>,
}

impl MatchedEvent {
    /// Returns an event with this number and title, the latter cut to 512 bytes, and nothing else known of it.
    #[must_use]
    pub fn new(id: u64, info: &str) -> Self {
        Self {
            id,
            info: bounded(info),
            ..Self::default()
        }
    }

    /// Sets the UUID.
    #[must_use]
    pub fn uuid(mut self, uuid: Option<Uuid>) -> Self {
        self.uuid = uuid;
        self
    }

    /// Sets the TLP level of the event and of the value in it.
    #[must_use]
    pub fn tlp(mut self, level: Tlp) -> Self {
        (self.tlp, self.event_tlp) = (Some(level), Some(level));
        self
    }

    /// Sets TLP levels and threat actors by the tags of an attribute: its own, and those that it inherits from the
    /// event. A tag comes with whether it is inherited.
    #[must_use]
    pub fn tagged<'t>(mut self, tags: impl Iterator<Item = (&'t str, bool)> + Clone) -> Self {
        let inherited = tags.clone().filter(|(_, inherited)| *inherited);
        self.tlp = Tlp::of_tags(tags.clone().map(|(name, _)| name));
        self.event_tlp = Tlp::of_tags(inherited.map(|(name, _)| name));
        let names = tags.filter_map(|(name, _)| actor::named_by(name));
        self.threat_actors = names.take(MAX_ACTORS).map(bounded).collect();
        self.threat_actors.sort_unstable();
        self.threat_actors.dedup();
        self
    }

    /// Returns the event without its title and its threat actors, for a caller who may see the attribute and not the
    /// event.
    #[must_use]
    pub fn without_context(mut self) -> Self {
        self.info.clear();
        self.threat_actors.clear();
        self
    }
}

fn bounded(text: &str) -> String {
    let end = (0..=text.len().min(MAX_INFO_BYTES))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}
