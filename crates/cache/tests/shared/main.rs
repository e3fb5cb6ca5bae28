//! The shared cache, on a store inside the process and on real servers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod memcached;
mod sealed;
mod servers;
mod trouble;
mod valkey;
