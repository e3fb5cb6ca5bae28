#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! `queue` is the way in; `writer` is the one thread that writes; `window` remembers counted sightings; `journal` is
//! the file, in the frames of `seal` and the records of `record`; `pending` is what waits, in lots; `courier` carries
//! it away.

mod counts;
mod courier;
mod disk;
mod error;
mod journal;
mod options;
mod pending;
mod queue;
mod receipt;
mod record;
mod report;
mod seal;
mod shared;
mod window;
mod writer;

pub use counts::Counted;
pub use courier::{Outcome, Recipient};
pub use error::{OpenError, SubmitError};
pub use options::Options;
pub use pending::Parcel;
pub use queue::{Queue, Status};
pub use receipt::Receipt;
pub use report::{Kind, Report, Reporter};
pub use seal::JournalKeys;
