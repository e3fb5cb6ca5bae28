//! `GET /feeds/index` and `/feeds/view/ID`: the feeds that this MISP reads.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const INDEX: &str = "/feeds/index";
const VIEW: &str = "/feeds/view";

/// A feed that MISP reads. The client drops its HTTP headers, which may hold a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Feed {
    /// MISP's number of the feed; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The name of its provider.
    #[serde(deserialize_with = "lenient::text")]
    pub provider: String,
    /// Its URL, or a path on the MISP host.
    #[serde(deserialize_with = "lenient::text")]
    pub url: String,
    /// Its format: `misp`, `csv` or `freetext`.
    #[serde(deserialize_with = "lenient::text")]
    pub source_format: String,
    /// Whether MISP reads it.
    #[serde(deserialize_with = "lenient::flag")]
    pub enabled: bool,
    /// Whether MISP keeps its values for look-ups.
    #[serde(deserialize_with = "lenient::flag")]
    pub caching_enabled: bool,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for Feed {
    const KEY: &'static str = "Feed";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns all feeds; an empty list for a key that may not see them.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn feeds(&self) -> Result<Vec<Feed>, Error> {
        self.records(Request::get(INDEX)).await
    }

    /// Returns one feed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when MISP has no such number, or the key may not see it; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn feed(&self, id: u64) -> Result<Feed, Error> {
        self.record(Request::get(VIEW).with_path(format!("{VIEW}/{id}")), Some(id))
            .await
    }
}
