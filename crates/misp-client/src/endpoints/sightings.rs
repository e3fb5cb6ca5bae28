//! `POST /sightings/add`: reports that values were seen, or are harmless.
//!
//! What MISP 2.5.1 does with it (recordings 554 and 555, and its public source): a sighting is added to **every**
//! attribute that the key may see and that has one of the values, composite ones by either half; only the last of them
//! is answered. Values that no attribute has are passed over, and are a message only when *none* has one. Sightings
//! have no identity that a client could choose, so a report that is sent twice counts twice.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{SMALL, read};
use crate::json::lenient::Text;
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

const ENDPOINT: &str = "/sightings/add";

/// Values of one report; MISP looks for all of them in one query.
const MAX_VALUES: usize = 1_000;
/// The longest value, in bytes: the data base compares no more.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// The longest source, in bytes: a column of the data base.
const MAX_SOURCE_BYTES: usize = 255;

/// The kind of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SightingKind {
    /// It was seen.
    Hit,
    /// It was seen, and is harmless. Nothing but the sighting says so in MISP: it takes the value off no list.
    FalsePositive,
}

impl SightingKind {
    fn number(self) -> &'static str {
        match self {
            Self::Hit => "0",
            Self::FalsePositive => "1",
        }
    }
}

/// A report: some values, all seen by the same source at the same time.
///
/// ```
/// use misp_client::{SightingKind, SightingReport};
///
/// let report = SightingReport::new(["bad.example.com"], SightingKind::Hit)?
///     .source("proxy 7")?
///     .seen_at(1_795_308_235);
/// assert_eq!(report.values(), ["bad.example.com"]);
/// assert!(SightingReport::new([" "], SightingKind::Hit).is_err());
/// # Ok::<(), misp_client::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SightingReport {
    values: Vec<String>,
    kind: SightingKind,
    source: String,
    seen_at: Option<i64>,
}

impl SightingReport {
    /// Returns a report of these values, without a source and seen now by MISP's clock.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for no value or more than 1 000, and for a value of more than 64 KiB, with a
    /// control character, or without an ASCII letter or digit. MISP's data base takes a text of spaces, and of
    /// characters that its collation passes over, for an empty one, which the unused half of *every* plain attribute
    /// is.
    pub fn new(values: impl IntoIterator<Item = impl Into<String>>, kind: SightingKind) -> Result<Self, Error> {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        let refused = |detail| Err(Error::new(ErrorKind::InvalidSearch).with_detail(detail).at(ENDPOINT));
        if values.is_empty() || values.len() > MAX_VALUES {
            return refused("a report has 1 to 1000 values");
        }
        let says_nothing = |value: &String| !value.chars().any(|c| c.is_ascii_alphanumeric());
        if values.iter().any(says_nothing) {
            return refused("a value without a letter or digit is none");
        }
        let cannot_be_kept = |value: &String| value.len() > MAX_VALUE_BYTES || value.chars().any(char::is_control);
        if values.iter().any(cannot_be_kept) {
            return refused("a value is too long, or has a control character");
        }
        Ok(Self {
            values,
            kind,
            source: String::new(),
            seen_at: None,
        })
    }

    /// Sets the source: the name of a sensor or a device.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`] for more than 255 bytes, and for a control character.
    pub fn source(mut self, source: impl Into<String>) -> Result<Self, Error> {
        self.source = source.into();
        if self.source.len() > MAX_SOURCE_BYTES || self.source.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::InvalidSearch)
                .with_detail("the source is too long, or has a control character")
                .at(ENDPOINT));
        }
        Ok(self)
    }

    /// Sets the time of the sighting, in unix seconds.
    #[must_use]
    pub fn seen_at(mut self, unix_seconds: i64) -> Self {
        self.seen_at = Some(unix_seconds);
        self
    }

    /// Returns the values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    fn request(&self) -> Request {
        let body = Body {
            values: &self.values,
            kind: self.kind.number(),
            source: &self.source,
            timestamp: self.seen_at,
        };
        // A map of texts and numbers can always be written.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        Request::post(ENDPOINT, body).asked_once()
    }
}

/// Leaves the values out: sensors saw them, and they must not come into logs.
impl fmt::Debug for SightingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SightingReport")
            .field("values", &self.values.len())
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("seen_at", &self.seen_at)
            .finish()
    }
}

/// No other key may stand here: `id` and `uuid` would name an attribute, and then MISP does not look at the values.
#[derive(Serialize)]
struct Body<'a> {
    values: &'a [String],
    #[serde(rename = "type")]
    kind: &'static str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}

/// The result of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SightingAnswer {
    /// At least one attribute has one of the values; each such attribute has a sighting more.
    Added,
    /// No attribute that the key may see has any of the values. MISP keeps nothing of the report.
    NothingMatches,
}

#[derive(Deserialize)]
struct RawAnswer {
    #[serde(default, rename = "Sighting")]
    sighting: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    message: Text,
}

