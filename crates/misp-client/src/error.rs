//! The errors between a question and the last row of its answer.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The longest message of MISP that is kept, in bytes.
const MAX_MESSAGE: usize = 512;

/// The kind of an error, for a caller to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection, or it was lost before an answer began: refused, unreachable, unknown name, reset.
    Connect,
    /// The answer ended before it was whole.
    CutShort,
    /// A question that this client does not send, because MISP would read it as another one: a search without any
    /// filter, for example, a tag name that MISP takes for a pattern, or a path with a space in it.
    InvalidSearch,
    /// MISP refused the key: unknown, expired, disabled, or not allowed from this address.
    KeyRefused,
    /// MISP answered with an error of its own; see [`Error::misp_message`] and [`Error::status`].
    MispError,
    /// The function does not exist, or MISP has nothing of this number.
    NotFound,
    /// The key is good, but its role may not do this.
    NotPermitted,
    /// The body is not JSON.
    NotJson,
    /// MISP's rate limit for this key is used up; see [`Error::retry_after`].
    RateLimited,
    /// MISP answered with a redirect, which this client never follows; see [`Error::is_login_redirect`].
    Redirected,
    /// MISP did not store the data, because its validation failed. [`Error::misp_message`] holds the reason.
    Rejected,
    /// The address, the key, the certificate file or another setting cannot be used.
    Setup,
    /// MISP is not asked now, because it has not answered lately: see [`Breaker`](crate::Breaker) and
    /// [`Error::retry_after`].
    Suspended,
    /// MISP did not finish within the time-out, or stopped sending.
    Timeout,
    /// TLS failed: an untrusted certificate, for example, or a server that does not speak TLS.
    Tls,
    /// The answer is larger than the bounds allow.
    TooLarge,
    /// The answer is JSON, but not an answer to this question.
    UnexpectedAnswer,
    /// The answer has rows that do not answer the question: MISP did not get the filter, or did not understand it.
    Unfiltered,
}

impl ErrorKind {
    /// Returns the kind as a short name for logs and metric labels, such as `key_refused`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::CutShort => "cut_short",
            Self::InvalidSearch => "invalid_search",
            Self::KeyRefused => "key_refused",
            Self::MispError => "misp_error",
            Self::NotFound => "not_found",
            Self::NotPermitted => "not_permitted",
            Self::NotJson => "not_json",
            Self::RateLimited => "rate_limited",
            Self::Redirected => "redirected",
            Self::Rejected => "rejected",
            Self::Setup => "setup",
            Self::Suspended => "suspended",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::Unfiltered => "unfiltered",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Connect => "cannot connect to MISP",
            Self::CutShort => "the answer of MISP was cut short",
            Self::InvalidSearch => "MISP cannot be asked this",
            Self::KeyRefused => "MISP refused the key",
            Self::MispError => "MISP answered with an error",
            Self::NotFound => "MISP does not know what was asked for",
            Self::NotPermitted => "the key may not do this in MISP",
            Self::NotJson => "the answer is not JSON",
            Self::RateLimited => "the rate limit of MISP is used up",
            Self::Redirected => "MISP answered with a redirect",
            Self::Rejected => "MISP rejected the data",
            Self::Setup => "the client cannot be set up",
            Self::Suspended => "MISP is not asked now",
            Self::Timeout => "MISP did not answer in time",
            Self::Tls => "no secure connection to MISP",
            Self::TooLarge => "the answer is too large",
            Self::UnexpectedAnswer => "the answer is not what was asked for",
            Self::Unfiltered => "MISP answered without the filter",
        }
    }
}

/// The side that an error comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The program that uses this client: its question, its data, its settings or its key. Sending the same again does
    /// not help.
    Caller,
    /// MISP, or a device between this client and MISP. The same question may succeed later.
    Upstream,
}

/// The reason why a question could not be sent, or why its answer was refused.
///
/// Holds neither the key nor the address of MISP. `Display` writes one line without a full stop; `source()` has the
/// cause, and the line does not repeat it.
pub struct Error(Box<Details>);

