//! One file for each thing that MISP can be asked: its request as a plain value, and what its answer is.

pub(crate) mod attributes;
pub(crate) mod decaying_models;
pub(crate) mod event_index;
pub(crate) mod event_metadata;
pub(crate) mod me;
pub(crate) mod sightings;
pub(crate) mod statistics;
pub(crate) mod tags;
pub(crate) mod version;
pub(crate) mod warninglists;

use serde::de::DeserializeOwned;

use crate::json::SplitError;
use crate::{Error, ErrorKind};

/// Bound for answers that are one small object.
const SMALL: u64 = 1 << 20;

/// Says what a fault in a streamed document means.
fn split_error(error: SplitError, endpoint: &'static str) -> Error {
    match error {
        SplitError::CutShort => Error::new(ErrorKind::CutShort).with_detail("the JSON does not end"),
        SplitError::NotJson { at } => Error::new(ErrorKind::NotJson).with_detail(format!("byte {at} and on")),
        SplitError::Shape(what) => Error::new(ErrorKind::UnexpectedAnswer).with_detail(what),
        SplitError::TooLarge => Error::new(ErrorKind::TooLarge).with_detail("one element of it"),
    }
    .at(endpoint)
}

/// Reads a whole small answer. The cause is not kept: serde quotes what it read.
fn read<T: DeserializeOwned>(body: &[u8], endpoint: &'static str) -> Result<T, Error> {
    // serde takes a list for a struct, field by field.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Error::new(ErrorKind::UnexpectedAnswer)
            .with_detail("a list where an object was expected")
            .at(endpoint));
    }
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
