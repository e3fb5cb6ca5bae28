//! `POST /events/restSearch {"metadata":1}`: what MISP knows of events beside their attributes.
//!
//! The minimal index ([`EventIndex`](crate::EventIndex)) is five to twenty times as fast, but leaves out protected events and those
//! whose `attribute_count` says 0, which drifts (MISP 2.5.1, recordings 801 to 806). This question leaves out none.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::split_error;
use crate::json::lenient::{Flag, Id, Int};
use crate::json::{Row, Splitter};
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/events/restSearch";
const ROWS: &[&str] = &["response"];

/// An event costs MISP about 0.7 ms, so a page takes about 3.5 s.
const PAGE_SIZE: NonZeroU32 = NonZeroU32::new(5_000).expect("not zero");
/// About 900 bytes each on the wire.
const MAX_EVENTS: usize = 5_000_000;
/// On a MISP that is edited all the time no reading of several pages may be undisturbed; then the last two are put together.
const MAX_PASSES: u32 = 3;
/// MISP looks events up one after the other: one that is published meanwhile comes as published. More is a lost question.
const TOLERATED_STRAYS: usize = 3;
/// In a large answer: one in so many events.
const TOLERATED_STRAY_SHARE: usize = 1_000;

/// A question for events without their attributes; without any filter it asks for all that the key may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSearch {
    published: Option<bool>,
    timestamp_from: Option<i64>,
    publish_timestamp_from: Option<i64>,
    event_ids: Vec<u64>,
    page_size: NonZeroU32,
}

impl Default for EventSearch {
    fn default() -> Self {
        Self {
            published: None,
            timestamp_from: None,
            publish_timestamp_from: None,
            event_ids: Vec::new(),
            page_size: PAGE_SIZE,
        }
    }
}

impl EventSearch {
    /// Asks for all events that the key may see.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks only for events that are published now, or that are not.
    #[must_use]
    pub fn published(mut self, published: bool) -> Self {
        self.published = Some(published);
        self
    }

    /// Asks only for events that changed at this unix second or later; 0 and less means no filter, as it does to MISP.
    #[must_use]
    pub fn timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.timestamp_from = (unix_seconds > 0).then_some(unix_seconds);
        self
    }

    /// Asks only for events that were last published at this unix second or later; 0 and less means no filter.
    #[must_use]
    pub fn publish_timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.publish_timestamp_from = (unix_seconds > 0).then_some(unix_seconds);
        self
    }

    /// Asks only for these events, by MISP's number; nothing changes when there is none.
    #[must_use]
    pub fn event_ids(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.event_ids.extend(ids);
        // Sorted, since every row is looked up in it.
        self.event_ids.sort_unstable();
        self
    }

    /// Changes how many events a page has; 5 000 by default.
    #[must_use]
    pub fn page_size(mut self, events: NonZeroU32) -> Self {
        self.page_size = events;
        self
    }

    fn request(&self, page: u32, limit: u32) -> Result<Request, Error> {
        let body = Body {
            return_format: "json",
            metadata: 1,
            published: self.published.map(u8::from),
            timestamp: self.timestamp_from,
            publish_timestamp: self.publish_timestamp_from,
            event_ids: &self.event_ids,
            order: "Event.id asc",
            limit,
            page,
        };
        let body = serde_json::to_vec(&body).map_err(|_| Error::new(ErrorKind::InvalidSearch).at(ENDPOINT))?;
        Ok(Request::post(ENDPOINT, body))
    }

    /// Returns whether this event is an answer to the question.
    fn answers(&self, event: &EventMetadata) -> bool {
        self.published.is_none_or(|wanted| wanted == event.published)
            && self.timestamp_from.is_none_or(|from| event.timestamp >= from)
            && self
                .publish_timestamp_from
                .is_none_or(|from| event.publish_timestamp >= from)
            && (self.event_ids.is_empty() || self.event_ids.binary_search(&event.id).is_ok())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "returnFormat")]
    return_format: &'static str,
    metadata: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_timestamp: Option<i64>,
    #[serde(rename = "eventid", skip_serializing_if = "<[_]>::is_empty")]
    event_ids: &'a [u64],
    order: &'static str,
    limit: u32,
    page: u32,
}

