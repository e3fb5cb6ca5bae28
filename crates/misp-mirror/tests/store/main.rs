//! The store through its public API: records survive, or their damage is noticed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod damage;
mod killed;
mod records;
mod round_trip;
