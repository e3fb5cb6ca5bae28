//! The question of `POST /attributes/restSearch`.

mod brought;
mod stray;

use std::num::NonZeroU32;

use serde::Serialize;
use uuid::Uuid;

use crate::{Error, ErrorKind};

pub use brought::{brings_type, types_brought_by};
pub use stray::Stray;

/// Rows on a page when nothing else is said: a page costs MISP about 0.1 s beside its rows.
const DEFAULT_PAGE_SIZE: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// A question for attributes, built without any I/O.
///
/// MISP takes every filter that it does not understand for *no filter* and answers with everything. So this type cannot be
/// built without attribute types, events or UUIDs to look for, checks every name that goes into it, and
/// [`answers`](Self::answers) tells whether a row that came back is an answer to it at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeSearch {
    types: Vec<String>,
    any_of: Vec<String>,
    none_of: Vec<String>,
    to_ids: Option<bool>,
    published: Published,
    deleted: Deleted,
    timestamp_from: Option<i64>,
    event_timestamp_from: Option<i64>,
    organisation: Option<Uuid>,
    enforce_warninglist: bool,
    include_event_tags: bool,
    include_all_tags: bool,
    include_context: bool,
    include_sightings: bool,
    event_ids: Vec<u64>,
    uuids: Vec<Uuid>,
    order: Order,
    page_size: NonZeroU32,
}

/// Which events the attributes may come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Published {
    /// Published and unpublished ones.
    #[default]
    Either,
    /// Only events that are published now; MISP unpublishes an event with every edit.
    Yes,
    /// Only events that are not published now.
    No,
}

/// Whether softly deleted attributes are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deleted {
    /// Only attributes that are not deleted.
    #[default]
    No,
    /// Only deleted ones.
    Only,
    /// Both.
    Either,
}

/// The order of the rows. Paging is only stable by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest attribute first, by id.
    #[default]
    IdAscending,
    /// Newest attribute first, by id.
    IdDescending,
}

impl Order {
    fn as_str(self) -> &'static str {
        match self {
            Self::IdAscending => "Attribute.id asc",
            Self::IdDescending => "Attribute.id desc",
        }
    }
}

impl AttributeSearch {
    /// Looks for attributes of these types, such as `ip-dst` or `domain|ip`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any type, and for a name that MISP would read as a negation (`!`), a pattern (`%`)
    /// or a list (`||`).
    pub fn new<S: Into<String>>(types: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let types = types
            .into_iter()
            .map(|name| attribute_type(name.into()))
            .collect::<Result<Vec<_>, _>>()?;
        if types.is_empty() {
            Err(unfiltered())
        } else {
            Ok(Self { types, ..Self::bare() })
        }
    }

    /// Looks for all attributes of these events, by MISP's number.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any event.
    pub fn of_events(ids: impl IntoIterator<Item = u64>) -> Result<Self, Error> {
        let mut event_ids: Vec<u64> = ids.into_iter().filter(|id| *id > 0).collect();
        event_ids.sort_unstable();
        if event_ids.is_empty() {
            Err(unfiltered())
        } else {
            Ok(Self {
                event_ids,
                ..Self::bare()
            })
        }
    }

    /// Looks for these attributes, or for all attributes of these events, by UUID.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any.
    pub fn of_uuids(uuids: impl IntoIterator<Item = Uuid>) -> Result<Self, Error> {
        let uuids: Vec<Uuid> = uuids.into_iter().collect();
        if uuids.is_empty() {
            Err(unfiltered())
        } else {
            Ok(Self { uuids, ..Self::bare() })
        }
    }

    fn bare() -> Self {
        Self {
            types: Vec::new(),
            any_of: Vec::new(),
            none_of: Vec::new(),
            to_ids: None,
            published: Published::Either,
            deleted: Deleted::No,
            timestamp_from: None,
            event_timestamp_from: None,
            organisation: None,
            enforce_warninglist: false,
            include_event_tags: true,
            include_all_tags: true,
            include_context: false,
            include_sightings: false,
            event_ids: Vec::new(),
            uuids: Vec::new(),
            order: Order::IdAscending,
            page_size: DEFAULT_PAGE_SIZE,
        }
    }

