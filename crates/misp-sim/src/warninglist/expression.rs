//! An entry of a `regex` list: an expression as PHP writes it, with delimiters and modifiers.

use fancy_regex::{Regex, RegexBuilder};

/// An expression. It may look ahead and behind and refer back, as PHP's can.
#[derive(Debug)]
pub(super) struct Expression {
    text: String,
    regex: Regex,
}

impl Expression {
    /// Reads it; none for one that PHP refuses, which MISP passes over.
    pub(super) fn of(text: &str) -> Option<Self> {
        let written = text.trim_start();
        let open = written
            .chars()
            .next()
            .filter(|first| first.is_ascii_punctuation() && *first != '\\')?;
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            same => same,
        };
        let (pattern, modifiers) = written.strip_prefix(open)?.rsplit_once(close)?;
        let flags: String = modifiers
            .chars()
            .filter(|modifier| "imsx".contains(*modifier))
            .collect();
        if !modifiers.chars().all(|modifier| "imsxuUDSXA".contains(modifier)) {
            return None;
        }
        let pattern = if flags.is_empty() {
            pattern.to_owned()
        } else {
            format!("(?{flags}){pattern}")
        };
        let regex = RegexBuilder::new(&pattern).backtrack_limit(100_000).build().ok()?;
        Some(Self {
            text: text.to_owned(),
            regex,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether it matches; one that backtracks too long does not, as in PHP.
    pub(super) fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn php_forms_are_understood() {
        for (text, value, want) in [
            ("/^a+$/", "aaa", true),
            ("/^a+$/i", "AAA", true),
            ("#^https?://#", "http://a", true),
            ("{^a{2}$}", "aa", true),
            (r"/^(?!b).+$/", "abc", true),
            (r"/^(?!b).+$/", "bcd", false),
            (r"/(.)\1/", "abba", true),
        ] {
            assert_eq!(Expression::of(text).unwrap().matches(value), want, "{text} {value}");
        }
    }

    #[test]
    fn what_php_refuses_is_passed_over() {
        for text in ["", "abc", "/a", "/a/g", "/(a/"] {
            assert!(Expression::of(text).is_none(), "{text}");
        }
    }
}
