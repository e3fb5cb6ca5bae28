//! An organisation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::json::lenient;

/// An organisation that a MISP knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Organisation {
    /// MISP's number of it; 0 when MISP did not send it.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its UUID, the same on every MISP.
    #[serde(deserialize_with = "lenient::some_uuid")]
    pub uuid: Option<Uuid>,
    /// Whether it has users on this MISP; false when MISP did not send it.
    #[serde(deserialize_with = "lenient::flag")]
    pub local: bool,
    /// All fields that have no place above, as MISP sent them, for example `nationality` and `sector` in the list of
    /// organisations.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
