//! The reasons why a feed has a value or not, with MISP's numbers of the attributes.

use std::collections::BTreeSet;

use catalogue::{ExplainedAttribute, Explanation};
use feed_classification::{Extractor, IndicatorType, TypeSet, canonical_key, network_of};
use jiff::Timestamp;
use misp_mirror::{EventRecord, LastPublished, MirrorRow};

/// Each attribute that names a value, before each rule of a feed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reasons {
    /// The explanation; its attributes are in [`attributes`](Self::attributes).
    pub explanation: Explanation,
    /// The attributes.
    pub attributes: Vec<ReasonedAttribute>,
    /// When MISP last confirmed all this; nothing means just now.
    pub as_of: Option<Timestamp>,
}

/// An attribute that names a value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReasonedAttribute {
    /// The attribute before the rules.
    pub about: ExplainedAttribute,
    /// MISP's numbers of it; several if attributes of an event do not differ.
    pub ids: Vec<u64>,
    /// The names of the warninglists that name the value, as far as they are known.
    pub warninglists: Vec<String>,
}

impl Reasons {
    /// Adds to an explanation the attributes' numbers from the `record` of each event, and the names of the
    /// warninglists that mark them.
    pub(crate) fn of(
        mut explanation: Explanation,
        kind: IndicatorType,
        record: impl Fn(u64) -> Option<EventRecord>,
        warninglists: impl Fn(&MirrorRow) -> Vec<String>,
    ) -> Self {
        let attributes = std::mem::take(&mut explanation.attributes);
        let mut known: Option<(u64, Option<EventRecord>)> = None;
        let attributes = attributes.into_iter().map(|about| {
            let id = about.event.id;
            if known.as_ref().is_none_or(|(of, _)| *of != id) {
                known = Some((id, record(id)));
            }
            let record = known.as_ref().and_then(|(_, record)| record.as_ref());
            let rows = record.map(|record| rows_of(&about, kind, record)).unwrap_or_default();
            let marked = rows.iter().filter(|_| about.is_warned);
            let lists: BTreeSet<String> = marked.flat_map(|row| warninglists(row)).collect();
            ReasonedAttribute {
                ids: rows.iter().map(|row| row.id).collect(),
                warninglists: lists.into_iter().collect(),
                about,
            }
        });
        Self {
            attributes: attributes.collect(),
            explanation,
            as_of: None,
        }
    }

    /// Sets when MISP last confirmed all this.
    pub(crate) fn confirmed_at(mut self, as_of: Option<Timestamp>) -> Self {
        self.as_of = as_of;
        self
    }
}

/// Returns the rows of an event that are this attribute.
fn rows_of<'r>(about: &ExplainedAttribute, kind: IndicatorType, record: &'r EventRecord) -> Vec<&'r MirrorRow> {
    let rows = match &record.last_published {
        LastPublished::Block(block) if !about.is_current => &block.rows,
        _ => &record.current.rows,
    };
    let is_it = |row: &&MirrorRow| {
        row.kind.eq_ignore_ascii_case(&about.attribute_type)
            && row.timestamp.clamp(0, u32::MAX.into()) == about.timestamp
            && names(row, kind, &about.value)
    };
    rows.iter().filter(is_it).collect()
}

/// Returns whether the value of a row is this one, in the form of this type or as it stands.
fn names(row: &MirrorRow, kind: IndicatorType, value: &str) -> bool {
    // A network is a value of the feeds that write its addresses out.
    let kind = match network_of(value) {
        Some(_) if TypeSet::ADDRESSES.contains(kind) => IndicatorType::Ip,
        _ => kind,
    };
    let key = canonical_key(kind, value);
    let mut is_named = row.value == value
        || value
            .strip_suffix('…')
            .is_some_and(|start| row.value.starts_with(start));
    let _ = Extractor::new(kind).extract(&row.kind, &row.value, &mut |found| {
        is_named |= canonical_key(kind, found) == key;
    });
    is_named
}
