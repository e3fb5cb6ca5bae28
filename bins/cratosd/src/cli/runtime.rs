//! The async runtime of a command.

use std::future::Future;

use crate::exit::Failure;

/// Runs the future of a command to its end on a new runtime.
pub(super) fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the async runtime cannot be started: {error}")))?;
    runtime.block_on(work)
}
