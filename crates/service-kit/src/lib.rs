#![doc = include_str!("../README.md")]

mod backoff;
mod error_chain;
mod exit;
mod log_limit;

pub use backoff::{Backoff, Jitter, chance};
pub use error_chain::{causes, chain};
pub use exit::Exit;
pub use log_limit::LogLimit;
