//! `GET /sharing_groups/index` and `/sharing_groups/view/ID`: the sharing groups of this MISP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const INDEX: &str = "/sharing_groups/index";
const VIEW: &str = "/sharing_groups/view";

/// A sharing group: organisations and servers that share events with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SharingGroup {
    /// MISP's number of the group; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its UUID, the same on every MISP.
    #[serde(deserialize_with = "lenient::some_uuid")]
    pub uuid: Option<Uuid>,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its description.
    #[serde(deserialize_with = "lenient::text")]
    pub description: String,
    /// Its note on further sharing, such as `Members only`.
    #[serde(deserialize_with = "lenient::text")]
    pub releasability: String,
    /// Whether it is in use.
    #[serde(deserialize_with = "lenient::flag")]
    pub active: bool,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for SharingGroup {
    const KEY: &'static str = "SharingGroup";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns all sharing groups that the key may see. Their organisations are in `extra["SharingGroupOrg"]`.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn sharing_groups(&self) -> Result<Vec<SharingGroup>, Error> {
        self.records(Request::get(INDEX)).await
    }

    /// Returns one sharing group.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when MISP has no such number, or the key may not see it; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn sharing_group(&self, id: u64) -> Result<SharingGroup, Error> {
        self.record(Request::get(VIEW).with_path(format!("{VIEW}/{id}")), Some(id))
            .await
    }
}
