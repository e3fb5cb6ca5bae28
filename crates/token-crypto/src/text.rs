//! The text of a token and its bytes, in both directions.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The longest text that `open` reads as a token, in bytes.
///
/// An ordinary token has about 165 characters, a legacy one 184 to 230.
pub const MAX_TOKEN_LEN: usize = 2048;

/// Returns the SHA-256 of the token's text as 64 lower-case hexadecimal digits, as `blacklisted_api_tokens` lists it.
///
/// The same token may be spelled in more than one way. For an opened token use
/// [`OpenedToken::fingerprint`](crate::OpenedToken::fingerprint), the digest of its proper spelling.
///
/// ```
/// let digest = token_crypto::token_sha256("abc");
/// assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/// ```
#[must_use]
pub fn token_sha256(token: &str) -> String {
    let digest = Sha256::digest(token);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// A presented text, decoded. A text that is not base64 has bytes too, so that it costs the same work as others.
pub(crate) struct Presented {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) padding: Padding,
    /// The bytes that a lenient decoder finds, for legacy tokens only: the same as `bytes` for a text in proper
    /// spelling, and zeros for a text that no decoder takes.
    pub(crate) lenient: Zeroizing<Vec<u8>>,
}

/// The padding at the end of the base64 text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// None, and the padded form has none either.
    NotNeeded,
    /// None, although the padded form has some.
    Left,
    /// Exactly the `=` that the padded form has.
    Right,
    /// The text is not base64, or has another number of `=`; the bytes are zeros.
    NotBase64,
}

impl Presented {
    /// Decodes base64url, taking `+` and `/` for `-` and `_`, and `%3D` for `=`, as links and forms spell them.
    pub(crate) fn read(token: &str) -> Self {
        let (body, pads) = without_padding(token);
        let mut body = Zeroizing::new(body.to_vec());
        for byte in body.iter_mut() {
            *byte = match *byte {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            };
        }
        let mut bytes = zeros(body.len());
        let decoded = Base64UrlUnpadded::decode(&*body, &mut bytes).is_ok();
        let padding = match (decoded, pads, body.len() % 4) {
            (true, 0, 0) => Padding::NotNeeded,
            (true, 0, _) => Padding::Left,
            (true, 1, 3) | (true, 2, 2) => Padding::Right,
            _ => Padding::NotBase64,
        };
        let lenient = lenient(token);
        if padding == Padding::NotBase64 {
            bytes.fill(0);
            let lenient = lenient.unwrap_or_else(|| zeros(token.len()));
            return Self {
                bytes,
                padding,
                lenient,
            };
        }
        let lenient = bytes.clone();
        Self {
            bytes,
            padding,
            lenient,
        }
    }
}

/// Returns as many zeros as so many characters of base64 have bytes.
fn zeros(characters: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![0; characters * 3 / 4])
}

/// Decodes like Python's `base64.urlsafe_b64decode`, which Cratos FastAPI used: it skips characters that are not
/// base64, and stops after the first complete group with padding.
///
/// Returns `None` for a text that is not ASCII, that ends in the middle of a group, or whose last digit has bits that
/// no encoder sets: of two spellings of the same bytes only the proper one counts.
fn lenient(token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(token.len()));
    let (mut group, mut digits, mut pads) = (0_u32, 0_u32, 0_u32);
    for byte in token.bytes() {
        if byte == b'=' {
            pads += 1;
            if digits >= 2 && digits + pads >= 4 {
                break;
            }
            continue;
        }
        let Some(digit) = digit(byte) else {
            // Skipped if it is ASCII.
            byte.is_ascii().then_some(())?;
            continue;
        };
        pads = 0;
        group = group << 6 | digit;
        digits += 1;
        if digits == 4 {
            let [_, whole @ ..] = group.to_be_bytes();
            bytes.extend_from_slice(&whole);
            (group, digits) = (0, 0);
        }
    }
    match (digits, pads) {
        (0, _) => {}
        (2, 2..) if group & 0xF == 0 => {
            let [.., last] = (group >> 4).to_be_bytes();
            bytes.push(last);
        }
        (3, 1..) if group & 0x3 == 0 => {
            let [.., first, last] = (group >> 2).to_be_bytes();
            bytes.extend_from_slice(&[first, last]);
        }
        _ => return None,
    }
    Some(bytes)
}

/// Returns the value of a base64 digit in either alphabet.
fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// Returns the one spelling of a token of version 1.
pub(crate) fn unpadded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Returns the proper spelling of a legacy token.
#[cfg(any(test, feature = "legacy-tokens"))]
pub(crate) fn padded(bytes: &[u8]) -> String {
    base64ct::Base64Url::encode_string(bytes)
}

/// Cuts off `=` and `%3D`: at most three, one more than base64 ever has.
fn without_padding(token: &str) -> (&[u8], usize) {
    let mut body = token.as_bytes();
    let mut pads = 0;
    while let Some(rest) = [&b"="[..], b"%3D", b"%3d"]
        .iter()
        .find_map(|pad| body.strip_suffix(*pad))
        && pads < 3
    {
        (body, pads) = (rest, pads + 1);
    }
    (body, pads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_the_text_in_lower_case() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(token_sha256("abc"), expected);
    }

    #[test]
    fn spellings_of_one_token_have_the_same_bytes() {
        for text in ["-_-_8A==", "+/+/8A==", "-_+/8A%3D%3D", "-_-_8A=%3d"] {
            let presented = Presented::read(text);
            assert!(presented.padding == Padding::Right, "{text}");
            assert_eq!(padded(&presented.bytes), "-_-_8A==");
        }
        assert!(Presented::read("-_-_8A").padding == Padding::Left);
        assert!(Presented::read("-_-_").padding == Padding::NotNeeded);
    }

    #[test]
    fn the_lenient_decoder_skips_the_same_characters_as_python() {
        let decoded = |text: &str| lenient(text).map(|bytes| bytes.to_vec());
        let (one, two, three) = (Some(b"f".to_vec()), Some(b"fo".to_vec()), Some(b"foo".to_vec()));
        for (text, bytes) in [
            ("Zg==", &one),
            ("\"Zg==\"", &one),
            ("Zg===", &one),
            ("Zg==/x", &one),
            ("Z!g=\0=", &one),
            ("Zm8=", &two),
            ("Zm8=/", &two),
            ("Zm8=:x", &two),
            ("'Zm9v'", &three),
            ("Zm9v=", &three),
            ("Zm9v==", &three),
            ("Z=m9v", &three),
        ] {
            assert_eq!(decoded(text), *bytes, "{text}");
        }
        for text in ["Zg", "Zg=", "Zm8", "Zm9vx", "Zm9v/", "Zh==", "Zm9=", "\u{e9}Zg=="] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_base64() {
        for text in [
            "!!!!", "A", "AAAAA", "AA=", "AAA==", "AAAA=", "AA===", "====", "AA==A", "A B=", "é", "AB==", "AA\n==",
        ] {
            assert!(Presented::read(text).padding == Padding::NotBase64, "{text}");
        }
    }
}
