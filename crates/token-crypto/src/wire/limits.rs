//! Limits within the feeds of a token: form 2 only, a byte with a bit for each limit, then the limits.
//!
//! Older versions know form 1 alone and refuse such a token: they must not serve it as if it had no limits. A later
//! version adds bits in the same way. A token without limits is written in form 1, which all versions open.
//!
//! ```text
//! bit 0  the most closed TLP level: one byte follows
//! bit 1  no feeds are read; nothing follows
//! ```

use super::Reader;
use crate::{Scope, Tlp};

const MAX_TLP: u8 = 1;
const NO_FEEDS: u8 = 1 << 1;

/// The limits of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_tlp: Tlp,
    pub(super) reads_feeds: bool,
}

impl Limits {
    /// The limits of a token of form 1.
    pub(super) const NONE: Self = Self {
        max_tlp: Tlp::Red,
        reads_feeds: true,
    };
}

/// Returns whether the scope has limits.
pub(super) fn are_in(scope: &Scope) -> bool {
    bits(scope) != 0
}

/// Writes the limits of a scope that has some.
pub(super) fn write(out: &mut Vec<u8>, scope: &Scope) {
    let bits = bits(scope);
    if bits != 0 {
        out.push(bits);
        out.extend(byte_of(scope.max_tlp));
    }
}

/// Reads the limits. Returns `None` for an empty list and for an unknown limit.
pub(super) fn read(from: &mut Reader<'_>) -> Option<Limits> {
    let bits = from.byte()?;
    (bits != 0 && bits & !(MAX_TLP | NO_FEEDS) == 0).then_some(())?;
    let max_tlp = if bits & MAX_TLP == 0 {
        Tlp::Red
    } else {
        level(from.byte()?)?
    };
    Some(Limits {
        max_tlp,
        reads_feeds: bits & NO_FEEDS == 0,
    })
}

fn bits(scope: &Scope) -> u8 {
    let max_tlp = byte_of(scope.max_tlp).map_or(0, |_| MAX_TLP);
    let no_feeds = if scope.reads_feeds { 0 } else { NO_FEEDS };
    max_tlp | no_feeds
}

/// Returns the byte of a level on the wire; a byte never gets another meaning. Red limits nothing and has none.
const fn byte_of(level: Tlp) -> Option<u8> {
    Some(match level {
        Tlp::Clear => 1,
        Tlp::Green => 2,
        Tlp::Amber => 3,
        Tlp::AmberStrict => 4,
        Tlp::Red => return None,
    })
}

fn level(byte: u8) -> Option<Tlp> {
    Tlp::ALL.into_iter().find(|level| byte_of(*level) == Some(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens in use hold these bytes.
    #[test]
    fn bytes_never_move() {
        assert_eq!(Tlp::ALL.map(byte_of), [Some(1), Some(2), Some(3), Some(4), None]);
        for byte in [0, 5, 255] {
            assert_eq!(level(byte), None);
        }
    }

    #[test]
    fn only_limits_that_are_known_are_read() {
        let limits = |max_tlp, reads_feeds| Some(Limits { max_tlp, reads_feeds });
        assert_eq!(read(&mut Reader(&[1, 3])), limits(Tlp::Amber, true));
        assert_eq!(read(&mut Reader(&[2])), limits(Tlp::Red, false));
        assert_eq!(read(&mut Reader(&[3, 3])), limits(Tlp::Amber, false));
        for bytes in [&[][..], &[0], &[1], &[1, 0], &[1, 5], &[3], &[3, 0], &[4], &[129, 3]] {
            assert_eq!(read(&mut Reader(bytes)), None, "{bytes:?}");
        }
    }
}
