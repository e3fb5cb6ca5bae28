//! An event.

use uuid::Uuid;

use super::{Attribute, Moment, TagUse};

/// Whether and when an event was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// Never published.
    Draft,
    /// Published; without a moment, at its last change.
    Published(Option<Moment>),
    /// Published at that moment and changed since, so not published now (fact 41).
    Edited(Moment),
    /// Taken back on purpose: the time of publication stays, not before the last change (fact 60).
    Withdrawn(Option<Moment>),
}

/// An event with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its UUID; made from the number when absent.
    pub uuid: Option<Uuid>,
    /// Its title.
    pub info: String,
    /// The name of the organisation that made it; the first organisation when absent.
    pub creator: Option<String>,
    /// The name of the organisation that owns it here; the creator when absent.
    pub owner: Option<String>,
    /// Its last change; that of its newest attribute when absent.
    pub changed: Option<Moment>,
    /// Its date, `YYYY-MM-DD`; the day of its last change when absent.
    pub date: Option<String>,
    /// Whether it is published.
    pub publication: Publication,
    /// Visibility: 0 its organisation only, 1 all users of the site; others count as 1.
    pub distribution: u8,
    /// 1 (high) to 4 (undefined).
    pub threat_level: u8,
    /// 0 (initial) to 2 (completed).
    pub analysis: u8,
    /// Its tags, which its attributes inherit.
    pub tags: Vec<TagUse>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Whether it is protected: the event index leaves such events out (fact 61).
    pub protected: bool,
    /// MISP's own count of its attributes, which may have drifted from the truth; the true count when absent.
    pub attribute_count: Option<u64>,
    /// The e-mail address of who made it.
    pub creator_email: String,
}

impl Event {
    /// Returns a published event of the first organisation, with no attributes yet.
    #[must_use]
    pub fn new(info: impl Into<String>) -> Self {
        Self {
            id: 0,
            uuid: None,
            info: info.into(),
            creator: None,
            owner: None,
            changed: None,
            date: None,
            publication: Publication::Published(None),
            distribution: 1,
            threat_level: 2,
            analysis: 1,
            tags: Vec::new(),
            attributes: Vec::new(),
            protected: false,
            attribute_count: None,
            creator_email: "analyst@cert.example.org".to_owned(),
        }
    }

    /// Makes it a protected event.
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Sets MISP's own count of its attributes, which may be wrong.
    #[must_use]
    pub fn attribute_count(mut self, count: u64) -> Self {
        self.attribute_count = Some(count);
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<TagUse>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Sets the name of the organisation that made it.
    #[must_use]
    pub fn creator(mut self, organisation: impl Into<String>) -> Self {
        self.creator = Some(organisation.into());
        self
    }

    /// Sets whether it is published.
    #[must_use]
    pub fn publication(mut self, publication: Publication) -> Self {
        self.publication = publication;
        self
    }

    /// Sets its last change.
    #[must_use]
    pub fn changed(mut self, moment: Moment) -> Self {
        self.changed = Some(moment);
        self
    }

    /// Makes it visible to its own organisation only.
    #[must_use]
    pub fn own_organisation_only(mut self) -> Self {
        self.distribution = 0;
        self
    }
}
