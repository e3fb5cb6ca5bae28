//! One value with its type, as an exporter gets it.

use crate::IndicatorType;

/// One value of one indicator type, in normal form.
///
/// ```
/// use feed_classification::{Indicator, IndicatorType};
///
/// let item = Indicator::new(IndicatorType::Ipv4, "192.0.2.1");
/// assert_eq!((item.kind.as_str(), item.value), ("ipv4", "192.0.2.1"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Indicator<'v> {
    /// The type of the value.
    pub kind: IndicatorType,
    /// The value in its normal form.
    pub value: &'v str,
}

impl<'v> Indicator<'v> {
    /// Makes an indicator of a value that is already in normal form.
    #[must_use]
    pub const fn new(kind: IndicatorType, value: &'v str) -> Self {
        Self { kind, value }
    }
}