    /// Wants a tag, on the attribute or on its event; of several wanted tags one is enough.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for a name that MISP would not take for a name: empty, with a leading `!`, with `%`
    /// (a wildcard), `||` or `&&` (lists), all digits (an id), or with white space or control characters at its ends.
    pub fn with_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.any_of.push(tag_name(tag.into())?);
        Ok(self)
    }

    /// Leaves out attributes that have this tag, themselves or by their event.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] as for [`with_tag`](Self::with_tag).
    pub fn without_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.none_of.push(tag_name(tag.into())?);
        Ok(self)
    }

    /// Takes only attributes whose `to_ids` flag is this; without it both come.
    #[must_use]
    pub fn to_ids(mut self, flag: bool) -> Self {
        self.to_ids = Some(flag);
        self
    }

    /// Says which events the attributes may come from; by default any.
    #[must_use]
    pub fn published(mut self, published: Published) -> Self {
        self.published = published;
        self
    }

    /// Returns which events the attributes may come from.
    #[must_use]
    pub fn wants_published(&self) -> Published {
        self.published
    }

    /// Says whether softly deleted attributes are wanted; by default not.
    #[must_use]
    pub fn deleted(mut self, deleted: Deleted) -> Self {
        self.deleted = deleted;
        self
    }

    /// Takes only attributes that changed at this unix second or later; 0 and less means no filter, as it does to MISP.
    #[must_use]
    pub fn timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.timestamp_from = (unix_seconds > 0).then_some(unix_seconds);
        self
    }

    /// Takes only attributes of events that changed at this unix second or later; 0 and less means no filter.
    ///
    /// A tag put on an event changes the time of the event and not those of its attributes. Has MISP send the event with each
    /// attribute, since only that shows the event's time.
    #[must_use]
    pub fn event_timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.event_timestamp_from = (unix_seconds > 0).then_some(unix_seconds);
        self.include_context = self.include_context || self.event_timestamp_from.is_some();
        self
    }

    /// Takes only attributes of events that this organisation made.
    #[must_use]
    pub fn organisation(mut self, organisation: Uuid) -> Self {
        self.organisation = Some(organisation);
        self
    }

    /// Has MISP take out what is on its warninglists; by default it does not.
    #[must_use]
    pub fn enforce_warninglist(mut self, enforce: bool) -> Self {
        self.enforce_warninglist = enforce;
        self
    }

    /// Returns whether MISP is to take out what is on its warninglists.
    #[must_use]
    pub fn enforces_warninglist(&self) -> bool {
        self.enforce_warninglist
    }

    /// Has MISP list the tags of the event with each attribute (default). Without it a row cannot show why it matched.
    #[must_use]
    pub fn include_event_tags(mut self, include: bool) -> Self {
        self.include_event_tags = include;
        self
    }

    /// Has MISP show tags that are marked as not exportable too (default).
    #[must_use]
    pub fn include_all_tags(mut self, include: bool) -> Self {
        self.include_all_tags = include;
        self
    }

    /// Has MISP send the event with each attribute: its organisation and whether it is published. About half as much again.
    #[must_use]
    pub fn include_context(mut self, include: bool) -> Self {
        self.include_context = include;
        self
    }

    /// Has MISP send the sightings of each attribute. It looks them up one attribute at a time.
    #[must_use]
    pub fn include_sightings(mut self, include: bool) -> Self {
        self.include_sightings = include;
        self
    }

    /// Narrows the search to these events; nothing changes when there is none.
    #[must_use]
    pub fn event_ids(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.event_ids.extend(ids);
        // Sorted, since every row is looked up in it.
        self.event_ids.sort_unstable();
        self
    }

    /// Changes the order of the rows.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Changes how many rows a page has; 10 000 by default.
    #[must_use]
    pub fn page_size(mut self, rows: NonZeroU32) -> Self {
        self.page_size = rows;
        self
    }

    /// Returns how many rows a page has.
    #[must_use]
    pub fn rows_a_page(&self) -> NonZeroU32 {
        self.page_size
    }

    /// Returns the JSON body that asks for this page; pages count from 1.
    #[must_use]
    pub fn body(&self, page: u32) -> Vec<u8> {
        self.body_with(page, self.page_size.get())
    }

    pub(crate) fn body_with(&self, page: u32, limit: u32) -> Vec<u8> {
        let body = Body {
            return_format: "json",
            types: &self.types,
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
            timestamp: self.timestamp_from,
            event_timestamp: self.event_timestamp_from,
            org: self.organisation,
            event_ids: &self.event_ids,
            uuids: &self.uuids,
            enforce_warninglist: u8::from(self.enforce_warninglist),
            include_event_tags: u8::from(self.include_event_tags),
            include_all_tags: u8::from(self.include_all_tags),
            include_context: u8::from(self.include_context),
            include_sightings: self.include_sightings.then_some(1),
            order: self.order.as_str(),
            limit,
            page: page.max(1),
        };
        #[expect(
            clippy::expect_used,
            reason = "no map and no float; an empty body would ask for everything"
        )]
        serde_json::to_vec(&body).expect("texts and whole numbers are always JSON")
    }
}

