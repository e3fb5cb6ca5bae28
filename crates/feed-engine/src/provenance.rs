//! The attribute that a value comes from.

use std::collections::HashMap;

use misp_client::AttributeRow;

/// The attribute of a value, with its times.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Provenance {
    pub(crate) attribute_id: u64,
    pub(crate) event_id: u64,
    pub(crate) timestamp: i64,
    pub(crate) publish_timestamp: i64,
}

impl Provenance {
    pub(crate) fn of(attribute: &AttributeRow<'_>) -> Self {
        Self {
            attribute_id: attribute.id,
            event_id: attribute.event_id,
            timestamp: attribute.timestamp,
            publish_timestamp: attribute.event.publish_timestamp.unwrap_or(0),
        }
    }
}

/// The same in half the memory, since many rows are of one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortProvenance {
    pub(crate) attribute_id: u64,
    event: u32,
    timestamp: u32,
}

impl ShortProvenance {
    /// Returns the unix second of the last change of the attribute.
    pub(crate) fn timestamp(self) -> i64 {
        i64::from(self.timestamp)
    }
}

/// The events behind [`ShortProvenance`], each once with the time of its publication.
#[derive(Debug, Default)]
pub(crate) struct SharedEvents {
    events: Vec<(u64, i64)>,
    known: HashMap<(u64, i64), u32>,
    last: Option<((u64, i64), u32)>,
}

impl SharedEvents {
    /// Returns the short form. A time before 1970 or after 2106 becomes the nearest one between.
    pub(crate) fn short(&mut self, at: &Provenance) -> ShortProvenance {
        ShortProvenance {
            attribute_id: at.attribute_id,
            event: self.number((at.event_id, at.publish_timestamp)),
            timestamp: u32::try_from(at.timestamp.max(0)).unwrap_or(u32::MAX),
        }
    }

    /// Returns the long form again.
    pub(crate) fn whole(&self, short: ShortProvenance) -> Provenance {
        let (event_id, publish_timestamp) = self.events.get(short.event as usize).copied().unwrap_or_default();
        Provenance {
            attribute_id: short.attribute_id,
            event_id,
            timestamp: short.timestamp(),
            publish_timestamp,
        }
    }

    fn number(&mut self, event: (u64, i64)) -> u32 {
        if let Some((last, number)) = self.last
            && last == event
        {
            return number;
        }
        let new = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let number = *self.known.entry(event).or_insert(new);
        if number == new {
            self.events.push(event);
        }
        self.last = Some((event, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_has_everything() {
        let at = |attribute_id, event_id, timestamp, publish_timestamp| Provenance {
            attribute_id,
            event_id,
            timestamp,
            publish_timestamp,
        };
        let rows = [
            at(1, 7, 10, 20),
            at(2, 7, 11, 20),
            at(3, 8, 0, 0),
            at(u64::MAX, 7, 12, 21),
            at(4, 7, 1, 20),
        ];
        let mut events = SharedEvents::default();
        let short = rows.map(|row| events.short(&row));
        assert_eq!(short.map(|short| events.whole(short)), rows);
        assert_eq!(events.events.len(), 3);
        assert!(size_of::<ShortProvenance>() <= 16);
    }
}
