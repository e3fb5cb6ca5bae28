//! The fields of a JSON object, read one by one so that everything that is wrong is reported at once.

use std::fmt;
use std::ops::Deref;

use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::invalid::Invalid;

/// The field that holds the MISP key.
const KEY: &str = "auth";

/// The fields of a request. The memory of the MISP key is overwritten when they are dropped.
pub(super) struct Values(Map<String, Value>);

impl From<Map<String, Value>> for Values {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl Deref for Values {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        if let Some(Value::String(key)) = self.0.get_mut(KEY) {
            key.zeroize();
        }
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads the body as an object.
///
/// # Errors
/// The entry of Cratos FastAPI for an empty body, for bad JSON, and for JSON that is not an object. It repeats nothing
/// of the body, which holds a MISP key.
pub(super) fn object(body: &[u8]) -> Result<Values, Invalid> {
    if body.trim_ascii().is_empty() {
        return Err(Invalid::missing(&["body"]));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields.into()),
        Ok(_) => {
            let message = "Input should be a valid dictionary or object to extract fields from";
            Err(Invalid::new("model_attributes_type", &["body"], message))
        }
        Err(error) => Err(Invalid::new("json_invalid", &["body"], "JSON decode error").at(offset(body, &error))),
    }
}

/// Returns the position of a fault in bytes from 0.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let start: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(lines_before)
        .map(<[u8]>::len)
        .sum();
    (start + error.column().saturating_sub(1)).min(body.len())
}

/// Collects mistakes while fields are read.
pub(super) struct Fields<'a> {
    pub(super) values: &'a Map<String, Value>,
    pub(super) wrong: &'a mut Vec<Invalid>,
}

impl Fields<'_> {
    /// Reads a required field. `check` turns the text into a value or a mistake.
    pub(super) fn text<T>(&mut self, name: &'static str, check: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let read = match self.values.get(name) {
            None => Err(Invalid::missing(&["body", name])),
            Some(Value::String(text)) => check(text),
            Some(_) => Err(Invalid::new(
                "string_type",
                &["body", name],
                "Input should be a valid string",
            )),
        };
        self.keep(read)
    }

    /// Returns the value, or keeps the mistake.
    pub(super) fn keep<T>(&mut self, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|invalid| self.wrong.push(invalid)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn bodies_that_are_no_object_are_told_apart() {
        let kind = |body: &str| {
            let wrong = serde_json::to_value(object(body.as_bytes()).unwrap_err()).unwrap();
            (wrong["type"].as_str().unwrap().to_owned(), wrong["loc"].clone())
        };
        assert_eq!(kind(" \n"), ("missing".to_owned(), json!(["body"])));
        assert_eq!(kind("[]"), ("model_attributes_type".to_owned(), json!(["body"])));
        assert_eq!(kind("{\n  x}"), ("json_invalid".to_owned(), json!(["body", 4])));
        assert_eq!(kind("port=443&proto=https").0, "json_invalid");
    }

    #[test]
    fn debug_shows_no_value() {
        let fields = object(br#"{"auth":"VerySecretKey","port":443}"#).unwrap();
        assert_eq!(format!("{fields:?}"), r#"{"auth", "port"}"#);
    }

    #[test]
    fn a_broken_body_is_never_repeated() {
        let wrong = object(br#"{"auth":"VerySecretKey",}"#).unwrap_err();
        assert!(!serde_json::to_string(&wrong).unwrap().contains("Secret"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[{\"a:,}\\]\n ]{0,40}") {
            let _ = object(&body);
            let _ = object(text.as_bytes());
        }
    }
}
