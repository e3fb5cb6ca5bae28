#![doc = include_str!("../README.md")]

mod asked_lists;
mod change;
mod clock;
mod distrust;
mod error;
mod follower;
mod held;
mod log_position;
mod marks;
mod memory;
mod mirror;
mod options;
mod peers;
mod progress;
mod publication;
mod questions;
mod record;
mod record_difference;
mod row_maker;
#[cfg(test)]
mod samples;
mod seal;
mod shared_log;
mod status;
mod store;
mod stored_lists;
#[cfg(feature = "testkit")]
pub mod testkit;
mod troubles;
mod turns;

pub use change::{Batch, Change};
pub use clock::{Clock, ManualClock, Sleep, SystemClock};
pub use mirror::{Changes, Mirror, MirrorBuilder};
pub use peers::{Lead, PeerFuture, PeerItem, Peers, Standing};
pub use record::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};
pub use seal::StoreKey;
pub use status::{Phase, Status};
pub use store::{EventState, EventSummary, Opened, RecordError, Store, StoreError, Update};
pub use turns::{NextTurn, Turn, Turns};
