//! Limits on what is told within the feeds of a token: form 2 only, a byte with a bit for each limit, then the limits.
//!
//! Older versions know form 1 alone and refuse such a token: they must not serve it as if it had no limits. The same goes for bits that
//! a later version brings. A token without limits is written in form 1, which all versions open.
//!
//! ```text
//! bit 0  the most closed TLP level: one byte follows
//! bit 1  no feeds are read; nothing follows
//! ```

use super::Reader;
use crate::{Scope, TlpLevel};

const MAX_TLP: u8 = 1;
const NO_FEEDS: u8 = 1 << 1;

/// The limits of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_tlp: TlpLevel,
    pub(super) reads_feeds: bool,
}

impl Limits {
    /// What a token of form 1 has.
    pub(super) const NONE: Self = Self {
        max_tlp: TlpLevel::Red,
        reads_feeds: true,
    };
}

/// Returns whether the scope has limits.
pub(super) fn are_in(scope: &Scope) -> bool {
    bits(scope) != 0
}

/// Writes the limits, or nothing if there are none.
pub(super) fn write(out: &mut Vec<u8>, scope: &Scope) {
    let bits = bits(scope);
    if bits != 0 {
        out.push(bits);
        out.extend(scope.max_tlp.to_wire());
    }
}

/// Reads the limits; none at all, or one that is not known, is refused.
pub(super) fn read(from: &mut Reader<'_>) -> Option<Limits> {
    let bits = from.byte()?;
    (bits != 0 && bits & !(MAX_TLP | NO_FEEDS) == 0).then_some(())?;
    let max_tlp = if bits & MAX_TLP == 0 {
        TlpLevel::Red
    } else {
        TlpLevel::from_wire(from.byte()?)?
    };
    Some(Limits {
        max_tlp,
        reads_feeds: bits & NO_FEEDS == 0,
    })
}

fn bits(scope: &Scope) -> u8 {
    let max_tlp = scope.max_tlp.to_wire().map_or(0, |_| MAX_TLP);
    let no_feeds = if scope.reads_feeds { 0 } else { NO_FEEDS };
    max_tlp | no_feeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_that_are_known_are_read() {
        let limits = |max_tlp, reads_feeds| Some(Limits { max_tlp, reads_feeds });
        assert_eq!(read(&mut Reader(&[1, 3])), limits(TlpLevel::Amber, true));
        assert_eq!(read(&mut Reader(&[2])), limits(TlpLevel::Red, false));
        assert_eq!(read(&mut Reader(&[3, 3])), limits(TlpLevel::Amber, false));
        for bytes in [&[][..], &[0], &[1], &[1, 0], &[1, 5], &[3], &[3, 0], &[4], &[129, 3]] {
            assert_eq!(read(&mut Reader(bytes)), None, "{bytes:?}");
        }
    }
}
