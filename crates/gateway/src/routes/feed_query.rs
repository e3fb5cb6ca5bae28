//! The query of the feed routes.

use std::time::Duration;

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
}

impl FeedQuery {
    /// Reads a query. Mistakes are added to `wrong`.
    pub(super) fn read(query: Query<'_>, wrong: &mut Vec<Invalid>) -> Self {
        let cache = query
            .last("cache")
            .and_then(|text| seconds(&text).map_err(|invalid| wrong.push(invalid)).ok());
        let aggregate = query
            .last("aggregate")
            .and_then(|text| yes_no(&text).map_err(|invalid| wrong.push(invalid)).ok());
        Self {
            max_age: cache,
            aggregate: aggregate.unwrap_or_default(),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, Invalid> {
    let place = ["query", "cache"];
    let Some(number) = integer(text) else {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        return Err(Invalid::new("int_parsing", &place, message).input(text));
    };
    match u64::try_from(number) {
        Ok(seconds @ 1..) if number <= MAX_CACHE => Ok(Duration::from_secs(seconds)),
        Ok(1..) => {
            let message = format!("Input should be less than or equal to {MAX_CACHE}");
            Err(Invalid::new("less_than_equal", &place, message)
                .input(text)
                .context(json!({ "le": MAX_CACHE })))
        }
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
    fn aggregate_is_a_yes_or_no_and_all_wrong_parts_are_reported() {
        assert!(read("aggregate=1").unwrap().aggregate && read("aggregate=True").unwrap().aggregate);
        assert!(!read("aggregate=0").unwrap().aggregate);
        assert_eq!(read("cache=x&aggregate=").unwrap_err().len(), 2);
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(cache in "[-+ .0-9a]{0,25}", aggregate in ".{0,4}") {
            let _ = read(&format!("cache={cache}&aggregate={aggregate}"));
        }
    }
}
