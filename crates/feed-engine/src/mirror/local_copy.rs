//! One copy of a MISP's events, as requests and its keeper share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use catalogue::{Answer, AnswerError, Catalogue, CatalogueError, Classes, Question, Snapshot};
use jiff::Timestamp;
use misp_mirror::{Batch, Mirror, Phase};
use tokio::sync::watch;

use super::settings::Settings;
use super::stored_model::StoredModel;
use crate::{ChangeHint, DirectReason, Errand, FeedError, Upstream, Way};

/// How long a caller waits for a confirmation while MISP fails.
const PATIENCE_WHILE_FAILING: Duration = Duration::from_secs(2);

/// How long the first callers after a start wait for the first look at MISP.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// The mirror of an upstream with the catalogue of its rows.
pub(super) struct LocalCopy {
    pub(super) mirror: Mirror,
    pub(super) model: StoredModel,
    settings: Settings,
    begun_at: Timestamp,
    catalogue: Catalogue,
    /// Kept beside the catalogue, whose own count waits while a batch is taken.
    weight_bytes: AtomicUsize,
    /// When MISP last confirmed what the catalogue holds.
    as_of: watch::Sender<Option<Timestamp>>,
    /// The catalogue cannot take the rows.
    is_unusable: AtomicBool,
}

impl LocalCopy {
    pub(super) fn new(mirror: Mirror, model: StoredModel, settings: Settings) -> Self {
        let mappings = &settings.mappings;
        Self {
            catalogue: Catalogue::new(Classes::new(|kind| mappings.attribute_types(kind))),
            mirror,
            model,
            weight_bytes: AtomicUsize::new(0),
            settings,
            begun_at: Timestamp::now(),
            as_of: watch::Sender::new(None),
            is_unusable: AtomicBool::new(false),
        }
    }

    /// Returns whether its rows answer questions by these rules.
    pub(super) fn serves(&self, upstream: &Upstream) -> bool {
        self.settings.serve(upstream)
    }

    /// Returns whether it answers, or why not.
    pub(super) fn way(&self) -> Way {
        let status = self.mirror.status();
        let reason = match status.phase {
            Phase::TooLarge { limit } => DirectReason::TooManyAttributes { limit },
            _ if self.is_unusable.load(Ordering::Relaxed) => DirectReason::Failed,
            // Feeds that a missing event may concern are asked of MISP all the same.
            _ if self.catalogue.snapshot().is_complete() && self.as_of().is_some() => return Way::Mirror(status),
            _ if status.missing_events > 0 => DirectReason::Damaged,
            Phase::Loading { .. } => DirectReason::Loading,
            _ => DirectReason::Opening,
        };
        Way::Direct {
            reason,
            mirror: Some(status),
        }
    }

    /// Returns when MISP last confirmed what it holds.
    pub(super) fn as_of(&self) -> Option<Timestamp> {
        *self.as_of.borrow()
    }

    /// Returns whether MISP shows a reason for everything that went after this moment.
    pub(super) fn explains_since(&self, moment: Timestamp) -> bool {
        self.mirror.status().unexplained_at.is_none_or(|at| at <= moment)
    }

