//! `POST /events/restSearch {"metadata":1}`: events without their attributes.
//!
//! The minimal index ([`EventIndex`](crate::EventIndex)) is five to twenty times as fast, but leaves out protected
//! events and those whose `attribute_count` is 0, a count that drifts (MISP 2.5.1, recordings 801 to 806). This
//! question leaves out no event.

use serde::Deserialize;
use uuid::Uuid;

use super::event_search::{ENDPOINT, EventSearch, ROWS};
use super::split_error;
use crate::json::lenient::{Flag, Id, Int};
use crate::json::{Row, Splitter};
use crate::{Client, Error, ErrorKind};

/// About 900 bytes each on the wire.
const MAX_EVENTS: usize = 5_000_000;
/// On a MISP with constant edits every reading of several pages may be disturbed; then the last two are combined.
const MAX_PASSES: u32 = 3;
/// MISP looks events up one after the other: one that is published meanwhile comes as published. With more strays the
/// question was lost.
const TOLERATED_STRAYS: usize = 3;
/// In a large answer: one in so many events.
const TOLERATED_STRAY_SHARE: usize = 1_000;

/// One event without its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMetadata {
    /// MISP's number of the event.
    pub id: u64,
    /// The UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
    /// The last change, in unix seconds. Publishing and unpublishing do not count.
    pub timestamp: i64,
    /// The last publication, in unix seconds; 0 for never. Unpublishing does not change it.
    pub publish_timestamp: i64,
    /// Whether it is published now.
    pub published: bool,
    /// Whether it is a protected event.
    pub protected: bool,
    /// MISP's own count of its attributes, which may be wrong.
    pub attribute_count: Option<u64>,
}

impl EventMetadata {
    /// Returns an event that is not published now; for tests of programs that read such lists.
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

impl EventSearch {
    /// Returns whether this event, without its attributes, is an answer to the question.
    fn is_answered_by_metadata(&self, event: &EventMetadata) -> bool {
        self.admits(event.id, event.published, event.timestamp, event.publish_timestamp)
    }
}

impl Client {
    /// Returns the events that match, without their attributes, in ascending order of their numbers.
    ///
    /// MISP pages by offset, so an event that leaves the answer between two pages hides another. After several pages
    /// the client therefore compares their ends once more, and reads everything again if one has moved. After three
    /// such readings it combines the last two: of an event in both, the later one counts.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedAnswer`] also when an event lacks its number, times or state, or when many were not asked
    /// for; a few that were not asked for are left out. Any other [`ErrorKind`] of a question.
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
        let limit = question.metadata_page_size().get();
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
        let request = question.metadata_page(page, limit)?;
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
            let place = page.saturating_mul(question.metadata_page_size().get());
            let mut there = Vec::new();
            self.metadata_page(question, place, 1, &mut there).await?;
            if there.first().map(|event| event.id) != *end {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Sorts, removes duplicates, and compares each event with the question.
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
    events.retain(|event| question.is_answered_by_metadata(event));
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
        let request = search.metadata_page(2, 7).unwrap();
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
