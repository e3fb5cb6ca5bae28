//! A path, cut at its slashes and decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::template::LONGEST;

/// The longest path that is served: the longest template, two parts for a token in front of it, and an empty one for a
/// slash at the end.
const MAX_PARTS: usize = LONGEST + 3;

/// The parts of a path, each percent-decoded after the cut, so that `%2F` inside a part is a character and no
/// separator.
#[derive(Debug)]
pub(crate) struct Segments<'a> {
    parts: Vec<Cow<'a, str>>,
    trailing_slash: bool,
}

impl<'a> Segments<'a> {
    /// Cuts a path. An empty part at the end is left out, and [`has_trailing_slash`](Self::has_trailing_slash) reports
    /// it.
    ///
    /// Returns `None` for a path without a slash in front, with too many parts, with a `%` without two hexadecimal
    /// digits, or with bytes that are not UTF-8.
    pub(crate) fn split(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix('/')?;
        let mut parts = Vec::new();
        for part in rest.split('/') {
            if parts.len() == MAX_PARTS {
                return None;
            }
            parts.push(decoded(part)?);
        }
        // `//` does not mean `/`: without its last slash, the redirect would have an empty path.
        let trailing_slash = match parts.as_slice() {
            [first, .., last] => last.is_empty() && (parts.len() > 2 || !first.is_empty()),
            _ => false,
        };
        if trailing_slash {
            parts.pop();
        }
        Some(Self { parts, trailing_slash })
    }

    /// Takes the token out of `/t/{token}/v1/…`, so that the path goes on as if it began with `/v1`.
    pub(crate) fn take_token(&mut self) -> Option<Cow<'a, str>> {
        match self.parts.as_slice() {
            [t, token, v1, ..] if t == "t" && v1 == "v1" && !token.is_empty() => {}
            _ => return None,
        }
        self.parts.drain(..2).nth(1)
    }

    /// Returns the parts, decoded.
    pub(crate) fn parts(&self) -> &[Cow<'a, str>] {
        &self.parts
    }

    /// Returns whether the path ended in a slash (the path `/` does not count).
    pub(crate) fn has_trailing_slash(&self) -> bool {
        self.trailing_slash
    }
}

fn decoded(part: &str) -> Option<Cow<'_, str>> {
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        let is_hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
        if byte == b'%' && !(is_hex(bytes.next()) && is_hex(bytes.next())) {
            return None;
        }
    }
    percent_decode_str(part).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(path: &str) -> Option<Vec<String>> {
        Segments::split(path).map(|segments| segments.parts().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn parts_are_decoded_after_the_cut() {
        assert_eq!(split("/v1/%73tatus").unwrap(), ["v1", "status"]);
        assert_eq!(split("/a%2Fb/c").unwrap(), ["a/b", "c"]);
        assert_eq!(split("/%C3%A6").unwrap(), ["æ"]);
        assert_eq!(split("/a+b").unwrap(), ["a+b"]);
    }

    #[test]
    fn broken_percent_signs_and_bytes_that_are_not_utf8_are_no_path() {
        for path in ["/%", "/%4", "/%zz", "/a/%ff", "/%C3", "*", "", "v1/status"] {
            assert!(split(path).is_none(), "{path}");
        }
    }

    #[test]
    fn one_slash_at_the_end_is_remembered_and_further_ones_are_parts() {
        let segments = Segments::split("/v1/status/").unwrap();
        assert!(segments.has_trailing_slash());
        assert_eq!(segments.parts(), ["v1", "status"]);
        assert!(!Segments::split("/").unwrap().has_trailing_slash());
        assert_eq!(split("/v1/status//").unwrap(), ["v1", "status", ""]);
        assert_eq!(split("//v1").unwrap(), ["", "v1"]);
        assert_eq!(split("//").unwrap(), ["", ""]);
    }

    #[test]
    fn token_in_front_is_taken_out() {
        let mut segments = Segments::split("/t/abc%3D/v1/check").unwrap();
        assert_eq!(segments.take_token().unwrap(), "abc=");
        assert_eq!(segments.parts(), ["v1", "check"]);
        for path in [
            "/t/abc",
            "/t//v1/check",
            "/t/abc/healthz",
            "/T/abc/v1/check",
            "/v1/check",
        ] {
            assert_eq!(Segments::split(path).unwrap().take_token(), None, "{path}");
        }
    }

    #[test]
    fn a_path_of_too_many_parts_ends_early() {
        assert!(split(&"/a".repeat(1_000)).is_none());
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in ".*", tail in "(/(%[0-9a-fA-F]{0,2}|[a-z1]{0,4}|.){0,5}){0,15}") {
            for path in [path, tail] {
                if let Some(mut segments) = Segments::split(&path) {
                    let _ = segments.take_token();
                    prop_assert!(segments.parts().len() <= MAX_PARTS);
                }
            }
        }
    }
}
