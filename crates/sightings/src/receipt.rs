//! The answer to a submission.

/// The result of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Reports that are on the disk now, and will be sent.
    pub accepted: usize,
    /// Reports that were counted already.
    pub duplicates: usize,
}
