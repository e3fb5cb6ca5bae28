//! Where the rows of a page go.

use crate::{Attribute, AttributeRow};

/// Takes a row where it lies.
pub(crate) type TakeRow<'t> = dyn FnMut(AttributeRow<'_>) + Send + 't;

/// Where rows go.
pub(crate) enum Target<'o, 't> {
    Attributes(&'o mut Vec<Attribute>),
    Rows { take: &'o mut TakeRow<'t>, count: usize },
}

impl Target<'_, '_> {
    /// Returns the number of rows so far.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Attributes(batch) => batch.len(),
            Self::Rows { count, .. } => *count,
        }
    }
}
