//! The query of the feed routes.

use std::num::NonZeroU32;
use std::time::Duration;

use feed_engine::MAX_LIMIT;
use schemars::JsonSchema;
use serde_json::json;

use crate::invalid::Invalid;
use crate::query::{Query, integer};

/// The oldest answer that may be asked for, in seconds: a day.
const MAX_CACHE: i64 = 86_400;

/// The query of a feed. Unknown names are ignored, as Cratos FastAPI does.
#[derive(Clone, Copy, Debug, Default, PartialEq, JsonSchema)]
pub(super) struct FeedQuery {
    /// The oldest answer that the caller accepts, in seconds, for example 60 for a feed that MISP confirmed in the last
    /// minute.
    #[schemars(rename = "cache", with = "Option<u32>", range(min = 1, max = MAX_CACHE))]
    pub(super) max_age: Option<Duration>,
    /// Whether networks are merged into the smallest set that covers the same addresses (`cidr4`, `cidr6`, `ip`).
    #[schemars(default)]
    pub(super) aggregate: bool,
    /// The greatest number of indicators in the list; of a longer feed the newest stay. Some outputs have such a limit
    /// of their own, which this can narrow and not widen.
    #[schemars(with = "Option<u32>", range(min = 1, max = MAX_LIMIT))]
    pub(super) limit: Option<NonZeroU32>,
}

impl FeedQuery {
    /// Reads a query. Mistakes are added to `wrong`.
    pub(super) fn read(query: Query<'_>, wrong: &mut Vec<Invalid>) -> Self {
        let cache = query.last("cache").and_then(|text| {
            up_to("cache", &text, MAX_CACHE)
                .map_err(|invalid| wrong.push(invalid))
                .ok()
        });
        let aggregate = query
            .last("aggregate")
            .and_then(|text| yes_no(&text).map_err(|invalid| wrong.push(invalid)).ok());
        let limit = query.last("limit").and_then(|text| {
            up_to("limit", &text, MAX_LIMIT.into())
                .map_err(|invalid| wrong.push(invalid))
                .ok()
        });
        Self {
            max_age: cache.map(|seconds| Duration::from_secs(seconds.get().into())),
            aggregate: aggregate.unwrap_or_default(),
            limit,
        }
    }
}

/// Reads a number from 1 to `most`, which fits into 32 bits.
fn up_to(name: &'static str, text: &str, most: i64) -> Result<NonZeroU32, Invalid> {
    let place = ["query", name];
    let Some(number) = integer(text) else {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        return Err(Invalid::new("int_parsing", &place, message).input(text));
    };
    if number > most {
        let message = format!("Input should be less than or equal to {most}");
        let invalid = Invalid::new("less_than_equal", &place, message);
        return Err(invalid.input(text).context(json!({ "le": most })));
    }
    match u32::try_from(number).map(NonZeroU32::new) {
        Ok(Some(number)) => Ok(number),
        _ => Err(Invalid::new("greater_than", &place, "Input should be greater than 0")
            .input(text)
            .context(json!({ "gt": 0 }))),
    }
}

fn yes_no(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => {
            let message = "Input should be a valid boolean, unable to interpret input";
            Err(Invalid::new("bool_parsing", &["query", "aggregate"], message).input(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str) -> Result<FeedQuery, Vec<serde_json::Value>> {
        let mut wrong = Vec::new();
        let read = FeedQuery::read(Query::new(Some(query)), &mut wrong);
        if wrong.is_empty() {
            Ok(read)
        } else {
            Err(wrong
                .iter()
                .map(|invalid| serde_json::to_value(invalid).unwrap())
                .collect())
        }
    }

    #[test]
    fn cache_is_one_second_to_a_day() {
        for (query, seconds) in [
            ("cache=1", 1),
            ("cache=86400", 86_400),
            ("cache=2.0", 2),
            ("cache=5&cache=7", 7),
            ("cache=%2B3", 3),
            ("cache=+4", 4),
        ] {
            assert_eq!(
                read(query).unwrap().max_age,
                Some(Duration::from_secs(seconds)),
                "{query}"
            );
        }
        assert_eq!(read("other=1").unwrap(), FeedQuery::default());
    }

    #[test]
    fn a_wrong_cache_says_why_as_the_reference_does() {
        for (value, kind) in [
            ("0", "greater_than"),
            ("-1", "greater_than"),
            ("-0.0", "greater_than"),
            ("90000", "less_than_equal"),
            ("99999999999999999999999", "less_than_equal"),
            ("abc", "int_parsing"),
            ("", "int_parsing"),
            ("1.5", "int_parsing"),
            ("1.", "int_parsing"),
            ("-", "int_parsing"),
            ("1e3", "int_parsing"),
            ("０", "int_parsing"),
            ("--1", "int_parsing"),
        ] {
            let wrong = read(&format!("cache={value}")).unwrap_err();
            assert_eq!((wrong.len(), wrong[0]["type"].as_str()), (1, Some(kind)), "{value}");
            assert_eq!(wrong[0]["loc"], json!(["query", "cache"]));
            assert_eq!(wrong[0]["input"], value);
        }
        assert_eq!(read("cache=0").unwrap_err()[0]["ctx"], json!({ "gt": 0 }));
        assert_eq!(read("cache=90000").unwrap_err()[0]["ctx"], json!({ "le": 86400 }));
    }

    #[test]
    fn a_limit_is_one_to_ten_million() {
        for (query, limit) in [
            ("limit=1", 1),
            ("limit=131072", 131_072),
            ("limit=10000000", 10_000_000),
        ] {
            assert_eq!(read(query).unwrap().limit, NonZeroU32::new(limit), "{query}");
        }
        for (value, kind) in [
            ("0", "greater_than"),
            ("-1", "greater_than"),
            ("10000001", "less_than_equal"),
            ("99999999999999999999999", "less_than_equal"),
            ("all", "int_parsing"),
            ("", "int_parsing"),
        ] {
            let wrong = read(&format!("limit={value}")).unwrap_err();
            assert_eq!((wrong.len(), wrong[0]["type"].as_str()), (1, Some(kind)), "{value}");
            assert_eq!(
                (&wrong[0]["loc"], &wrong[0]["input"]),
                (&json!(["query", "limit"]), &json!(value))
            );
        }
    }

    #[test]
    fn aggregate_is_a_yes_or_no_and_all_wrong_parts_are_reported() {
        assert!(read("aggregate=1").unwrap().aggregate && read("aggregate=True").unwrap().aggregate);
        assert!(!read("aggregate=0").unwrap().aggregate);
        assert_eq!(read("cache=x&aggregate=&limit=0").unwrap_err().len(), 3);
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(number in "[-+ .0-9a]{0,25}", aggregate in ".{0,4}") {
            let _ = read(&format!("cache={number}&aggregate={aggregate}&limit={number}"));
        }
    }
}
