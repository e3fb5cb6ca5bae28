//! Time limits for the answers of a store.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{SharedStore, StoreError};

/// Waits for an answer that must come before `deadline`.
pub(super) async fn by<T>(
    deadline: Instant,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout_at(deadline, asking)
        .await
        .unwrap_or(Err(StoreError::Slow))
}

/// Waits for a large answer for as long as bytes keep moving, with never more than `quiet` between two of them, and at
/// most for `longest`.
pub(super) async fn while_it_flows<T>(
    store: &dyn SharedStore,
    quiet: Duration,
    longest: Duration,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let deadline = Instant::now() + longest;
    let mut asking = pin!(asking);
    let mut moved = store.moved_bytes();
    loop {
        if let Ok(answer) = timeout(quiet, asking.as_mut()).await {
            return answer;
        }
        let now = store.moved_bytes();
        if now == moved || Instant::now() >= deadline {
            return Err(StoreError::Slow);
        }
        moved = now;
    }
}
