//! One file for each endpoint of MISP: its request as a plain value, and the type of its answer.

#[cfg(feature = "write")]
pub(crate) mod attribute_changes;
pub(crate) mod attributes;
#[cfg(feature = "write")]
mod change_report;
pub(crate) mod custom;
pub(crate) mod decaying_models;
mod enabled_warninglists;
#[cfg(feature = "write")]
pub(crate) mod event_changes;
pub(crate) mod event_index;
pub(crate) mod event_metadata;
pub(crate) mod event_search;
pub(crate) mod events;
pub(crate) mod feeds;
pub(crate) mod galaxies;
pub(crate) mod me;
#[cfg(feature = "write")]
pub(crate) mod object_changes;
pub(crate) mod organisations;
mod records;
pub(crate) mod servers;
pub(crate) mod sharing_groups;
pub(crate) mod sighting_search;
pub(crate) mod sightings;
pub(crate) mod statistics;
#[cfg(feature = "write")]
pub(crate) mod tagging;
pub(crate) mod tags;
pub(crate) mod taxonomies;
pub(crate) mod users;
pub(crate) mod version;
pub(crate) mod warninglist_check;
pub(crate) mod warninglists;

#[cfg(feature = "write")]
pub use self::{attribute_changes::*, event_changes::*, object_changes::*};
// The public types of the endpoints; `lib.rs` passes them on.
pub use self::{
    event_index::*, event_metadata::*, event_search::*, feeds::*, galaxies::*, me::*, servers::*, sharing_groups::*,
    sighting_search::*, sightings::*, statistics::*, tags::*, taxonomies::*, users::*, version::*,
    warninglist_check::*, warninglists::*,
};

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::json::SplitError;
use crate::{Error, ErrorKind};

/// Bound for answers that are one small object.
const SMALL: u64 = 1 << 20;

/// Returns the error for a fault in a streamed document.
fn split_error(error: SplitError, endpoint: &'static str) -> Error {
    match error {
        SplitError::CutShort => Error::new(ErrorKind::CutShort).with_detail("the JSON does not end"),
        SplitError::NotJson { at } => Error::new(ErrorKind::NotJson).with_detail(format!("byte {at} and on")),
        SplitError::Shape(what) => Error::new(ErrorKind::UnexpectedAnswer).with_detail(what),
        SplitError::TooLarge => Error::new(ErrorKind::TooLarge).with_detail("one element of it"),
    }
    .at(endpoint)
}

/// Reads a whole small answer that is an object.
fn read<T: DeserializeOwned>(body: &[u8], endpoint: impl Into<Cow<'static, str>>) -> Result<T, Error> {
    // serde takes a list for a struct, field by field.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Error::new(ErrorKind::UnexpectedAnswer)
            .with_detail("a list where an object was expected")
            .at(endpoint));
    }
    parse(body, endpoint)
}

/// Reads a whole answer. The cause of a failure is not kept: serde quotes values.
fn parse<T: DeserializeOwned>(body: &[u8], endpoint: impl Into<Cow<'static, str>>) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Eof => ErrorKind::CutShort,
            serde_json::error::Category::Data => ErrorKind::UnexpectedAnswer,
            _ => ErrorKind::NotJson,
        };
        Error::new(kind)
            .with_detail(format!("line {} column {}", error.line(), error.column()))
            .at(endpoint)
    })
}
