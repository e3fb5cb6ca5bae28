//! One value with its type, as it goes through an exporter.

use crate::IndicatorType;

/// One normalised value of one indicator type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Indicator<'v> {
    /// What the value is.
    pub kind: IndicatorType,
    /// The value in its normal form.
    pub value: &'v str,
}

impl<'v> Indicator<'v> {
    /// Makes an indicator of a value that is in normal form already.
    #[must_use]
    pub const fn new(kind: IndicatorType, value: &'v str) -> Self {
        Self { kind, value }
    }
}
