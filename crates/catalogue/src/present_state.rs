//! The parts of the present state of an event that count for its attributes as last published.
//!
//! A published event that an analyst edits shows its last publication, with two exceptions. A limit on TLP levels never
//! opens what an edit closed: the present TLP tags of the attribute and of the event count too. And local tags and
//! sightings are no part of a publication: an attribute that the edit did not touch has the present ones.

use std::borrow::Cow;
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

/// An attribute as last published, with what counts of the present state.
#[derive(Debug)]
pub(crate) struct PublishedAttribute<'r> {
    /// Its own tags.
    pub(crate) own: Cow<'r, [Tag]>,
    /// The tags of its event.
    pub(crate) of_event: Cow<'r, [Tag]>,
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

    /// Returns an attribute of the block that was published last.
    pub(crate) fn published(&self, block: &'r EventFacts, row: &'r MirrorRow) -> PublishedAttribute<'r> {
        let present = self.attributes.get(&row.id).copied();
        let own = present.map_or(&[][..], |present| &present.tags);
        let limits = own.iter().map(|tag| (tag, false));
        let limits = limits.chain(self.event.tags.iter().map(|tag| (tag, true)));
        let limits = limits.filter(|(tag, _)| Tlp::of_tags([tag.name.as_str()]).is_some());
        let untouched = present.filter(|present| present.timestamp == row.timestamp);
        let (own, of_event, last_sighting) = match untouched {
            Some(present) => (
                with_local_tags(&row.tags, &present.tags),
                with_local_tags(&block.tags, &self.event.tags),
                present.last_sighting,
            ),
            None => (row.tags[..].into(), block.tags[..].into(), row.last_sighting),
        };
        PublishedAttribute {
            own,
            of_event,
            limits: limits.collect(),
            times: Times::new(row.last_seen, last_sighting),
        }
    }
}

/// Returns the published tags with the present local ones, in the present order where both have a tag.
fn with_local_tags<'r>(published: &'r [Tag], present: &[Tag]) -> Cow<'r, [Tag]> {
    let local = |tags: &'_ [Tag]| tags.iter().filter(|tag| tag.local).cloned().collect::<Vec<Tag>>();
    if local(published) == local(present) {
        return published.into();
    }
    let is_published = |tag: &&Tag| tag.local || published.contains(tag);
    let mut tags: Vec<Tag> = present.iter().filter(is_published).cloned().collect();
    let others = published.iter().filter(|tag| !tag.local && !present.contains(tag));
    tags.extend(others.cloned());
    tags.into()
}
