//! The question of `POST /attributes/restSearch`.

mod body;
mod companion_types;
mod name;
mod settings;
mod stray;
mod time;
mod value;

use std::num::{NonZeroU32, NonZeroU64};

use uuid::Uuid;

use crate::{Error, ErrorKind};

use companion_types::BroughtTypes;
pub use companion_types::{brings_type, types_brought_by};
pub(crate) use name::tag as tag_name;
pub use stray::Stray;
pub(crate) use time::TimeFilter;
pub(crate) use value::SearchValue;

/// Rows on a page by default: a page costs MISP about 0.1 s beside its rows.
const DEFAULT_PAGE_SIZE: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// A question for attributes, built without any I/O.
///
/// MISP ignores every filter that it does not understand and then answers with everything. So a search cannot be built
/// without a filter, every name in it is checked, and [`AttributePages`](crate::AttributePages) compares each row with
/// it.
///
/// ```
/// use std::time::Duration;
/// use misp_client::AttributeSearch;
///
/// // By type and tag, for example for a block list.
/// let search = AttributeSearch::new(["ip-dst", "ip-dst|port"])?.with_tag("tlp:green")?.to_ids(true);
/// // By value: in which events is it?
/// let search = AttributeSearch::of_values(["bad.example.com"])?.include_context(true);
/// // Recent changes in one category.
/// let search = AttributeSearch::of_categories(["Network activity"])?.changed_within(Duration::from_secs(86_400));
/// # Ok::<(), misp_client::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeSearch {
    types: Vec<String>,
    brought: BroughtTypes,
    values: Vec<SearchValue>,
    categories: Vec<String>,
    any_of: Vec<String>,
    none_of: Vec<String>,
    to_ids: Option<bool>,
    published: Published,
    deleted: Deleted,
    timestamp: Option<TimeFilter>,
    event_timestamp: Option<TimeFilter>,
    organisation: Option<Uuid>,
    enforce_warninglist: bool,
    include_event_tags: bool,
    include_all_tags: bool,
    include_context: bool,
    include_sightings: bool,
    include_warninglist_hits: bool,
    keep_extra: bool,
    event_ids: Vec<u64>,
    uuids: Vec<Uuid>,
    order: Order,
    page_size: NonZeroU32,
    limit: Option<NonZeroU64>,
}

/// The events that attributes may come from.
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

