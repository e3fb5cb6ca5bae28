#![doc = include_str!("../README.md")]

mod change;
mod record;
mod seal;
mod status;
mod store;

pub use change::{Batch, Change};
pub use record::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};
pub use seal::StoreKey;
pub use status::{Phase, Status};
pub use store::{EventState, Opened, RecordError, Store, StoreError, Update};
