//! One wrong part of a request, in the form that clients of Cratos FastAPI parse.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The longest text of a caller that is repeated in an answer, in characters: enough for a UUID or a host name that was
/// typed wrongly, and less than a token, which may have landed in the wrong place.
const MAX_ECHO: usize = 64;

/// One wrong part of a request.
// `input` repeats the caller's text: never give a secret to the constructors that take it.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "InvalidPart")]
pub(crate) struct Invalid {
    /// The kind of mistake, for programs.
    #[serde(rename = "type")]
    #[schemars(example = &"enum", example = &"less_than_equal")]
    kind: &'static str,
    /// The place of the part: where it stands, then its name, then positions in lists.
    #[schemars(example = ["path", "feedName"])]
    loc: Vec<Place>,
    /// The mistake, in words.
    #[schemars(example = &"Input should be 'txt', 'json' or 'xml'")]
    msg: String,
    /// The caller's text, cut to 64 characters; never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    input: Option<String>,
    /// Facts behind the message, for programs: `{"le": 86400}` for a number that is too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Map<String, Value>")]
    ctx: Option<Value>,
}

/// A step on the way to a wrong part: a name, or a position from 0.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum Place {
    Name(String),
    Position(usize),
}

impl Invalid {
    /// Returns a problem at a place, for example `["path", "feedName"]`, without the caller's text and without a
    /// context.
    pub(crate) fn new(kind: &'static str, place: &[&str], message: impl Into<String>) -> Self {
        let loc = place.iter().map(|part| Place::Name((*part).to_owned())).collect();
        Self {
            kind,
            loc,
            msg: message.into(),
            input: None,
            ctx: None,
        }
    }

    /// Returns the mistake of a text that is not in a list of names; the message has the list.
    pub(crate) fn not_one_of<'n>(place: &[&str], input: &str, valid: impl IntoIterator<Item = &'n str>) -> Self {
        let expected = one_of(valid);
        let message = format!("Input should be {expected}");
        Self::new("enum", place, message)
            .input(input)
            .context(json!({ "expected": expected }))
    }

    /// Returns the mistake of a wrong value, in words.
    pub(crate) fn value(place: &[&str], message: &str) -> Self {
        let context = json!({ "error": message });
        Self::new("value_error", place, format!("Value error, {message}")).context(context)
    }

    /// Returns the mistake of a missing field.
    pub(crate) fn missing(place: &[&str]) -> Self {
        Self::new("missing", place, "Field required")
    }

    /// Adds the name of a field to the place. An empty name adds nothing.
    pub(crate) fn inside(mut self, name: &str) -> Self {
        if !name.is_empty() {
            self.loc.push(Place::Name(name.to_owned()));
        }
        self
    }

    /// Repeats the caller's text, cut to a bound.
    pub(crate) fn input(mut self, input: &str) -> Self {
        self.input = Some(input.chars().take(MAX_ECHO).collect());
        self
    }

    /// Adds facts for programs, for example `{"le": 86400}`.
    pub(crate) fn context(mut self, context: Value) -> Self {
        self.ctx = Some(context);
        self
    }

    /// Returns the name of the wrong field, also of one inside of `scope`.
    pub(crate) fn field(&self) -> Option<&str> {
        let mut names = self.loc.iter().filter_map(|place| match place {
            Place::Name(name) => Some(name.as_str()),
            Place::Position(_) => None,
        });
        names.find(|name| !matches!(*name, "body" | "scope"))
    }

    /// Returns the kind of the mistake, for example `missing` or `value_error`.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the message without the prefix `Value error, `, which clients of Cratos FastAPI expect.
    pub(crate) fn reason(&self) -> &str {
        self.msg.strip_prefix("Value error, ").unwrap_or(&self.msg)
    }

    /// Returns the caller's text, if the answer repeats it.
    pub(crate) fn written(&self) -> Option<&str> {
        self.input.as_deref()
    }

    /// Adds a position in the body to the place.
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.loc.push(Place::Position(offset));
        self
    }
}

/// Writes `'a', 'b' or 'c'`.
fn one_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_lists_the_right_ones_as_the_reference_does() {
        let wrong = Invalid::not_one_of(&["path", "returnedDataType"], "csv", ["txt", "json", "xml"]);
        assert_eq!(
            serde_json::to_value(&wrong).unwrap(),
            json!({
                "type": "enum",
                "loc": ["path", "returnedDataType"],
                "msg": "Input should be 'txt', 'json' or 'xml'",
                "input": "csv",
                "ctx": { "expected": "'txt', 'json' or 'xml'" },
            })
        );
    }

    #[test]
    fn short_lists_read_well() {
        assert_eq!(one_of(["a"]), "'a'");
        assert_eq!(one_of(["a", "b"]), "'a' or 'b'");
    }

    #[test]
    fn what_the_caller_wrote_is_repeated_up_to_a_bound() {
        let wrong = Invalid::not_one_of(&["path", "feedName"], &"æ".repeat(100_000), ["block"]);
        assert_eq!(wrong.input, Some("æ".repeat(MAX_ECHO)));
    }
}
