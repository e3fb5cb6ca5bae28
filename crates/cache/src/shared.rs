//! One cache for several processes, in a store that other programs may use too: values there are sealed, and no request
//! depends on it.
//!
//! - [`SharedStore`] is the seam: bytes by key for a while. `Memcached`, `Valkey` and, for tests, `InProcessStore`
//!   implement it.
//! - [`SharedCache`] compresses, splits, seals and names values for a store, refuses values of other programs, and goes
//!   on without the store while that is down, slow or full.
//! - [`Lease`] lets one process do a piece of work while the others wait for its value.

mod breaker;
mod counts;
#[cfg(any(test, feature = "testkit"))]
mod in_process;
mod lease;
mod parcel;
mod patience;
#[cfg(any(feature = "memcached", feature = "valkey"))]
pub(crate) mod pool;
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
pub use shared_cache::{SharedCache, SharedValue, Turn, Unanswered};
pub use store::{ItemKey, MAX_ITEM_BYTES, SharedStore, StoreError, StoreFuture};
