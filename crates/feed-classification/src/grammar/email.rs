//! E-mail addresses.

use std::borrow::Cow;

use crate::DropReason;
use crate::grammar::name;
use crate::grammar::text::{is_invisible, is_other};

/// The longest local part in octets (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// Returns an address in lower case with its domain in punycode.
///
/// The local part is lower-cased too, as MISP does: RFC 5321 allows it to be case-sensitive, and no provider treats it
/// so. It may have non-ASCII letters (RFC 6531); quoted local parts and everything with a display name are refused.
pub(crate) fn address(value: &str) -> Result<Cow<'_, str>, DropReason> {
    let (local, domain) = value.split_once('@').ok_or(DropReason::NotAnEmailAddress)?;
    let local = if local.is_ascii() {
        local.to_ascii_lowercase()
    } else {
        local.to_lowercase()
    };
    let well_written = (1..=MAX_LOCAL).contains(&local.len()) && local.chars().all(is_local);
    if !well_written || domain.contains('@') {
        return Err(DropReason::NotAnEmailAddress);
    }
    let address = format!("{local}@{}", name::domain(domain)?);
    Ok(if address == value {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(address)
    })
}

fn is_local(char: char) -> bool {
    if char.is_ascii() {
        char.is_ascii_graphic()
            && !matches!(
                char,
                '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '@' | '[' | '\\' | ']'
            )
    } else {
        !char.is_whitespace() && !is_other(char) && !is_invisible(char) && !matches!(char, '\u{fffd}'..='\u{ffff}')
    }
}
