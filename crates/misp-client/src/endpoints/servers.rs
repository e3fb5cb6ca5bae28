//! `GET /servers/index`: the other MISPs that this one synchronises with.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const INDEX: &str = "/servers/index";

/// Another MISP that this one pulls from or pushes to. The client drops its key where MISP sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Server {
    /// MISP's number of the server; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its address.
    #[serde(deserialize_with = "lenient::text")]
    pub url: String,
    /// Whether this MISP pushes to it.
    #[serde(deserialize_with = "lenient::flag")]
    pub push: bool,
    /// Whether this MISP pulls from it.
    #[serde(deserialize_with = "lenient::flag")]
    pub pull: bool,
    /// Number of the organisation that owns the connection.
    #[serde(deserialize_with = "lenient::number")]
    pub org_id: u64,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for Server {
    const KEY: &'static str = "Server";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns all servers that this MISP synchronises with; for keys of site administrators and sync users.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) for other keys; any [`ErrorKind`](crate::ErrorKind)
    /// of a question.
    pub async fn servers(&self) -> Result<Vec<Server>, Error> {
        self.records(Request::get(INDEX)).await
    }
}
