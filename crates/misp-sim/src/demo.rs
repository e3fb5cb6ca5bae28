//! The sample data of `cratosd demo`: every indicator type in every feed, and a story for each case.

use crate::sim::{Sim, SimBuilder};

/// The tag prefix of the sample data: its tags are `example:incident-classification=…`.
pub const DEMO_TAG: &str = "example";

/// Returns a stand-in with the sample data, ready to start; its ages count from the start.
pub fn demo() -> SimBuilder {
    Sim::builder()
}
