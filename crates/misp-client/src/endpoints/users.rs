//! `GET /admin/users/index` and `/admin/users/view/ID`: the users of this MISP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::records::Record;
use crate::json::lenient;
use crate::request::Request;
use crate::{Client, Error};

const INDEX: &str = "/admin/users/index";
const VIEW: &str = "/admin/users/view";

/// A user of this MISP. The client drops password and key where MISP sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct User {
    /// MISP's number of the user; another MISP has other numbers.
    #[serde(deserialize_with = "lenient::number")]
    pub id: u64,
    /// The e-mail address, which is the login name.
    #[serde(deserialize_with = "lenient::text")]
    pub email: String,
    /// Number of the organisation.
    #[serde(deserialize_with = "lenient::number")]
    pub org_id: u64,
    /// Number of the role. The role itself is in `extra["Role"]`.
    #[serde(deserialize_with = "lenient::number")]
    pub role_id: u64,
    /// Whether the user is disabled.
    #[serde(deserialize_with = "lenient::flag")]
    pub disabled: bool,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Record for User {
    const KEY: &'static str = "User";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns the users: all of them for a site administrator, those of the own organisation for its administrator.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) for other keys; any [`ErrorKind`](crate::ErrorKind)
    /// of a question.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        self.records(Request::get(INDEX)).await
    }

    /// Returns one user; for keys of administrators.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when MISP has no such number, or the key may not see it; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn user(&self, id: u64) -> Result<User, Error> {
        self.record(Request::get(VIEW).with_path(format!("{VIEW}/{id}")), Some(id))
            .await
    }
}
