//! The limits of a request: those of its token, narrowed by what the caller asks for.
//!
//! A query can narrow and never widen: one that asks for more than its token may see gets what the token may see, and is told so in
//! [`X_FEED_LIMITS`]. It is not refused, since 403 makes a firewall stop enforcing, and since one URL then serves tokens with other limits.

use std::borrow::Cow;

use feed_classification::Tlp;
use feed_engine::Filter;
use http::header::HeaderName;

use crate::auth::Grant;
use crate::invalid::Invalid;
use crate::query::Query;
use crate::reply::Reply;

/// The limits within which an answer was given; not there where there are none.
pub(super) const X_FEED_LIMITS: HeaderName = HeaderName::from_static("x-feed-limits");

/// The names of what limits.
pub(super) const NAMES: [&str; 1] = ["max_tlp"];

/// Returns the limits of a request; what is wrong with its query is added to `wrong`.
pub(super) fn of(grant: &Grant, query: Query<'_>, wrong: &mut Vec<Invalid>) -> Filter {
    grant.filter().and(asked("query", |name| query.last(name), wrong))
}

/// Reads the limits that a caller asks for, with no regard to the token. `place` is where the words stand.
pub(super) fn asked<'w>(
    place: &'static str,
    word: impl Fn(&str) -> Option<Cow<'w, str>>,
    wrong: &mut Vec<Invalid>,
) -> Filter {
    let mut filter = Filter::NONE;
    if let Some(text) = word("max_tlp") {
        // In a query, the plus of `amber+strict` is a space.
        match text.replace(' ', "+").parse::<Tlp>() {
            Ok(level) => filter = filter.with_max_tlp(level),
            Err(_) => wrong.push(Invalid::not_one_of(
                &[place, "max_tlp"],
                &text,
                Tlp::ALL.map(Tlp::as_str),
            )),
        }
    }
    filter
}

/// Says within which limits an answer was given.
pub(super) fn told(reply: Reply, filter: Filter) -> Reply {
    if filter.is_none() {
        return reply;
    }
    reply.header_text(X_FEED_LIMITS, &filter.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(query: &str) -> Result<Filter, serde_json::Value> {
        let mut wrong = Vec::new();
        let query = Query::new(Some(query));
        let filter = asked("query", |name| query.last(name), &mut wrong);
        match wrong.as_slice() {
            [] => Ok(filter),
            wrong => Err(json!(wrong)),
        }
    }

    #[test]
    fn a_level_is_read_as_it_stands_in_tags() {
        for (query, level) in [
            ("", Tlp::Red),
            ("max_tlp=amber", Tlp::Amber),
            ("max_tlp=AMBER", Tlp::Amber),
            ("max_tlp=white", Tlp::Clear),
            ("max_tlp=amber+strict", Tlp::AmberStrict),
            ("max_tlp=amber%2Bstrict", Tlp::AmberStrict),
            ("max_tlp=red", Tlp::Red),
            ("max_tlp=green&max_tlp=amber", Tlp::Amber),
        ] {
            assert_eq!(read(query), Ok(Filter::NONE.with_max_tlp(level)), "{query}");
        }
    }

    /// Read as no limit, a slip would tell more than was asked for.
    #[test]
    fn a_level_that_is_none_is_refused() {
        for query in [
            "max_tlp=",
            "max_tlp",
            "max_tlp=orange",
            "max_tlp=amber&max_tlp=x",
            "max_tlp=tlp:amber",
        ] {
            let wrong = read(query).unwrap_err();
            assert_eq!(wrong[0]["loc"], json!(["query", "max_tlp"]), "{query}");
            assert_eq!(
                wrong[0]["ctx"]["expected"],
                "'clear', 'green', 'amber', 'amber+strict' or 'red'"
            );
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(text in ".{0,40}") {
            let _ = read(&format!("max_tlp={text}"));
        }
    }
}
