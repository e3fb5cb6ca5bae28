//! The parts of the present state of an event that count for its attributes as last published.
//!
//! A published event that an analyst edits shows its last publication, with two exceptions. A limit on TLP levels never
//! opens what an edit closed: the present TLP tags of the attribute and of the event count too. And sightings are no
//! part of a publication: an attribute that the edit did not touch has the present one.

use std::collections::HashMap;

use feed_classification::Tlp;
use misp_client::Tag;
use misp_mirror::{Block, EventFacts, MirrorRow};

use crate::times::Times;

/// The present state of an event, by attribute.
#[derive(Debug)]
pub(crate) struct PresentState<'r> {
    event: &'r EventFacts,
    attributes: HashMap<u64, &'r MirrorRow>,
}

/// The parts of the present state that count for an attribute as last published.
#[derive(Debug)]
pub(crate) struct PublishedAttribute<'r> {
    /// The present TLP tags, each with whether it is on the event.
    pub(crate) limits: Vec<(&'r Tag, bool)>,
    pub(crate) times: Times,
}

impl<'r> PresentState<'r> {
    pub(crate) fn of(current: &'r Block) -> Self {
        Self {
            event: &current.event,
            attributes: current.rows.iter().map(|row| (row.id, row)).collect(),
        }
    }

    /// Returns what counts of the present state for an attribute as it was last published.
    pub(crate) fn of_published(&self, row: &MirrorRow) -> PublishedAttribute<'r> {
        let present = self.attributes.get(&row.id).copied();
        let own = present.map_or(&[][..], |present| &present.tags);
        let limits = own.iter().map(|tag| (tag, false));
        let limits = limits.chain(self.event.tags.iter().map(|tag| (tag, true)));
        let limits = limits.filter(|(tag, _)| Tlp::of_tags([tag.name.as_str()]).is_some());
        let untouched = present.filter(|present| present.timestamp == row.timestamp);
        let last_sighting = untouched.map_or(row.last_sighting, |present| present.last_sighting);
        PublishedAttribute {
            limits: limits.collect(),
            times: Times::new(row.last_seen, last_sighting),
        }
    }
}
