//! Indicators from a copy where there is one, and from MISP otherwise.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cache::SharedCache;
use catalogue::{Question, Snapshot, View};
use misp_client::Scorer;
use misp_mirror::MirrorRow;
use site_config::{Loaded, SiteName};

use super::keys::MirrorKeys;
use super::local_copy::LocalCopy;
use super::roster::{MirrorState, Roster};
use crate::catalogue_question;
use crate::event_rows::LastGood;
use crate::lookup::Rules;
use crate::omission::Omissions;
use crate::source::{ExplainFuture, GatherFuture, IndexFuture, IndicatorSource};
use crate::turns::{Shares, Turns};
use crate::{
    ChangeListener, DirectReason, Errand, FeedContents, FeedError, FeedScope, Judge, LookupIndex, LookupScope,
    MispSource, Reasons, Upstream, Way, blocking_work, workshop,
};

/// Answers from a local mirror of each MISP, which follows what changes there; asks MISP for each feed until the mirror
/// is complete, and where there can be none ([`DirectReason`] has the cases).
///
/// A mirror begins when MISP has answered the first question of an upstream, also if the answer came from another
/// daemon through the shared cache. With a [`state_directory`](Self::state_directory) it outlives a restart, and
/// [`configure`](Self::configure) begins it before the first request. Sites switch it off with `mirror: off`.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use feed_engine::{FeedEngine, MirrorSource, MispSource};
///
/// let source = Arc::new(MirrorSource::new(Arc::new(MispSource::new())));
/// let engine = FeedEngine::builder().source(source).build();
/// ```
pub struct MirrorSource {
    misp: Arc<MispSource>,
    roster: Arc<Roster>,
    /// Answers need a processor, not MISP: as many at a time as there are threads.
    places: Arc<Turns>,
}

/// The first of two ways to have an answer.
enum First<T> {
    Copy(Arc<LocalCopy>),
    Misp(T),
}

impl MirrorSource {
    /// Returns a source that keeps its mirrors in memory and asks MISP through `misp`.
    #[must_use]
    pub fn new(misp: Arc<MispSource>) -> Self {
        Self {
            roster: Arc::new(Roster::new(Arc::clone(&misp))),
            misp,
            places: Turns::new(Shares::undivided(workshop::threads())),
        }
    }

    /// Sets the directory for mirrors on disk; the source makes it when it is needed. Mirrors begin after the first
    /// [`configure`](Self::configure), which brings the keys to seal them with.
    #[must_use]
    pub fn state_directory(self, directory: impl Into<PathBuf>) -> Self {
        let directory: PathBuf = directory.into();
        self.roster.use_directory(directory);
        self
    }

    /// Sets the clock that mirrors follow MISP by (default: the system's). Answers go by the clock of the
    /// [`MispSource`].
    #[must_use]
    pub fn clock(self, clock: Arc<dyn misp_mirror::Clock>) -> Self {
        self.roster.use_clock(clock);
        self
    }

    /// Takes over a configuration and the keys for mirrors on disk: at the start, and after each reload.
    ///
    /// Begins the mirrors that lie on disk, hands changed rules to the others, and ends those of sites that are gone,
    /// disabled or without a mirror. The files of a mirror that has ended for good are deleted. Without keys, mirrors
    /// are kept in memory.
    pub async fn configure(&self, loaded: Arc<Loaded>, keys: Option<MirrorKeys>) {
        let roster = Arc::clone(&self.roster);
        let taken = blocking_work::run("taking over the rules of mirrors", move || {
            roster.configure(&loaded, keys);
        });
        if let Err(error) = taken.await {
            tracing::error!(error = error.chain(), "mirrors keep their old rules");
        }
    }

    /// Returns the state of every mirror, in order of site and key.
    #[must_use]
    pub fn states(&self) -> Vec<MirrorState> {
        self.roster.states()
    }

    /// Returns the source that asks MISP.
    #[must_use]
    pub fn misp(&self) -> &Arc<MispSource> {
        &self.misp
    }

    async fn gather_now(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        errand: &Errand,
    ) -> Result<FeedContents, FeedError> {
        let asking = self.misp.gather(upstream, scope, errand);
        let copy = match self.copy_before(upstream, asking).await? {
            First::Copy(copy) => copy,
            First::Misp(gathered) => return Ok(gathered),
        };
        crate::question::check(upstream, scope)?;
        copy.bring_up(upstream, errand).await;
        match self.answer(copy, upstream, scope, errand).await? {
            Some(contents) => Ok(contents),
            None => self.misp.gather(upstream, scope, errand).await,
        }
    }

