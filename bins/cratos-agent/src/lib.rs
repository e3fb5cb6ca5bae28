#![doc = include_str!("../README.md")]

pub mod cli;

mod commands;
mod console;
mod options;
mod program;
mod telemetry;

pub use enforcement;
pub use feed_classification;
pub use program::Program;
