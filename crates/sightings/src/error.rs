//! The errors between a report and its place in the journal.

use std::io;
use std::path::PathBuf;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process works with it.
    #[error("another process keeps its sightings in {}; give each daemon a directory of its own", directory.display())]
    Taken {
        /// The directory.
        directory: PathBuf,
    },
    /// A file in it, or the directory itself, cannot be used.
    #[error("{} cannot be used", path.display())]
    File {
        /// What cannot be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a journal, and stays as it is.
    #[error("{} is no journal of sightings; it is left as it is", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no thread.
    #[error("the system gives no thread for the journal")]
    Thread(#[source] io::Error),
}

/// Why the queue does not take reports. It then keeps no report of the submission.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The journal holds as much as it may.
    #[error("the journal of sightings is full")]
    Full,
    /// This reporter uses its share of the journal.
    #[error("half of the journal of sightings is full with reports of one reporter")]
    ShareUsed,
    /// More submissions arrive than the disk takes.
    #[error("too many reports wait to be written")]
    Busy,
    /// The disk failed, for example because it is full.
    #[error("the journal of sightings cannot be written")]
    Disk(#[source] io::Error),
    /// The queue is closed, since the process ends.
    #[error("the queue of sightings is closed")]
    Closed,
}

impl SubmitError {
    /// Returns a copy, for the other submissions in the same write.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::ShareUsed => Self::ShareUsed,
            Self::Busy => Self::Busy,
            Self::Disk(error) => Self::Disk(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => error.kind().into(),
            }),
            Self::Closed => Self::Closed,
        }
    }
}
