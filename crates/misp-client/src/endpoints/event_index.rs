//! `POST /events/index {"minimal":1}`: all events with their last change, in one light question.

use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::split_error;
use crate::json::lenient::{Flag, Id, Int};
use crate::json::{Row, Splitter};
use crate::request::Request;
use crate::search::tag_name;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/events/index";
const ROWS: &[&str] = &[];
/// About 240 bytes each on the wire.
const MAX_EVENTS: u64 = 5_000_000;

/// A question for the list of events; without any filter it is a question for all that the key may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventIndex {
    published: Option<bool>,
    timestamp_from: Option<i64>,
    event_ids: Vec<u64>,
    any_of: Vec<String>,
    newest_change_first: bool,
    page: Option<(u32, u32)>,
    etag: Option<String>,
}

impl EventIndex {
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

    /// Asks only for events that changed at this unix second or later; 0 and less means no filter.
    #[must_use]
    pub fn timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.timestamp_from = (unix_seconds > 0).then_some(unix_seconds);
        self
    }

    /// Asks only for these events, by MISP's number; nothing changes when there is none.
    #[must_use]
    pub fn event_ids(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.event_ids.extend(ids);
        self
    }

    /// Asks only for events that have this tag themselves, global or local; of several tags one is enough. Tags of
    /// attributes do not count here.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] as for [`AttributeSearch::with_tag`](crate::AttributeSearch::with_tag).
    pub fn with_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.any_of.push(tag_name(tag.into())?);
        Ok(self)
    }

    /// Lists the event that changed last first.
    #[must_use]
    pub fn newest_change_first(mut self) -> Self {
        self.newest_change_first = true;
        self
    }

    /// Asks for one page of so many events; pages count from 1. Without it all come at once.
    #[must_use]
    pub fn page(mut self, page: u32, limit: u32) -> Self {
        self.page = Some((page.max(1), limit.max(1)));
        self
    }

    /// Asks only whether something changed since the answer that had this ETag; any other text has MISP name its ETag.
    #[must_use]
    pub fn if_changed_since(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    fn request(&self) -> Result<Request, Error> {
        let body = Body {
            minimal: 1,
            published: self.published.map(u8::from),
            timestamp: self.timestamp_from,
            event_ids: &self.event_ids,
            tags: &self.any_of,
            sort: self.newest_change_first.then_some("timestamp"),
            direction: self.newest_change_first.then_some("desc"),
            limit: self.page.map(|(_, limit)| limit),
            page: self.page.map(|(page, _)| page),
        };
        let body = serde_json::to_vec(&body).map_err(|_| Error::new(ErrorKind::InvalidSearch).at(ENDPOINT))?;
        let request = Request::post(ENDPOINT, body);
        let Some(etag) = &self.etag else {
            return Ok(request);
        };
        let bad_etag = |_| {
            Error::new(ErrorKind::InvalidSearch)
                .with_detail("the ETag cannot be sent")
                .at(ENDPOINT)
        };
        Ok(request.with_header(header::IF_NONE_MATCH, HeaderValue::from_str(etag).map_err(bad_etag)?))
    }

    /// Checks whether this entry is an answer to the question, as far as it shows.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedAnswer`] when it is not: the body of the question was lost on the way.
    fn check(&self, entry: &EventEntry) -> Result<(), Error> {
        let is_answer = self.published.is_none_or(|wanted| wanted == entry.published)
            && self.timestamp_from.is_none_or(|from| entry.timestamp >= from);
        if is_answer {
            return Ok(());
        }
        Err(Error::new(ErrorKind::UnexpectedAnswer)
            .with_detail("events that were not asked for")
            .at(ENDPOINT))
    }
}

#[derive(Serialize)]
struct Body<'a> {
    minimal: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(rename = "eventid", skip_serializing_if = "<[_]>::is_empty")]
    event_ids: &'a [u64],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
}

/// One event of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventEntry {
    /// MISP's number of the event.
    pub id: u64,
    /// Its UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
    /// When it last changed, in unix seconds. Publishing and unpublishing do not count.
    pub timestamp: i64,
    /// Whether it is published now.
    pub published: bool,
    /// The organisation that made it.
    pub orgc_uuid: Option<Uuid>,
}

#[derive(Deserialize)]
pub(crate) struct RawEntry {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    uuid: Id,
    #[serde(default)]
    timestamp: Int,
    #[serde(default)]
    published: Flag,
    #[serde(default)]
    orgc_uuid: Id,
}

