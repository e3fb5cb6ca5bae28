//! What the list of events says about a record that does not open.

use std::sync::Arc;

use misp_client::Tag;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Block, EventRecord, LastPublished, MirrorRow};

/// What may be in an event whose record does not open: tags, attribute types, and the organisation.
///
/// It is a filter of 24 bytes in the sealed list of events. It never denies a tag or type of the event, and seldom
/// admits another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSummary {
    /// A bit for each tag of the event and of its attributes, and for the organisation.
    names: [u8; 16],
    /// A bit for each attribute type.
    attribute_types: [u8; 8],
}

impl EventSummary {
    /// Returns the summary of a record, with its rows as last published.
    #[must_use]
    pub fn of(record: &EventRecord) -> Self {
        let mut summary = Self::default();
        summary.add(&record.current);
        if let LastPublished::Block(block) = &record.last_published {
            summary.add(block);
        }
        summary
    }

    /// Returns whether the event, or one of its attributes, may have this tag; case counts.
    #[must_use]
    pub fn may_have_tag(&self, name: &str) -> bool {
        has(&self.names, tag(name))
    }

    /// Returns whether this organisation may have made the event.
    #[must_use]
    pub fn may_be_of(&self, organisation: Uuid) -> bool {
        has(&self.names, maker(organisation))
    }

    /// Returns whether the event may have an attribute of this type.
    #[must_use]
    pub fn may_have_type(&self, attribute_type: &str) -> bool {
        has(&self.attribute_types, kind(attribute_type))
    }

    fn add(&mut self, block: &Block) {
        self.add_tags(&block.event.tags);
        if let Some(organisation) = block.event.orgc_uuid {
            set(&mut self.names, maker(organisation));
        }
        let mut before: Option<&MirrorRow> = None;
        for row in &block.rows {
            // Most rows share both with the row before.
            if !before.is_some_and(|before| Arc::ptr_eq(&before.tags, &row.tags)) {
                self.add_tags(&row.tags);
            }
            if !before.is_some_and(|before| Arc::ptr_eq(&before.kind, &row.kind)) {
                set(&mut self.attribute_types, kind(&row.kind));
            }
            before = Some(row);
        }
    }

    fn add_tags(&mut self, tags: &[Tag]) {
        for known in tags {
            set(&mut self.names, tag(&known.name));
        }
    }
}

fn tag(name: &str) -> u64 {
    digest(name.bytes())
}

fn maker(organisation: Uuid) -> u64 {
    digest(organisation.into_bytes())
}

/// MISP takes attribute types in any case.
fn kind(attribute_type: &str) -> u64 {
    digest(attribute_type.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// FNV-1a: it lies on disk, so it must be the same in every version.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Returns the place of the bit of a digest, and the bit there. The upper half of FNV-1a is the better one.
fn bit_of(bits: usize, digest: u64) -> (usize, u8) {
    let place = usize::try_from((digest ^ digest >> 32) % (bits as u64)).unwrap_or_default();
    (place / 8, 1 << (place % 8))
}

fn has<const N: usize>(filter: &[u8; N], digest: u64) -> bool {
    let (place, bit) = bit_of(N * 8, digest);
    filter.get(place).is_some_and(|byte| byte & bit != 0)
}

fn set<const N: usize>(filter: &mut [u8; N], digest: u64) {
    let (place, bit) = bit_of(N * 8, digest);
    if let Some(byte) = filter.get_mut(place) {
        *byte |= bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventFacts;
    use crate::samples::{record, row};

    fn block(event_tag: &str, row_tag: &str, kind: &str) -> Block {
        let row = MirrorRow {
            kind: kind.into(),
            tags: [Tag::own(row_tag)].into(),
            ..row(1)
        };
        let event = EventFacts {
            id: 7,
            orgc_uuid: Some(Uuid::from_bytes([3; 16])),
            tags: vec![Tag::own(event_tag)],
            ..EventFacts::default()
        };
        Block { event, rows: vec![row] }
    }

    #[test]
    fn tags_and_types_of_either_block_are_never_denied() {
        let summary = EventSummary::of(&EventRecord {
            current: block("now", "own now", "domain"),
            last_published: LastPublished::Block(Box::new(block("before", "own before", "IP-dst"))),
            withdrawn_at: None,
        });
        for name in ["now", "own now", "before", "own before"] {
            assert!(summary.may_have_tag(name), "{name}");
        }
        assert!(summary.may_have_type("domain") && summary.may_have_type("ip-dst"));
        assert!(summary.may_be_of(Uuid::from_bytes([3; 16])));
    }

    #[test]
    fn other_tags_types_and_organisations_are_mostly_denied() {
        let Block { event, rows } = block("example:incident-classification=block", "tlp:green", "domain");
        let summary = EventSummary::of(&record(event, rows));
        let admitted = (0..1_000).filter(|number| summary.may_have_tag(&format!("tag {number}")));
        let admitted = admitted.count();
        assert!((5..60).contains(&admitted), "three of 128 bits: {admitted}");
        let types = (0..1_000).filter(|number| summary.may_have_type(&format!("type-{number}")));
        let types = types.count();
        assert!((4..40).contains(&types), "one of 64 bits: {types}");
        let makers = (4..=255).filter(|byte| summary.may_be_of(Uuid::from_bytes([*byte; 16])));
        let makers = makers.count();
        assert!((1..25).contains(&makers), "three of 128 bits: {makers}");
    }
}
