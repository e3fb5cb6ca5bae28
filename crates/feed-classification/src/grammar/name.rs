//! Names of the DNS: domains and host names.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::DropReason;
use crate::grammar::text::is_invisible;

/// The longest name in dotted form without the trailing dot (RFC 1035: 255 octets on the wire).
const MAX_NAME: usize = 253;
/// The longest spelling that is read: as many code points as a name has characters, four bytes each. Punycode takes
/// time with the square of the length.
const MAX_SPELLING: usize = 4 * (MAX_NAME + 1);
/// The longest label (RFC 1035).
const MAX_LABEL: usize = 63;

/// Returns a name in lower case and punycode, without its trailing dot.
///
/// Non-ASCII names go through UTS 46 (non-transitional), as in a browser. ASCII names are only lower-cased: any text
/// that a resolver looks up is a name, also `a--b.example` or a label that begins with `xn--` and decodes to nothing.
///
/// Underscores stay, since `_dmarc.example.org` is a name and `example.org` is another one. A label with a hyphen at an
/// end is dropped although MISP stores it (recordings, fact 33): no host can have it, and resolvers and zone files
/// refuse the whole line, in some cases the whole file.
///
/// Invisible characters make a name invalid. UTS 46 would silently remove most of them; it checks the rest itself,
/// joiners that change the look of neighbouring letters.
pub(crate) fn domain(value: &str) -> Result<Cow<'_, str>, DropReason> {
    if is_usual(value) {
        return Ok(Cow::Borrowed(value));
    }
    let name = any_host(value)?;
    if name.contains('.') {
        Ok(name)
    } else {
        Err(DropReason::SingleLabel)
    }
}

/// Returns whether [`domain`] and [`host`] return this text as it is, by one look at each byte. It is certain of the
/// usual names and knows nothing of others. Outputs check each name of a feed before the first byte is sent, and a
/// look-up reads its value as a host several times.
fn is_usual(value: &str) -> bool {
    let (mut label, mut dots, mut has_letter, mut last) = (0, 0, false, b'.');
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' => (label, has_letter) = (label + 1, true),
            b'0'..=b'9' => label += 1,
            b'-' if label > 0 => label += 1,
            b'.' if is_end(label, last) => (label, dots, has_letter) = (0, dots + 1, false),
            _ => return false,
        }
        last = byte;
    }
    dots > 0 && has_letter && is_end(label, last) && value.len() <= MAX_NAME
}

/// Returns whether a label of this length and with this last byte may end.
fn is_end(label: usize, last: u8) -> bool {
    (1..=MAX_LABEL).contains(&label) && last != b'-'
}

/// Returns the host of a URL in the same form: as [`domain`], and also a single label.
pub(crate) fn host(value: &str) -> Result<Cow<'_, str>, DropReason> {
    if is_usual(value) {
        return Ok(Cow::Borrowed(value));
    }
    any_host(value)
}

/// Returns the same as [`host`], without the quick look.
fn any_host(value: &str) -> Result<Cow<'_, str>, DropReason> {
    if value.len() > MAX_SPELLING {
        return Err(DropReason::NameTooLong);
    }
    let name = ascii(value)?;
    let name = match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
        Cow::Owned(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            Cow::Owned(name)
        }
    };
    check(&name)?;
    Ok(name)
}

/// Converts to lower-case ASCII; the labels are checked afterwards.
fn ascii(value: &str) -> Result<Cow<'_, str>, DropReason> {
    if !value.is_ascii() {
        if value.chars().any(|char| is_invisible(char) && !is_joiner(char)) {
            return Err(DropReason::InvisibleCharacter);
        }
        // Not the list for URLs: other characters than letters, digits, hyphens and underscores are refused below, and
        // a wildcard should be reported as one.
        return Uts46::new()
            .to_ascii(
                value.as_bytes(),
                AsciiDenyList::EMPTY,
                Hyphens::Allow,
                DnsLength::Ignore,
            )
            .map(|name| Cow::Owned(name.to_ascii_lowercase()))
            .map_err(|_| DropReason::NotAName);
    }
    if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(Cow::Owned(value.to_ascii_lowercase()));
    }
    Ok(Cow::Borrowed(value))
}

fn check(name: &str) -> Result<(), DropReason> {
    if name.is_empty() {
        return Err(DropReason::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(DropReason::NameTooLong);
    }
    if name.contains('*') {
        return Err(DropReason::Wildcard);
    }
    if !name.split('.').all(is_label) {
        return Err(DropReason::BadLabel);
    }
    let Some((_, last)) = name.rsplit_once('.') else {
        return Ok(());
    };
    // `192.0.2.1`, and other texts that look like an address to a consumer: no top-level domain is all digits.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DropReason::NotAName);
    }
    Ok(())
}

/// Zero width (non-)joiners, which IDNA permits between letters of some scripts.
fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_quick_look_knows_the_usual_names() {
        for name in ["a.example", "a-b.c1.example", "xn--mnchen-3ya.example", "1.2.x"] {
            assert!(is_usual(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_quick_look_accepts_no_name_that_the_long_one_changes_or_refuses(
            name in "[a-c0-1A_*-]{0,4}(\\.[a-c0-1ä-]{0,3}){0,4}|(a{60,64}\\.){1,4}[a-c]{0,20}",
        ) {
            if is_usual(&name) {
                prop_assert_eq!(any_host(&name), Ok(Cow::Borrowed(&*name)));
                prop_assert!(name.contains('.'));
            }
        }
    }
}
