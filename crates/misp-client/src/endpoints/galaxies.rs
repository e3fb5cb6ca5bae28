//! `GET /galaxies/index` and `/galaxies/view/ID`: the galaxies of this MISP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const INDEX: &str = "/galaxies/index";
const VIEW: &str = "/galaxies/view";

/// A galaxy: a family of clusters such as threat actors or tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Galaxy {
    /// MISP's number of the galaxy; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its UUID, the same on every MISP.
    #[serde(deserialize_with = "lenient::some_uuid")]
    pub uuid: Option<Uuid>,
    /// Its name, such as `Threat Actor`.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its type, which stands in tags: `threat-actor` in `misp-galaxy:threat-actor="…"`.
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: String,
    /// Its description.
    #[serde(deserialize_with = "lenient::text")]
    pub description: String,
    /// Its namespace, such as `misp`.
    #[serde(deserialize_with = "lenient::text")]
    pub namespace: String,
    /// Its version.
    #[serde(deserialize_with = "lenient::text")]
    pub version: String,
    /// Whether it is enabled.
    #[serde(deserialize_with = "lenient::flag")]
    pub enabled: bool,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for Galaxy {
    const KEY: &'static str = "Galaxy";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns all galaxies, without their clusters.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn galaxies(&self) -> Result<Vec<Galaxy>, Error> {
        self.records(Request::get(INDEX)).await
    }

    /// Returns one galaxy, with its clusters in `extra["GalaxyCluster"]`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when MISP has no such number, or the key may not see it; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn galaxy(&self, id: u64) -> Result<Galaxy, Error> {
        self.record(Request::get(VIEW).with_path(format!("{VIEW}/{id}")), Some(id))
            .await
    }
}
