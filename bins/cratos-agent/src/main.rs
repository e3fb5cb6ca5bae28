//! The `cratos-agent` program. Everything is in the library, so that manual pages, and programs with targets of their
//! own, use it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    cratos_agent::Program::new().main(std::env::args_os())
}
