//! The question of a look-up: values, how far back, in which feed, within which limits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use feed_classification::{Age, FeedName, UnknownName};
use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::invalid::Invalid;
use crate::openapi::OneOf;
use crate::query::Query;
use crate::reject::Reject;
use crate::routes::limits::{self, Limits};

/// Values of one question.
const MAX_VALUES: usize = 1_000;

/// The longest value that is looked at, in bytes, as in feeds.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// A question about one value or many.
#[derive(Debug, PartialEq, JsonSchema)]
#[schemars(rename = "LookupQuestion")]
pub(super) struct Question {
    /// The values, in any spelling: addresses, networks, names, URLs, hashes, e-mail addresses, CVEs; names of files
    /// and mutexes as MISP has them.
    #[schemars(length(min = 1, max = MAX_VALUES), inner(length(max = MAX_VALUE_BYTES)))]
    pub(super) values: Vec<String>,
    #[schemars(flatten)]
    pub(super) options: Options,
}

/// The single value of a query.
#[derive(JsonSchema)]
pub(super) struct OneValue {
    /// The value: an address, network, name, URL, hash, e-mail address, CVE or another, in any spelling; names of files
    /// and mutexes as MISP has them.
    #[schemars(length(max = MAX_VALUE_BYTES), example = &"192.0.2.1")]
    value: String,
}

/// Where to look, and within which limits.
#[derive(Debug, PartialEq, JsonSchema)]
pub(super) struct Options {
    /// How recently an indicator must have changed to be found.
    #[schemars(with = "Option<OneOf<Age>>", extend("default" = Age::Years1.as_str()))]
    pub(super) age: Age,
    /// The feed to look through. Without it: the feeds that the token is limited to, or else `any`.
    #[schemars(with = "Option<OneOf<FeedName>>")]
    pub(super) feed: Option<FeedName>,
    /// Without regard to the limits of the token.
    #[schemars(flatten)]
    pub(super) limits: Limits,
}

impl Question {
    /// Reads a question about one value, in the path or as `?value=`.
    pub(super) fn from_query(query: Query<'_>, in_path: Option<&str>) -> Result<Self, Reject> {
        let mut wrong = Vec::new();
        let value = OneValue::read(query, in_path, &mut wrong);
        let values = value.map(|one| one.value).into_iter().collect();
        Self::checked(values, "query", |name| query.last(name), wrong)
    }

    /// Reads a question about many: `{"values": […], "age": …, "feed": …, "max_tlp": …}`. All but the values may stand
    /// in the query too.
    pub(super) fn from_body(body: &[u8], query: Query<'_>) -> Result<Self, Reject> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
            // The position says enough; the text may hold anything.
            let message = format!("JSON decode error at line {}, column {}", error.line(), error.column());
            Reject::Invalid(vec![Invalid::new("json_invalid", &["body"], message)])
        })?;
        let mut wrong = Vec::new();
        let values = values(&fields, &mut wrong);
        let mut words = BTreeMap::new();
        for name in names() {
            let word = match fields.get(name) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) if name == limits::MIN_SCORE => Some(number.to_string()),
                None | Some(Value::Null) => query.last(name).map(|text| text.into_owned()),
                Some(_) => {
                    wrong.push(Invalid::new(
                        "string_type",
                        &["body", name],
                        "Input should be a valid string",
                    ));
                    None
                }
            };
            words.insert(name, word);
        }
        let word = |name: &str| words.get(name)?.as_deref().map(Cow::Borrowed);
        Self::checked(values, "body", word, wrong)
    }

    /// `word` returns the text of a field beside the values.
    fn checked<'w>(
        values: Vec<String>,
        place: &'static str,
        word: impl Fn(&str) -> Option<Cow<'w, str>>,
        mut wrong: Vec<Invalid>,
    ) -> Result<Self, Reject> {
        let age = word("age").and_then(|text| known(place, "age", &text, &mut wrong));
        let age = age.unwrap_or(Age::Years1);
        let feed = word("feed").and_then(|text| known(place, "feed", &text, &mut wrong));
        let limits = Limits::read(place, word, &mut wrong);
        if wrong.is_empty() {
            let options = Options { age, feed, limits };
            Ok(Self { values, options })
        } else {
            Err(Reject::Invalid(wrong))
        }
    }
}

