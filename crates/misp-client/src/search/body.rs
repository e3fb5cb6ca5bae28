//! The body of `POST /attributes/restSearch`.

use serde::Serialize;
use uuid::Uuid;

use super::time::TimeFilter;
use super::value::SearchValue;
use super::{AttributeSearch, Deleted, Published};

impl AttributeSearch {
    /// Returns the JSON body of the request for this page; pages count from 1.
    #[must_use]
    pub fn body(&self, page: u32) -> Vec<u8> {
        self.body_with(page, self.rows_a_page().get())
    }

    pub(crate) fn body_with(&self, page: u32, limit: u32) -> Vec<u8> {
        let body = Body {
            return_format: "json",
            types: &self.types,
            values: self.values.iter().map(SearchValue::as_str).collect(),
            categories: &self.categories,
            tags: self
                .any_of
                .iter()
                .cloned()
                .chain(self.none_of.iter().map(|tag| format!("!{tag}")))
                .collect(),
            to_ids: self.to_ids.map(u8::from),
            published: match self.published {
                Published::Either => &[0, 1],
                Published::Yes => &[1],
                Published::No => &[0],
            },
            deleted: match self.deleted {
                Deleted::No => &[],
                Deleted::Only => &[1],
                Deleted::Either => &[0, 1],
            },
            timestamp: self.timestamp,
            event_timestamp: self.event_timestamp,
            org: self.organisation,
            event_ids: &self.event_ids,
            uuids: &self.uuids,
            enforce_warninglist: u8::from(self.enforce_warninglist),
            include_event_tags: u8::from(self.include_event_tags),
            include_all_tags: u8::from(self.include_all_tags),
            include_context: u8::from(self.include_context),
            include_sightings: self.include_sightings.then_some(1),
            include_warninglist_hits: self.include_warninglist_hits.then_some(1),
            order: self.order.as_str(),
            limit,
            page: page.max(1),
        };
        #[expect(
            clippy::expect_used,
            reason = "no map and no float; with an empty body MISP would send everything"
        )]
        serde_json::to_vec(&body).expect("texts and whole numbers are always JSON")
    }
}

/// The body on the wire. A filter that is not set is left out: MISP takes `false` and null for "no filter" too.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "returnFormat")]
    return_format: &'static str,
    #[serde(rename = "type", skip_serializing_if = "<[_]>::is_empty")]
    types: &'a [String],
    #[serde(rename = "value", skip_serializing_if = "Vec::is_empty")]
    values: Vec<&'a str>,
    #[serde(rename = "category", skip_serializing_if = "<[_]>::is_empty")]
    categories: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_ids: Option<u8>,
    published: &'static [u8],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    deleted: &'static [u8],
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<TimeFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_timestamp: Option<TimeFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    #[serde(rename = "eventid", skip_serializing_if = "<[_]>::is_empty")]
    event_ids: &'a [u64],
    #[serde(rename = "uuid", skip_serializing_if = "<[_]>::is_empty")]
    uuids: &'a [Uuid],
    #[serde(rename = "enforceWarninglist")]
    enforce_warninglist: u8,
    #[serde(rename = "includeEventTags")]
    include_event_tags: u8,
    #[serde(rename = "includeAllTags")]
    include_all_tags: u8,
    #[serde(rename = "includeContext")]
    include_context: u8,
    #[serde(rename = "includeSightings", skip_serializing_if = "Option::is_none")]
    include_sightings: Option<u8>,
    #[serde(rename = "includeWarninglistHits", skip_serializing_if = "Option::is_none")]
    include_warninglist_hits: Option<u8>,
    order: &'static str,
    limit: u32,
    page: u32,
}
