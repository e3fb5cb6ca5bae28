//! How a step of `cargo xtask ci` ends that does not fail.

use crate::counts::Counts;

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// Everything was looked at and is right.
    Passed,
    /// As `Passed`, and the tests were counted.
    Tested(Counts),
    /// Not (wholly) done, for this reason; the reason says how to get it done.
    Skipped(String),
}
