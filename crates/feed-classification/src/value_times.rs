//! When the values of a set were changed.

/// The time of each value of an [`IndicatorSet`](crate::IndicatorSet), in the order of the set: when the newest of its
/// attributes changed, in unix seconds from 0 to 2^32 − 1 (the year 2106). It costs four bytes a value.
///
/// ```
/// use feed_classification::{IndicatorSetBuilder, IndicatorType};
///
/// let mut builder = IndicatorSetBuilder::timed(IndicatorType::Domain);
/// for (value, time) in [("b.example", 20), ("a.example", 10), ("b.example", 15)] {
///     builder.push_at(value, time);
/// }
/// let (set, times) = builder.finish_timed();
/// assert!(set.iter().eq(["a.example", "b.example"]));
/// assert!(times.unwrap().iter().eq([10, 20]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueTimes(Box<[u32]>);

impl ValueTimes {
    /// Returns the times in this order.
    #[must_use]
    pub fn new(seconds: Vec<u32>) -> Self {
        Self(seconds.into_boxed_slice())
    }

    /// Returns the number of times.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the times in the order of the values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        self.0.iter().map(|seconds| i64::from(*seconds))
    }

    pub(crate) fn seconds(&self) -> &[u32] {
        &self.0
    }

    /// Returns the memory that the times take, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}
