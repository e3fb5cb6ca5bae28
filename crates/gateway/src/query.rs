//! The part of a target after the question mark, and numbers as texts.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The length of the shortest token in bytes: ours have some 120 or more, those of Cratos FastAPI 100 or more.
const SHORTEST_TOKEN: usize = 100;

/// A query, read as forms are written: `+` is a space, `%41` a byte, and of two values with one name the last counts.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn new(text: Option<&'a str>) -> Self {
        Self(text.unwrap_or_default())
    }

    /// Returns whether the query is long enough to hold a token under any name, for example `?tokn=…`.
    pub(crate) fn may_hold_a_token(self) -> bool {
        self.0.len() >= SHORTEST_TOKEN
    }

    /// Returns the last value with this name; unknown names are ignored, as is a broken percent sign (it stands for
    /// itself).
    pub(crate) fn last(self, name: &str) -> Option<Cow<'a, str>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.rsplit('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (!pair.is_empty() && decoded(key) == name).then(|| decoded(value))
        })
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// Reads a whole number as Cratos FastAPI does: with white space around it, a sign, or zeros behind a point, for
/// example ` +7.0`. A number that is too large becomes the largest one.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => digits,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse().unwrap_or(i64::MAX);
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn last(query: &str, name: &str) -> Option<String> {
        Query::new(Some(query)).last(name).map(Cow::into_owned)
    }

    #[test]
    fn the_last_of_two_counts_and_names_are_case_sensitive() {
        assert_eq!(last("token=a&cache=5&token=b", "token").as_deref(), Some("b"));
        assert_eq!(last("Token=a", "token"), None);
        assert_eq!(last("token=a&token=", "token").as_deref(), Some(""));
        assert_eq!(last("token", "token").as_deref(), Some(""));
        assert_eq!(Query::new(None).last("token"), None);
    }

    #[test]
    fn names_and_values_are_decoded_as_in_forms() {
        assert_eq!(last("t%6Fken=a%3D%3D", "token").as_deref(), Some("a=="));
        assert_eq!(last("x=a+b%2B%", "x").as_deref(), Some("a b+%"));
        assert_eq!(last("x=%ff", "x").as_deref(), Some("\u{fffd}"));
        assert_eq!(last("token=a==", "token").as_deref(), Some("a=="));
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "(.|%|&|=|\\+|%[0-9a-f]{2}){0,60}", name in ".{0,4}") {
            let _ = last(&query, &name);
        }
    }
}
