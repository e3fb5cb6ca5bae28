//! `POST /events/restSearch`: the question for events, whole or without their attributes.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::events::WrappedEvent;
use super::split_error;
use crate::json::{Row, SplitError};
use crate::request::Request;
use crate::search::{SearchValue, TimeFilter, tag_name};
use crate::{Error, ErrorKind, Event};

pub(crate) const ENDPOINT: &str = "/events/restSearch";
pub(crate) const ROWS: &[&str] = &["response"];

/// Without its attributes an event costs MISP about 0.7 ms, so a page takes about 3.5 s.
const METADATA_PAGE: NonZeroU32 = NonZeroU32::new(5_000).expect("not zero");
/// A whole event may be some megabytes.
const WHOLE_PAGE: NonZeroU32 = NonZeroU32::new(50).expect("not zero");

/// A question for events; without any filter it is a question for all that the key may see.
///
/// ```
/// use std::time::Duration;
/// use misp_client::EventSearch;
///
/// let search = EventSearch::new().with_tag("tlp:green")?.published(true).changed_within(Duration::from_secs(86_400));
/// # Ok::<(), misp_client::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventSearch {
    published: Option<bool>,
    timestamp: Option<TimeFilter>,
    publish_timestamp: Option<TimeFilter>,
    event_ids: Vec<u64>,
    values: Vec<SearchValue>,
    any_of: Vec<String>,
    none_of: Vec<String>,
    organisation: Option<Uuid>,
    exclude_galaxies: bool,
    include_all_tags: bool,
    page_size: Option<NonZeroU32>,
}

impl EventSearch {
    /// Searches for all events that the key may see.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes only events that are published now, or only those that are not.
    #[must_use]
    pub fn published(mut self, published: bool) -> Self {
        self.published = Some(published);
        self
    }

