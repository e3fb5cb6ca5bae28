//! `GET /users/view/me`: whose key this is, and what it may do.

use serde::Deserialize;
use uuid::Uuid;

use super::{SMALL, read};
use crate::json::lenient::{self, Flag, Id, Int, Text};
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/users/view/me";

/// The user whom a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Me {
    /// MISP's number of the user.
    pub user_id: u64,
    /// Whether the user is switched off.
    pub disabled: bool,
    /// The role, with the rights that matter to a reader.
    pub role: Role,
    /// The organisation of the user.
    pub organisation: Organisation,
}

/// What a user may do.
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
    /// Whether this role's questions are limited in number.
    pub is_rate_limited: bool,
}

/// An organisation on this MISP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Organisation {
    /// MISP's number of it; 0 when MISP did not say.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "User")]
    user: RawUser,
    #[serde(default, rename = "Role", deserialize_with = "lenient::object")]
    role: RawRole,
    #[serde(default, rename = "Organisation", deserialize_with = "lenient::object")]
    organisation: RawOrganisation,
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawOrganisation {
    id: Int,
    name: Text,
    uuid: Id,
}

impl Client {
    /// Returns whose key this is: a cheap test of a key and of its rights.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question that was asked.
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
                id: raw.organisation.id.unsigned().unwrap_or(0),
                name: raw.organisation.name.into_option().unwrap_or_default(),
                uuid: raw.organisation.uuid.known(),
            },
        })
    }
}
