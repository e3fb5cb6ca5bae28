//! Reasons for which a request has no usable answer.

use std::io;
use std::time::Duration;

use crate::problem::Problem;

/// Why a request to cratosd has no usable answer.
///
/// Neither its text nor the texts of its causes hold the token or a key.
///
/// ```
/// use cratos_client::Error;
///
/// fn advice(error: &Error) -> &'static str {
///     match error {
///         Error::Token(_) | Error::NoToken => "check the token file",
///         Error::Refused(problem) if problem.status() == 401 => "no token was sent",
///         Error::Refused(_) => "the token ended, was revoked, or does not permit this",
///         _ => "try again later",
///     }
/// }
/// # assert_eq!(advice(&Error::NoToken), "check the token file");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL of cratosd cannot be used. The fault is the caller's.
    #[error("the URL of cratosd cannot be used: {0}")]
    Url(&'static str),
    /// A request needs a token, and the client has none. The fault is the caller's.
    #[error("this request needs a token, and the client has none")]
    NoToken,
    /// The token cannot be read or cannot be sent. The fault is on this host.
    #[error("the token cannot be used")]
    Token(#[source] io::Error),
    /// The certificates cannot be used. The fault is on this host.
    #[error("the certificates cannot be used")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A request holds more entries than cratosd accepts at once. The fault is the caller's.
    #[error("cratosd accepts at most {limit} entries in one request")]
    TooMany {
        /// The number of entries that are accepted.
        limit: usize,
    },
    /// The server cannot be reached, or the connection ended before the answer did.
    #[error("cratosd cannot be reached, or its answer was cut short")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer took too long.
    #[error("cratosd did not answer within {} s", after.as_secs())]
    TooSlow {
        /// How long the client waited.
        after: Duration,
    },
    /// The token or the client's address is refused: status 401 or 403.
    #[error("cratosd refuses the token or this address {0}")]
    Refused(Problem),
    /// The request is wrong: any other status from 400 to 499, except 408, 425 and 429.
    #[error("cratosd cannot answer this question {0}")]
    Rejected(Problem),
    /// cratosd has no answer at this moment: 408, 425, 429, 5xx, and every status that is not expected, for example a
    /// redirect.
    #[error("cratosd has no answer now {0}")]
    Unavailable(Problem),
    /// cratosd answered 304 to a request without an entity tag.
    #[error("cratosd answers that nothing changed, but the question had no entity tag")]
    NotConditional,
    /// The answer has no length, so a cut answer would look like a whole one.
    #[error("the answer has no length")]
    NoLength,
    /// The answer is larger than the limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer has a compression that is broken or was not asked for.
    #[error("the answer cannot be decompressed")]
    Encoding(#[source] io::Error),
    /// The answer has no `X-Feed-Count`, so it is not a feed.
    #[error("the answer has no `X-Feed-Count`, so it is no feed of cratosd")]
    NoCount,
    /// The answer has another number of values than it declares.
    #[error("the answer declares {declared} values and has {found}")]
    WrongCount {
        /// The number that the server declares.
        declared: u64,
        /// The number of values in the answer.
        found: u64,
    },
    /// The answer has another form than its route gives.
    #[error("the answer cannot be read")]
    Unreadable(#[source] io::Error),
    /// More than half of the values are not of the feed's type, for example a log-in page where a list of domains
    /// should be.
    #[error("{refused} of {found} values are not of the feed's type")]
    Nonsense {
        /// The number of values that are not of the type.
        refused: u64,
        /// The number of all values.
        found: u64,
    },
    /// The answer does not fit the question: results are missing, or contradict themselves.
    #[error("the answer makes no sense: {0}")]
    Mismatch(&'static str),
    /// The answer to a request for a stream is of another media type.
    #[error("the answer is no stream of events")]
    NoStream,
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// The stream was silent for longer than a living server is.
    #[error("the stream was silent for {} s", after.as_secs())]
    Silent {
        /// How long the client waited.
        after: Duration,
    },
    /// An event of the stream contradicts the events before it.
    #[error("the stream contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl Error {
    /// Returns cratosd's description of the problem, if it sent one.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) | Self::Rejected(problem) | Self::Unavailable(problem) => Some(problem),
            _ => None,
        }
    }

    /// Returns how long cratosd asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(problem) => problem.retry_after(),
            _ => None,
        }
    }

    /// Returns whether the fault is on the caller's side: in its token, certificates, URL or request. Asking again does
    /// not help then.
    #[must_use]
    pub const fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            Self::Url(_)
                | Self::NoToken
                | Self::Token(_)
                | Self::Certificates(_)
                | Self::TooMany { .. }
                | Self::Refused(_)
                | Self::Rejected(_)
        )
    }

    /// Returns whether the state of a stream is worth nothing after this error, so that the feed must be read from the
    /// start.
    pub(crate) const fn invalidates_state(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. }
                | Self::Unreadable(_)
                | Self::WrongCount { .. }
                | Self::Nonsense { .. }
                | Self::Contradiction(_)
        )
    }

    /// Makes an error of one of the HTTP library. Its URL is removed: a look-up's URL holds the value.
    pub(crate) fn transport(error: reqwest::Error, timeout: Duration) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::TooSlow { after: timeout };
        }
        Self::Connection(error.without_url().into())
    }
}