/// One event without its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMetadata {
    /// MISP's number of the event.
    pub id: u64,
    /// Its UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
    /// When it last changed, in unix seconds. Publishing and unpublishing do not count.
    pub timestamp: i64,
    /// When it was last published, in unix seconds; 0 if never. Unpublishing does not change it.
    pub publish_timestamp: i64,
    /// Whether it is published now.
    pub published: bool,
    /// Whether it is a protected event.
    pub protected: bool,
    /// MISP's own count of its attributes, which may be wrong.
    pub attribute_count: Option<u64>,
}

impl EventMetadata {
    /// Returns an event that is not published now, as a MISP would describe it; for tests of whoever reads such lists.
    #[must_use]
    pub fn unpublished(id: u64, timestamp: i64, publish_timestamp: i64) -> Self {
        Self {
            id,
            uuid: None,
            timestamp,
            publish_timestamp,
            published: false,
            protected: false,
            attribute_count: None,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct RawElement {
    #[serde(rename = "Event")]
    event: RawEvent,
}

#[derive(Deserialize)]
struct RawEvent {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    uuid: Id,
    #[serde(default)]
    timestamp: Int,
    #[serde(default)]
    publish_timestamp: Int,
    #[serde(default)]
    published: Flag,
    #[serde(default)]
    protected: Flag,
    #[serde(default)]
    attribute_count: Int,
}

impl Row for EventMetadata {
    type Raw = RawElement;

    fn from_raw(RawElement { event }: RawElement) -> Option<Self> {
        Some(Self {
            id: event.id.unsigned()?,
            uuid: event.uuid.known(),
            timestamp: event.timestamp.signed()?,
            publish_timestamp: event.publish_timestamp.signed()?,
            published: event.published.known()?,
            protected: event.protected.or(false),
            attribute_count: event.attribute_count.unsigned(),
        })
    }
}

/// All pages of one reading.
#[derive(Default)]
struct Reading {
    events: Vec<EventMetadata>,
    pages: u32,
    /// The last event of each page.
    ends: Vec<Option<u64>>,
}

impl Client {
    /// Returns the events that match, without their attributes, in ascending order of their numbers.
    ///
    /// MISP pages by offset, so an event that leaves the answer between two pages hides another. After several pages their ends
    /// are therefore looked at once more, and everything is read again if one has moved. After three moved readings the last two
    /// are put together: of an event in both, the later one counts.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedAnswer`] also when an event lacks its number, times or state, or when many were not asked for; a few
    /// that were not asked for are left out. Any other [`ErrorKind`] of a question that was asked.
    pub async fn event_metadata(&self, question: &EventSearch) -> Result<Vec<EventMetadata>, Error> {
        let mut earlier = Vec::new();
        for pass in 1..=MAX_PASSES {
            let reading = self.read_metadata(question).await?;
            if !self.has_moved(question, &reading).await? {
                return sorted(reading.events, Vec::new(), question);
            }
            if pass == MAX_PASSES {
                return sorted(reading.events, earlier, question);
            }
            earlier = reading.events;
        }
        sorted(earlier, Vec::new(), question)
    }

    async fn read_metadata(&self, question: &EventSearch) -> Result<Reading, Error> {
        let limit = question.page_size.get();
        let mut reading = Reading::default();
        loop {
            let first = reading.events.len();
            let (total, rows) = self
                .metadata_page(question, reading.pages + 1, limit, &mut reading.events)
                .await?;
            reading.pages += 1;
            reading
                .ends
                .push(reading.events.get(first..).and_then(|page| Some(page.last()?.id)));
            if reading.events.len() > MAX_EVENTS {
                return Err(Error::new(ErrorKind::TooLarge).at(ENDPOINT));
            }
            let read = u64::from(reading.pages) * u64::from(limit);
            let more = total.map_or(rows >= u64::from(limit), |total| total > read && rows > 0);
            if !more {
                return Ok(reading);
            }
            if reading.pages >= self.limits().pages {
                return Err(Error::new(ErrorKind::TooLarge).at(ENDPOINT));
            }
        }
    }

    /// Reads one page and returns MISP's count of all that match, and how many came.
    async fn metadata_page(
        &self,
        question: &EventSearch,
        page: u32,
        limit: u32,
        events: &mut Vec<EventMetadata>,
    ) -> Result<(Option<u64>, u64), Error> {
        let request = question.request(page, limit)?;
        let mut answer = self.transport().ask(request, self.limits().page_bytes, &[]).await?;
        let total = answer.count("x-result-count");
        let mut splitter = Splitter::new(ROWS);
        let fault = |error| split_error(error, ENDPOINT);
        while let Some(piece) = answer.piece().await? {
            splitter.push(&piece, events).map_err(fault)?;
            if splitter.rows() > u64::from(limit) {
                return Err(unexpected("more events than the page that was asked for may have"));
            }
        }
        splitter.finish(events).map_err(fault)?;
        if splitter.unusable() > 0 {
            return Err(unexpected("events without number, times or state"));
        }
        Ok((total, splitter.rows()))
    }

    /// Returns whether a page ends elsewhere now than when it was read. A page of one event costs MISP little.
    async fn has_moved(&self, question: &EventSearch, reading: &Reading) -> Result<bool, Error> {
        for (page, end) in (1..reading.pages).zip(&reading.ends) {
            let place = page.saturating_mul(question.page_size.get());
            let mut there = Vec::new();
            self.metadata_page(question, place, 1, &mut there).await?;
            if there.first().map(|event| event.id) != *end {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Sorts, takes out what came twice, and holds each event against the question.
fn sorted(
    mut events: Vec<EventMetadata>,
    earlier: Vec<EventMetadata>,
    question: &EventSearch,
) -> Result<Vec<EventMetadata>, Error> {
    events.extend(earlier);
    // Stable, so that of two with one number the one that was read last stays.
    events.sort_by_key(|event| event.id);
    events.dedup_by_key(|event| event.id);
    let all = events.len();
    events.retain(|event| question.answers(event));
    let strays = all - events.len();
    if strays > TOLERATED_STRAYS.max(all / TOLERATED_STRAY_SHARE) {
        return Err(unexpected("events that were not asked for"));
    }
    Ok(events)
}

fn unexpected(detail: &'static str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail).at(ENDPOINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(search: &EventSearch) -> String {
        let request = search.request(2, 7).unwrap();
        String::from_utf8(request.body.unwrap().to_vec()).unwrap()
    }

    #[test]
    fn question_says_only_what_was_set() {
        let of = |filters: &str| {
            format!(r#"{{"returnFormat":"json","metadata":1,{filters}"order":"Event.id asc","limit":7,"page":2}}"#)
        };
        assert_eq!(body(&EventSearch::new()), of(""));
        assert_eq!(body(&EventSearch::new().published(false)), of(r#""published":0,"#));
        assert_eq!(
            body(
                &EventSearch::new()
                    .timestamp_from(5)
                    .publish_timestamp_from(6)
                    .event_ids([9, 7])
            ),
            of(r#""timestamp":5,"publish_timestamp":6,"eventid":[7,9],"#)
        );
    }

    #[test]
    fn time_zero_is_not_sent_since_misp_takes_it_for_no_filter() {
        assert_eq!(EventSearch::new().timestamp_from(0), EventSearch::new());
        assert_eq!(EventSearch::new().publish_timestamp_from(-5), EventSearch::new());
    }
}