impl Row for EventEntry {
    type Raw = RawEntry;

    fn from_raw(raw: RawEntry) -> Option<Self> {
        Some(Self {
            id: raw.id.unsigned()?,
            uuid: raw.uuid.known(),
            timestamp: raw.timestamp.signed()?,
            published: raw.published.known()?,
            orgc_uuid: raw.orgc_uuid.known(),
        })
    }
}

/// The list of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventList {
    /// The events, in MISP's order.
    pub entries: Vec<EventEntry>,
    /// The number of events on all pages; here MISP's count is the total.
    pub total: Option<u64>,
    /// The value for [`EventIndex::if_changed_since`] next time. MISP sends it only in the answer to a question with an
    /// ETag.
    pub etag: Option<String>,
    /// MISP's clock when it answered (its `Date` header), in unix seconds.
    pub answered_at: Option<i64>,
}

/// The answer to an [`EventIndex`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventIndexAnswer {
    /// The list.
    Events(EventList),
    /// Nothing changed since the answer whose ETag was sent.
    NotModified,
}

impl Client {
    /// Returns the events that match, each with the time of its last change; about 240 bytes an event on the wire.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedAnswer`] also when an entry lacks its id, time or state, or was not asked for: who looks
    /// for changes must not miss one. Any other [`ErrorKind`] of a question.
    pub async fn event_index(&self, question: &EventIndex) -> Result<EventIndexAnswer, Error> {
        let request = question.request()?;
        let also: &[StatusCode] = if question.etag.is_some() {
            &[StatusCode::NOT_MODIFIED]
        } else {
            &[]
        };
        let mut answer = self.transport().ask(request, self.limits().page_bytes, also).await?;
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(EventIndexAnswer::NotModified);
        }
        let etag = answer
            .headers()
            .get(header::ETAG)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut list = EventList {
            entries: Vec::new(),
            total: answer.count("x-result-count"),
            etag,
            answered_at: answer.date(),
        };
        let mut splitter = Splitter::new(ROWS);
        let fault = |error| split_error(error, ENDPOINT);
        while let Some(piece) = answer.piece().await? {
            splitter.push(&piece, &mut list.entries).map_err(fault)?;
            if splitter.rows() > MAX_EVENTS {
                return Err(Error::new(ErrorKind::TooLarge).at(ENDPOINT));
            }
        }
        splitter.finish(&mut list.entries).map_err(fault)?;
        if splitter.unusable() > 0 {
            return Err(Error::new(ErrorKind::UnexpectedAnswer)
                .with_detail("events without id, time or state")
                .at(ENDPOINT));
        }
        list.entries.iter().try_for_each(|entry| question.check(entry))?;
        Ok(EventIndexAnswer::Events(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(index: &EventIndex) -> String {
        String::from_utf8(index.request().unwrap().body.unwrap().to_vec()).unwrap()
    }

    #[test]
    fn question_says_only_what_was_set() {
        assert_eq!(body(&EventIndex::new()), r#"{"minimal":1}"#);
        assert_eq!(
            body(&EventIndex::new().published(false)),
            r#"{"minimal":1,"published":0}"#
        );
        assert_eq!(
            body(&EventIndex::new().timestamp_from(1_795_307_589)),
            r#"{"minimal":1,"timestamp":1795307589}"#
        );
        assert_eq!(
            body(&EventIndex::new().event_ids([7, 9]).newest_change_first().page(2, 3)),
            r#"{"minimal":1,"eventid":[7,9],"sort":"timestamp","direction":"desc","limit":3,"page":2}"#
        );
        assert_eq!(
            body(&EventIndex::new().with_tag("tlp:green").unwrap()),
            r#"{"minimal":1,"tags":["tlp:green"]}"#
        );
        assert!(EventIndex::new().with_tag("tlp:%").is_err());
    }

    #[test]
    fn time_zero_is_not_sent_since_misp_takes_it_for_no_filter() {
        assert_eq!(EventIndex::new().timestamp_from(0), EventIndex::new());
        assert_eq!(EventIndex::new().timestamp_from(-5), EventIndex::new());
    }

    #[test]
    fn etag_goes_into_the_header() {
        let request = EventIndex::new().if_changed_since("\"abc\"").request().unwrap();
        assert_eq!(request.headers[header::IF_NONE_MATCH], "\"abc\"");
        assert!(EventIndex::new().if_changed_since("a\nb").request().is_err());
    }
}
