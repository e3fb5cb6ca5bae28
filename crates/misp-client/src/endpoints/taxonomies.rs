//! `GET /taxonomies/index` and `/taxonomies/view/ID`: the taxonomies of this MISP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const INDEX: &str = "/taxonomies/index";
const VIEW: &str = "/taxonomies/view";

/// A taxonomy: a vocabulary of tags, such as the Traffic Light Protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Taxonomy {
    /// MISP's number of the taxonomy; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its namespace, the part of its tags before the colon, such as `tlp`.
    #[serde(deserialize_with = "lenient::text")]
    pub namespace: String,
    /// Its description.
    #[serde(deserialize_with = "lenient::text")]
    pub description: String,
    /// Its version.
    #[serde(deserialize_with = "lenient::text")]
    pub version: String,
    /// Whether it is enabled.
    #[serde(deserialize_with = "lenient::flag")]
    pub enabled: bool,
    /// Whether at most one of its tags may stand on an event or attribute.
    #[serde(deserialize_with = "lenient::flag")]
    pub exclusive: bool,
    /// Whether an event needs one of its tags before it can be published.
    #[serde(deserialize_with = "lenient::flag")]
    pub required: bool,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for Taxonomy {
    const KEY: &'static str = "Taxonomy";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns all taxonomies, without their tags.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn taxonomies(&self) -> Result<Vec<Taxonomy>, Error> {
        self.records(Request::get(INDEX)).await
    }

    /// Returns one taxonomy, with its tags in `extra["entries"]`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when MISP has no such number, or the key may not see it; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn taxonomy(&self, id: u64) -> Result<Taxonomy, Error> {
        self.record(Request::get(VIEW).with_path(format!("{VIEW}/{id}")), Some(id))
            .await
    }
}
