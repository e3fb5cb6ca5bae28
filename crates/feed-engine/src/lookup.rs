//! Look-ups of single values: whether an address, name or hash is listed, and from which events.
//!
//! A feed answers "which values", this answers "what about this value", from memory. For each feed, age and MISP key
//! the engine keeps one index over all types that can be looked up, and refreshes it like a feed. It holds the values
//! of the feeds of these types, by the same rules ([`crate::publication`], false positives by value), and the events of
//! each value. The limits of a caller are judged at each look-up: one index serves callers with all limits.

mod actor;
mod builder;
mod entries;
mod feed_index;
mod feed_types;
mod index;
mod misp_index;
mod networks;
mod plain_form;
mod query;

use feed_classification::{IndicatorType, Tlp};
use uuid::Uuid;

pub use builder::LookupIndexBuilder;
pub(crate) use feed_index::index_of_feeds;
pub use index::LookupIndex;
pub(crate) use misp_index::gather;
pub use query::Query;

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

/// The facts about an event that one of its attributes brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
            info: entries::bounded(info),
            ..Self::default()
        }
    }

    /// Sets the TLP level of the event and of the value in it.
    #[must_use]
    pub fn tlp(mut self, level: Tlp) -> Self {
        (self.tlp, self.event_tlp) = (Some(level), Some(level));
        self
    }
}
