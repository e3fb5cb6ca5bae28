//! The right to do a piece of work that only one process at a time should do.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::ItemKey;
use super::shared_cache::Inner;

/// A lease of this process. It ends after its life unless it is renewed, so the others do not wait for a process that
/// is gone.
pub struct Lease {
    pub(super) cache: Arc<Inner>,
    pub(super) key: ItemKey,
    /// A random number that marks this lease as ours.
    pub(super) owner: [u8; 16],
    pub(super) life: Duration,
    pub(super) label: Option<Vec<u8>>,
}

impl Lease {
    /// Returns the label of the value that the store had when the lease began and that the caller refused, if it had
    /// one.
    #[must_use]
    pub fn label_before(&self) -> Option<&[u8]> {
        self.label.as_deref()
    }

    /// Does the work and renews the lease meanwhile.
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

    /// Renews the lease for its whole life; returns whether this process had it still, or nothing when the store cannot
    /// be asked.
    pub async fn renew(&self) -> Option<bool> {
        self.cache.prolong(&self.key, &self.owner, self.life).await
    }

    /// Gives the lease back, so that others do not wait for its end. The lease of another process stays.
    pub async fn release(self) {
        self.cache.release(&self.key, &self.owner).await;
    }
}

/// Shows no owner, since its number could release the lease.
impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}
