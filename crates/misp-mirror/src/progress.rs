//! Shows the state of a mirror, and logs how far a long reading has come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use misp_client::Traffic;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::FollowError;
use crate::held::HeldEvents;
use crate::peers::Standing;
use crate::{Phase, Status, Store};

/// Progress is logged this often.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// So many of the events that are missing are named.
const NAMED: usize = 100;

/// Shows the state of a mirror.
#[derive(Debug)]
pub(crate) struct Progress {
    status: watch::Sender<Status>,
    clock: Arc<dyn Clock>,
    /// What the client had sent and received before the mirror began.
    before: Traffic,
    logged_at: Mutex<Option<Timestamp>>,
}

impl Progress {
    pub(crate) fn new(status: watch::Sender<Status>, clock: Arc<dyn Clock>, before: Traffic) -> Self {
        Self {
            status,
            clock,
            before,
            logged_at: Mutex::default(),
        }
    }

    pub(crate) fn phase(&self, phase: Phase) {
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.phase, phase) != phase);
    }

    /// Shows the part of this mirror among those of several processes, and logs a new one.
    pub(crate) fn standing(&self, standing: Standing) {
        let is_new = self
            .status
            .send_if_modified(|status| std::mem::replace(&mut status.standing, standing) != standing);
        match standing {
            _ if !is_new => {}
            Standing::Leading => tracing::info!("this mirror asks MISP, also for the others"),
            Standing::Following => tracing::info!("this mirror follows the one that asks MISP"),
            Standing::Alone => tracing::warn!("no other mirror can be asked; this one asks MISP by itself"),
        }
    }

    /// Shows how far a first load has come, and logs it now and then.
    pub(crate) fn loading(&self, done: u64, total: u64) {
        self.phase(Phase::Loading { done, total });
        let now = self.clock.now();
        let mut logged_at = self.logged_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = logged_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= LOG_EVERY);
        if is_due {
            *logged_at = Some(now);
            let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
            tracing::info!(
                events = done,
                of = total,
                percent,
                "the mirror reads MISP for the first time"
            );
        }
    }

    pub(crate) fn changed(&self, at: Timestamp) {
        self.status.send_modify(|status| status.changed_at = Some(at));
    }

    pub(crate) fn as_of(&self, as_of: Option<Timestamp>) {
        self.status.send_modify(|status| status.as_of = as_of);
    }

    /// Shows when rows last went without a reason; an earlier time changes nothing.
    pub(crate) fn unexplained(&self, at: Option<Timestamp>) {
        self.status.send_if_modified(|status| {
            let is_later = at > status.unexplained_at;
            status.unexplained_at = status.unexplained_at.max(at);
            is_later
        });
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.status.borrow().failing.is_some()
    }

    pub(crate) fn succeeded(&self) {
        let was_failing = self.status.borrow().failing.clone();
        if let Some((since, _)) = was_failing {
            tracing::info!(%since, "the mirror follows MISP again");
            self.status.send_modify(|status| {
                status.failing = None;
                status.refused_since = None;
            });
        }
    }

    /// Shows a failure, and logs it when it is a new one. A key that was refused stays so until MISP answers again.
    pub(crate) fn failed(&self, now: Timestamp, error: &FollowError) {
        if self.is_failing() && error.is_suspended() {
            // The error before says why; this one counts the seconds until the next question, so it is always new.
            return;
        }
        let is_refused = error.is_refused_key();
        let error = error.chain();
        let earlier = self.status.borrow().failing.clone();
        let is_known = earlier.as_ref().is_some_and(|(_, known)| *known == error);
        if !is_known {
            tracing::warn!("the mirror cannot follow MISP, and keeps what it has: {error}");
        }
        let since = earlier.map_or(now, |(since, _)| since);
        self.status.send_modify(|status| {
            status.failing = Some((since, error));
            if is_refused {
                status.refused_since.get_or_insert(now);
            }
        });
    }

    /// Shows how far the slow round has come: events compared, of how many.
    pub(crate) fn round(&self, done: u64, total: u64) {
        self.status.send_modify(|status| status.round = (done, total));
    }

    /// Counts events in which the slow round found a difference.
    pub(crate) fn repaired(&self, events: u64) {
        self.status.send_modify(|status| status.repaired += events);
    }

    /// Shows how many events could not be read.
    pub(crate) fn troubled(&self, events: u64) {
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.troubled_events, events) != events);
    }

    /// Shows the numbers of events and attributes.
    pub(crate) fn held(&self, held: &HeldEvents, store: &Store, traffic: Traffic) {
        let damaged = store.damaged();
        self.status.send_modify(|status| {
            status.events = held.len() as u64;
            status.rows = held.rows();
            status.missing_events = damaged.len() as u64;
            status.missing = damaged.into_iter().take(NAMED).collect();
            status.store_bytes = store.bytes_on_disk();
            status.is_durable = store.is_durable();
            status.questions = traffic.questions.saturating_sub(self.before.questions);
            status.answer_bytes = traffic.answer_bytes.saturating_sub(self.before.answer_bytes);
        });
    }
}
