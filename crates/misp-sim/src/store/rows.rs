//! How rows lie in memory: small, since tests load hundreds of thousands of them.

use std::collections::HashMap;

use uuid::Uuid;

use crate::model::InObject;

/// A tag on a row: its place in the tag table and how it was attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TagRef {
    pub(crate) tag: u32,
    pub(crate) local: bool,
}

#[derive(Debug)]
pub(crate) struct EventRow {
    pub(crate) id: u64,
    pub(crate) uuid: Uuid,
    pub(crate) info: String,
    pub(crate) creator: u64,
    pub(crate) owner: u64,
    pub(crate) date: String,
    pub(crate) timestamp: i64,
    pub(crate) published: bool,
    pub(crate) publish_timestamp: i64,
    /// When its sightings were last published; 0 is never.
    pub(crate) sighting_timestamp: i64,
    pub(crate) distribution: u8,
    pub(crate) threat_level: u8,
    pub(crate) analysis: u8,
    pub(crate) tags: Vec<TagRef>,
    /// None for an event that was never protected.
    pub(crate) protected: Option<bool>,
    /// MISP's own count of live attributes, which it keeps by adding and taking away (fact 61).
    pub(crate) attribute_count: u64,
    pub(crate) creator_email: String,
    /// Places of its attributes, ascending.
    pub(crate) attributes: Vec<u32>,
    pub(crate) gone: bool,
}

#[derive(Debug)]
pub(crate) struct AttributeRow {
    pub(crate) id: u64,
    pub(crate) uuid: Uuid,
    pub(crate) value: Box<str>,
    pub(crate) timestamp: i64,
    pub(crate) tags: Vec<TagRef>,
    pub(crate) rare: Option<Box<Rare>>,
    /// Place of its event.
    pub(crate) event: u32,
    /// Names of type and category.
    pub(crate) kind: u16,
    pub(crate) category: u16,
    pub(crate) distribution: u8,
    pub(crate) to_ids: bool,
    pub(crate) deleted: bool,
    pub(crate) gone: bool,
}

impl AttributeRow {
    /// Returns the place of the attribute in an object.
    pub(crate) fn object(&self) -> Option<&InObject> {
        self.rare.as_ref()?.object.as_ref()
    }
}

/// What most attributes do not have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    pub(crate) comment: String,
    pub(crate) first_seen: Option<String>,
    pub(crate) last_seen: Option<String>,
    pub(crate) object: Option<InObject>,
}

/// Names of types and categories, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    list: Vec<Box<str>>,
    index: HashMap<Box<str>, u16>,
}

impl Names {
    /// Returns the number of the name; all beyond 65 535 share the last one, which no MISP has.
    pub(crate) fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.index.get(name) {
            return *number;
        }
        let number = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        self.list.push(name.into());
        self.index.insert(name.into(), number);
        number
    }

    pub(crate) fn name(&self, number: u16) -> &str {
        self.list.get(usize::from(number)).map_or("", |name| name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(AsRef::as_ref)
    }
}
