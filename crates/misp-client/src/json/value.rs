//! One value of JSON at the beginning of some bytes.

use serde::de::DeserializeOwned;

/// Why a document is not the expected list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SplitError {
    /// It ended before it was whole.
    CutShort,
    /// It breaks the grammar of JSON, `at` this byte of the document at the earliest.
    NotJson { at: u64 },
    /// It is JSON, but of another shape.
    Shape(&'static str),
    /// One element is larger than the bound.
    TooLarge,
}

/// Reads the value that begins at the first byte, with its length; none when the bytes end before it does.
pub(super) fn value_at<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(T, usize)>, SplitError> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok(Some((value, values.byte_offset()))),
        Some(Err(error)) if error.is_eof() => Ok(None),
        // A number that is cut behind its sign, point or exponent is a bad number to serde, not an end.
        Some(Err(_)) if matches!(bytes.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E')) => Ok(None),
        Some(Err(_)) => Err(SplitError::NotJson { at: 0 }),
        None => Ok(None),
    }
}
