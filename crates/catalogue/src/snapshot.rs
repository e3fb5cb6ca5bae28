//! One state of the catalogue.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use feed_classification::IndicatorType;
use jiff::Timestamp;
use misp_mirror::EventSummary;

use crate::attribute_types::AttributeTypes;
use crate::families::{self, FAMILIES};
use crate::tag_sets::{RowTag, TagSets};
use crate::{Class, Classes, Event, Row};

/// The missing events with their summaries. An event without a summary may have any value.
pub(crate) type MissingEvents = Arc<BTreeMap<u64, Option<EventSummary>>>;

/// The events by their places in rows; a place without an event is free.
pub(crate) type Events = Vec<Option<Arc<Event>>>;

/// One state of the catalogue, which never changes. It answers feeds ([`answer`](Self::answer)), and everything else
/// goes from a value to its rank, its rows and their events.
///
/// ```
/// use catalogue::Snapshot;
/// use feed_classification::IndicatorType;
///
/// /// Returns the titles of the events that name this domain.
/// fn titles<'s>(snapshot: &'s Snapshot, domain: &str) -> Vec<&'s str> {
///     let names = snapshot.class(IndicatorType::Domain).values();
///     let rows = names.rank_of(domain).map_or(&[][..], |rank| names.rows(rank));
///     rows.iter().filter_map(|row| snapshot.event(row)).map(|event| &*event.info).collect()
/// }
/// ```
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) mappings: Classes,
    /// By number of the family.
    pub(crate) classes: Vec<Arc<Class>>,
    pub(crate) events: Arc<Events>,
    pub(crate) event_count: usize,
    pub(crate) missing: MissingEvents,
    pub(crate) tag_sets: Arc<TagSets>,
    pub(crate) attribute_types: Arc<AttributeTypes>,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) is_complete: bool,
    pub(crate) revision: u64,
}

impl Snapshot {
    /// Returns the snapshot before the first batch.
    pub(crate) fn empty(mappings: Classes) -> Self {
        let class = Arc::new(Class::default());
        Self {
            mappings,
            classes: vec![class; FAMILIES],
            events: Arc::default(),
            event_count: 0,
            missing: Arc::default(),
            tag_sets: Arc::default(),
            attribute_types: Arc::default(),
            as_of: None,
            is_complete: false,
            revision: 0,
        }
    }

    /// Returns whether every event of the mirror is in it. Before that it is empty.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns when the mirror began the look at MISP that confirms this state.
    #[must_use]
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Returns a number that grows with each change of rows or events, and not with confirmations of the same state.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of events.
    #[must_use]
    pub fn events(&self) -> usize {
        self.event_count
    }

    /// Returns the number of rows. An attribute of two families, such as `domain|ip`, has a row in each.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.classes.iter().map(|class| class.rows()).sum()
    }

    /// Returns the values of the family of this type.
    #[must_use]
    pub fn class(&self, kind: IndicatorType) -> &Class {
        static NONE: std::sync::LazyLock<Class> = std::sync::LazyLock::new(Class::default);
        self.classes.get(families::number_of(kind)).map_or(&NONE, |class| class)
    }

    /// Returns the event of a row.
    #[must_use]
    pub fn event(&self, row: &Row) -> Option<&Event> {
        self.events.get(row.event() as usize)?.as_deref()
    }

    /// Returns the tags of a row: those of the attribute itself, then those of its event, each in MISP's order.
    pub fn tags(&self, row: &Row) -> impl Iterator<Item = RowTag<'_>> + Clone {
        self.tag_sets.tags(row.tag_set())
    }

    /// Returns the tags by which limits on TLP levels judge a row: its tags, and for a row as last published the TLP
    /// tags that attribute and event have now.
    pub(crate) fn tags_and_limits(&self, row: &Row) -> impl Iterator<Item = RowTag<'_>> + Clone {
        self.tag_sets.tags_and_limits(row.tag_set())
    }

    /// Returns the title of the event in the state that a row belongs to.
    pub(crate) fn title(&self, row: &Row) -> &str {
        self.event(row).map_or("", |event| event.title(row.is_current()))
    }

    /// Returns MISP's attribute type of a row, for example `domain|ip`.
    #[must_use]
    pub fn attribute_type(&self, row: &Row) -> &str {
        self.attribute_types.name(row.attribute_type())
    }

    /// Returns whether a feed of this type takes attributes of the type of this row.
    #[must_use]
    pub fn takes(&self, kind: IndicatorType, row: &Row) -> bool {
        self.mappings.takes(kind, self.attribute_type(row))
    }

    /// Returns the memory that the snapshot takes, in bytes. Snapshots share classes and events that do not differ.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let classes: usize = self.classes.iter().map(|class| class.weight_bytes()).sum();
        let a_slot = size_of::<Option<Arc<Event>>>();
        let events: usize = self.events.iter().flatten().map(|event| event.weight_bytes()).sum();
        classes
            + events
            + self.events.capacity() * a_slot
            + self.tag_sets.weight_bytes()
            + self.attribute_types.weight_bytes()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("events", &self.events())
            .field("rows", &self.rows())
            .field("as_of", &self.as_of)
            .field("is_complete", &self.is_complete)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}
