//! The type of a source's values: that of the feed that was gathered.

use feed_classification::IndicatorType;

use crate::{FeedContents, FeedError};

/// A mistake of a source outside of this crate: values that a feed of this type must not hold.
#[derive(Debug, thiserror::Error)]
#[error("the feed is of type {wanted} and the values are of type {given}")]
struct WrongType {
    wanted: IndicatorType,
    given: IndicatorType,
}

/// Returns the contents if their values have the wanted type.
///
/// # Errors
/// [`FeedError::Internal`] otherwise.
pub(crate) fn of_type(contents: FeedContents, wanted: IndicatorType) -> Result<FeedContents, FeedError> {
    let given = contents.values.kind();
    if wanted == given {
        return Ok(contents);
    }
    Err(FeedError::internal(
        "taking the values of the source",
        WrongType { wanted, given },
    ))
}
