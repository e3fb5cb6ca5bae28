//! The elements of a list, and those who take them.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::value::{SplitError, value_at};

/// An element of a list in an answer.
pub(crate) trait Row: Sized {
    /// The shape on the wire.
    type Raw: DeserializeOwned;

    /// Makes the row; none when a required field is missing.
    fn from_raw(raw: Self::Raw) -> Option<Self>;

    /// Makes the row out of an element that is JSON but not of that shape, for example because of a lone surrogate in a
    /// text that the row can do without; none by default.
    fn from_odd(_element: &[u8]) -> Option<Self> {
        None
    }
}

/// What an element of the list is.
pub(crate) enum Element {
    /// It has so many bytes and was taken.
    Taken(usize),
    /// It is JSON of so many bytes, and cannot be used.
    Unusable(usize),
    /// The bytes end before it does.
    Unfinished,
}

/// Takes the elements of the list one by one.
pub(crate) trait Elements {
    /// Looks at the element that begins at the first byte.
    fn next(&mut self, bytes: &[u8]) -> Result<Element, SplitError>;
}

/// Collects the rows.
impl<T: Row> Elements for Vec<T> {
    fn next(&mut self, bytes: &[u8]) -> Result<Element, SplitError> {
        let (row, length) = match value_at::<T::Raw>(bytes) {
            Ok(None) => return Ok(Element::Unfinished),
            Ok(Some((raw, length))) => (T::from_raw(raw), length),
            // Either it is not JSON, or it is and cannot be held: a lone surrogate, a field of an impossible shape.
            Err(_) => match value_at::<IgnoredAny>(bytes)? {
                None => return Ok(Element::Unfinished),
                Some((IgnoredAny, length)) => (bytes.get(..length).and_then(T::from_odd), length),
            },
        };
        Ok(match row {
            Some(row) => {
                self.push(row);
                Element::Taken(length)
            }
            None => Element::Unusable(length),
        })
    }
}
