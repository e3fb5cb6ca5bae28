//! The order in which events are listed.

use serde_json::{Map, Value};

use crate::store::EventRow;

/// A column of the events and a direction; by number, ascending, when the request names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventOrder {
    column: Column,
    down: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Timestamp,
    PublishTimestamp,
    SightingTimestamp,
    AttributeCount,
    Date,
    Info,
}

impl EventOrder {
    const BY_ID: Self = Self {
        column: Column::Id,
        down: false,
    };

    /// Reads `sort` and `direction`, or `order`, as the event index takes them.
    pub(super) fn of_index(filters: &Map<String, Value>) -> Self {
        let text = |key: &str| filters.get(key).and_then(Value::as_str).unwrap_or_default();
        match Column::named(text("sort")) {
            Some(column) => Self {
                column,
                down: text("direction").eq_ignore_ascii_case("desc"),
            },
            None => Self::of_search(filters),
        }
    }

    /// Reads `order`, the only key that `/events/restSearch` looks at.
    pub(super) fn of_search(filters: &Map<String, Value>) -> Self {
        let written = match filters.get("order") {
            Some(Value::String(text)) => text.as_str(),
            Some(Value::Array(list)) => list.first().and_then(Value::as_str).unwrap_or_default(),
            _ => "",
        };
        let mut words = written.split_whitespace();
        let column = words.next().unwrap_or_default();
        let column = Column::named(column.strip_prefix("Event.").unwrap_or(column));
        column.map_or(Self::BY_ID, |column| Self {
            column,
            down: words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc")),
        })
    }

    /// Sorts the events. MISP promises no order among equal ones; here it is by number, reversed when descending.
    pub(super) fn sort(self, events: &mut [&EventRow]) {
        events.sort_by_key(|event| event.id);
        match self.column {
            Column::Id => {}
            Column::Timestamp => events.sort_by_key(|event| event.timestamp),
            Column::PublishTimestamp => events.sort_by_key(|event| event.publish_timestamp),
            Column::SightingTimestamp => events.sort_by_key(|event| event.sighting_timestamp),
            Column::AttributeCount => events.sort_by_key(|event| event.attribute_count),
            Column::Date => events.sort_by(|left, right| left.date.cmp(&right.date)),
            Column::Info => events.sort_by(|left, right| left.info.cmp(&right.info)),
        }
        if self.down {
            events.reverse();
        }
    }
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "timestamp" => Self::Timestamp,
            "publish_timestamp" => Self::PublishTimestamp,
            "sighting_timestamp" => Self::SightingTimestamp,
            "attribute_count" => Self::AttributeCount,
            "date" => Self::Date,
            "info" => Self::Info,
            _ => return None,
        })
    }
}
