//! The problem documents of cratosd (RFC 9457): the reason that an answer with an error status gives.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, RETRY_AFTER};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::raw_answer::{RawAnswer, Secret};
use crate::refusals::printable;

/// A larger body cannot be a problem document of cratosd.
const MAX_BYTES: usize = 64 << 10;

/// The longest text that is kept, in characters.
const MAX_CHARACTERS: usize = 300;

/// The number of wrong fields that are kept.
const MAX_FIELDS: usize = 100;

/// An answer with an error status, and the reason that it gives.
///
/// All texts are one line, bounded, without control characters, and without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: u16,
    detail: String,
    fields: Vec<InvalidField>,
    retry_after: Option<Duration>,
}

/// A part of a request that cratosd rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidField {
    /// Where it is, for example `body.sightings.1.type`.
    pub location: String,
    /// The kind of mistake, for example `enum` or `missing`.
    pub kind: String,
    /// The mistake, for people.
    pub message: String,
}

impl Problem {
    /// Returns the status code, for example 503.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason, for people; empty if the answer gives none. Of several wrong fields it has the messages of
    /// all.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the parts of the request that are wrong; only an answer 422 names them.
    #[must_use]
    pub fn fields(&self) -> &[InvalidField] {
        &self.fields
    }

    /// Returns how long cratosd asks to wait (`Retry-After`).
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Reads an answer with an error status. A body that is not a problem document gives no reason.
    pub(crate) async fn read(answer: RawAnswer) -> Self {
        let RawAnswer { mut response, secrets } = answer;
        let status = response.status();
        let mut problem = Self {
            status: status.as_u16(),
            detail: String::new(),
            fields: Vec::new(),
            retry_after: retry_after(response.headers()),
        };
        if !(status.is_client_error() || status.is_server_error()) {
            return problem;
        }
        let mut body = Vec::new();
        // The time-out of the request bounds this too.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return problem;
            }
        }
        problem.take(&body, &secrets);
        problem
    }

    fn take(&mut self, body: &[u8], secrets: &[Secret]) {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        match body.get("detail") {
            Some(Value::String(text)) => self.detail = shown(text, secrets),
            Some(Value::Array(parts)) => {
                let parts = || parts.iter().take(MAX_FIELDS);
                let messages = parts().filter_map(|part| part.get("msg")?.as_str());
                self.detail = shown(&messages.collect::<Vec<_>>().join("; "), secrets);
                self.fields = parts().map(|part| InvalidField::of(part, secrets)).collect();
            }
            _ => {}
        }
    }
}

impl InvalidField {
    fn of(part: &Value, secrets: &[Secret]) -> Self {
        let text = |key: &str| shown(part.get(key).and_then(Value::as_str).unwrap_or_default(), secrets);
        let words = part.get("loc").and_then(Value::as_array).into_iter().flatten();
        let words = words.map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
        Self {
            location: shown(&words.collect::<Vec<_>>().join("."), secrets),
            kind: text("type"),
            message: text("msg"),
        }
    }
}

impl fmt::Display for Problem {
    /// Writes `(403): reason`, or `(403)` without a reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({})", self.status)?;
        if self.detail.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.detail)
    }
}

/// Returns a text of the server as one bounded line without secrets.
fn shown(text: &str, secrets: &[Secret]) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Secrets go before the text is cut, so that no half of one stays.
    let text = secrets.iter().fold(text, |text, (words, secret)| {
        text.replace(secret.expose_secret(), words)
    });
    printable(&text, MAX_CHARACTERS)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text)
        .ok()?
        .duration_since(SystemTime::now())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(body: &str) -> Problem {
        let mut problem = Problem {
            status: 403,
            detail: String::new(),
            fields: Vec::new(),
            retry_after: None,
        };
        problem.take(body.as_bytes(), &[("(the token)", "a-token".into())]);
        problem
    }

    fn shown(body: &str) -> String {
        problem(body).to_string()
    }

    #[test]
    fn the_reason_of_cratosd_is_one_line_without_control_characters() {
        assert_eq!(
            shown(r#"{"detail": "the token ended on 2026-11-01"}"#),
            "(403): the token ended on 2026-11-01"
        );
        assert_eq!(
            shown(r#"{"detail": "a\u001b[2J\r\nb\u202e"}"#),
            "(403): a\\u{1b}[2J b\\u{202e}"
        );
    }

    #[test]
    fn wrong_fields_are_named_with_their_place() {
        let problem = problem(
            r#"{"detail": [{"loc": ["path"], "msg": "no such age", "type": "enum"}, {"loc": ["body", 1], "msg": "no such type"}]}"#,
        );
        assert_eq!(problem.detail(), "no such age; no such type");
        let places: Vec<&str> = problem.fields().iter().map(|field| field.location.as_str()).collect();
        assert_eq!(places, ["path", "body.1"]);
        assert_eq!(
            (problem.fields()[0].kind.as_str(), problem.fields()[1].kind.as_str()),
            ("enum", "")
        );
    }

    #[test]
    fn the_reason_is_bounded_and_never_holds_the_token() {
        let long = shown(&format!(r#"{{"detail": "{}"}}"#, "x".repeat(5000)));
        assert!(long.chars().count() < 310 && long.ends_with('…'), "{long}");
        assert_eq!(
            shown(r#"{"detail": "Bearer a-token is over"}"#),
            "(403): Bearer (the token) is over"
        );
        let edge = shown(&format!(r#"{{"detail": "{}a-token"}}"#, "x".repeat(MAX_CHARACTERS - 3)));
        assert!(!edge.contains("a-t"), "{edge}");
        let place = problem(r#"{"detail": [{"loc": ["a-token"], "msg": "a-token", "type": "a-token"}]}"#);
        assert!(!format!("{place:?}").contains("a-token"), "{place:?}");
    }

    #[test]
    fn a_body_that_is_no_problem_document_gives_no_reason() {
        for body in [
            "",
            "no",
            "<html>",
            "[]",
            r#"{"detail": 7}"#,
            r#"{"detail": ""}"#,
            r#"{"error": "x"}"#,
        ] {
            assert_eq!(shown(body), "(403)", "{body}");
        }
    }

    #[test]
    fn waits_are_seconds_or_a_date() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(wait(&date).is_some_and(|wait| (90..=100).contains(&wait.as_secs())));
        assert_eq!((wait("soon"), wait("Thu, 01 Jan 1970 00:00:00 GMT")), (None, None));
    }
}
