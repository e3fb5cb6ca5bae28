//! Readers of whole keys, for the rows of [`keys!`](crate::keys).
//!
//! Each function returns a reader. The reader takes the key's value, or its default from the row, and reports problems.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use crate::{Item, Scalar, Section, Wrong, value};

/// Returns a reader of one value, which has a default.
pub fn one<T>(read: impl Fn(&Scalar) -> Result<T, Wrong>) -> impl FnOnce(&mut Section<'_>, &'static str) -> T {
    move |section, key| section.value_or_default(key, read)
}

/// Returns a reader of one value that may be absent.
pub fn optional<T>(
    read: impl Fn(&Scalar) -> Result<T, Wrong>,
) -> impl FnOnce(&mut Section<'_>, &'static str) -> Option<T> {
    move |section, key| section.value(key, read)
}

/// Returns a reader of a list.
pub fn list<T>(
    read: impl Fn(&Scalar) -> Result<Item<T>, Wrong>,
) -> impl FnOnce(&mut Section<'_>, &'static str) -> Vec<T> {
    move |section, key| section.list_or_default(key, read)
}

/// Returns a reader of `True` and `False`, and of the other words that YAML 1.1 has for them.
pub fn yes_no() -> impl FnOnce(&mut Section<'_>, &'static str) -> bool {
    one(value::yes_no)
}

/// Returns a reader of a line of text, which may be empty.
pub fn text() -> impl FnOnce(&mut Section<'_>, &'static str) -> String {
    one(value::text)
}

/// Returns a reader of a whole number from `low` to `high`.
pub fn number<N: Whole>(low: u64, high: u64) -> impl FnOnce(&mut Section<'_>, &'static str) -> N {
    one(move |scalar| {
        let number = value::number(scalar, low, high)?;
        N::from_whole(number)
            .ok_or_else(|| Wrong::new("is out of range", format!("write a number from {low} to {high}")))
    })
}

/// Returns a reader of a number of seconds without a unit, from `low` to `high`.
pub fn seconds(low: u64, high: u64) -> impl FnOnce(&mut Section<'_>, &'static str) -> Duration {
    one(move |scalar| value::number(scalar, low, high).map(Duration::from_secs))
}

/// Returns a reader of a duration with its unit, such as `90s` or `7d`.
pub fn duration(shortest: Duration, longest: Duration) -> impl FnOnce(&mut Section<'_>, &'static str) -> Duration {
    one(move |scalar| value::duration(scalar, shortest, longest))
}

/// Returns a reader of a number of bytes, also with `KiB`, `MiB` or `GiB`.
pub fn size(low: u64, high: u64) -> impl FnOnce(&mut Section<'_>, &'static str) -> u64 {
    one(move |scalar| value::size(scalar, low, high))
}

/// The types that [`number`] reads.
pub trait Whole: Sized {
    /// Returns the number, if the type can hold it.
    fn from_whole(number: u64) -> Option<Self>;
}

macro_rules! whole {
    ($($type:ty),*) => {$(
        impl Whole for $type {
            fn from_whole(number: u64) -> Option<Self> {
                Self::try_from(number).ok()
            }
        }
    )*};
}

whole!(u16, u32, u64, usize);

impl Whole for NonZeroU32 {
    fn from_whole(number: u64) -> Option<Self> {
        u32::from_whole(number).and_then(Self::new)
    }
}

impl Whole for NonZeroUsize {
    fn from_whole(number: u64) -> Option<Self> {
        usize::from_whole(number).and_then(Self::new)
    }
}
