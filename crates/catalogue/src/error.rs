//! Errors of the catalogue.

use thiserror::Error;

/// The reason why the catalogue refused a batch.
///
/// The snapshot of before stays, and every further batch is refused too: the catalogue lacks the events of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// A number exceeds what its place in memory can hold.
    #[error("the mirrored MISP is too large for the catalogue in memory: more {what} than it can number")]
    TooLarge {
        /// The things that are too many, for example `rows of one indicator type`.
        what: &'static str,
    },
    /// A batch before this one was not taken over whole, since its work ended in a panic.
    #[error("an earlier batch failed half-way; the catalogue must be built again")]
    Interrupted,
}

/// The reason why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// An event that the feed may depend on is missing; see [`Snapshot::missing_for`](crate::Snapshot::missing_for).
    #[error("the record of event {id} is damaged and not read again yet, and the feed may depend on it")]
    MissingEvent {
        /// MISP's number of the event.
        id: u64,
    },
    /// The feed would have more values than any consumer takes.
    #[error("the feed would have more than {limit} values")]
    TooManyValues {
        /// The greatest number of values.
        limit: usize,
    },
}

/// Returns the number as it is stored.
pub(crate) fn number(count: usize, what: &'static str) -> Result<u32, CatalogueError> {
    u32::try_from(count).map_err(|_| CatalogueError::TooLarge { what })
}
