//! `GET /users/view/me`: the user of the key, and the rights of its role.

use serde::Deserialize;

use super::{SMALL, read};
use crate::json::lenient::{self, Flag, Int, Text};
use crate::request::Request;
use crate::{Client, Error, ErrorKind, Organisation};

const ENDPOINT: &str = "/users/view/me";

/// The user of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Me {
    /// MISP's number of the user.
    pub user_id: u64,
    /// Whether the user is disabled.
    pub disabled: bool,
    /// The role, with the rights that matter to a reader.
    pub role: Role,
    /// The organisation of the user; its `extra` is empty.
    pub organisation: Organisation,
}

/// The rights of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// Its name, such as `Read Only`.
    pub name: String,
    /// May use a key at all.
    pub may_use_keys: bool,
    /// May add and change events.
    pub may_modify: bool,
    /// May add sightings.
    pub may_add_sightings: bool,
    /// Sees and may do everything on this MISP.
    pub is_site_admin: bool,
    /// Whether the role has a rate limit.
    pub is_rate_limited: bool,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "User")]
    user: RawUser,
    #[serde(default, rename = "Role", deserialize_with = "lenient::object")]
    role: RawRole,
    #[serde(default, rename = "Organisation", deserialize_with = "lenient::object")]
    organisation: Organisation,
}

#[derive(Deserialize)]
struct RawUser {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    disabled: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRole {
    name: Text,
    perm_auth: Flag,
    perm_modify: Flag,
    perm_sighting: Flag,
    perm_site_admin: Flag,
    enforce_rate_limit: Flag,
}

impl Client {
    /// Returns the user of the key: a cheap test of a key and of its rights.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question.
    pub async fn me(&self) -> Result<Me, Error> {
        let raw: Raw = read(&self.ask_small(Request::get(ENDPOINT), SMALL).await?, ENDPOINT)?;
        let no_user = || {
            Error::new(ErrorKind::UnexpectedAnswer)
                .with_detail("no user in it")
                .at(ENDPOINT)
        };
        Ok(Me {
            user_id: raw.user.id.unsigned().ok_or_else(no_user)?,
            disabled: raw.user.disabled.or(false),
            role: Role {
                name: raw.role.name.into_option().unwrap_or_default(),
                may_use_keys: raw.role.perm_auth.or(false),
                may_modify: raw.role.perm_modify.or(false),
                may_add_sightings: raw.role.perm_sighting.or(false),
                is_site_admin: raw.role.perm_site_admin.or(false),
                is_rate_limited: raw.role.enforce_rate_limit.or(false),
            },
            organisation: Organisation {
                extra: serde_json::Map::new(),
                ..raw.organisation
            },
        })
    }
}
