//! The values taken out of one question's rows, with what is needed to judge each of them later.

use std::collections::{BTreeMap, HashSet};

use feed_classification::{Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType};
use misp_client::Attribute;

use crate::FeedError;

/// More values than this in one feed is taken for a mistake (a `/8` written out in single addresses and the like).
const MAX_VALUES: usize = 10_000_000;

/// Values in reading order. The text of all of them is one allocation: a feed may have millions.
#[derive(Debug)]
pub(crate) struct Rows {
    kind: IndicatorType,
    text: String,
    values: Vec<Row>,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    start: usize,
    len: u32,
    at: Provenance,
}

/// Which attribute a value comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Provenance {
    pub(crate) attribute_id: u64,
    pub(crate) event_id: u64,
    pub(crate) timestamp: i64,
    pub(crate) publish_timestamp: i64,
}

impl Rows {
    pub(crate) fn new(kind: IndicatorType) -> Self {
        Self {
            kind,
            text: String::new(),
            values: Vec::new(),
            dropped: BTreeMap::new(),
        }
    }

    /// Adds what `extractor` finds in the attribute; what it finds nothing in is counted by reason.
    pub(crate) fn take(&mut self, extractor: &Extractor, attribute: &Attribute) -> Result<(), FeedError> {
        let at = Provenance {
            attribute_id: attribute.id,
            event_id: attribute.event_id,
            timestamp: attribute.timestamp,
            publish_timestamp: attribute.event.publish_timestamp.unwrap_or(0),
        };
        let (text, values) = (&mut self.text, &mut self.values);
        let outcome = extractor.extract(&attribute.kind, &attribute.value, &mut |value| {
            values.push(Row {
                start: text.len(),
                len: u32::try_from(value.len()).unwrap_or(u32::MAX),
                at,
            });
            text.push_str(value);
        });
        if let Err(reason) = outcome {
            // A network in a list of addresses is not a fault of anybody: it is simply of another type.
            if !reason.belongs_elsewhere() {
                self.count_dropped(reason.as_str(), 1);
            }
        }
        if self.values.len() > MAX_VALUES {
            return Err(FeedError::TooManyValues { limit: MAX_VALUES });
        }
        Ok(())
    }

    pub(crate) fn count_dropped(&mut self, reason: &'static str, attributes: u64) {
        if attributes > 0 {
            *self.dropped.entry(reason).or_default() += attributes;
        }
    }

    /// Adds the values of attributes that `self` has not read.
    pub(crate) fn absorb(&mut self, other: &Self) {
        let known: HashSet<u64> = self.values.iter().map(|row| row.at.attribute_id).collect();
        for row in other.values.iter().filter(|row| !known.contains(&row.at.attribute_id)) {
            let start = self.text.len();
            self.text.push_str(other.text_of(row));
            self.values.push(Row { start, ..*row });
        }
    }

    /// Returns the sorted unique values of the rows that `counts`.
    pub(crate) fn into_set(self, mut counts: impl FnMut(&Provenance) -> bool) -> IndicatorSet {
        let mut set = IndicatorSetBuilder::new(self.kind);
        for row in self.values.iter().filter(|row| counts(&row.at)) {
            set.push(self.text_of(row));
        }
        set.finish()
    }

    fn text_of(&self, row: &Row) -> &str {
        self.text
            .get(row.start..row.start.saturating_add(row.len as usize))
            .unwrap_or_default()
    }
}
