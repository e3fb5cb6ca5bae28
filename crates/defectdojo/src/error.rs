//! Why something cannot be done, and whose fault it is.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use state_file::LockError;

/// Why a question to DefectDojo or cratosd has no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The key or token cannot be read: ours.
    #[error("the secret in {} cannot be read", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificates in the configuration cannot be used: ours.
    #[error("the certificates cannot be used")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no connection, or it broke: the network's or the server's.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server does not answer in time.
    #[error("no answer within {} s", after.as_secs())]
    TooSlow {
        /// How long it was waited for.
        after: Duration,
    },
    /// The answer is larger than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server does not accept the key or token, or does not let it do this: ours.
    #[error("the key or token is refused ({status})")]
    Refused {
        /// 401 or 403.
        status: u16,
    },
    /// The server asks for patience, more often than there is.
    #[error("the server still asks to wait (429)")]
    Busy,
    /// The server answers with a status that it should not.
    #[error("the server answers with the status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer is not of the shape that was agreed upon.
    #[error("the answer makes no sense: {what}")]
    Nonsense {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The answer is not the JSON that was agreed upon.
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
    /// Returns whether it is about the connection, so that asking again may help.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }

    /// Returns whether the server itself is away, so that other questions will not be answered either.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::TooSlow { .. } | Self::Busy)
    }
}

/// Why a run ended without having done anything.
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
