//! The body of a request, bounded in size and time.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{HeaderMap, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::reject::Reject;

/// The longest time in which a body may arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request, from any server.
pub(crate) struct RequestBody(Mutex<UnsyncBoxBody<Bytes, Lost>>);

/// The rest of the body does not arrive. The caller gets 408 for every reason.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct Lost;

impl RequestBody {
    /// Boxes a body. Nothing of it is read yet.
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
    {
        let whole = body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())));
        // Futures of routes hold requests by reference, so a request must be `Sync`. Many bodies are not. No thread
        // ever waits for this lock.
        Self(Mutex::new(whole.map_err(|_| Lost).boxed_unsync()))
    }

    fn into_inner(self) -> UnsyncBoxBody<Bytes, Lost> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}

/// Returns the whole body without a byte order mark. UTF-16 with a mark becomes UTF-8, since Windows PowerShell writes
/// files in UTF-16.
///
/// # Errors
/// 415 for a compressed body, 413 for one of more than `max_bytes`, 408 for one that does not arrive completely within
/// 10 s.
pub(crate) async fn read(headers: &HeaderMap, body: RequestBody, max_bytes: usize) -> Result<Bytes, Reject> {
    if is_encoded(headers) {
        return Err(Reject::EncodedBody);
    }
    match tokio::time::timeout(TIMEOUT, Limited::new(body.into_inner(), max_bytes).collect()).await {
        Ok(Ok(body)) => Ok(without_mark(body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Reject::BodyTooLarge),
        Ok(Err(_)) | Err(_) => Err(Reject::BodyIncomplete),
    }
}

/// Returns whether the body is compressed: every coding but `identity` counts.
fn is_encoded(headers: &HeaderMap) -> bool {
    let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|coding| !is_plain(coding.trim_ascii()))
}

fn without_mark(body: Bytes) -> Bytes {
    match *body {
        [0xEF, 0xBB, 0xBF, ..] => body.slice(3..),
        [0xFF, 0xFE, ref rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, ref rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        _ => body,
    }
}

/// Returns the text as UTF-8. It has at most one and a half times the bytes of the input.
fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Bytes {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text: String = char::decode_utf16(units)
        .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_body() {
        let read = |bytes: &[u8]| without_mark(Bytes::copy_from_slice(bytes));
        assert_eq!(read(b"\xEF\xBB\xBF{}"), "{}");
        assert_eq!(read(b"\xFF\xFE{\0}\0"), "{}");
        assert_eq!(read(b"\xFE\xFF\0{\0}"), "{}");
        assert_eq!(read(b"\xFF\xFE\x3D\xD8\x00\xDE"), "\u{1F600}");
        assert_eq!(read(b"\xFF\xFE{\0}"), "{\u{FFFD}");
        for plain in [&b""[..], b"{}", b"\xEF\xBB", b"\xFF", b"{\xEF\xBB\xBF}"] {
            assert_eq!(read(plain), plain);
        }
    }

    #[test]
    fn every_coding_but_identity_is_one_that_we_do_not_take() {
        let is_encoded = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            is_encoded(&headers)
        };
        assert!(!is_encoded(&[]) && !is_encoded(&["identity"]) && !is_encoded(&["", "Identity, identity"]));
        assert!(is_encoded(&["gzip"]) && is_encoded(&["identity, br"]) && is_encoded(&["identity", "x"]));
    }
}
