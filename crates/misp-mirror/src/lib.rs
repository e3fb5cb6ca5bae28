#![doc = include_str!("../README.md")]

mod change;
mod record;
mod status;

pub use change::{Batch, Change};
pub use record::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};
pub use status::{Phase, Status};
