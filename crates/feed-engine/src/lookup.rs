//! Looking single values up: is this address, name, hash known here, and from which events?
//!
//! A feed answers "which values", this answers "what about this value", from memory. For each feed, age and MISP key there is one
//! index over all types that can be looked up, refreshed as feeds are. It holds what the feeds of these types hold, by the same rules
//! ([`crate::publication`], false positives by value), and for each value the events it comes from. Limits of whoever asks are judged
//! at each question: one index serves callers with all limits.

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

/// How a listed value is about the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Relation {
    /// It is the same.
    Exact,
    /// It is the host of the URL or e-mail address that was asked for.
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
    /// Its type; addresses and networks are told apart (`ipv4`, `cidr6`, …).
    pub kind: IndicatorType,
    /// How it is about the value that was asked for.
    pub relation: Relation,
    /// The event.
    pub event: MatchedEvent,
}

/// What is known of an event by way of one of its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MatchedEvent {
    /// MISP's number of the event; 0 where the source knows no events.
    pub id: u64,
    /// Its UUID, the same on every MISP that it was shared to.
    pub uuid: Option<Uuid>,
    /// What it is about, at most 512 bytes.
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