struct Details {
    kind: ErrorKind,
    detail: Option<String>,
    endpoint: Option<Cow<'static, str>>,
    status: Option<u16>,
    misp_message: Option<String>,
    retry_after: Option<Duration>,
    login_redirect: bool,
    earlier_timeout: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Details {
            kind,
            detail: None,
            endpoint: None,
            status: None,
            misp_message: None,
            retry_after: None,
            login_redirect: false,
            earlier_timeout: false,
            source: None,
        }))
    }

    /// Returns the error of a row that does not answer the question.
    pub(crate) fn unfiltered(reason: impl fmt::Display) -> Self {
        let detail = format!("a row that does not answer the question ({reason}); a proxy may have dropped the filter");
        Self::new(ErrorKind::Unfiltered).with_detail(detail)
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn at(mut self, endpoint: impl Into<Cow<'static, str>>) -> Self {
        self.0.endpoint.get_or_insert_with(|| endpoint.into());
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_misp_message(mut self, message: Option<&str>) -> Self {
        self.0.misp_message = message.map(tame).filter(|text| !text.is_empty());
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn with_login_redirect(mut self, login: bool) -> Self {
        self.0.login_redirect = login;
        self
    }

    pub(crate) fn with_earlier_timeout(mut self, earlier: bool) -> Self {
        self.0.earlier_timeout = earlier;
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the side that the error comes from.
    ///
    /// ```
    /// use misp_client::{AttributeSearch, Fault};
    ///
    /// let error = AttributeSearch::new(["!md5"]).unwrap_err();
    /// assert_eq!(error.fault(), Fault::Caller);
    /// ```
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self.0.kind {
            ErrorKind::InvalidSearch
            | ErrorKind::KeyRefused
            | ErrorKind::NotFound
            | ErrorKind::NotPermitted
            | ErrorKind::Rejected
            | ErrorKind::Setup => Fault::Caller,
            _ => Fault::Upstream,
        }
    }

    /// Returns the path of the question without its arguments and without the address of MISP, such as
    /// `/attributes/restSearch`.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// Returns the HTTP status, where the status of the answer is the reason.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns MISP's own message: at most 512 bytes, control characters replaced by spaces.
    #[must_use]
    pub fn misp_message(&self) -> Option<&str> {
        self.0.misp_message.as_deref()
    }

    /// Returns how long MISP asks the client to wait, for [`ErrorKind::RateLimited`], or how long a
    /// [`Breaker`](crate::Breaker) keeps questions back.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns true when MISP redirected to its login page: in maintenance mode, for example, or when a proxy removed
    /// the key.
    #[must_use]
    pub fn is_login_redirect(&self) -> bool {
        self.0.login_redirect
    }

    /// Returns true when MISP did not answer in time, or is not asked now because it did not lately.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout || self.0.earlier_timeout
    }

    /// Returns true for connection faults: the same question can be sent again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Connect
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.describe())?;
        if let Some(status) = self.0.status {
            write!(f, " (status {status})")?;
        }
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(message) = &self.0.misp_message {
            write!(f, ": {message}")?;
        }
        if let Some(endpoint) = &self.0.endpoint {
            write!(f, ", asked for {endpoint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("detail", &self.0.detail)
            .field("endpoint", &self.0.endpoint)
            .field("status", &self.0.status)
            .field("misp_message", &self.0.misp_message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// Bounds the length of a text from outside and replaces characters that could break a line of a log.
fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_MESSAGE));
    for c in text.trim().chars() {
        let c = if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') {
            ' '
        } else {
            c
        };
        if out.len() + c.len_utf8() > MAX_MESSAGE {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_of_misp_is_bounded_and_free_of_control_characters() {
        let long = format!("bad\r\n\u{1b}[31m{}", "ü".repeat(1_000));
        let error = Error::new(ErrorKind::MispError).with_misp_message(Some(&long));
        let kept = error.misp_message().unwrap();
        assert!(kept.len() <= MAX_MESSAGE);
        assert!(kept.starts_with("bad   [31mü"));
    }

    #[test]
    fn text_names_kind_status_message_and_endpoint_but_not_the_cause() {
        let error = Error::new(ErrorKind::MispError)
            .with_status(500)
            .with_misp_message(Some("An Internal Error Has Occurred."))
            .with_source("secret cause")
            .at("/servers/getVersion");
        assert_eq!(
            error.to_string(),
            "MISP answered with an error (status 500): An Internal Error Has Occurred., asked for /servers/getVersion"
        );
        assert!(error.source().is_some());
    }

    #[test]
    fn only_connection_faults_may_be_retried() {
        assert!(Error::new(ErrorKind::Connect).is_retryable());
        for kind in [
            ErrorKind::Timeout,
            ErrorKind::CutShort,
            ErrorKind::MispError,
            ErrorKind::RateLimited,
        ] {
            assert!(!Error::new(kind).is_retryable());
        }
    }
}
