//! The mirror against the stand-in, over its public API only.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod asked_lists;
mod distrust;
mod edits;
mod first_load;
mod floods;
mod following;
mod lost_rows;
mod peers;
mod questions;
mod quiet;
mod replicas;
mod restarts;
mod site;
mod stored_lists;
mod traces;
mod trouble;
mod unexplained;
