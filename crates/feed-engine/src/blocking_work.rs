//! Work that takes too long for a thread that serves sockets: it runs on the blocking threads of the runtime.

use crate::FeedError;

/// From this weight on, in bytes, giving memory back to the system takes long enough to be noticed (about 1 ms for 16
/// MiB).
const LARGE_BYTES: usize = 1024 * 1024;

/// Runs `work` on a blocking thread and returns its result. It runs to its end even if the caller leaves.
///
/// # Errors
/// [`FeedError::Internal`] that names `step`, if the work panicked or the runtime ends.
pub(crate) async fn run<T: Send + 'static>(
    step: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FeedError> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.map_err(|error| FeedError::internal(step, error))
}

/// Drops a value of this weight in bytes: a large one on a blocking thread, if a runtime exists.
///
/// The last owner of a feed of a million values may be an unrelated request.
pub(crate) fn free<T: Send + 'static>(value: T, weight_bytes: usize) {
    if weight_bytes < LARGE_BYTES {
        return drop(value);
    }
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(value))),
        Err(_) => drop(value),
    }
}
