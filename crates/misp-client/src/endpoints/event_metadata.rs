//! `POST /events/restSearch {"metadata":1}`: events without their attributes.
//!
//! The minimal index ([`EventIndex`](crate::EventIndex)) is five to twenty times as fast, but leaves out protected
//! events and those whose `attribute_count` is 0, a count that drifts (MISP 2.5.1, recordings 801 to 806). This
//! question leaves out no event.

use serde::Deserialize;
use uuid::Uuid;

use super::event_search::{ENDPOINT, EventSearch, ROWS};
use super::split_error;
use crate::json::lenient::{self, Flag, Id, Int, Text};
use crate::json::{Row, Splitter};
use crate::tag::RawTag;
use crate::{Client, Error, ErrorKind, Tag};

/// About 900 bytes each on the wire, and with galaxies some kilobytes.
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
    /// The title.
    pub info: String,
    /// The organisation that made it.
    pub orgc_uuid: Option<Uuid>,
    /// The tags of the event, global and local ones. Those that are not exportable are only there with
    /// [`EventSearch::include_all_tags`].
    pub tags: Vec<Tag>,
}

/// Events without their attributes, and when MISP listed them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMetadataList {
    /// The events, in ascending order of their numbers.
    pub events: Vec<EventMetadata>,
    /// MISP's clock when it answered the first page of the reading that counts (its `Date` header), in unix seconds.
    pub answered_at: Option<i64>,
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
            info: String::new(),
            orgc_uuid: None,
            tags: Vec::new(),
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
    #[serde(default)]
    info: Text,
    #[serde(default, rename = "Orgc", deserialize_with = "lenient::object")]
    orgc: RawCreator,
    #[serde(default, rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<RawTag>,
}

#[derive(Default, Deserialize)]
struct RawCreator {
    #[serde(default)]
    uuid: Id,
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
            info: event.info.into_option().unwrap_or_default(),
            orgc_uuid: event.orgc.uuid.known(),
            tags: event.tags.into_iter().filter_map(RawTag::into_tag).collect(),
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
    /// MISP's clock at the first page.
    answered_at: Option<i64>,
}

/// What the headers of a page say, and how many events came.
struct MetadataPage {
    /// MISP's count of all events that match.
    total: Option<u64>,
    rows: u64,
    answered_at: Option<i64>,
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
        Ok(self.event_metadata_list(question).await?.events)
    }

    /// Returns the same as [`event_metadata`](Self::event_metadata), and MISP's clock at the time.
    ///
    /// # Errors
    /// As for [`event_metadata`](Self::event_metadata).
    pub async fn event_metadata_list(&self, question: &EventSearch) -> Result<EventMetadataList, Error> {
        let mut earlier = Reading::default();
        for _ in 1..MAX_PASSES {
            let reading = self.read_metadata(question).await?;
            if !self.has_moved(question, &reading).await? {
                return list(reading, Vec::new(), question);
            }
            earlier = reading;
        }
        let last = self.read_metadata(question).await?;
        let first_seen = earlier.answered_at;
        let combined = if self.has_moved(question, &last).await? {
            earlier.events
        } else {
            Vec::new()
        };
        let moved = !combined.is_empty();
        let mut found = list(last, combined, question)?;
        if moved {
            // Some of these events were read that early only.
            found.answered_at = first_seen;
        }
        Ok(found)
    }

    async fn read_metadata(&self, question: &EventSearch) -> Result<Reading, Error> {
        let limit = question.metadata_page_size().get();
        let mut reading = Reading::default();
        loop {
            let first = reading.events.len();
            let page = self
                .metadata_page(question, reading.pages + 1, limit, &mut reading.events)
                .await?;
            let (total, rows) = (page.total, page.rows);
            if reading.pages == 0 {
                reading.answered_at = page.answered_at;
            }
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

    /// Reads one page.
    async fn metadata_page(
        &self,
        question: &EventSearch,
        page: u32,
        limit: u32,
        events: &mut Vec<EventMetadata>,
    ) -> Result<MetadataPage, Error> {
        let request = question.metadata_page(page, limit)?;
        let mut answer = self.transport().ask(request, self.limits().page_bytes, &[]).await?;
        let (total, answered_at) = (answer.count("x-result-count"), answer.date());
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
        Ok(MetadataPage {
            total,
            rows: splitter.rows(),
            answered_at,
        })
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

fn list(reading: Reading, earlier: Vec<EventMetadata>, question: &EventSearch) -> Result<EventMetadataList, Error> {
    Ok(EventMetadataList {
        events: sorted(reading.events, earlier, question)?,
        answered_at: reading.answered_at,
    })
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
        assert_eq!(
            body(&EventSearch::new().exclude_galaxies(true).include_all_tags(true)),
            of(r#""excludeGalaxy":1,"includeAllTags":1,"#)
        );
    }

    #[test]
    fn time_zero_is_not_sent_since_misp_takes_it_for_no_filter() {
        assert_eq!(EventSearch::new().timestamp_from(0), EventSearch::new());
        assert_eq!(EventSearch::new().publish_timestamp_from(-5), EventSearch::new());
    }
}
