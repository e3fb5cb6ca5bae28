//! Why a look at MISP failed. The mirror keeps its events then.

use std::error::Error as StdError;

use misp_client::ErrorKind;

use crate::StoreError;
use crate::distrust::Distrusted;

/// Why a look at MISP failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    #[error(transparent)]
    Misp(#[from] misp_client::Error),
    #[error("the mirror's store failed")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Distrusted(#[from] Distrusted),
    #[error("MISP has more than {limit} attributes for the mirror; raise the limit, or mirror fewer attribute types")]
    TooLarge { limit: u64 },
    #[error("a task of the mirror was cancelled")]
    Cancelled,
}

impl FollowError {
    /// Returns whether MISP does not take the key.
    pub(crate) fn is_refused_key(&self) -> bool {
        matches!(self, Self::Misp(error) if error.kind() == ErrorKind::KeyRefused)
    }

    /// Returns whether MISP was not asked, since it did not answer before.
    pub(crate) fn is_suspended(&self) -> bool {
        matches!(self, Self::Misp(error) if error.kind() == ErrorKind::Suspended)
    }

    /// Returns the error with its causes, in one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
