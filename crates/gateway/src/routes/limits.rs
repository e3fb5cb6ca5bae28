//! The limits of a request: those of its token, narrowed by what the caller asks for.
//!
//! A query can narrow and never widen: one that asks for more than its token may see gets what the token may see, and is told so in
//! [`X_FEED_LIMITS`]. It is not refused, since 403 makes a firewall stop enforcing, and since one URL then serves tokens with other limits.

use std::borrow::Cow;

use feed_classification::Tlp;
use feed_engine::{FeedError, Filter, NotAScore, ScoreLimit, Unscored};
use http::header::HeaderName;
use serde_json::{Value, json};

use crate::auth::Grant;
use crate::invalid::Invalid;
use crate::openapi::Operation;
use crate::query::Query;
use crate::reject::Reject;
use crate::reply::Reply;

/// The limits within which an answer was given; not there where there are none.
pub(super) const X_FEED_LIMITS: HeaderName = HeaderName::from_static("x-feed-limits");

/// The names of what limits.
pub(super) const NAMES: [&str; 3] = ["max_tlp", MIN_SCORE, "unscored"];

/// The one of them that a body may say as a number.
pub(super) const MIN_SCORE: &str = "min_score";

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
    score(place, word, wrong).map_or(filter, |limit| filter.with_score(limit))
}

/// Reads the limit on scores. What has no score is left out unless the caller says that it shall not be.
fn score<'w>(
    place: &'static str,
    word: impl Fn(&str) -> Option<Cow<'w, str>>,
    wrong: &mut Vec<Invalid>,
) -> Option<ScoreLimit> {
    let unscored = word("unscored").map(|text| {
        let known = Unscored::ALL.into_iter().find(|unscored| unscored.as_str() == text);
        if known.is_none() {
            let names = Unscored::ALL.map(Unscored::as_str);
            wrong.push(Invalid::not_one_of(&[place, "unscored"], &text, names));
        }
        known.unwrap_or_default()
    });
    let Some(text) = word(MIN_SCORE) else {
        if unscored.is_some() {
            let message =
                "unscored says what becomes of attributes without a score where min_score is a limit; add min_score";
            wrong.push(Invalid::value(&[place, "unscored"], message));
        }
        return None;
    };
    match text.parse() {
        Ok(min) => Some(ScoreLimit {
            min,
            unscored: unscored.unwrap_or_default(),
        }),
        Err(error) => {
            let error: NotAScore = error;
            wrong.push(Invalid::value(&[place, MIN_SCORE], &error.to_string()).input(&text));
            None
        }
    }
}

/// Says within which limits an answer was given.
pub(super) fn told(reply: Reply, filter: Filter) -> Reply {
    if filter.is_none() {
        return reply;
    }
    reply.header_text(X_FEED_LIMITS, &filter.to_string())
}

/// Refuses for want of a feed; who is limited is not told how much there is in MISP, which the log tells.
pub(super) fn refused(error: FeedError, filter: Filter) -> Reject {
    match error {
        FeedError::Strays { .. } | FeedError::Unusable { .. } if !filter.is_none() => {
            Reject::unavailable("MISP's answer cannot be used; the log of the daemon says why.")
        }
        error => error.into(),
    }
}

/// Describes the limits of a query.
pub(super) fn describe(operation: Operation<'_>) -> Operation<'_> {
    operation
        .in_query("max_tlp", MAX_TLP, levels())
        .in_query("min_score", ABOUT_MIN_SCORE, scores())
        .in_query("unscored", UNSCORED, unscored())
}

const MAX_TLP: &str = "\
Leaves out what is more closed than this TLP level, by the most closed tag of attribute and event; what has no such tag counts as the \
site's `default_tlp`. Narrows what the token may see and never widens it.";

const ABOUT_MIN_SCORE: &str = "\
Leaves out what is worth less by the site's `decaying_model`, and what has no score. Scores are as of the last refresh. 422 at a site that \
names no model, 503 while MISP has none of that name that is enabled.";

const UNSCORED: &str = "\
Whether attributes whose type the decaying model does not cover stay in the feed. Goes with `min_score` only; without it they are excluded.";

pub(super) fn scores() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 100 })
}

pub(super) fn unscored() -> Value {
    // Without a default: readers send defaults, and without `min_score` this one is refused.
    json!({ "type": "string", "enum": Unscored::ALL.map(Unscored::as_str) })
}

pub(super) fn levels() -> Value {
    json!({ "type": "string", "enum": Tlp::ALL.map(Tlp::as_str) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> Result<Filter, Value> {
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

    #[test]
    fn a_score_is_a_whole_number_and_what_has_none_is_left_out() {
        let limited = |min: &str, unscored| {
            Filter::NONE.with_score(ScoreLimit {
                min: min.parse().unwrap(),
                unscored,
            })
        };
        for (query, filter) in [
            ("min_score=80", limited("80", Unscored::Exclude)),
            ("min_score=0", limited("0", Unscored::Exclude)),
            ("min_score=80&unscored=exclude", limited("80", Unscored::Exclude)),
            ("unscored=include&min_score=100", limited("100", Unscored::Include)),
            ("min_score=0&unscored=include", Filter::NONE),
            (
                "min_score=5&max_tlp=green",
                limited("5", Unscored::Exclude).with_max_tlp(Tlp::Green),
            ),
        ] {
            assert_eq!(read(query), Ok(filter), "{query}");
        }
    }

    #[test]
    fn a_score_that_is_none_is_refused() {
        for query in [
            "min_score=",
            "min_score",
            "min_score=101",
            "min_score=79.5",
            "min_score=-1",
            "min_score=high",
        ] {
            let wrong = read(query).unwrap_err();
            assert_eq!(wrong[0]["loc"], json!(["query", "min_score"]), "{query}");
            assert_eq!(wrong[0]["ctx"]["error"], "a score is a whole number from 0 to 100");
        }
        let wrong = read("min_score=80&unscored=pass").unwrap_err();
        assert_eq!(wrong[0]["ctx"]["expected"], "'exclude' or 'include'");
        let wrong = read("unscored=include").unwrap_err();
        assert_eq!(wrong[0]["loc"], json!(["query", "unscored"]));
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
            let _ = read(&format!("min_score={text}&unscored={text}"));
        }
    }
}
