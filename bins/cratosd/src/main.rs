//! The `cratosd` program. Everything is in the library, for tests and for programs with outputs of their own.

use std::process::ExitCode;

/// Gives memory back when a storm of connections is over; docs/performance.md compares it with others.
/// `.cargo/config.toml` sets its options.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cratosd::cli::main(std::env::args_os())
}
