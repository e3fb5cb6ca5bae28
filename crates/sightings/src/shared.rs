//! The state that the parts of a queue share.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::counts::Counts;
use crate::options::Options;
use crate::pending::Pending;
use crate::seal::JournalKeys;

/// The state that the queue, its writer and its courier share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) pending: Mutex<Pending>,
    pub(crate) counts: Counts,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) work: Notify,
    pub(crate) closing: AtomicBool,
    /// New keys, which the writer uses from its next write on.
    pub(crate) new_keys: Mutex<Option<JournalKeys>>,
}

impl Shared {
    /// Nothing that can panic runs under this lock.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