    /// Returns the copy of an upstream if there is one that answers, or if one is ready before MISP has answered
    /// `asking`, which is the same question in the direct way. MISP may hang while the copy opens its files.
    async fn copy_before<T>(
        &self,
        upstream: &Upstream,
        asking: impl Future<Output = Result<T, FeedError>>,
    ) -> Result<First<T>, FeedError> {
        if let Some(copy) = self.roster.opened(upstream).await {
            return Ok(First::Copy(copy));
        }
        let answer = tokio::select! {
            copy = self.roster.ready(upstream) => return Ok(First::Copy(copy)),
            answer = asking => answer?,
        };
        self.roster.begin(upstream);
        Ok(First::Misp(answer))
    }

    /// Returns the answer from a copy; nothing if a damaged event may concern it, so that MISP must be asked.
    async fn answer(
        &self,
        copy: Arc<LocalCopy>,
        upstream: &Upstream,
        scope: FeedScope,
        errand: &Errand,
    ) -> Result<Option<FeedContents>, FeedError> {
        let now = self.misp.now();
        let scorer = match scope.filter.score() {
            Some(_) => Some(self.scorer(&copy, upstream, now).await?),
            None => None,
        };
        let mut asked = catalogue_question::for_feed(upstream, scope, scorer, now)?;
        asked.named_omissions = self.misp.named_omissions();
        asked.wants_times = errand.wants_times();
        let place = self.places.line(upstream).take(errand).await?;
        let asked_copy = Arc::clone(&copy);
        let answering = blocking_work::run("answering from the mirror", move || {
            let answered = asked_copy.answer(&asked);
            drop(place);
            answered
        });
        let Some((answer, as_of)) = answering.await?? else {
            return Ok(None);
        };
        let is_sure = explains(&copy, upstream, errand.last_good(), answer.values.len());
        if answer.values.is_empty() && answer.beyond_limits > 0 {
            Judge::new(scope.filter, &upstream.site)
                .log_nothing_left(usize::try_from(answer.beyond_limits).unwrap_or(usize::MAX));
        }
        let named = answer.omissions.into_iter().map(catalogue_question::omission).collect();
        let left_out = Omissions::of(named, answer.more_omissions);
        left_out.log(upstream.name(), scope);
        let (left_out, more_left_out) = left_out.into_parts();
        Ok(Some(FeedContents {
            left_out,
            more_left_out,
            as_of,
            is_sure,
            is_guarded: true,
            times: answer.times,
            ..FeedContents::new(answer.values, answer.dropped)
        }))
    }
}

impl MirrorSource {
    /// Returns the scorer of the site's decaying model, and writes a new answer of MISP down beside the copy.
    async fn scorer(
        &self,
        copy: &Arc<LocalCopy>,
        upstream: &Upstream,
        now: jiff::Timestamp,
    ) -> Result<Arc<Scorer>, FeedError> {
        let scorer = self.misp.scorer_or_last_good(upstream, now).await;
        if let Some(model) = self.misp.kept_model(upstream).filter(|model| copy.model.is_new(model)) {
            let copy = Arc::clone(copy);
            blocking_work::run("writing a decaying model", move || copy.model.write(&model)).await?;
        }
        scorer
    }

    /// Returns the index over the copy, by the rules of the feed of each type; nothing if a damaged event may concern
    /// one of them. It follows the copies of the upstream as long as they answer.
    async fn index_of(
        &self,
        copy: &Arc<LocalCopy>,
        upstream: &Upstream,
        scope: LookupScope,
    ) -> Result<Option<LookupIndex>, FeedError> {
        let now = self.misp.now();
        let scorer = self.scorer(copy, upstream, now).await;
        let questions = catalogue_question::for_lookup(upstream, scope, now)?;
        let state = copy.snapshot();
        if is_damaged(&state, &questions) {
            return Ok(None);
        }
        let rules = Rules::of(&questions, scorer, now);
        let (roster, of) = (Arc::downgrade(&self.roster), upstream.clone());
        let present = move || {
            let state = roster.upgrade()?.copy(&of).ok()?.snapshot();
            (!is_damaged(&state, &questions)).then_some(state)
        };
        Ok(Some(LookupIndex::new(Arc::new(rules.following(present)), state)))
    }

