//! The right to do a piece of work that one process at a time shall do.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::ItemKey;
use super::shared_cache::Inner;

/// A lease that was got; it ends by itself after its life unless it is held, so nobody waits for a process that is gone.
pub struct Lease {
    pub(super) cache: Arc<Inner>,
    pub(super) key: ItemKey,
    /// Random: tells our lease from everybody else's.
    pub(super) owner: [u8; 16],
    pub(super) life: Duration,
    pub(super) label: Option<Vec<u8>>,
}

impl Lease {
    /// Returns the label of the value that lay there when the lease was got and was not wanted, if there was one.
    #[must_use]
    pub fn label_before(&self) -> Option<&[u8]> {
        self.label.as_deref()
    }

    /// Does the work, and keeps the lease alive meanwhile.
    pub async fn hold_while<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let pause = tokio::time::sleep(self.life / 3);
            tokio::select! {
                outcome = &mut work => return outcome,
                () = pause => {}
            }
            // The work goes on while the store is asked.
            tokio::select! {
                outcome = &mut work => return outcome,
                () = self.cache.renew(&self.key, &self.owner, self.life) => {}
            }
        }
    }

    /// Gives the lease back, so that whoever waits does not wait for its end. Somebody else's stays.
    pub async fn release(self) {
        self.cache.release(&self.key, &self.owner).await;
    }
}

/// Shows no owner: who knows it could take the lease away.
impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}
