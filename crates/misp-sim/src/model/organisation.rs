//! An organisation.

use uuid::Uuid;

/// An organisation that owns events or has users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its UUID, by which `org` filters and organisation feeds name it.
    pub uuid: Uuid,
}

impl Organisation {
    /// Returns an organisation that gets the next free number.
    #[must_use]
    pub fn new(name: impl Into<String>, uuid: Uuid) -> Self {
        Self {
            id: 0,
            name: name.into(),
            uuid,
        }
    }
}
