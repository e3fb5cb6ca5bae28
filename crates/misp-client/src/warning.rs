//! The hits of warninglists that MISP writes into a row (`includeWarninglistHits`).

use serde::{Deserialize, Serialize};

use crate::WarninglistHit;
use crate::json::lenient::{Int, Text};

/// A hit as it stands in a row; other names than in the answer of `checkValue`.
#[derive(Deserialize)]
pub(crate) struct RawWarning {
    #[serde(default)]
    warninglist_id: Int,
    #[serde(default)]
    warninglist_name: Text,
    #[serde(default)]
    warninglist_category: Text,
    #[serde(default, rename = "match")]
    matched: Text,
    #[serde(default)]
    value: Text,
}

impl RawWarning {
    pub(crate) fn into_hit(self) -> Option<WarninglistHit> {
        Some(WarninglistHit {
            id: self.warninglist_id.unsigned()?,
            name: self.warninglist_name.into_option().unwrap_or_default(),
            matched: self.matched.into_option().unwrap_or_default(),
            value: self.value.into_option().unwrap_or_default(),
            category: self.warninglist_category.into_option().unwrap_or_default(),
        })
    }
}

/// A hit as MISP writes it.
#[derive(Serialize)]
pub(crate) struct WrittenWarning<'a> {
    #[serde(rename = "match")]
    matched: &'a str,
    value: &'a str,
    warninglist_id: u64,
    warninglist_name: &'a str,
    warninglist_category: &'a str,
}

impl<'a> From<&'a WarninglistHit> for WrittenWarning<'a> {
    fn from(hit: &'a WarninglistHit) -> Self {
        Self {
            matched: &hit.matched,
            value: &hit.value,
            warninglist_id: hit.id,
            warninglist_name: &hit.name,
            warninglist_category: &hit.category,
        }
    }
}
