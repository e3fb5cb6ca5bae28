//! Limits on what is told within the feeds of a token: form 2 only, a byte with a bit for each limit, then the limits.
//!
//! Older versions know form 1 alone and refuse such a token: they must not serve it as if it had no limits. The same goes for bits that
//! a later version brings. A token without limits is written in form 1, which all versions open.

use super::Reader;
use crate::{Scope, TlpLevel};

/// The only limit so far: one byte with the most closed TLP level.
const MAX_TLP: u8 = 1;

/// Returns whether the scope has limits.
pub(super) fn are_in(scope: &Scope) -> bool {
    scope.max_tlp.to_wire().is_some()
}

/// Writes the limits, or nothing if there are none.
pub(super) fn write(out: &mut Vec<u8>, scope: &Scope) {
    if let Some(level) = scope.max_tlp.to_wire() {
        out.extend_from_slice(&[MAX_TLP, level]);
    }
}

/// Reads the most closed TLP level; no limit at all, or one that is not known, is refused.
pub(super) fn read(from: &mut Reader<'_>) -> Option<TlpLevel> {
    (from.byte()? == MAX_TLP).then_some(())?;
    TlpLevel::from_wire(from.byte()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_that_are_known_are_read() {
        assert_eq!(read(&mut Reader(&[1, 3])), Some(TlpLevel::Amber));
        for bytes in [&[0][..], &[1], &[1, 0], &[1, 5], &[2, 3], &[3, 3], &[129, 3]] {
            assert_eq!(read(&mut Reader(bytes)), None, "{bytes:?}");
        }
    }
}
