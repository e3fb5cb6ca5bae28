//! Edits of one attribute.

use serde::{Deserialize, Serialize};

use super::yes;
use crate::{
    model::Attribute,
    store::{NoSuch, Store},
};

/// An edit of one attribute; each does what the [`Store`] method named beside it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttributeEdit {
    /// [`Store::set_value`].
    Value(String),
    /// [`Store::set_to_ids`].
    ToIds(bool),
    /// [`Store::set_comment`].
    Comment(String),
    /// [`Store::set_attribute_distribution`].
    Distribution(u8),
    /// [`Store::tag_attribute`].
    Tag(String),
    /// [`Store::tag_attribute_locally`].
    TagLocally(String),
    /// [`Store::untag_attribute`].
    Untag(String),
    /// [`Store::soft_delete`].
    SoftDelete,
    /// [`Store::restore`].
    Restore,
    /// [`Store::hard_delete`].
    HardDelete,
    /// [`Store::add_sighting`] now: 0 for a hit, 1 for a false positive, 2 for an end.
    Sighting(u8),
}

impl AttributeEdit {
    pub(super) fn apply(&self, id: u64, store: &mut Store) -> Result<(), NoSuch> {
        match self {
            Self::Value(value) => store.set_value(id, value),
            Self::ToIds(to_ids) => store.set_to_ids(id, *to_ids),
            Self::Comment(comment) => store.set_comment(id, comment),
            Self::Distribution(distribution) => store.set_attribute_distribution(id, *distribution),
            Self::Tag(tag) => store.tag_attribute(id, tag),
            Self::TagLocally(tag) => store.tag_attribute_locally(id, tag),
            Self::Untag(tag) => store.untag_attribute(id, tag),
            Self::SoftDelete => store.soft_delete(id),
            Self::Restore => store.restore(id),
            Self::HardDelete => store.hard_delete(id),
            Self::Sighting(kind) => store.add_sighting(id, *kind, store.now()),
        }
    }
}

/// An attribute to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAttribute {
    /// Its MISP type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Whether it is meant for detection.
    #[serde(default = "yes")]
    pub to_ids: bool,
    /// The names of its tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

impl NewAttribute {
    pub(super) fn attribute(&self) -> Attribute {
        let mut attribute = Attribute::new(self.kind.as_str(), self.value.as_str());
        attribute.to_ids = self.to_ids;
        attribute.tags = self.tags.iter().map(|tag| tag.as_str().into()).collect();
        attribute
    }
}
