//! Why a request is not answered as asked; one type for all routes, written as a problem document (RFC 9457).

use std::time::Duration;

use feed_engine::{Fault, FeedError};
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use serde::Serialize;

use crate::exit::chain;
use crate::invalid::Invalid;
use crate::reply::Reply;

/// When a caller may ask again after MISP failed, in seconds: long enough to spare a MISP that is starting, short enough that a
/// feed is not missed for long.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How to send a token, for clients that wait to be asked (RFC 7617).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"cratos\", charset=\"UTF-8\"");

/// Why a request is refused or cannot be served.
#[derive(Debug)]
pub(crate) enum Reject {
    /// No such path: 404.
    NotFound,
    /// The path is right, and what it names is not there: 404.
    NoSuchThing(String),
    /// The path does not take this method: 405.
    MethodNotAllowed(&'static [Method]),
    /// Not one `Host` where there must be one: 400.
    BadHost,
    /// No credentials at all: 401, which has clients send theirs that wait to be asked. A *wrong* token is [`Forbidden`](Self::Forbidden).
    NoToken,
    /// Basic credentials that cannot be read: 401, as in the reference.
    BadBasic,
    /// The token, or the address it is used from, does not allow this: 403.
    Forbidden(String),
    /// Parts of the request are wrong: 422, all of them listed.
    Invalid(Vec<Invalid>),
    /// The body is larger than the route takes: 413.
    BodyTooLarge,
    /// The body did not arrive, or not in time: 408.
    BodyIncomplete,
    /// The body is compressed, which no route takes: 415.
    EncodedBody,
    /// Asked too often from this address: 429.
    TooOften {
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// Wrong tokens from this address, or a refused one again and again: 429.
    TooManyFailures {
        /// When the next one is looked at.
        retry_after: Duration,
    },
    /// More reports with this token than it may send: 429.
    TooManyReports {
        /// When so many may come.
        retry_after: Duration,
    },
    /// MISP, or what we need to ask it, is not there: 503.
    Unavailable {
        /// What is wrong, in plain words.
        detail: String,
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// MISP was too slow: 504.
    TimedOut {
        /// What is wrong, in plain words.
        detail: String,
    },
    /// A defect of ours: 500, and the log says which.
    Internal,
}

/// The body: `detail` first, as clients of the reference expect it.
#[derive(Serialize)]
struct Problem<'a> {
    detail: Detail<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Words(&'a str),
    Parts(&'a [Invalid]),
}

impl Reject {
    /// Logs a defect of ours and returns the 500 that says nothing about it.
    pub(crate) fn internal(step: &'static str, error: &dyn std::error::Error) -> Self {
        tracing::error!(step, error = chain(error), "a request failed");
        Self::Internal
    }

    /// Returns a 503 with the usual time to wait.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable {
            detail: detail.into(),
            retry_after: RETRY_AFTER,
        }
    }

    /// Returns the status that this is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::NoSuchThing(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::BadBasic => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::EncodedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooOften { .. } | Self::TooManyFailures { .. } | Self::TooManyReports { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns what is wrong as one text, for people.
    pub(crate) fn words(&self) -> &str {
        match self.detail() {
            Detail::Words(words) => words,
            Detail::Parts(_) => "Some parts of the request are wrong.",
        }
    }

    fn detail(&self) -> Detail<'_> {
        Detail::Words(match self {
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed(_) => "Method Not Allowed",
            Self::BadHost => "HTTP/1.1 needs the header Host, once.",
            Self::NoToken => "Could not validate token, or token not set.",
            Self::BadBasic => "Invalid authentication credentials",
            Self::Invalid(parts) => return Detail::Parts(parts),
            Self::BodyTooLarge => "The body is too large.",
            Self::BodyIncomplete => "The body did not arrive.",
            Self::EncodedBody => "The body is compressed (Content-Encoding). Send it as it is.",
            Self::TooOften { .. } => "Too many requests from this address.",
            Self::TooManyFailures { .. } => {
                "Too many requests with tokens that are not good. Good tokens are answered all the same."
            }
            Self::TooManyReports { .. } => "Too many reports with this token.",
            Self::NoSuchThing(detail)
            | Self::Forbidden(detail)
            | Self::Unavailable { detail, .. }
            | Self::TimedOut { detail } => detail,
            Self::Internal => "Internal Server Error",
        })
    }

    /// Returns after which time it may work, where waiting helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooOften { retry_after }
            | Self::TooManyFailures { retry_after }
            | Self::TooManyReports { retry_after }
            | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            Self::TimedOut { .. } => Some(RETRY_AFTER),
            _ => None,
        }
    }
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

/// Never 401 or 403, whatever MISP says: a firewall stops enforcing a list on those.
impl From<FeedError> for Reject {
    fn from(error: FeedError) -> Self {
        match (error.fault(), &error) {
            (Fault::Caller, FeedError::UndefinedFeed { .. }) => {
                Self::Invalid(vec![Invalid::value(&["path", "feedName"], &error.chain())])
            }
            (Fault::Caller, FeedError::UnknownOutput { .. }) => {
                Self::Invalid(vec![Invalid::value(&["path", "returnedDataType"], &error.chain())])
            }
            (Fault::Caller, FeedError::NotAggregable { .. }) => {
                Self::Invalid(vec![Invalid::value(&["query", "aggregate"], &error.chain())])
            }
            (Fault::Caller, FeedError::NoDecayingModel) => {
                Self::Invalid(vec![Invalid::value(&["query", "min_score"], &error.chain())])
            }
            (Fault::Caller, _) => Self::Invalid(vec![Invalid::value(&["path", "dataType"], &error.chain())]),
            (Fault::Upstream, _) if error.is_timeout() => Self::TimedOut { detail: error.chain() },
            (Fault::Upstream, FeedError::Misp(misp)) => Self::Unavailable {
                detail: error.chain(),
                retry_after: misp.retry_after().unwrap_or(RETRY_AFTER),
            },
            (Fault::Upstream, _) => Self::unavailable(error.chain()),
            (_, FeedError::Busy { .. }) => Self::unavailable(error.chain()),
            _ => Self::internal("giving a feed", &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_slow_misp_is_504_and_no_misp_trouble_is_401_or_403() {
        let reject = Reject::from(FeedError::TimedOut { seconds: 3 });
        assert_eq!(reject.status(), StatusCode::GATEWAY_TIMEOUT);
        let strays = FeedError::Strays {
            strays: 9,
            rows: 9,
            example: "type".into(),
        };
        assert_eq!(Reject::from(strays).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
