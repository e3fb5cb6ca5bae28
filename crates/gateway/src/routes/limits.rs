//! The limits of a request: those of its token, narrowed by those of its query or body.
//!
//! A query can narrow the limits and never widen them. A query for more than the token may see gets an answer within
//! the limits of the token, and [`X_FEED_LIMITS`] names them. It is not refused, since 403 makes a firewall stop
//! enforcing, and since one URL can then serve tokens with different limits.

use std::borrow::Cow;

use crate::auth::Grant;
use crate::invalid::Invalid;
use crate::openapi::OneOf;
use crate::query::Query;
use crate::reject::Reject;
use crate::reply::Reply;
use feed_classification::Tlp;
use feed_engine::{FeedError, Filter, MinScore, NotAScore, ScoreLimit, Unscored};
use http::header::HeaderName;
use schemars::JsonSchema;

/// The header that names the limits of an answer. An answer without limits does not have it.
pub(super) const X_FEED_LIMITS: HeaderName = HeaderName::from_static("x-feed-limits");

/// The names of the limits.
pub(super) const NAMES: [&str; 3] = ["max_tlp", MIN_SCORE, "unscored"];

/// The limit that a body may write as a number.
pub(super) const MIN_SCORE: &str = "min_score";

/// The limits that a caller asks for, in a query or a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, JsonSchema)]
pub(super) struct Limits {
    /// Leaves out values above this TLP level. The highest tag of attribute and event counts; without a tag, the site's
    /// `default_tlp` does. Narrows the limits of the token and never widens them.
    #[schemars(with = "Option<OneOf<Tlp>>")]
    max_tlp: Option<Tlp>,
    /// Leaves out values whose best score by the site's `decaying_model` is lower, and values without a score. Scores
    /// are as of the last refresh. The answer is 422 at a site without a model, and 503 while MISP has no enabled model
    /// of that name.
    #[schemars(with = "Option<u8>", range(min = 0, max = 100))]
    min_score: Option<MinScore>,
    /// Whether attributes stay in the feed whose type the decaying model does not cover. Goes with `min_score` only;
    /// the default is `exclude`.
    // Readers of the document send defaults, and this one is refused without `min_score`: so the schema has none.
    #[schemars(with = "Option<OneOf<Unscored>>")]
    unscored: Option<Unscored>,
}

/// Returns the limits of a request: those of the token and those of the query. Mistakes in the query are added to
/// `wrong`.
pub(super) fn of(grant: &Grant, query: Query<'_>, wrong: &mut Vec<Invalid>) -> Filter {
    let asked = Limits::read("query", |name| query.last(name), wrong);
    grant.filter().and(asked.filter())
}

impl Limits {
    /// Reads the limits without regard to the token. `place` is `query` or `body`, and `word` returns the text of a
    /// field.
    pub(super) fn read<'w>(
        place: &'static str,
        word: impl Fn(&str) -> Option<Cow<'w, str>>,
        wrong: &mut Vec<Invalid>,
    ) -> Self {
        let max_tlp = word("max_tlp").and_then(|text| {
            // In a query, the plus of `amber+strict` is a space.
            let level = text.replace(' ', "+").parse().ok();
            if level.is_none() {
                let names = Tlp::ALL.map(Tlp::as_str);
                wrong.push(Invalid::not_one_of(&[place, "max_tlp"], &text, names));
            }
            level
        });
        let unscored = word("unscored").map(|text| {
            let known = Unscored::ALL.into_iter().find(|unscored| unscored.as_str() == text);
            if known.is_none() {
                let names = Unscored::ALL.map(Unscored::as_str);
                wrong.push(Invalid::not_one_of(&[place, "unscored"], &text, names));
            }
            known.unwrap_or_default()
        });
        let score = word(MIN_SCORE);
        if score.is_none() && unscored.is_some() {
            let message =
                "unscored says what becomes of attributes without a score where min_score is a limit; add min_score";
            wrong.push(Invalid::value(&[place, "unscored"], message));
        }
        let min_score = score.and_then(|text| {
            text.parse()
                .map_err(|error: NotAScore| {
                    wrong.push(Invalid::value(&[place, MIN_SCORE], &error.to_string()).input(&text));
                })
                .ok()
        });
        Self {
            max_tlp,
            min_score,
            unscored,
        }
    }

    /// Returns the limits as the engine takes them. Attributes without a score are left out unless the caller includes
    /// them.
    pub(super) fn filter(self) -> Filter {
        let filter = self
            .max_tlp
            .map_or(Filter::NONE, |level| Filter::NONE.with_max_tlp(level));
        let unscored = self.unscored.unwrap_or_default();
        self.min_score
            .map_or(filter, |min| filter.with_score(ScoreLimit { min, unscored }))
    }
}

/// Adds the header that names the limits of an answer.
pub(super) fn with_header(reply: Reply, filter: Filter) -> Reply {
    if filter.is_none() {
        return reply;
    }
    reply.header_text(X_FEED_LIMITS, &filter.to_string())
}

/// Returns the reject for a feed that cannot be served. A limited token must not learn how much there is in MISP, so
/// its answer leaves numbers out; the log has them.
pub(super) fn refused(error: FeedError, filter: Filter) -> Reject {
    match error {
        FeedError::Strays { .. } | FeedError::Unusable { .. } if !filter.is_none() => {
            Reject::unavailable("MISP's answer cannot be used; the log of the daemon says why.")
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(query: &str) -> Result<Filter, Value> {
        let mut wrong = Vec::new();
        let query = Query::new(Some(query));
        let limits = Limits::read("query", |name| query.last(name), &mut wrong);
        match wrong.as_slice() {
            [] => Ok(limits.filter()),
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

    /// Read as no limit, a misspelt level would show more than the caller asked for.
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
