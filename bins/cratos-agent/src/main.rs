//! The `cratos-agent` program: everything is in the library, so that the manual pages can be made from it.

use std::process::ExitCode;

fn main() -> ExitCode {
    cratos_agent::cli::main()
}
