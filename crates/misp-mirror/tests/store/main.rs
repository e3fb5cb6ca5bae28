//! The store through its public API: records survive, or their damage is noticed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod records;
mod round_trip;
