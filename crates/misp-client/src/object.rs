//! An object: attributes of one event that belong together.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Attribute;
use crate::json::lenient;

/// Attributes of one event that belong together, for example name, size and hashes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Object {
    /// MISP's number of the object; 0 when MISP did not send it.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// The UUID, the same on every MISP.
    #[serde(deserialize_with = "lenient::some_uuid")]
    pub uuid: Option<Uuid>,
    /// Number of its event; 0 when MISP did not send it.
    #[serde(deserialize_with = "lenient::number")]
    pub event_id: u64,
    /// Name of its template, such as `file` or `domain-ip`.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Category of its template, such as `network`.
    #[serde(rename = "meta-category", deserialize_with = "lenient::text")]
    pub meta_category: String,
    /// Description of its template.
    #[serde(deserialize_with = "lenient::text")]
    pub description: String,
    /// UUID of its template.
    #[serde(deserialize_with = "lenient::some_uuid")]
    pub template_uuid: Option<Uuid>,
    /// Version of its template.
    #[serde(deserialize_with = "lenient::some_number")]
    pub template_version: Option<u64>,
    /// The comment; empty for most.
    #[serde(deserialize_with = "lenient::text")]
    pub comment: String,
    /// The last change, in unix seconds; 0 when MISP did not send it.
    #[serde(deserialize_with = "lenient::unix")]
    pub timestamp: i64,
    /// Visibility: 0 own organisation, 1 this community, 2 connected ones, 3 all, 4 a sharing group, 5 as its event.
    #[serde(deserialize_with = "lenient::some_level")]
    pub distribution: Option<u8>,
    /// Whether it is soft-deleted.
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: bool,
    /// First time that it was seen, in unix seconds, where an analyst entered it.
    #[serde(deserialize_with = "lenient::time", serialize_with = "lenient::write_time")]
    pub first_seen: Option<i64>,
    /// Last time that it was seen, in unix seconds, where an analyst entered it.
    #[serde(deserialize_with = "lenient::time", serialize_with = "lenient::write_time")]
    pub last_seen: Option<i64>,
    /// Its attributes. Those without id, type or value are left out and counted in
    /// [`Event::unusable`](crate::Event::unusable).
    #[serde(rename = "Attribute", deserialize_with = "crate::attribute_list::usable")]
    pub attributes: Vec<Attribute>,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
