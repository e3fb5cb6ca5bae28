//! Names of feeds, types and outputs: one byte for a name in these tables, spelled out for all others.
//!
//! On the wire: a count, then per name its code, or [`SPELLED_OUT`], a length and the name. The tables are part of the
//! wire format: **append only**. Never remove, move or reuse a line; a name that goes out of use keeps its code.

use std::collections::BTreeSet;

use super::{Reader, write_text};
use crate::{Allowed, SealError};

/// Names per list.
const MAX_NAMES: usize = 64;
const MAX_NAME_LEN: usize = 64;
/// The code in front of a name that is spelled out.
const SPELLED_OUT: u8 = 0;

/// One list of the scope and its one-byte codes: the position in `known`, counted from 1.
#[derive(Clone, Copy)]
pub(super) struct Table {
    list: &'static str,
    known: &'static [&'static str],
}

pub(super) const FEEDS: Table = Table {
    list: "feeds",
    known: &[
        "incident", "alert", "block", "hunt", "cust1", "cust2", "cust3", "cust4", "cust5", "any", "42",
    ],
};

pub(super) const TYPES: Table = Table {
    list: "types",
    known: &[
        "ipv4ext",
        "ipv4",
        "ipv6",
        "cidr4",
        "domain",
        "hostname",
        "url",
        "file-md5",
        "file-sha1",
        "file-sha256",
        "mutex",
        "snort",
        "yara",
        "sigma",
        "x509-fingerprint-md5",
        "x509-fingerprint-sha1",
        "x509-fingerprint-sha256",
        "email-address",
        "email-subject",
        "email-attachment",
        "vulnerability",
        "ja3",
        "hassh-md5",
        "hasshserver-md5",
        "imphash",
        "crypto-currency",
        "cidr6",
        "ipv6ext",
        "ip",
        "ja4",
        "filename",
        "user-agent",
    ],
};

pub(super) const OUTPUTS: Table = Table {
    list: "outputs",
    known: &["txt", "json", "xml", "yaml", "b64", "paloalto", "cisco"],
};

/// Writes the list, or nothing if it allows all.
pub(super) fn write(out: &mut Vec<u8>, table: Table, allowed: &Allowed) -> Result<(), SealError> {
    let Allowed::Only(names) = allowed else {
        return Ok(());
    };
    let too_many = || SealError::TooMany {
        list: table.list,
        max: MAX_NAMES,
    };
    let count = u8::try_from(names.len())
        .ok()
        .filter(|_| names.len() <= MAX_NAMES)
        .ok_or_else(too_many)?;
    out.push(count);
    for name in names {
        if let Some(code) = code(table, name) {
            out.push(code);
        } else {
            let refusal = SealError::Name { list: table.list };
            if !is_name(name) {
                return Err(refusal);
            }
            out.push(SPELLED_OUT);
            write_text(out, name).ok_or(refusal)?;
        }
    }
    Ok(())
}

/// Reads the list if the token has one. A repeated name and an unknown code are refused.
pub(super) fn read(from: &mut Reader<'_>, table: Table, listed: bool) -> Option<Allowed> {
    if !listed {
        return Some(Allowed::All);
    }
    let count = usize::from(from.byte()?);
    if count > MAX_NAMES {
        return None;
    }
    let mut names = BTreeSet::new();
    for _ in 0..count {
        let name = match from.byte()? {
            SPELLED_OUT => from.text().filter(|name| is_name(name))?,
            code => table.known.get(usize::from(code) - 1)?,
        };
        names.insert(name.to_owned()).then_some(())?;
    }
    Some(Allowed::Only(names))
}

fn code(table: Table, name: &str) -> Option<u8> {
    let position = table.known.iter().position(|known| *known == name)?;
    u8::try_from(position + 1).ok()
}

fn is_name(name: &str) -> bool {
    let of_letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    (1..=MAX_NAME_LEN).contains(&name.len()) && of_letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_names_and_have_no_name_twice() {
        for table in [FEEDS, TYPES, OUTPUTS] {
            assert!(table.known.iter().all(|name| is_name(name)), "{}", table.list);
            let unique: BTreeSet<_> = table.known.iter().collect();
            assert_eq!(unique.len(), table.known.len(), "{}", table.list);
            assert!(table.known.len() < 256, "{}", table.list);
        }
    }

    /// Tokens in use hold these codes: a failure here means that a table was changed other than at its end.
    #[test]
    fn codes_never_move() {
        assert_eq!((code(FEEDS, "incident"), code(FEEDS, "42")), (Some(1), Some(11)));
        assert_eq!((code(TYPES, "ipv4ext"), code(TYPES, "user-agent")), (Some(1), Some(32)));
        assert_eq!((code(OUTPUTS, "txt"), code(OUTPUTS, "cisco")), (Some(1), Some(7)));
    }

    #[test]
    fn a_name_that_later_got_a_code_still_reads_spelled_out() {
        let bytes = b"\x01\x00\x05block";
        let allowed = read(&mut Reader(bytes), FEEDS, true);
        assert_eq!(allowed, Some(Allowed::only(["block"])));
    }

    #[test]
    fn doubles_unknown_codes_and_foreign_characters_are_refused() {
        for bytes in [
            &b"\x02\x03\x03"[..],
            b"\x02\x03\x00\x05block",
            b"\x01\xFF",
            b"\x01\x00\x00",
            b"\x01\x00\x01/",
            b"\x41",
        ] {
            assert_eq!(read(&mut Reader(bytes), FEEDS, true), None, "{bytes:?}");
        }
    }
}
