//! Values that a search looks for, and whether a row has one of them.

use std::net::Ipv6Addr;

use crate::{Error, ErrorKind};

/// The longest value, in bytes: the data base compares no more.
const MAX_BYTES: usize = 64 << 10;

/// A value as MISP looks for it: in either half of a composite, without regard to case, with `%` for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchValue {
    text: String,
    folded: String,
}

impl SearchValue {
    pub(crate) fn new(text: String) -> Result<Self, Error> {
        let misread = text.starts_with('!')
            || text.contains("||")
            || text.chars().all(|c| c.is_whitespace() || c == '%')
            || text.len() > MAX_BYTES;
        if misread {
            // The value is not in the message: values are what analysts look for.
            let detail =
                "a value must have a character beside spaces and `%`, no leading `!`, no `||`, and at most 64 KiB";
            return Err(Error::new(ErrorKind::InvalidSearch).with_detail(detail));
        }
        let folded = fold(&text);
        Ok(Self { text, folded })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether a row with this value can be an answer.
    ///
    /// The data base compares some letters beyond ASCII as equal, such as `ä` and `a`; where one side has any, every
    /// row may be an answer.
    pub(crate) fn admits(&self, value: &str) -> bool {
        if !self.text.is_ascii() || !value.is_ascii() {
            return true;
        }
        let is_this = |part: &str| {
            let part = fold(part);
            if self.text.contains('%') {
                like(self.folded.as_bytes(), part.as_bytes())
            } else {
                part == self.folded
            }
        };
        is_this(value)
            || value
                .split_once('|')
                .is_some_and(|(first, second)| is_this(first) || is_this(second))
    }
}

/// Returns the text as the data base compares it: lower case, without spaces at its ends, IPv6 compressed.
fn fold(text: &str) -> String {
    let text = text.trim();
    match text.parse::<Ipv6Addr>() {
        Ok(address) => address.to_string(),
        Err(_) => text.to_ascii_lowercase(),
    }
}

/// Matches as SQL does: `%` stands for any characters, `_` for one. Linear in each pair of `%`, without recursion.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some(b'%'), _) => {
                back = Some((p, t));
                p += 1;
            }
            (Some(wanted), Some(found)) if *wanted == b'_' || wanted == found => (p, t) = (p + 1, t + 1),
            _ => match back {
                // The `%` again, for one character more.
                Some((star, from)) => (p, t) = (star, from + 1),
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(wanted: &str, value: &str) -> bool {
        SearchValue::new(wanted.to_owned()).unwrap().admits(value)
    }

    #[test]
    fn either_half_of_a_composite_is_an_answer_whatever_its_case() {
        assert!(admits("192.0.2.67", "dup3.example.com|192.0.2.67"));
        assert!(admits("DUP3.example.com", "dup3.example.com|192.0.2.67"));
        assert!(admits("2001:DB8:0:0::ff", "2001:db8::ff"));
        assert!(admits("a.example.com", "a.example.com"));
        assert!(!admits("192.0.2.6", "192.0.2.67"));
        assert!(!admits("example.com", "a.example.com"));
    }

    #[test]
    fn percent_stands_for_any_characters() {
        for (pattern, value, is_answer) in [
            ("%m5%.example.com", "m5a.example.com", true),
            ("https://x/%20a", "https://x/%20a", true),
            ("a%", "b", false),
            ("%a", "bab", false),
            ("%ab%ab", "abab", true),
            ("a_c%", "abcd", true),
        ] {
            assert_eq!(admits(pattern, value), is_answer, "{pattern} {value}");
        }
    }

    #[test]
    fn letters_that_the_data_base_may_take_for_others_are_not_judged() {
        assert!(admits("b\u{fc}cher.example", "bucher.example"));
    }

    #[test]
    fn value_that_misp_would_take_for_no_filter_is_refused() {
        for text in ["", " ", "%", "!a.example.com", "a||b"] {
            assert_eq!(
                SearchValue::new(text.to_owned()).unwrap_err().kind(),
                ErrorKind::InvalidSearch,
                "{text:?}"
            );
        }
        assert!(SearchValue::new("x".repeat(MAX_BYTES + 1)).is_err());
        assert!(SearchValue::new("rule x {\n}".to_owned()).is_ok());
    }
}
