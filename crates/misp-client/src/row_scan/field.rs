//! The fields of a row that have a meaning here.

use super::cursor::Stop;

/// A field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    EventId,
    Type,
    Value,
    ToIds,
    Deleted,
    Timestamp,
    Category,
    Uuid,
    LastSeen,
    Tag,
    Event,
    // Known to serde, and of no use here.
    Comment,
    FirstSeen,
    ObjectRelation,
    Distribution,
    ObjectId,
    Sighting,
    Warnings,
    Unknown,
}

impl Field {
    /// Returns the field with this name.
    pub(super) fn named(name: &[u8]) -> Result<Self, Stop> {
        Ok(match name {
            b"id" => Self::Id,
            b"event_id" => Self::EventId,
            b"type" => Self::Type,
            b"value" => Self::Value,
            b"to_ids" => Self::ToIds,
            b"deleted" => Self::Deleted,
            b"timestamp" => Self::Timestamp,
            b"category" => Self::Category,
            b"uuid" => Self::Uuid,
            b"last_seen" => Self::LastSeen,
            b"Tag" => Self::Tag,
            b"Event" => Self::Event,
            b"comment" => Self::Comment,
            b"first_seen" => Self::FirstSeen,
            b"object_relation" => Self::ObjectRelation,
            b"distribution" => Self::Distribution,
            b"object_id" => Self::ObjectId,
            b"Sighting" => Self::Sighting,
            b"warnings" => Self::Warnings,
            // Texts of unknown fields may have any bytes, their names may not.
            name if std::str::from_utf8(name).is_err() => return Err(Stop::Odd),
            _ => Self::Unknown,
        })
    }

    /// Returns a bit for it; none for unknown fields, which may repeat.
    pub(super) fn bit(self) -> u32 {
        match self {
            Self::Unknown => 0,
            known => 1 << known as u32,
        }
    }
}
