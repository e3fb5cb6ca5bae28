//! The facts about an event.

use misp_mirror::EventFacts;
use uuid::Uuid;

/// An event of MISP, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// MISP's number of the event.
    pub id: u64,
    /// The UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
    /// The title.
    pub info: Box<str>,
    /// The organisation that made it.
    pub orgc_uuid: Option<Uuid>,
    /// The last change, in unix seconds.
    pub timestamp: i64,
    /// Whether it is published.
    pub published: bool,
    /// The last publication, in unix seconds; 0 for never.
    pub publish_timestamp: i64,
    /// The title as last published, of an event that is being edited, where it differs.
    pub(crate) published_info: Option<Box<str>>,
    /// The families that have rows of it, a bit for each.
    pub(crate) families: u64,
}

impl Event {
    /// Returns an event with these facts, and with those of its last publication if it is being edited.
    pub(crate) fn of(facts: &EventFacts, published: Option<&EventFacts>) -> Self {
        let published_info = published.map(|published| published.info.as_str());
        Self {
            id: facts.id,
            uuid: facts.uuid,
            info: facts.info.as_str().into(),
            orgc_uuid: facts.orgc_uuid,
            timestamp: facts.timestamp,
            published: facts.published,
            publish_timestamp: facts.publish_timestamp,
            published_info: published_info.filter(|info| *info != facts.info).map(Box::from),
            families: 0,
        }
    }

    /// Returns whether a question may judge the rows of both differently, although the rows are the same.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        self.timestamp == other.timestamp && self.orgc_uuid == other.orgc_uuid
    }

    /// Returns the title now, or the one of the last publication.
    pub(crate) fn title(&self, is_current: bool) -> &str {
        match &self.published_info {
            Some(published) if !is_current => published,
            _ => &self.info,
        }
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.info.len() + self.published_info.as_ref().map_or(0, |info| info.len())
    }
}
