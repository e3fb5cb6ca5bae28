//! Turns an answer with a status other than 200 into an error.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::json::lenient::Text;
use crate::{Error, ErrorKind};

/// MISP's error body. `errors` is there only after an attempt to save something: the reasons by field.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    message: Text,
    #[serde(default)]
    errors: Value,
}

/// Returns the error for this status, with the message in the body where the body has one.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let message = body.message.into_option().or(body.name.into_option());
    let reasons = reasons(&body.errors);
    let kind = match kind_of(status, message.as_deref()) {
        // MISP answers 403 and 400 when validation fails, for example "IP address has an invalid format." (recording
        // 562).
        ErrorKind::NotPermitted | ErrorKind::MispError if status.is_client_error() && !reasons.is_empty() => {
            ErrorKind::Rejected
        }
        kind => kind,
    };
    let message = if reasons.is_empty() {
        message
    } else {
        Some(with_reasons(message, &reasons))
    };
    let error = Error::new(kind)
        .with_status(status.as_u16())
        .with_misp_message(message.as_deref());
    match kind {
        ErrorKind::RateLimited => error.with_retry_after(reset(headers)),
        ErrorKind::Redirected => error.with_login_redirect(goes_to_login(headers)),
        _ => error,
    }
}

/// Returns MISP's message with the reasons behind it, such as `Could not add Attribute: value: IP address has an
/// invalid format.`
pub(crate) fn with_reasons(message: Option<String>, reasons: &str) -> String {
    match message {
        Some(message) if !reasons.is_empty() => format!("{message}: {reasons}"),
        Some(message) => message,
        None => reasons.to_owned(),
    }
}

/// Returns the texts in `errors` on one line: MISP nests objects and lists by field; the depth is bounded by the JSON
/// reader.
pub(crate) fn reasons(errors: &Value) -> String {
    match errors {
        Value::String(text) => text.clone(),
        Value::Array(list) => list
            .iter()
            .map(reasons)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; "),
        Value::Object(fields) => {
            let named = fields.iter().map(|(name, inner)| (name, reasons(inner)));
            let named = named.filter(|(_, text)| !text.is_empty());
            named
                .map(|(name, text)| format!("{name}: {text}"))
                .collect::<Vec<_>>()
                .join("; ")
        }
        _ => String::new(),
    }
}

fn kind_of(status: StatusCode, message: Option<&str>) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED => ErrorKind::KeyRefused,
        // MISP sends 403 both for a wrong key and for a missing right; only the message differs.
        StatusCode::FORBIDDEN if message.is_some_and(is_about_the_key) => ErrorKind::KeyRefused,
        StatusCode::FORBIDDEN => ErrorKind::NotPermitted,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        _ if status.is_redirection() && status != StatusCode::NOT_MODIFIED => ErrorKind::Redirected,
        _ if status.is_client_error() || status.is_server_error() => ErrorKind::MispError,
        _ => ErrorKind::UnexpectedAnswer,
    }
}

fn is_about_the_key(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.starts_with("authentication failed") || message.contains("auth key") || message.contains("authkey")
}

/// Returns the time until the limit ends: from MISP's own header, or from the standard one that proxies send, in
/// seconds or as a date.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| text.parse().ok().map(Duration::from_secs);
    let until = |text: &str| {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(at.duration_since(SystemTime::now()).unwrap_or_default())
    };
    text("x-rate-limit-reset").and_then(seconds).or_else(|| {
        let standard = text(header::RETRY_AFTER.as_str())?;
        seconds(standard).or_else(|| until(standard))
    })
}

fn goes_to_login(headers: &HeaderMap) -> bool {
    let location = headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let path = location.split(['?', '#']).next().unwrap_or_default();
    path.trim_end_matches('/').ends_with("/users/login")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        refusal(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
        .kind()
    }

    #[test]
    fn wrong_key_and_missing_right_are_told_apart_by_the_message() {
        for message in [
            "Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header.",
            "Authentication failed. Your user account has been disabled.",
            "It is not possible to use this Auth key from your IP address",
        ] {
            assert_eq!(
                kind(403, &format!("{{\"message\":\"{message}\"}}")),
                ErrorKind::KeyRefused
            );
        }
        assert_eq!(
            kind(
                403,
                "{\"name\":\"You do not have permission to use this functionality.\"}"
            ),
            ErrorKind::NotPermitted
        );
        assert_eq!(kind(403, "<html>"), ErrorKind::NotPermitted);
        assert_eq!(kind(401, ""), ErrorKind::KeyRefused);
    }

    #[test]
    fn other_statuses_have_kinds_of_their_own() {
        assert_eq!(kind(404, ""), ErrorKind::NotFound);
        assert_eq!(kind(405, ""), ErrorKind::MispError);
        assert_eq!(kind(429, ""), ErrorKind::RateLimited);
        assert_eq!(kind(500, ""), ErrorKind::MispError);
        assert_eq!(kind(502, "<html>"), ErrorKind::MispError);
        assert_eq!(kind(307, ""), ErrorKind::Redirected);
        assert_eq!(kind(204, ""), ErrorKind::UnexpectedAnswer);
        assert_eq!(kind(304, ""), ErrorKind::UnexpectedAnswer);
    }

    #[test]
    fn failed_validation_is_a_rejection_with_its_reasons() {
        let body = br#"{"saved":false,"name":"Could not add Attribute","message":"Could not add Attribute",
            "errors":{"value":["IP address has an invalid format."]}}"#;
        let error = refusal(StatusCode::FORBIDDEN, &HeaderMap::new(), body);
        assert_eq!(
            (error.kind(), error.fault()),
            (ErrorKind::Rejected, crate::Fault::Caller)
        );
        assert_eq!(
            error.misp_message(),
            Some("Could not add Attribute: value: IP address has an invalid format.")
        );
    }

    #[test]
    fn retry_after_may_be_seconds_or_a_date() {
        let after = |name: &'static str, text: &str| {
            let headers = HeaderMap::from_iter([(header::HeaderName::from_static(name), text.parse().unwrap())]);
            refusal(StatusCode::TOO_MANY_REQUESTS, &headers, b"").retry_after()
        };
        assert_eq!(after("x-rate-limit-reset", "870"), Some(Duration::from_secs(870)));
        assert_eq!(after("retry-after", "7"), Some(Duration::from_secs(7)));
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let wait = after("retry-after", &later).unwrap();
        assert!((50..=60).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(
            after("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(after("retry-after", "soon"), None);
    }
}
