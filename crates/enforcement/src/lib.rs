#![doc = include_str!("../README.md")]

mod agent;
mod clock;
mod command;
pub mod config;
mod coverage;
mod entry;
mod error;
mod limits;
mod metrics;
mod never_block;
mod reach;
mod report;
mod round;
pub mod source;
pub mod state;
mod surroundings;
pub mod target;
mod values;

pub use agent::{Agent, AgentError, TargetReport};
pub use clock::Moment;
pub use command::CommandError;
pub use config::{Config, Problem, Problems};
pub use cratos_client::{Refusal, Refusals};
pub use error::{StateError, TargetError};
pub use limits::{Limits, Objection};
pub use never_block::{NeverBlock, Own};
pub use reach::{OutOfReach, Reach};
pub use report::Standing;
pub use round::{Order, Outcome};
pub use service_kit::chain;
pub use surroundings::Surroundings;
pub use values::{Diff, Values};
