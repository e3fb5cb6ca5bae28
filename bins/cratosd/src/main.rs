//! The `cratosd` program. Everything is in the library, for tests and for programs with outputs of their own.

use std::process::ExitCode;

fn main() -> ExitCode {
    cratosd::cli::main(std::env::args_os())
}
