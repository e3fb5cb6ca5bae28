//! Why a call of a store failed.

use std::io;
use std::path::PathBuf;

/// Why a call of a store failed. After each of these errors the store holds the same records as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the file open, or another [`Store`](crate::Store) of this one.
    #[error("the mirror {} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is sound, and nothing in it opens with this key and binding.
    #[error(
        "the mirror {} was written with another encryption key, for another MISP key, or by another version",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged so that no record can be found in it. [`Store::recreate`](crate::Store::recreate) moves it
    /// aside.
    #[error("the mirror {} is damaged", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The record of this event is damaged. [`Store::damaged`](crate::Store::damaged) lists it from now on.
    #[error("the record of event {id} is damaged")]
    Damaged {
        /// MISP's number of the event.
        id: u64,
    },
    /// This further value is damaged.
    #[error("the value {name} of the mirror is damaged")]
    DamagedMeta {
        /// The name of the value.
        name: String,
    },
    /// The store would become larger than the caller allows.
    #[error("the mirror would become larger than its limit of {max_bytes} bytes")]
    Full {
        /// The limit.
        max_bytes: u64,
    },
    /// One record is larger than a record may be.
    #[error("event {id} is too large for the mirror")]
    TooLarge {
        /// MISP's number of the event.
        id: u64,
    },
    /// A further value is larger than 256 MiB.
    #[error("the value {name} is too large for the mirror")]
    TooLargeMeta {
        /// The name of the value.
        name: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The disk is full or fails. The next call tries again.
    #[error("the mirror {} cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