fn attribute_type(name: String) -> Result<String, Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'|' | b' ' | b'/');
    let trimmed = name.trim() == name;
    if !name.is_empty() && trimmed && name.len() <= 100 && name.bytes().all(allowed) && !name.contains("||") {
        Ok(name)
    } else {
        Err(invalid("not the name of an attribute type", &name))
    }
}

fn tag_name(name: String) -> Result<String, Error> {
    let misread = name.is_empty()
        || name.starts_with('!')
        || name.trim() != name
        || name.contains('%')
        || name.contains("||")
        || name.contains("&&")
        || name.chars().any(char::is_control)
        || name.bytes().all(|b| b.is_ascii_digit())
        || name.chars().count() > 255;
    if misread {
        Err(invalid("not a tag name that MISP can search for", &name))
    } else {
        Ok(name)
    }
}

fn invalid(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::InvalidSearch).with_detail(format!("{what}: {name:?}"))
}

fn unfiltered() -> Error {
    Error::new(ErrorKind::InvalidSearch).with_detail("nothing to look for, which would be everything")
}

/// The body on the wire. A filter that is not set is left out: to MISP, `false` and null mean "no filter".
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "returnFormat")]
    return_format: &'static str,
    #[serde(rename = "type", skip_serializing_if = "<[_]>::is_empty")]
    types: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_ids: Option<u8>,
    published: &'static [u8],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    deleted: &'static [u8],
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_timestamp: Option<i64>,
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
    order: &'static str,
    limit: u32,
    page: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(search: &AttributeSearch, page: u32) -> serde_json::Value {
        serde_json::from_slice(&search.body(page)).unwrap()
    }

    #[test]
    fn body_says_what_was_set_in_the_words_of_misp() {
        let search = AttributeSearch::new(["ip-dst", "domain|ip"])
            .unwrap()
            .with_tag("example:incident-classification=block")
            .unwrap()
            .without_tag("example:incident-classification=false-positive")
            .unwrap()
            .to_ids(true)
            .published(Published::Yes)
            .timestamp_from(1_792_715_948)
            .enforce_warninglist(true)
            .page_size(NonZeroU32::new(5_000).unwrap());
        assert_eq!(
            String::from_utf8(search.body(3)).unwrap(),
            concat!(
                r#"{"returnFormat":"json","type":["ip-dst","domain|ip"],"#,
                r#""tags":["example:incident-classification=block","!example:incident-classification=false-positive"],"#,
                r#""to_ids":1,"published":[1],"timestamp":1792715948,"enforceWarninglist":1,"includeEventTags":1,"#,
                r#""includeAllTags":1,"includeContext":0,"order":"Attribute.id asc","limit":5000,"page":3}"#
            )
        );
    }

    #[test]
    fn filter_that_is_not_set_is_not_in_the_body() {
        let body = json(&AttributeSearch::new(["domain"]).unwrap(), 0);
        for absent in ["tags", "to_ids", "deleted", "timestamp", "org", "eventid", "uuid"] {
            assert!(body.get(absent).is_none(), "{absent}");
        }
        assert_eq!(body["published"], serde_json::json!([0, 1]));
        assert_eq!((&body["enforceWarninglist"], &body["page"]), (&0.into(), &1.into()));
    }

    #[test]
    fn other_filters_are_sent_as_misp_takes_them() {
        let organisation: Uuid = "5c0ba7a0-0001-4000-8000-000000000001".parse().unwrap();
        let search = AttributeSearch::of_uuids([organisation])
            .unwrap()
            .organisation(organisation)
            .event_ids([7, 9])
            .deleted(Deleted::Either)
            .published(Published::No)
            .to_ids(false)
            .order(Order::IdDescending);
        let body = json(&search, 1);
        assert_eq!(body["org"], organisation.to_string());
        assert_eq!(body["uuid"], serde_json::json!([organisation.to_string()]));
        assert_eq!(body["eventid"], serde_json::json!([7, 9]));
        assert_eq!(body["deleted"], serde_json::json!([0, 1]));
        assert_eq!(
            (&body["published"], &body["to_ids"]),
            (&serde_json::json!([0]), &0.into())
        );
        assert_eq!(body["order"], "Attribute.id desc");
    }

    #[test]
    fn time_zero_is_not_sent_since_misp_takes_it_for_no_filter() {
        for seconds in [0, -1, i64::MIN] {
            assert!(
                json(&AttributeSearch::new(["domain"]).unwrap().timestamp_from(seconds), 1)
                    .get("timestamp")
                    .is_none()
            );
        }
    }

    #[test]
    fn search_for_everything_cannot_be_built() {
        for search in [
            AttributeSearch::new(Vec::<String>::new()),
            AttributeSearch::of_events([]),
            AttributeSearch::of_events([0]),
            AttributeSearch::of_uuids([]),
        ] {
            assert_eq!(search.unwrap_err().kind(), ErrorKind::InvalidSearch);
        }
    }

    #[test]
    fn type_that_misp_would_take_for_something_else_is_refused() {
        for name in ["", "!md5", "filename%", "md5||sha1", " md5", "md5,sha1", "md5\n"] {
            assert!(AttributeSearch::new([name]).is_err(), "{name:?}");
        }
        for name in [
            "domain|ip",
            "ip-dst|port",
            "x509-fingerprint-sha256",
            "AS",
            "cdhash",
            "filename|sha512/256",
        ] {
            assert!(AttributeSearch::new([name]).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn tag_that_misp_would_take_for_something_else_is_refused() {
        let search = || AttributeSearch::new(["domain"]).unwrap();
        for name in [
            "",
            "!tlp:red",
            "tlp:%",
            "a||b",
            "a&&b",
            "42",
            " tlp:red",
            "tlp:red\n",
            "a\u{0}b",
        ] {
            assert!(search().with_tag(name).is_err(), "{name:?}");
            assert!(search().without_tag(name).is_err(), "{name:?}");
        }
        for name in [
            "tlp:red",
            "example:quoted=\"a value, with comma & ünïcode\"",
            "a|b",
            "TLP:RED!",
            "a b",
        ] {
            assert!(search().with_tag(name).is_ok(), "{name:?}");
        }
    }
}