    async fn explanation(
        &self,
        copy: Arc<LocalCopy>,
        upstream: &Upstream,
        scope: FeedScope,
        text: &str,
        view: View,
    ) -> Result<Option<Reasons>, FeedError> {
        let now = self.misp.now();
        let scorer = match scope.filter.score() {
            Some(_) => Some(self.scorer(&copy, upstream, now).await?),
            None => None,
        };
        let (asked, text) = (
            catalogue_question::for_feed(upstream, scope, scorer, now)?,
            text.to_owned(),
        );
        let snapshot = copy.snapshot();
        if snapshot.missing_for(&asked).is_some() {
            return Ok(None);
        }
        let explaining = blocking_work::run("explaining a value", move || {
            let explanation = snapshot.explain(&asked, &text, view);
            let lists = |row: &MirrorRow| copy.mirror.warninglists_of(row);
            let reasons = Reasons::of(explanation, scope.kind, |id| copy.mirror.record(id), lists);
            reasons.confirmed_at(snapshot.as_of())
        });
        explaining.await.map(Some)
    }
}

/// Returns whether a copy knows why so few values are left of the last good set.
///
/// It does not know what another way saw. Without a set in this process the last good one may be that of another
/// daemon, which lives no longer than twice the soft expiry.
fn explains(copy: &LocalCopy, upstream: &Upstream, last_good: Option<&LastGood>, values: usize) -> bool {
    match last_good {
        Some(last_good) if last_good.is_shrunk_by(values) => {
            last_good.is_of_copy && copy.explains_since(last_good.made_at)
        }
        Some(_) => true,
        None => {
            let oldest = jiff::Timestamp::now().checked_sub(upstream.site.soft_expiry * 2);
            copy.explains_since(oldest.unwrap_or(jiff::Timestamp::MIN))
        }
    }
}

/// Returns whether a damaged event may concern the answer to one of these questions.
fn is_damaged(state: &Snapshot, questions: &[Question]) -> bool {
    questions.iter().any(|asked| state.missing_for(asked).is_some())
}

impl IndicatorSource for MirrorSource {
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> GatherFuture<'a> {
        Box::pin(self.gather_now(upstream, scope, errand))
    }

    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> IndexFuture<'a> {
        Box::pin(async move {
            let asking = self.misp.index(upstream, scope, errand);
            let copy = match self.copy_before(upstream, asking).await? {
                First::Copy(copy) => copy,
                First::Misp(index) => return Ok(index),
            };
            copy.bring_up(upstream, errand).await;
            match self.index_of(&copy, upstream, scope).await? {
                Some(index) => Ok(index),
                None => self.misp.index(upstream, scope, errand).await,
            }
        })
    }

    fn explain<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, text: &'a str, view: View) -> ExplainFuture<'a> {
        Box::pin(async move {
            if let Some(copy) = self.roster.opened(upstream).await
                && let Some(reasons) = self.explanation(copy, upstream, scope, text, view).await?
            {
                return Ok(Some(reasons));
            }
            self.misp.explain(upstream, scope, text, view).await
        })
    }

    fn watch(&self, listener: ChangeListener) {
        self.roster.watch(listener);
    }

    fn share_through(&self, cache: Option<SharedCache>) {
        self.roster.shared_place().change(cache);
    }

    fn answered_elsewhere(&self, upstream: &Upstream) {
        // A copy that is there is used by this, too.
        if self.roster.copy(upstream).is_err() {
            self.roster.begin(upstream);
        }
    }

    fn follows(&self, upstream: &Upstream) -> bool {
        matches!(self.roster.way(upstream), Way::Mirror(_))
    }

    fn hint(&self, site: &SiteName) {
        self.roster.hint(site);
    }

    fn way(&self, upstream: &Upstream) -> Way {
        self.roster.way(upstream)
    }

    fn resync(&self, upstream: &Upstream) -> Result<(), DirectReason> {
        self.roster.resync(upstream)
    }

    fn forget_mirror(&self, upstream: &Upstream) -> bool {
        self.roster.forget(upstream)
    }
}

impl Drop for MirrorSource {
    fn drop(&mut self) {
        self.roster.end();
    }
}

impl fmt::Debug for MirrorSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorSource").finish_non_exhaustive()
    }
}
