//! Work that takes too long for a thread that serves sockets: it runs on the blocking threads of the runtime.
//!
//! These threads run at a lower priority than those that serve sockets. While all cores are busy, a short answer does
//! not wait for a large feed.

use std::cell::Cell;

use crate::FeedError;

/// From this weight on, in bytes, giving memory back to the system takes long enough to be noticed (about 1 ms for 16
/// MiB).
const LARGE_BYTES: usize = 1024 * 1024;

/// Added to the niceness of the threads. With 10 look-ups are a tenth quicker, but feeds starve beside other programs.
pub(crate) const NICE: i32 = 5;

/// Runs `work` on a blocking thread and returns its result. It runs to its end even if the caller leaves.
///
/// # Errors
/// [`FeedError::Internal`] that names `step`, if the work panicked or the runtime ends.
pub(crate) async fn run<T: Send + 'static>(
    step: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FeedError> {
    let working = tokio::task::spawn_blocking(move || {
        lower_priority();
        work()
    });
    working.await.map_err(|error| FeedError::internal(step, error))
}

/// Lowers the priority of this thread, once. It gets a third of the time of others on the same core, all of it on an
/// idle one.
///
/// On Linux a thread has a priority of its own. Elsewhere it belongs to the whole process, and nothing is done.
pub(crate) fn lower_priority() {
    thread_local!(static IS_LOWERED: Cell<bool> = const { Cell::new(false) });
    if cfg!(target_os = "linux") && !IS_LOWERED.replace(true) {
        // Only ever lowered, which every process may do; if it fails, the work goes on as before.
        let _ = rustix::process::nice(NICE);
    }
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
