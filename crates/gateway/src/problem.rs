//! A reject as an answer: a problem document (RFC 9457).

use http::Method;
use http::header::{self, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;

use crate::reject::Reject;
use crate::reply::Reply;

/// How to send a token, for clients that wait to be asked (RFC 7617).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"cratos\", charset=\"UTF-8\"");

/// A problem document (RFC 9457).
// Cratos FastAPI has `detail` alone, so it comes first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem<D> {
    /// A sentence about the problem; for 422 the list of all wrong parts.
    detail: D,
    /// Always `about:blank`: the status says which kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The standard phrase of the status, for example `Not Found`.
    title: &'static str,
    /// The status of the answer.
    status: u16,
}

impl From<Reject> for Reply {
    fn from(reject: Reject) -> Self {
        let status = reject.status();
        let title = status.canonical_reason().unwrap_or_default();
        let problem = Problem {
            detail: reject.detail(),
            kind: "about:blank",
            title,
            status: status.as_u16(),
        };
        // Strings, numbers and lists of them: writing them cannot fail.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut reply = Self::body("application/problem+json", body).status(status);
        if let Some(wait) = reject.retry_after() {
            reply = reply.header(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        match reject {
            Reject::MethodNotAllowed(methods) => {
                let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
                reply.header_text(header::ALLOW, &allow.join(", "))
            }
            Reject::NoToken | Reject::BadBasic => reply.header(header::WWW_AUTHENTICATE, CHALLENGE),
            Reject::EncodedBody => reply.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            _ => reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use std::time::Duration;

    fn headers_of(reject: Reject) -> http::HeaderMap {
        Reply::from(reject).into_response(false).headers().clone()
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        let headers = headers_of(Reject::MethodNotAllowed(&[Method::GET, Method::HEAD]));
        assert_eq!(headers["allow"], "GET, HEAD");
        assert_eq!(headers["content-type"], "application/problem+json");
    }

    #[test]
    fn trouble_that_passes_says_when_to_ask_again() {
        assert_eq!(headers_of(Reject::unavailable("x"))["retry-after"], "30");
        assert_eq!(
            headers_of(Reject::TimedOut { detail: String::new() })["retry-after"],
            "30"
        );
        assert_eq!(
            headers_of(Reject::TooOften {
                retry_after: Duration::from_millis(20)
            })["retry-after"],
            "1"
        );
        assert!(!headers_of(Reject::Internal).contains_key("retry-after"));
    }

    #[test]
    fn every_401_says_how_to_send_credentials_and_nothing_else_does() {
        for reject in [Reject::NoToken, Reject::BadBasic] {
            assert_eq!(reject.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(headers_of(reject)["www-authenticate"], CHALLENGE);
        }
        assert!(!headers_of(Reject::Forbidden("no".into())).contains_key("www-authenticate"));
    }
}