/// Whether soft-deleted attributes are part of the answer.
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
    /// Searches for attributes of these types, such as `ip-dst` or `domain|ip`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any type, and for a name that MISP would read as a negation (`!`), a
    /// pattern (`%`) or a list (`||`).
    pub fn new<S: Into<String>>(types: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let types = all(types, name::attribute_type)?;
        Ok(Self {
            brought: BroughtTypes::of(&types),
            types,
            ..Self::bare()
        })
    }

    /// Searches for attributes with one of these values.
    ///
    /// MISP compares without regard to case. It finds either half of a composite (`a.example.com` in
    /// `a.example.com|192.0.2.1`), but not the whole. `%` stands for any characters, so a URL with `%20` finds a little
    /// more than itself.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any value, and for one that MISP would take for no filter: empty, only `%`,
    /// with a leading `!`, with `||`, or longer than 64 KiB.
    pub fn of_values<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let values = all(values, SearchValue::new)?;
        Ok(Self { values, ..Self::bare() })
    }

    /// Searches for attributes of these categories, such as `Network activity`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any category, and for a name with characters that no category has.
    pub fn of_categories<S: Into<String>>(categories: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let categories = all(categories, name::category)?;
        Ok(Self {
            categories,
            ..Self::bare()
        })
    }

    /// Searches for attributes that have one of these tags, themselves or by their event.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any tag, and for a name as in [`with_tag`](Self::with_tag).
    pub fn of_tags<S: Into<String>>(tags: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let any_of = all(tags, name::tag)?;
        Ok(Self { any_of, ..Self::bare() })
    }

    /// Searches for all attributes of these events, by MISP's number.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any event.
    pub fn of_events(ids: impl IntoIterator<Item = u64>) -> Result<Self, Error> {
        let mut event_ids: Vec<u64> = ids.into_iter().filter(|id| *id > 0).collect();
        event_ids.sort_unstable();
        if event_ids.is_empty() {
            return Err(unfiltered());
        }
        Ok(Self {
            event_ids,
            ..Self::bare()
        })
    }

    /// Searches for these attributes, or for all attributes of these events, by UUID.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] without any UUID.
    pub fn of_uuids(uuids: impl IntoIterator<Item = Uuid>) -> Result<Self, Error> {
        let uuids: Vec<Uuid> = uuids.into_iter().collect();
        if uuids.is_empty() {
            return Err(unfiltered());
        }
        Ok(Self { uuids, ..Self::bare() })
    }

    fn bare() -> Self {
        Self {
            types: Vec::new(),
            brought: BroughtTypes::default(),
            values: Vec::new(),
            categories: Vec::new(),
            any_of: Vec::new(),
            none_of: Vec::new(),
            to_ids: None,
            published: Published::Either,
            deleted: Deleted::No,
            timestamp: None,
            event_timestamp: None,
            organisation: None,
            enforce_warninglist: false,
            include_event_tags: true,
            include_all_tags: true,
            include_context: false,
            include_sightings: false,
            include_warninglist_hits: false,
            keep_extra: false,
            event_ids: Vec::new(),
            uuids: Vec::new(),
            order: Order::IdAscending,
            page_size: DEFAULT_PAGE_SIZE,
            limit: None,
        }
    }
}

/// Checks every item; an empty list is an error, since MISP takes it for no filter.
fn all<S: Into<String>, T>(
    items: impl IntoIterator<Item = S>,
    check: impl Fn(String) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let items = items
        .into_iter()
        .map(|item| check(item.into()))
        .collect::<Result<Vec<_>, _>>()?;
    if items.is_empty() { Err(unfiltered()) } else { Ok(items) }
}

fn unfiltered() -> Error {
    Error::new(ErrorKind::InvalidSearch).with_detail("a search without a filter, to which MISP answers with everything")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            AttributeSearch::of_values(Vec::<String>::new()),
            AttributeSearch::of_values(["%"]),
            AttributeSearch::of_categories(Vec::<String>::new()),
            AttributeSearch::of_tags(Vec::<String>::new()),
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

    #[test]
    fn values_categories_and_times_are_sent_as_misp_takes_them() {
        let search = AttributeSearch::of_values(["a.example.com"])
            .unwrap()
            .with_value("192.0.2.1")
            .unwrap()
            .with_category("Network activity")
            .unwrap()
            .changed_within(Duration::from_secs(86_400));
        let body = json(&search, 1);
        assert_eq!(body["value"], serde_json::json!(["a.example.com", "192.0.2.1"]));
        assert_eq!(body["category"], serde_json::json!(["Network activity"]));
        assert_eq!(body["timestamp"], "86400s");
        let range = AttributeSearch::of_categories(["Other"])
            .unwrap()
            .timestamp_between(7, 9)
            .unwrap();
        assert_eq!(json(&range, 1)["timestamp"], serde_json::json!([7, 9]));
        assert!(AttributeSearch::of_categories(["Other%"]).is_err());
        let tagged = AttributeSearch::of_tags(["tlp:red", "tlp:amber"]).unwrap();
        assert_eq!(json(&tagged, 1)["tags"], serde_json::json!(["tlp:red", "tlp:amber"]));
    }

    #[test]
    fn limit_makes_pages_no_larger_than_itself() {
        let search = |limit| {
            AttributeSearch::new(["domain"])
                .unwrap()
                .limit(NonZeroU64::new(limit).unwrap())
        };
        assert_eq!(json(&search(3), 1)["limit"], 3);
        assert_eq!(json(&search(u64::MAX), 1)["limit"], 10_000);
    }
}
