//! The errors of requests and of runs.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use state_file::LockError;

/// Why a request to DefectDojo has no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The key cannot be read. The fault is on this host.
    #[error("the secret in {} cannot be read", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificates in the configuration cannot be used. The fault is on this host.
    #[error("the certificates cannot be used")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection could not be made, or it broke. The fault is the network's or the server's.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server does not answer in time.
    #[error("no answer within {} s", after.as_secs())]
    TooSlow {
        /// How long the client waited.
        after: Duration,
    },
    /// The answer is larger than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server refuses the key, or the key lacks a permission.
    #[error("the key or token is refused ({status})")]
    Refused {
        /// 401 or 403.
        status: u16,
    },
    /// The server answered 429 too often.
    #[error("the server still asks to wait (429)")]
    Busy,
    /// The server answers with an unexpected status.
    #[error("the server answers with the status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer contradicts itself or the question.
    #[error("the answer makes no sense: {what}")]
    Nonsense {
        /// The contradiction.
        what: &'static str,
    },
    /// The answer is not JSON of the expected shape.
    #[error("the answer cannot be read")]
    Json(#[source] serde_json::Error),
}

/// Why a look-up at cratosd has no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookUpError {
    /// cratosd has no usable answer, or the token or the certificates cannot be used.
    #[error(transparent)]
    Cratos(#[from] cratos_client::Error),
    /// The file of certificates cannot be read. The fault is on this host.
    #[error("the file of certificates cannot be used")]
    Certificates(#[source] io::Error),
    /// The token may look up values, but may not see events. The fault is on this host.
    #[error("the token lacks the permission `context`")]
    NoContext,
    /// A match is about another CVE than the one in the question.
    #[error("the answer makes no sense: a match is no match")]
    Mismatch,
}

impl LookUpError {
    /// Returns whether the token or the certificates of this host cannot be used.
    #[must_use]
    pub const fn is_configuration(&self) -> bool {
        use cratos_client::Error as Cratos;
        matches!(
            self,
            Self::Certificates(_) | Self::Cratos(Cratos::Token(_) | Cratos::Certificates(_) | Cratos::Url(_))
        )
    }
}

impl AskError {
    /// Returns whether the connection failed, so that another attempt may help.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }

    /// Returns whether the server is away, so that other requests will fail, too.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::TooSlow { .. } | Self::Busy)
    }
}

/// Why a run ended before it did anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The client cannot be made from the configuration.
    #[error("the configuration cannot be used")]
    Config(#[source] AskError),
    /// The client for cratosd cannot be made from the configuration.
    #[error("the configuration cannot be used")]
    LookUpConfig(#[source] LookUpError),
    /// Another run is at work, or the lock cannot be taken.
    #[error("this run cannot begin")]
    Lock(#[source] LockError),
    /// The findings cannot be read: nothing was changed.
    #[error("DefectDojo does not give its findings")]
    Findings(#[source] AskError),
    /// There are more findings than the configuration allows.
    #[error("DefectDojo has more than {limit} findings; raise `max_findings`")]
    TooManyFindings {
        /// The limit.
        limit: usize,
    },
    /// No CVE could be looked up: nothing was changed.
    #[error("cratosd does not answer the look-up")]
    LookUp(#[source] LookUpError),
}