    /// Takes only events that changed at this unix second or later; 0 and less means no filter, as in MISP.
    #[must_use]
    pub fn timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.timestamp = TimeFilter::from(unix_seconds);
        self
    }

    /// Takes only events that changed in this time before now, by MISP's clock; rounded up to a whole second.
    #[must_use]
    pub fn changed_within(mut self, time: Duration) -> Self {
        self.timestamp = Some(TimeFilter::within(time));
        self
    }

    /// Takes only events that were last published at this unix second or later; 0 and less means no filter.
    #[must_use]
    pub fn publish_timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.publish_timestamp = TimeFilter::from(unix_seconds);
        self
    }

    /// Takes only these events, by MISP's number; an empty list changes nothing.
    #[must_use]
    pub fn event_ids(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.event_ids.extend(ids);
        // Sorted, since each event is looked up in it.
        self.event_ids.sort_unstable();
        self
    }

    /// Takes only events with this tag, on the event or on one of its attributes; of several tags one is enough.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] as for [`AttributeSearch::with_tag`](crate::AttributeSearch::with_tag).
    pub fn with_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.any_of.push(tag_name(tag.into())?);
        Ok(self)
    }

    /// Leaves out events with this tag.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] as for [`AttributeSearch::with_tag`](crate::AttributeSearch::with_tag).
    pub fn without_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.none_of.push(tag_name(tag.into())?);
        Ok(self)
    }

    /// Takes only events that have an attribute with this value; of several values one is enough.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] as for [`AttributeSearch::of_values`](crate::AttributeSearch::of_values).
    pub fn with_value(mut self, value: impl Into<String>) -> Result<Self, Error> {
        self.values.push(SearchValue::new(value.into())?);
        Ok(self)
    }

    /// Takes only events that this organisation made.
    #[must_use]
    pub fn organisation(mut self, organisation: Uuid) -> Self {
        self.organisation = Some(organisation);
        self
    }

    /// Makes MISP leave out the galaxies of events; their tags come all the same. Without its attributes an event then
    /// takes MISP a third of the time, 0.45 ms (MISP 2.5.1).
    #[must_use]
    pub fn exclude_galaxies(mut self, exclude: bool) -> Self {
        self.exclude_galaxies = exclude;
        self
    }

    /// Makes MISP show tags that are marked as not exportable too; by default it does not.
    #[must_use]
    pub fn include_all_tags(mut self, include: bool) -> Self {
        self.include_all_tags = include;
        self
    }

    /// Sets how many events a page has; by default 50 whole ones, or 5 000 without their attributes.
    #[must_use]
    pub fn page_size(mut self, events: NonZeroU32) -> Self {
        self.page_size = Some(events);
        self
    }

    pub(crate) fn events_a_page(&self) -> u32 {
        self.page_size.unwrap_or(WHOLE_PAGE).get()
    }

    pub(super) fn metadata_page_size(&self) -> NonZeroU32 {
        self.page_size.unwrap_or(METADATA_PAGE)
    }

    pub(super) fn metadata_page(&self, page: u32, limit: u32) -> Result<Request, Error> {
        self.request(page, limit, true)
    }

    fn request(&self, page: u32, limit: u32, metadata: bool) -> Result<Request, Error> {
        let negated = self.none_of.iter().map(|tag| format!("!{tag}"));
        let body = Body {
            return_format: "json",
            metadata: metadata.then_some(1),
            published: self.published.map(u8::from),
            timestamp: self.timestamp,
            publish_timestamp: self.publish_timestamp,
            event_ids: &self.event_ids,
            values: self.values.iter().map(SearchValue::as_str).collect(),
            tags: self.any_of.iter().cloned().chain(negated).collect(),
            org: self.organisation,
            exclude_galaxies: self.exclude_galaxies.then_some(1),
            include_all_tags: self.include_all_tags.then_some(1),
            order: "Event.id asc",
            limit,
            page,
        };
        let body = serde_json::to_vec(&body).map_err(|_| Error::new(ErrorKind::InvalidSearch).at(ENDPOINT))?;
        Ok(Request::post(ENDPOINT, body))
    }

    /// Returns whether this event is an answer to the question. MISP may not show a tag that is not exportable, so that
    /// a missing tag proves nothing; a tag that was excluded does.
    pub(crate) fn is_answered_by(&self, event: &Event) -> bool {
        let has_value = |value: &SearchValue| event.all_attributes().any(|row| value.admits(&row.value));
        let creator = event.creator.as_ref().and_then(|creator| creator.uuid);
        self.admits(event.id, event.published, event.timestamp, event.publish_timestamp)
            && !self.none_of.iter().any(|tag| event.has_tag(tag))
            && (self.values.is_empty() || event.unusable > 0 || self.values.iter().any(has_value))
            && self
                .organisation
                .is_none_or(|wanted| creator.is_none_or(|creator| creator == wanted))
    }

    pub(super) fn admits(&self, id: u64, published: bool, timestamp: i64, publish_timestamp: i64) -> bool {
        self.published.is_none_or(|wanted| wanted == published)
            && self.timestamp.is_none_or(|time| time.admits(timestamp))
            && self.publish_timestamp.is_none_or(|time| time.admits(publish_timestamp))
            && (self.event_ids.is_empty() || self.event_ids.binary_search(&id).is_ok())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "returnFormat")]
    return_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<TimeFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_timestamp: Option<TimeFilter>,
    #[serde(rename = "eventid", skip_serializing_if = "<[_]>::is_empty")]
    event_ids: &'a [u64],
    #[serde(rename = "value", skip_serializing_if = "Vec::is_empty")]
    values: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    #[serde(rename = "excludeGalaxy", skip_serializing_if = "Option::is_none")]
    exclude_galaxies: Option<u8>,
    #[serde(rename = "includeAllTags", skip_serializing_if = "Option::is_none")]
    include_all_tags: Option<u8>,
    order: &'static str,
    limit: u32,
    page: u32,
}

pub(crate) fn whole_page(search: &EventSearch, page: u32) -> Result<Request, Error> {
    search.request(page, search.events_a_page(), false)
}

pub(crate) fn error(error: SplitError) -> Error {
    split_error(error, ENDPOINT)
}

impl Row for Event {
    type Raw = WrappedEvent;

    fn from_raw(raw: WrappedEvent) -> Option<Self> {
        Some(raw.event).filter(|event| event.id > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(request: &Request) -> serde_json::Value {
        serde_json::from_slice(request.body.as_ref().unwrap()).unwrap()
    }

    #[test]
    fn question_for_whole_events_has_no_metadata_key() {
        let search = EventSearch::new()
            .with_tag("a")
            .unwrap()
            .without_tag("b")
            .unwrap()
            .with_value("x")
            .unwrap();
        let body = json(&whole_page(&search, 2).unwrap());
        assert!(body.get("metadata").is_none(), "MISP would take 0 for it too");
        assert_eq!(body["tags"], serde_json::json!(["a", "!b"]));
        assert_eq!(
            (&body["value"][0], &body["limit"], &body["page"]),
            (&"x".into(), &50.into(), &2.into())
        );
        assert_eq!(json(&search.metadata_page(1, 7).unwrap())["metadata"], 1);
    }
}
