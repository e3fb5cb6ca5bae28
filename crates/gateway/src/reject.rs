//! The reasons for an error answer: one type for all routes. `problem` writes it as an answer.

use std::time::Duration;

use feed_engine::{Fault, FeedError};
use http::{Method, StatusCode};
use serde::Serialize;

use crate::invalid::Invalid;
use service_kit::chain;

/// The wait after a failure of MISP: long enough to spare a MISP that is starting, short enough that a feed is soon
/// back.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Why a request is refused or cannot be served.
#[derive(Debug)]
pub(crate) enum Reject {
    /// No such path: 404.
    NotFound,
    /// The path is right, and the thing that it names does not exist, for example a warninglist: 404.
    NoSuchThing(String),
    /// The path does not take this method: 405.
    MethodNotAllowed(&'static [Method]),
    /// No `Host`, or two of them: 400.
    BadHost,
    /// No credentials: 401, because some clients send theirs only then. A *wrong* token is
    /// [`Forbidden`](Self::Forbidden).
    NoToken,
    /// Unreadable Basic credentials: 401, as in Cratos FastAPI.
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
    /// The body is `text/plain`, which any page may send anywhere: 415.
    PlainText,
    /// Asked too often from this address: 429.
    TooOften {
        /// The time to wait.
        retry_after: Duration,
    },
    /// Many wrong tokens from this address, or one refused token many times: 429.
    TooManyFailures {
        /// When the next token is checked.
        retry_after: Duration,
    },
    /// More reports with this token than it may send: 429.
    TooManyReports {
        /// The time to wait.
        retry_after: Duration,
    },
    /// More requests in a row with this token than one token may send: 429.
    TooManyRequests {
        /// The time to wait.
        retry_after: Duration,
    },
    /// More requests at the same time with this token than one token may send: 429.
    TooManyAtOnce {
        /// The time to wait.
        retry_after: Duration,
    },
    /// MISP does not answer, or cannot be asked, for example while its site file has errors: 503.
    Unavailable {
        /// The problem, in plain words.
        detail: String,
        /// The time to wait.
        retry_after: Duration,
    },
    /// MISP was too slow: 504.
    TimedOut {
        /// The problem, in plain words.
        detail: String,
    },
    /// A defect of this program, which the log names: 500.
    Internal,
}

/// The problem as the answer has it.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Detail<'a> {
    Words(&'a str),
    Parts(&'a [Invalid]),
}

impl Reject {
    /// Logs a defect of this program and returns a 500 without details.
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
            Self::EncodedBody | Self::PlainText => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooOften { .. }
            | Self::TooManyFailures { .. }
            | Self::TooManyReports { .. }
            | Self::TooManyRequests { .. }
            | Self::TooManyAtOnce { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the problem as one sentence, for people.
    pub(crate) fn words(&self) -> &str {
        match self.detail() {
            Detail::Words(words) => words,
            Detail::Parts(_) => "Some parts of the request are wrong.",
        }
    }

    /// Returns the problem as a sentence, or as the wrong parts of the request.
    pub(crate) fn detail(&self) -> Detail<'_> {
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
            Self::PlainText => "A body of text/plain is not read. Send it as application/json.",
            Self::TooOften { .. } => "Too many requests from this address.",
            Self::TooManyFailures { .. } => {
                "Too many requests with tokens that are not good. Good tokens are answered all the same."
            }
            Self::TooManyReports { .. } => "Too many reports with this token.",
            Self::TooManyRequests { .. } => "Too many requests with this token.",
            Self::TooManyAtOnce { .. } => "Too many requests with this token at the same time.",
            Self::NoSuchThing(detail)
            | Self::Forbidden(detail)
            | Self::Unavailable { detail, .. }
            | Self::TimedOut { detail } => detail,
            Self::Internal => "Internal Server Error",
        })
    }

    /// Returns the time to wait, if waiting helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooOften { retry_after }
            | Self::TooManyFailures { retry_after }
            | Self::TooManyReports { retry_after }
            | Self::TooManyRequests { retry_after }
            | Self::TooManyAtOnce { retry_after }
            | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            Self::TimedOut { .. } => Some(RETRY_AFTER),
            _ => None,
        }
    }
}

/// Never 401 or 403, even if MISP answers so: a firewall stops enforcing a list on those.
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