impl Client {
    /// Adds a sighting to every attribute that has one of the values. The client sends it once, even if [`max_retries`]
    /// allows more.
    ///
    /// After an error it is not known whether MISP has added some, unless its kind is
    /// [`KeyRefused`](ErrorKind::KeyRefused) or [`NotPermitted`](ErrorKind::NotPermitted): the key's role lacks the
    /// right to add sightings.
    ///
    /// [`max_retries`]: crate::ClientBuilder::max_retries
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question; [`ErrorKind::MispError`] also for a refusal that comes with
    /// status 200.
    pub async fn add_sightings(&self, report: &SightingReport) -> Result<SightingAnswer, Error> {
        answer(&self.ask_small(report.request(), SMALL).await?)
    }
}

/// Refusals are 200 with a message. Its first half is in MISP's language, the reason behind it in English.
fn answer(body: &[u8]) -> Result<SightingAnswer, Error> {
    let raw: RawAnswer = read(body, ENDPOINT)?;
    if raw.sighting.is_some() {
        return Ok(SightingAnswer::Added);
    }
    let Some(message) = raw.message.into_option() else {
        return Err(Error::new(ErrorKind::UnexpectedAnswer)
            .with_detail("neither a sighting nor a message in it")
            .at(ENDPOINT));
    };
    let folded = message.to_ascii_lowercase();
    if folded.contains("no valid attributes found") {
        return Ok(SightingAnswer::NothingMatches);
    }
    // What older versions say in place of the sighting.
    if folded == "sighting added" {
        return Ok(SightingAnswer::Added);
    }
    Err(Error::new(ErrorKind::MispError)
        .with_misp_message(Some(&message))
        .at(ENDPOINT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn body_says_values_type_source_and_time_and_nothing_else() {
        let report = SightingReport::new(["192.0.2.66", "a.example.com"], SightingKind::FalsePositive).unwrap();
        let request = report.source("proxy").unwrap().seen_at(1_795_308_235).request();
        assert_eq!(request.path, "/sightings/add");
        let body: serde_json::Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
        let expected = serde_json::json!({
            "values": ["192.0.2.66", "a.example.com"], "type": "1", "source": "proxy", "timestamp": 1_795_308_235,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn what_misp_would_find_everywhere_is_no_value() {
        for value in ["", " ", "%", "\u{ad}", "\u{200b}\u{200d}", "___", "é"] {
            let error = SightingReport::new(["a.example.com", value], SightingKind::Hit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSearch, "{value:?}");
        }
        let none: [&str; 0] = [];
        assert!(SightingReport::new(none, SightingKind::Hit).is_err());
        assert!(SightingReport::new(vec!["a"; MAX_VALUES + 1], SightingKind::Hit).is_err());
    }

    #[test]
    fn control_characters_go_nowhere() {
        for value in ["a\nb", "a\0", "a\u{85}b"] {
            assert!(SightingReport::new([value], SightingKind::Hit).is_err(), "{value:?}");
            let report = SightingReport::new(["a"], SightingKind::Hit).unwrap();
            assert!(report.source(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let report = SightingReport::new(["secret.example.com"], SightingKind::Hit).unwrap();
        assert!(!format!("{report:?}").contains("secret"));
    }

    #[test]
    fn answers_of_several_versions_are_understood() {
        for added in [
            r#"{"Sighting":{"id":"1"}}"#,
            r#"{"Sighting":[{"id":"1"},{"id":"2"}]}"#,
            r#"{"message":"Sighting added"}"#,
        ] {
            assert_eq!(answer(added.as_bytes()).unwrap(), SightingAnswer::Added, "{added}");
        }
        for none in [
            "Could not add the Sighting. Reason: No valid attributes found that match the criteria.",
            "Sichtung nicht angelegt. Grund: No valid attributes found.",
        ] {
            let body = serde_json::json!({ "message": none }).to_string();
            assert_eq!(answer(body.as_bytes()).unwrap(), SightingAnswer::NothingMatches);
        }
        let refused = r#"{"message":"Could not add the Sighting. Reason: {\"type\":[\"Invalid type.\"]}"}"#;
        assert_eq!(answer(refused.as_bytes()).unwrap_err().kind(), ErrorKind::MispError);
        for nothing in ["{}", r#"{"Sighting":null}"#, r#"{"message":[]}"#] {
            assert_eq!(
                answer(nothing.as_bytes()).unwrap_err().kind(),
                ErrorKind::UnexpectedAnswer,
                "{nothing}"
            );
        }
        assert_eq!(answer(b"<html>").unwrap_err().kind(), ErrorKind::NotJson);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = answer(&body);
        }

        #[test]
        fn no_text_makes_an_answer_of_one_that_is_no_json_object(text in "[^{}]{0,40}") {
            prop_assert!(answer(text.as_bytes()).is_err());
        }

        #[test]
        fn what_is_accepted_comes_out_of_the_body_as_it_was(value in ".{1,60}") {
            if let Ok(report) = SightingReport::new([value.clone()], SightingKind::Hit) {
                let body = report.request().body.unwrap();
                let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                prop_assert_eq!(json["values"][0].as_str(), Some(value.as_str()));
            }
        }
    }
}
