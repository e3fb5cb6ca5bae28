//! The orders of a handle to the task of its mirror.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

/// The orders of a handle to the task of its mirror.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    came: Notify,
    hint: AtomicBool,
    /// A caller waits for a look that begins then or later.
    confirm_since: Mutex<Option<Timestamp>>,
    pub(super) resync: AtomicBool,
}

impl Orders {
    /// Orders a look that begins after this call.
    pub(crate) fn hint(&self) {
        self.hint.store(true, Ordering::Release);
        self.came.notify_one();
    }

    /// Orders a look that begins at this time or later.
    pub(crate) fn confirm(&self, since: Timestamp) {
        let mut wanted = self.confirm_since.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = (*wanted).max(Some(since));
        drop(wanted);
        self.came.notify_one();
    }

    pub(crate) fn resync(&self) {
        self.resync.store(true, Ordering::Release);
        self.hint();
    }

    /// Waits for an order that was not waited for.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }

    /// Takes all orders for a look; returns whether one of them still needs it. The last complete look began at
    /// `confirmed_at`.
    pub(super) fn take(&self, confirmed_at: Option<Timestamp>) -> bool {
        let is_hinted = self.hint.swap(false, Ordering::AcqRel);
        let mut wanted = self.confirm_since.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = wanted.take().is_some_and(|since| confirmed_at < Some(since));
        is_hinted || is_wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_who_wait_for_a_look_that_has_ended_need_no_other() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let orders = Orders::default();
        orders.confirm(at(100));
        orders.confirm(at(90));
        assert!(!orders.take(Some(at(100))));
        orders.confirm(at(101));
        assert!(orders.take(Some(at(100))));
        assert!(!orders.take(Some(at(100))), "once for all");
        orders.confirm(at(1));
        assert!(orders.take(None));
        orders.hint();
        assert!(orders.take(Some(at(200))), "a hint tells of something newer");
    }
}
