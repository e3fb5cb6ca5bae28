//! What an answer with another status than 200 means.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::json::lenient::Text;
use crate::{Error, ErrorKind};

/// MISP's error body: `name`, `message` and `url`; `errors` only where something was to be saved.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    message: Text,
}

/// Turns status, headers and what there is of the body into an error.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let said: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let message = said.message.into_option().or(said.name.into_option());
    let kind = kind_of(status, message.as_deref());
    let error = Error::new(kind)
        .with_status(status.as_u16())
        .with_misp_message(message.as_deref());
    match kind {
        ErrorKind::RateLimited => error.with_retry_after(reset(headers)),
        ErrorKind::Redirected => error.with_login_redirect(goes_to_login(headers)),
        _ => error,
    }
}

fn kind_of(status: StatusCode, message: Option<&str>) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED => ErrorKind::KeyRefused,
        // The same status says "wrong key" and "no right to this function"; only the message differs.
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

/// Seconds until the limit begins anew: MISP's own header, or the one that proxies use.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    seconds("x-rate-limit-reset")
        .or_else(|| seconds(header::RETRY_AFTER.as_str()))
        .map(Duration::from_secs)
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
}
