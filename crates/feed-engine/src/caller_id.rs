//! The caller of a question, for a fair share of the places at its MISP.

/// Tells one caller from another, for example by the number of its token.
///
/// Questions of one caller never take all places at a MISP: see [`Upstream::asked_by`](crate::Upstream::asked_by).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CallerId(u64);

impl CallerId {
    /// Returns the caller with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }
}
