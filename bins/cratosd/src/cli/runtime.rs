//! Runs what waits for sockets.

use std::future::Future;

use crate::exit::Failure;

/// Runs one command to its end on a runtime of its own.
pub(super) fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the async runtime cannot be started: {error}")))?;
    runtime.block_on(work)
}
