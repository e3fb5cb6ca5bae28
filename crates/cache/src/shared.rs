//! One cache for several processes, in a store that is not ours alone: what lies there is sealed, and no request depends on it.
//!
//! - [`SharedStore`] is the seam: bytes by key for a while. `Memcached`, `Valkey` and, for tests, `InProcessStore` implement it.
//! - [`SharedCache`] compresses, splits, seals and names what goes into a store, refuses what somebody else put there, and goes on
//!   without the store while that is down, slow or full.
//! - [`Lease`] lets one process do a piece of work while the others wait for what it puts.

mod breaker;
mod counts;
#[cfg(any(test, feature = "testkit"))]
mod in_process;
mod lease;
mod packed;
mod patience;
#[cfg(any(feature = "memcached", feature = "valkey"))]
pub(crate) mod pooled;
mod seal;
mod shared_cache;
mod store;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

pub use counts::SharedCounts;
#[cfg(any(test, feature = "testkit"))]
pub use in_process::InProcessStore;
pub use lease::Lease;
pub use seal::CacheKeys;
pub use shared_cache::{Found, SharedCache, Turn};
pub use store::{Asking, ItemKey, MAX_ITEM_BYTES, SharedStore, StoreError};
