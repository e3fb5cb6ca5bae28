//! Values in memory, rules for their freshness, and one piece of work per key for any number of callers.
//!
//! This crate knows keys and values and has no notion of feeds.
//!
//! - [`MemoryStore`] keeps values up to a bound in bytes ([`Weigh`]) and evicts the least recently used first.
//! - [`TimedValue`] holds the time at which a value was made; [`Freshness`] has the rules for its age. Time is
//!   monotonic ([`Clock`]).
//! - [`Flights`] lets one task do the work that many callers ask for at the same time.
//! - `SharedCache` (feature `shared`) keeps values for several processes in a memcached (feature `memcached`) or a
//!   Valkey or Redis (feature `valkey`), sealed, and goes on without it.
//!
//! # Features
//!
//! None is on by default; the crate then uses neither cryptography nor sockets. `testkit` brings a store inside the
//! process and the check that every store must pass.
//!
//! # Limits
//!
//! This crate starts no refresh and writes nothing to disk: the caller decides from a [`Verdict`] whether to answer, to
//! start a flight in the background, or to wait for one.
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
pub use freshness::{ForCaller, Freshness, State, TimedValue, Verdict};
#[cfg(feature = "memcached")]
pub use memcached::{Memcached, MemcachedServer};
pub use memory::{ENTRY_OVERHEAD, MemoryStore, Weigh};
#[cfg(feature = "shared")]
pub use shared::{
    CacheKeys, ItemKey, Lease, MAX_ITEM_BYTES, SharedCache, SharedCounts, SharedStore, SharedValue, StoreError,
    StoreFuture, Turn, Unanswered,
};
#[cfg(feature = "testkit")]
pub use shared::{InProcessStore, testkit};
#[cfg(feature = "valkey")]
pub use valkey::{Valkey, ValkeyServer};
