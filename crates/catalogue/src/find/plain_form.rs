//! The plain form of a defanged value, for example of `hxxp://evil[.]example`.

use std::borrow::Cow;

/// The texts in brackets that stand for a mark, and the mark.
const MARKS: &[(&str, &str)] = &[
    (".", "."),
    ("dot", "."),
    (":", ":"),
    ("://", "://"),
    ("/", "/"),
    ("@", "@"),
    ("at", "@"),
];

const BRACKETS: &[(char, char)] = &[('[', ']'), ('(', ')'), ('{', '}')];

/// Returns the plain form of a value: marks without their brackets (`[.]`, `(.)`, `[:]`, `[at]`, `[dot]` and the like),
/// `http` for `hxxp`. Any other text comes back as it is.
///
/// For look-ups only: values of MISP or of a report are never changed.
pub(super) fn refanged(text: &str) -> Cow<'_, str> {
    let plain = without_brackets(text);
    match with_scheme(&plain) {
        Some(whole) => Cow::Owned(whole),
        None => plain,
    }
}

fn without_brackets(text: &str) -> Cow<'_, str> {
    let mut plain = String::new();
    let (mut rest, mut is_changed) = (text, false);
    while let Some(at) = rest.find(['[', '(', '{']) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        rest = match mark_at(from) {
            Some((mark, after)) => {
                plain.push_str(mark);
                is_changed = true;
                after
            }
            None => {
                let mut chars = from.chars();
                plain.extend(chars.next());
                chars.as_str()
            }
        };
    }
    plain.push_str(rest);
    if is_changed {
        Cow::Owned(plain)
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns the mark in brackets at the beginning of a text, and the rest.
fn mark_at(text: &str) -> Option<(&'static str, &str)> {
    BRACKETS.iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(*open)?;
        MARKS.iter().find_map(|(written, mark)| {
            let (head, after) = inside.split_at_checked(written.len())?;
            let after = after.strip_prefix(*close)?;
            head.eq_ignore_ascii_case(written).then_some((*mark, after))
        })
    })
}

/// Returns a URL with its scheme instead of `hxxp` or `hxxps`.
fn with_scheme(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim_start().split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "hxxp" => "http",
        "hxxps" => "https",
        _ => return None,
    };
    Some(format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_defanged_value_is_refanged() {
        for (text, plain) in [
            ("hxxp://evil[.]example/x", "http://evil.example/x"),
            ("hXXps[:]//www(.)evil[.]example:8443/", "https://www.evil.example:8443/"),
            ("hxxp[://]evil{.}example", "http://evil.example"),
            ("user[at]evil[dot]example", "user@evil.example"),
            ("user(@)evil.example", "user@evil.example"),
            ("192.0.2[.]1", "192.0.2.1"),
            ("2001[:]db8[:][:]1", "2001:db8::1"),
            ("[[.]", "[."),
        ] {
            assert_eq!(refanged(text), plain, "{text}");
        }
    }

    #[test]
    fn any_other_text_stays_as_it_is() {
        for text in [
            "http://evil.example/(x)[y]",
            "http://[2001:db8::1]/",
            "hxxp",
            "hxxpx://evil.example",
            "[at",
            "[ä]",
            "",
        ] {
            assert!(matches!(refanged(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\](){}.:@/atdoxph ä]{0,40}") {
            let _ = refanged(&text);
        }
    }
}
