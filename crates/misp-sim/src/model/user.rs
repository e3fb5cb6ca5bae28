//! A user and its rights.

/// A user with one auth key.
#[derive(Clone)]
pub struct User {
    /// The user's number; 0 asks for the next free one.
    pub id: u64,
    /// The e-mail address, which is the login name.
    pub email: String,
    /// The number of the user's organisation.
    pub organisation: u64,
    /// The auth key; MISP knows only those of 40 characters.
    pub key: String,
    /// The rights of the user.
    pub role: Role,
    /// Whether the user is disabled; the key is refused then.
    pub disabled: bool,
    /// When the key ends, unix seconds; refused from then on.
    pub key_expires: Option<i64>,
    /// The only addresses the key may be used from; none: from everywhere.
    pub allowed_addresses: Vec<std::net::IpAddr>,
    /// How many searches the role allows in 900 s; none: any number.
    pub rate_limit: Option<u32>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Returns a read only user of the organisation with that number.
    #[must_use]
    pub fn reader(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            id: 0,
            email: email.into(),
            organisation,
            key: key.into(),
            role: Role::ReadOnly,
            disabled: false,
            key_expires: None,
            allowed_addresses: Vec::new(),
            rate_limit: None,
        }
    }

    /// Returns a user of the organisation with that number, with the right to add sightings.
    #[must_use]
    pub fn reporter(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            role: Role::Reporter,
            ..Self::reader(email, organisation, key)
        }
    }

    /// Returns a user of the organisation with that number, with the right to change and publish the organisation's
    /// events.
    #[must_use]
    pub fn publisher(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            role: Role::Publisher,
            ..Self::reader(email, organisation, key)
        }
    }

    /// Returns a site admin: sees every event, works in maintenance mode.
    #[must_use]
    pub fn site_admin(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            role: Role::SiteAdmin,
            ..Self::reader(email, organisation, key)
        }
    }
}

/// The rights of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Reads everything that the organisation may see.
    ReadOnly,
    /// Reads everything that the organisation may see, and adds sightings.
    Reporter,
    /// Reads everything that the organisation may see; adds, edits, tags, publishes and deletes the organisation's own
    /// events; adds sightings.
    Publisher,
    /// Reads and changes everything, also in maintenance mode.
    SiteAdmin,
}
