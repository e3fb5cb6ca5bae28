//! A tag on an attribute or an event.

use serde::{Deserialize, Serialize};

use crate::json::lenient::{Flag, Int, Text};

/// A tag on an attribute or an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "RawTag")]
#[non_exhaustive]
pub struct Tag {
    /// The name, case-sensitive, such as `tlp:green`.
    pub name: String,
    /// True when the tag stands on the event and not on the attribute itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
    /// True when the tag is local: other MISPs never get it.
    pub local: bool,
    /// The worth of the tag, where its taxonomy has one: decaying models compute base scores from it.
    pub numerical_value: Option<i64>,
}

impl Tag {
    /// Builds a tag of the attribute itself.
    #[must_use]
    pub fn own(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            inherited: false,
            local: false,
            numerical_value: None,
        }
    }

    /// Builds a tag that comes from the event.
    #[must_use]
    pub fn inherited(name: impl Into<String>) -> Self {
        Self {
            inherited: true,
            ..Self::own(name)
        }
    }

    /// Sets the worth of the tag.
    #[must_use]
    pub fn worth(mut self, numerical_value: i64) -> Self {
        self.numerical_value = Some(numerical_value);
        self
    }
}

/// A tag on the wire.
#[derive(Deserialize)]
pub(crate) struct RawTag {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    inherited: Flag,
    #[serde(default)]
    local: Flag,
    #[serde(default)]
    numerical_value: Int,
}

impl RawTag {
    /// Returns the tag; none without a name.
    pub(crate) fn into_tag(self) -> Option<Tag> {
        Some(Tag {
            name: self.name.into_option()?,
            inherited: self.inherited.or(false),
            local: self.local.or(false),
            numerical_value: self.numerical_value.signed(),
        })
    }

    pub(crate) fn into_inherited(self) -> Option<Tag> {
        Some(Tag {
            inherited: true,
            ..self.into_tag()?
        })
    }
}

impl From<RawTag> for Tag {
    fn from(raw: RawTag) -> Self {
        raw.into_tag().unwrap_or_else(|| Self::own(""))
    }
}
