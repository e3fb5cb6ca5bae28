//! The `cratos-agent` program: applies feeds of cratosd on the host that enforces them.
//!
//! Everything that it does is in the crate `enforcement`; here are the words that can be typed, the log, and how the process ends.

mod cli;
mod commands;
mod exit;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
