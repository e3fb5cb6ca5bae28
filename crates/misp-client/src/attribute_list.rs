//! A list of attributes in an event or an object.

use serde::{Deserialize, Deserializer};

use crate::Attribute;
use crate::attribute::{RawWhole, WholeAttribute};
use crate::json::{Row as _, lenient};

/// A list of attributes, and the number of its items that cannot be used.
#[derive(Default)]
pub(crate) struct UsableAttributes {
    pub(crate) list: Vec<Attribute>,
    pub(crate) unusable: u64,
}

impl<'de> Deserialize<'de> for UsableAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Vec<RawWhole> = lenient::list(deserializer)?;
        let all = raw.len();
        let list: Vec<Attribute> = raw
            .into_iter()
            .filter_map(WholeAttribute::from_raw)
            .map(|whole| whole.0)
            .collect();
        let unusable = (all - list.len()) as u64;
        Ok(Self { list, unusable })
    }
}

/// Reads a list of attributes without those that cannot be used.
pub(crate) fn usable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Attribute>, D::Error> {
    UsableAttributes::deserialize(deserializer).map(|attributes| attributes.list)
}