impl OneValue {
    /// Takes the value from the path, or else from the query.
    fn read(query: Query<'_>, in_path: Option<&str>, wrong: &mut Vec<Invalid>) -> Option<Self> {
        let value = in_path.map(Into::into).or_else(|| query.last("value"));
        match value {
            Some(value) if value.len() <= MAX_VALUE_BYTES => {
                return Some(Self {
                    value: value.into_owned(),
                });
            }
            Some(_) => wrong.push(too_long(&["query", "value"])),
            None => wrong.push(Invalid::missing(&["query", "value"])),
        }
        None
    }
}

/// Returns what a field names; a name that is not in its list is added to `wrong`.
fn known<T: FromStr<Err = UnknownName>>(
    place: &'static str,
    field: &'static str,
    text: &str,
    wrong: &mut Vec<Invalid>,
) -> Option<T> {
    let not_one = |error: UnknownName| Invalid::not_one_of(&[place, field], text, error.valid().iter().copied());
    text.parse().map_err(|error| wrong.push(not_one(error))).ok()
}

/// The fields of a question beside its values.
fn names() -> impl Iterator<Item = &'static str> {
    ["age", "feed"].into_iter().chain(limits::NAMES)
}

fn values(fields: &Map<String, Value>, wrong: &mut Vec<Invalid>) -> Vec<String> {
    let place = ["body", "values"];
    let Some(list) = fields.get("values") else {
        wrong.push(Invalid::missing(&place));
        return Vec::new();
    };
    let Some(list) = list.as_array() else {
        wrong.push(Invalid::new("list_type", &place, "Input should be a valid list"));
        return Vec::new();
    };
    if list.is_empty() || list.len() > MAX_VALUES {
        let message = format!("List should have 1 to {MAX_VALUES} items");
        wrong.push(Invalid::new("value_error", &place, message));
        return Vec::new();
    }
    let mut values = Vec::with_capacity(list.len());
    for (position, value) in list.iter().enumerate() {
        match value {
            Value::String(text) if text.len() > MAX_VALUE_BYTES => wrong.push(too_long(&place).at(position)),
            Value::String(text) => values.push(text.clone()),
            _ => {
                let message = "Input should be a valid string";
                wrong.push(Invalid::new("string_type", &place, message).at(position));
            }
        }
    }
    values
}

fn too_long(place: &[&str]) -> Invalid {
    let message = format!("String should have at most {MAX_VALUE_BYTES} bytes");
    Invalid::new("string_too_long", place, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrong(outcome: Result<Question, Reject>) -> usize {
        match outcome {
            Err(Reject::Invalid(wrong)) => wrong.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_in_the_path_counts_before_one_in_the_query() {
        let question = Question::from_query(Query::new(Some("value=b&age=1m&feed=block")), Some("a")).unwrap();
        assert_eq!(
            (question.values, question.options.age, question.options.feed),
            (vec!["a".to_owned()], Age::Months1, Some(FeedName::Block))
        );
        let question = Question::from_query(Query::new(Some("value=a%20b")), None).unwrap();
        assert_eq!(
            (question.values, question.options.age, question.options.feed),
            (vec!["a b".to_owned()], Age::Years1, None)
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        assert_eq!(wrong(Question::from_query(Query::new(Some("age=x&feed=y")), None)), 3);
        for (body, count) in [
            (r#"{"values": []}"#, 1),
            (r#"{"values": "a"}"#, 1),
            (r#"{"values": ["a", 5, null], "age": "x"}"#, 3),
            (r#"{"age": 5}"#, 2),
            ("[]", 1),
            ("{", 1),
        ] {
            assert_eq!(
                wrong(Question::from_body(body.as_bytes(), Query::new(None))),
                count,
                "{body}"
            );
        }
        let many = serde_json::json!({ "values": vec!["a"; 1_001] }).to_string();
        assert_eq!(wrong(Question::from_body(many.as_bytes(), Query::new(None))), 1);
    }

    #[test]
    fn every_field_that_is_described_is_read() {
        let schema = schemars::schema_for!(Question);
        let described: Vec<&String> = schema.get("properties").unwrap().as_object().unwrap().keys().collect();
        let mut read: Vec<&str> = names().chain(["values"]).collect();
        read.sort_unstable();
        assert_eq!(described, read);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = Question::from_body(&body, Query::new(None));
        }
    }
}