    /// Returns the present state of the catalogue.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.catalogue.snapshot()
    }

    /// Returns the memory of the catalogue in bytes, as of the last batch.
    pub(super) fn weight_bytes(&self) -> usize {
        self.weight_bytes.load(Ordering::Relaxed)
    }

    /// Takes a batch of changes, and returns which feeds may differ now. It blocks.
    ///
    /// # Errors
    /// Those of [`Catalogue::apply`]. The copy answers nothing from then on.
    pub(super) fn take(&self, batch: &Batch) -> Result<Option<ChangeHint>, CatalogueError> {
        let applied = self.catalogue.apply(batch);
        let applied = applied.inspect_err(|_| self.is_unusable.store(true, Ordering::Relaxed))?;
        self.weight_bytes
            .store(self.catalogue.weight_bytes(), Ordering::Relaxed);
        self.as_of.send_replace(self.catalogue.snapshot().as_of());
        let has_changed = applied.is_complete && !applied.types.is_empty();
        Ok(has_changed.then_some(ChangeHint::IndicatorTypes(applied.types)))
    }

    /// Makes the copy as recent as an errand wants it, or as the site's feeds may be.
    pub(super) async fn bring_up(&self, upstream: &Upstream, errand: &Errand) {
        let site = &upstream.site;
        self.first_look().await;
        match errand.confirmed_since() {
            Some(since) => self.confirm(since, site.timeout).await,
            None => self.keep_up(site.soft_expiry).await,
        }
    }

    /// Has MISP confirm the copy, if its last confirmation was before `since`. Gives up after `patience`, and early
    /// while MISP fails.
    async fn confirm(&self, since: Timestamp, patience: Duration) {
        if self.as_of() >= Some(since) {
            return;
        }
        let patience = match self.mirror.status().failing {
            Some(_) => patience.min(PATIENCE_WHILE_FAILING),
            None => patience,
        };
        let (mut as_of, mut status) = (self.as_of.subscribe(), self.mirror.status_changes());
        self.mirror.confirm(since);
        let confirmed = as_of.wait_for(|at| *at >= Some(since));
        let fails = async {
            // A mirror that has stopped confirms nothing more.
            let _ = status.wait_for(|status| status.failing.is_some()).await;
            tokio::time::sleep(PATIENCE_WHILE_FAILING).await;
        };
        tokio::select! {
            _ = confirmed => {}
            () = fails => {}
            () = tokio::time::sleep(patience) => {}
        }
    }

    /// Waits for the first look at MISP since the copy was opened, for a short time and while MISP does not fail: what
    /// lies on disk is as old as the last life of this process.
    async fn first_look(&self) {
        if self.as_of() >= Some(self.begun_at) {
            return;
        }
        let (mut as_of, mut status) = (self.as_of.subscribe(), self.mirror.status_changes());
        tokio::select! {
            _ = as_of.wait_for(|at| *at >= Some(self.begun_at)) => {}
            _ = status.wait_for(|status| status.failing.is_some()) => {}
            () = tokio::time::sleep(FIRST_LOOK) => {}
        }
    }

    /// Has MISP confirm a copy that is older than the site's feeds may be, unless MISP fails. Waits a short time only:
    /// the caller takes an older answer as well, and MISP may hang.
    async fn keep_up(&self, soft_expiry: Duration) {
        let oldest = Timestamp::now().checked_sub(soft_expiry).unwrap_or(Timestamp::MIN);
        if self.as_of() < Some(oldest) && self.mirror.status().failing.is_none() {
            self.confirm(oldest, PATIENCE_WHILE_FAILING).await;
        }
    }

    /// Waits until the way of the copy may be another one than at the time of the call.
    pub(super) fn way_changes(&self) -> impl Future<Output = ()> + use<> {
        let (mut as_of, mut status) = (self.as_of.subscribe(), self.mirror.status_changes());
        as_of.mark_unchanged();
        status.mark_unchanged();
        async move {
            tokio::select! {
                Ok(()) = as_of.changed() => {}
                Ok(()) = status.changed() => {}
                // A copy that has ended changes no more.
                else => std::future::pending().await,
            }
        }
    }

    /// Returns the answer, and as of when it is; nothing if an event is missing that may concern it. It blocks.
    pub(super) fn answer(&self, question: &Question) -> Result<Option<(Answer, Option<Timestamp>)>, FeedError> {
        let snapshot = self.catalogue.snapshot();
        match snapshot.answer(question) {
            Ok(answer) => Ok(Some((answer, snapshot.as_of()))),
            Err(AnswerError::MissingEvent { .. }) => Ok(None),
            Err(AnswerError::TooManyValues { limit }) => Err(FeedError::TooManyValues { limit }),
            Err(error) => Err(FeedError::internal("answering from the mirror", error)),
        }
    }
}
