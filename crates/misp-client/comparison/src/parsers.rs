//! The fields of a row that a feed needs, read by three parsers.
#![expect(dead_code, reason = "the fields are read, and nothing is done with them")]

use std::borrow::Cow;
use std::error::Error;

use serde::Deserialize;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    response: Response<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(borrow)]
    attribute: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    to_ids: bool,
    deleted: bool,
    #[serde(borrow, rename = "Event")]
    event: Event<'a>,
    #[serde(borrow, default, rename = "Tag")]
    tags: Vec<Tag<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    publish_timestamp: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    inherited: u8,
}

pub(crate) fn serde_json(page: &mut [u8]) -> Result<usize, Box<dyn Error>> {
    Ok(bytes_of_values(&serde_json::from_slice(page)?))
}

pub(crate) fn sonic_rs(page: &mut [u8]) -> Result<usize, Box<dyn Error>> {
    Ok(bytes_of_values(&sonic_rs::from_slice(page)?))
}

pub(crate) fn simd_json(page: &mut [u8]) -> Result<usize, Box<dyn Error>> {
    Ok(bytes_of_values(&simd_json::from_slice(page)?))
}

fn bytes_of_values(answer: &Answer<'_>) -> usize {
    answer.response.attribute.iter().map(|row| row.value.len()).sum()
}
