//! Values in memory, how fresh they are, and one piece of work per key however many ask for it.
//!
//! This crate knows keys and values, nothing of feeds.
//!
//! - [`MemoryStore`] keeps values up to a bound in bytes ([`Weigh`]), the least recently used leave first.
//! - [`Stamped`] remembers when a value was made; [`Freshness`] says what its age means. Time is monotonic ([`Clock`]).
//! - [`Flights`] lets one task do what many callers ask for at the same time.
//!
//! # What it does not do
//!
//! Nothing is refreshed by itself and nothing is written to disk: the caller decides from a [`Verdict`] whether to
//! answer, to start a flight in the background, or to wait for one.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod clock;
mod flights;
mod freshness;
mod memory;

pub use clock::{Clock, ManualClock, Moment, MonotonicClock};
pub use flights::{FlightError, Flights};
pub use freshness::{ForCaller, Freshness, Stamped, State, Verdict};
pub use memory::{ENTRY_OVERHEAD, MemoryStore, Weigh};
