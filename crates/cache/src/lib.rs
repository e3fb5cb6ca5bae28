//! Values in memory, how fresh they are, and one piece of work per key however many ask for it.
//!
//! This crate knows keys and values, nothing of feeds.
//!
//! - [`MemoryStore`] keeps values up to a bound in bytes ([`Weigh`]), the least recently used leave first.
//! - [`Stamped`] remembers when a value was made; [`Freshness`] says what its age means. Time is monotonic ([`Clock`]).
//! - [`Flights`] lets one task do what many callers ask for at the same time.
//! - `SharedCache` (feature `shared`) keeps values for several processes in a memcached (feature `memcached`) or a Valkey or
//!   Redis (feature `valkey`), sealed, and goes on without it.
//!
//! # Features
//!
//! None is on by default: then there is neither cryptography nor a socket in here. `testkit` brings a store inside the process and the
//! check that every store must pass.
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
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
#[cfg(feature = "shared")]
mod shared;
#[cfg(feature = "valkey")]
mod valkey;

pub use clock::{Clock, ManualClock, Moment, MonotonicClock, Sleep};
pub use flights::{FlightError, Flights};
pub use freshness::{ForCaller, Freshness, Stamped, State, Verdict};
#[cfg(feature = "memcached")]
pub use memcached::{Memcached, MemcachedServer};
pub use memory::{ENTRY_OVERHEAD, MemoryStore, Weigh};
#[cfg(feature = "shared")]
pub use shared::{
    Asking, CacheKeys, Found, ItemKey, Lease, MAX_ITEM_BYTES, SharedCache, SharedCounts, SharedStore, StoreError, Turn,
};
#[cfg(feature = "testkit")]
pub use shared::{InProcessStore, testkit};
#[cfg(feature = "valkey")]
pub use valkey::{Valkey, ValkeyServer};
