#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! - [`cli`] is the command line, with a file for each command.
//! - [`server`] puts a gateway (crate `gateway`) behind an HTTP front (crate `http-front`); neither of the two knows
//!   the other, so `tls`, `proxies`, `access_log` and `front_metrics` translate between them and the core file.
//! - [`telemetry`] writes the log, [`exit`] has the exit codes.

pub mod cli;
pub mod exit;
pub mod server;
pub mod telemetry;
mod tls;

mod access_log;
mod front_metrics;
#[cfg(feature = "otlp")]
mod otlp;
mod program;
mod proxies;
mod repeats;

pub use program::Program;
