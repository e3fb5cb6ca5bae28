//! Indicators from MISP, with new questions each time.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use cache::MonotonicClock;
use feed_classification::Extractor;
use misp_client::{Client, Scorer};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber as _;

use crate::explain::{self, Inquiry};
use crate::feed_contents::{self, FeedContents};
use crate::judgement::{Judgement, JudgementQuestions};
use crate::misp_breakers::Suspensions;
use crate::misp_clients::MispClients;
use crate::misp_facts::{Fact, MispFacts};
use crate::misp_places::MispPlaces;
use crate::models::{Models, WrittenModel};
use crate::omission::NAMED_A_REFRESH;
use crate::paces::SitePages;
use crate::publication::UnpublishedEvents;
use crate::round::Round;
use crate::rows::Rows;
use crate::score::Scoring;
use crate::source::{ExplainFuture, GatherFuture, IndexFuture, IndicatorSource};
use crate::turns::{Line, Turn};
use crate::withdrawals::{UpstreamMemory, Withdrawals};
use crate::workshop::Workshop;
use crate::{
    Errand, FeedError, FeedScope, Judge, LookupIndex, LookupScope, Reasons, Upstream, Urgency, View,
    catalogue_question, lookup, pass, question,
};

/// Questions with one key that one MISP is asked at the same time by default; further ones wait for their turn.
const QUESTIONS: NonZeroUsize = NonZeroUsize::new(4).expect("not zero");

/// Returns the time; tests have their own.
type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// Asks MISP for every feed, over connections that the keys of one MISP share.
///
/// It reads, parses and sorts answers on at most four threads of its own, never on those of the caller's runtime.
pub struct MispSource {
    asking: Questioner,
    facts: MispFacts,
    workshop: Workshop,
}

/// The state behind all questions; clones share it.
#[derive(Clone)]
struct Questioner {
    clients: Arc<MispClients>,
    places: Arc<MispPlaces>,
    names_left_out: usize,
    clock: Clock,
    models: Arc<Models>,
    withdrawals: Arc<Withdrawals>,
}

impl Default for MispSource {
    fn default() -> Self {
        Self::new()
    }
}

impl MispSource {
    /// Returns a source without a state directory that asks one MISP four questions with one key at a time.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(jiff::Timestamp::now)
    }

    /// Returns a source that takes the present time from `clock`.
    pub fn with_clock(clock: impl Fn() -> jiff::Timestamp + Send + Sync + 'static) -> Self {
        Self {
            asking: Questioner {
                clients: Arc::new(MispClients::new(Arc::new(MonotonicClock))),
                places: Arc::new(MispPlaces::new(QUESTIONS)),
                names_left_out: NAMED_A_REFRESH,
                clock: Arc::new(clock),
                models: Arc::new(Models::new()),
                withdrawals: Arc::default(),
            },
            facts: MispFacts::default(),
            workshop: Workshop::default(),
        }
    }

    /// Sets the directory for data that must outlive a restart: the withdrawn events, in a small file for each site.
    /// The source makes it when it is needed (default: none, and the source remembers withdrawn events until the
    /// process ends).
    #[must_use]
    pub fn state_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.asking.withdrawals = Arc::new(Withdrawals::kept_in(directory.into()));
        self
    }

    /// Sets the clock by which addresses that do not answer, and keys that MISP refuses, are not asked for a while
    /// (default: the monotonic one of the system). Call it before the source is used.
    #[must_use]
    pub fn suspend_by(mut self, clock: Arc<dyn cache::Clock>) -> Self {
        self.asking.clients = Arc::new(MispClients::new(clock));
        self
    }

    /// Sets how many questions with one key one MISP is asked at the same time (default 4), with several keys twice as
    /// many; further ones wait for their turn. One caller has three quarters of the places of its key at most: see
    /// [`Upstream::asked_by`].
    #[must_use]
    pub fn questions_at_once(mut self, with_one_key: NonZeroUsize) -> Self {
        self.asking.places = Arc::new(MispPlaces::new(with_one_key));
        self
    }

    /// Sets how many omissions [`FeedContents::left_out`] holds (default 100); the first 100 are logged at DEBUG.
    #[must_use]
    pub fn names_left_out(mut self, values: usize) -> Self {
        self.asking.names_left_out = values;
        self
    }

    /// Returns a client for this upstream. Clients of all keys share connections.
    ///
    /// # Errors
    /// [`FeedError::BadUpstream`] when site, port or key make no usable address, or the certificate file cannot be
    /// read.
    pub fn client(&self, upstream: &Upstream) -> Result<Client, FeedError> {
        self.asking.clients.of(upstream)
    }

    /// Waits for a place among the questions to this MISP, and for one among those whose answer may take some hundred
    /// megabytes: for a question that is asked with [`client`](Self::client). All MISPs together are asked at most four
    /// of the large ones at a time, one upstream two, and one caller one.
    ///
    /// # Errors
    /// [`FeedError::NoPlace`] when none becomes free in half of the site's time-out; for each of the two waits.
    pub async fn turn_for_large_answer(&self, upstream: &Upstream) -> Result<Turn, FeedError> {
        let turn = self.asking.line(upstream).take(&awaited(upstream)).await?;
        let line = self.asking.places.large_answers(upstream);
        Ok(turn.and(line.take(&awaited(upstream)).await?))
    }

    /// Returns the answer of MISP to the question about its version. Callers of the same moment share one question.
    ///
    /// # Errors
    /// [`FeedError::BadUpstream`] as for [`client`](Self::client), [`FeedError::Misp`] if MISP does not answer.
    pub async fn version(&self, upstream: &Upstream) -> Result<Arc<Value>, FeedError> {
        self.fact(upstream, Fact::Version).await
    }

    /// Returns how many attributes of each type MISP has. Callers of the same moment share one question.
    ///
    /// # Errors
    /// Those of [`version`](Self::version).
    pub async fn attribute_statistics(&self, upstream: &Upstream) -> Result<Arc<Value>, FeedError> {
        self.fact(upstream, Fact::AttributeStatistics).await
    }

    async fn fact(&self, upstream: &Upstream, fact: Fact) -> Result<Arc<Value>, FeedError> {
        let client = self.client(upstream)?;
        self.facts.ask(upstream.id(), client, fact).await
    }

    /// Runs `work` on the threads that ask MISP and returns its result: for further questions with large answers, where
    /// the caller's threads serve sockets.
    ///
    /// # Errors
    /// [`FeedError::Internal`] if the system gives no threads.
    pub async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, FeedError> {
        self.workshop.run(async move { Ok(work.await) }).await
    }

    /// Asks for withdrawn events wherever a feed that goes by publication was used in the last two days and MISP was
    /// not asked for some minutes. Call it every few minutes: an event that is withdrawn and edited between two looks
    /// counts as edited.
    ///
    /// Sites do not wait for each other. A MISP that does not answer in time is left to the next call.
    pub async fn look_for_withdrawals(&self) {
        let (asking, due) = (self.asking.clone(), self.asking.withdrawals.due());
        let look = async move {
            let mut sites = JoinSet::new();
            for upstreams in due.into_values() {
                let asking = asking.clone();
                let look = async move { asking.look_at_site(&upstreams).await };
                sites.spawn(look.with_current_subscriber());
            }
            sites.join_all().await;
            Ok(())
        };
        if let Err(error) = self.workshop.run(look).await {
            tracing::warn!(
                error = error.chain(),
                "withdrawn events cannot be looked for: the threads that ask MISP cannot start"
            );
        }
    }

    /// Starts `work` on the threads that ask MISP.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), FeedError> {
        self.workshop.start(work)
    }

    /// Returns the line of this upstream before the places of its MISP.
    pub(crate) fn line(&self, upstream: &Upstream) -> Line {
        self.asking.line(upstream)
    }

    /// Returns the memory of withdrawn events of this upstream.
    pub(crate) fn withdrawals(&self, upstream: &Upstream) -> Arc<UpstreamMemory> {
        self.asking.withdrawals.of(upstream)
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        (self.asking.clock)()
    }

    /// Returns how many omissions a feed names.
    pub(crate) fn named_omissions(&self) -> usize {
        self.asking.names_left_out
    }

    /// Returns the scorer of the site's decaying model; the last one where MISP cannot be asked for the model.
    pub(crate) async fn scorer_or_last_good(
        &self,
        upstream: &Upstream,
        now: jiff::Timestamp,
    ) -> Result<Arc<Scorer>, FeedError> {
        let (asking, upstream) = (self.asking.clone(), upstream.clone());
        let scorer = async move { asking.scorer_or_last_good(&upstream, now).await };
        self.workshop.run(scorer).await
    }

    /// Returns the decaying model that is kept for an upstream.
    pub(crate) fn kept_model(&self, upstream: &Upstream) -> Option<WrittenModel> {
        self.asking.models.kept(upstream)
    }

    /// Keeps a decaying model that was written down in an earlier life of the process.
    pub(crate) fn restore_model(&self, upstream: &Upstream, written: WrittenModel) {
        self.asking.models.restore(upstream, written);
    }

    /// Returns the addresses that are not asked now because they do not answer, and the keys that MISP refuses, by the
    /// name of the site.
    #[must_use]
    pub fn suspensions(&self) -> BTreeMap<String, Suspensions> {
        self.asking.clients.suspensions()
    }

    /// Returns the number and time of pages, by site and by whether MISP removed values of its warning lists.
    #[must_use]
    pub fn pages(&self) -> Vec<SitePages> {
        self.asking.clients.pages()
    }
}

impl Questioner {
    async fn look_at_site(&self, upstreams: &[(Upstream, Arc<UpstreamMemory>)]) {
        for (upstream, remembered) in upstreams {
            let Err(error) = self.look_at(upstream, remembered).await else {
                continue;
            };
            let site = upstream.site.name.as_str();
            tracing::debug!(
                site,
                error = error.chain(),
                "MISP cannot be asked for withdrawn events now"
            );
            if error.is_timeout() {
                // With another key it would take as long.
                return;
            }
        }
    }

    async fn look_at(&self, upstream: &Upstream, remembered: &UpstreamMemory) -> Result<(), FeedError> {
        let client = self.clients.of(upstream)?;
        let _turn = self.line(upstream).take(&Errand::new(Urgency::Unhurried)).await?;
        UnpublishedEvents::ask(&client, remembered).await.map(|_| ())
    }

    fn line(&self, upstream: &Upstream) -> Line {
        self.places.line(upstream)
    }

    async fn gather_now(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        errand: &Errand,
    ) -> Result<FeedContents, FeedError> {
        let client = self.clients.of(upstream)?;
        let line = self.line(upstream);
        let reading = errand.round().map(Round::enter);
        let turn = line.take(errand).await?;
        let now = (self.clock)();
        let search = question::for_feed(upstream, scope, now)?;
        let extractor = Extractor::new(scope.kind).max_expand(upstream.site.max_expand);
        // One after the other: one turn is one question at a time.
        let mut judge = Judge::new(scope.filter, &upstream.site);
        if judge.needs_scores() {
            let scorer = self.models.scorer(&client, upstream, now).await?;
            judge = judge.with_scoring(Scoring::new(scorer, now));
        }
        let fresh = || Rows::new(extractor).naming(self.names_left_out);
        let mut rows = pass::read(&client, &search, judge, fresh).await?;
        let afterwards = JudgementQuestions {
            client: &client,
            upstream,
            scope,
            now,
            remembered: &self.withdrawals.of(upstream),
            line: &line,
            errand,
        };
        let Judgement { publication, harmless } = afterwards.ask(turn, reading, rows.weight_bytes()).await?;
        let mut dropped = rows.dropped.clone();
        let mut left_out = rows.left_out(|row| publication.counts(row));
        let shown = rows.take_shown();
        let events = rows.events(|row| publication.counts(row)).map(Arc::new);
        let (published, times) = rows.into_timed_set(|row| publication.counts(row));
        let guarded = feed_contents::behind(&upstream.site.guard, (published, Some(times)), &harmless)?;
        dropped.extend(feed_contents::counts(&guarded));
        left_out.guarded(&guarded);
        left_out.log(upstream.site.name.as_str(), scope);
        let (left_out, more_left_out) = left_out.into_parts();
        let is_sure = match errand.last_good() {
            Some(last_good) if last_good.is_shrunk_by(guarded.values.len()) => {
                let _turn = line.take(errand).await?;
                let present = (&shown, guarded.values.len());
                last_good.is_explained(&client, (upstream, scope), now, present).await
            }
            _ => false,
        };
        Ok(FeedContents {
            left_out,
            more_left_out,
            is_guarded: true,
            is_sure,
            events,
            times: guarded.times,
            ..FeedContents::new(guarded.values, dropped)
        })
    }

    async fn scorer_or_last_good(&self, upstream: &Upstream, now: jiff::Timestamp) -> Result<Arc<Scorer>, FeedError> {
        let client = self.clients.of(upstream)?;
        let scorer = self.models.scorer(&client, upstream, now).await;
        match scorer {
            Err(error @ FeedError::Misp(_)) => self.models.last_good(upstream, now).ok_or(error),
            known => known,
        }
    }

    async fn explain_now(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        text: &str,
        view: View,
    ) -> Result<Reasons, FeedError> {
        let client = self.clients.of(upstream)?;
        let _turn = self.line(upstream).take(&awaited(upstream)).await?;
        let now = (self.clock)();
        let scorer = match scope.filter.score() {
            Some(_) => Some(self.models.scorer(&client, upstream, now).await?),
            None => None,
        };
        let inquiry = Inquiry {
            client: &client,
            upstream,
            scope,
            question: catalogue_question::for_feed(upstream, scope, scorer, now)?,
            remembered: &self.withdrawals.of(upstream),
            now,
        };
        explain::of_misp(inquiry, text, view).await
    }

    async fn index_now(
        &self,
        upstream: &Upstream,
        scope: LookupScope,
        errand: &Errand,
    ) -> Result<LookupIndex, FeedError> {
        let client = self.clients.of(upstream)?;
        let _turn = self.line(upstream).take(errand).await?;
        let now = (self.clock)();
        let scorer = self.models.scorer(&client, upstream, now).await;
        if let Err(error) = &scorer
            && upstream.site.decaying_model.is_some()
        {
            tracing::warn!(
                site = upstream.site.name.as_str(),
                error = error.chain(),
                "the decaying model cannot be read from MISP: look-ups use its last answer, or have no scores"
            );
        }
        // The new index replaces the old one, and a failed question must not remove its scores.
        let scorer = match scorer {
            Err(error @ FeedError::Misp(_)) => self.models.last_good(upstream, now).ok_or(error),
            known => known,
        };
        lookup::gather(&client, upstream, scope, scorer, &self.withdrawals.of(upstream), now).await
    }
}

impl IndicatorSource for MispSource {
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> GatherFuture<'a> {
        let (asking, upstream, errand) = (self.asking.clone(), upstream.clone(), errand.clone());
        Box::pin(
            self.workshop
                .run(async move { asking.gather_now(&upstream, scope, &errand).await }),
        )
    }

    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> IndexFuture<'a> {
        let (asking, upstream, errand) = (self.asking.clone(), upstream.clone(), errand.clone());
        Box::pin(
            self.workshop
                .run(async move { asking.index_now(&upstream, scope, &errand).await }),
        )
    }

    fn explain<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, text: &'a str, view: View) -> ExplainFuture<'a> {
        let (asking, upstream, text) = (self.asking.clone(), upstream.clone(), text.to_owned());
        let explaining = async move { asking.explain_now(&upstream, scope, &text, view).await };
        Box::pin(async move { self.workshop.run(explaining).await.map(Some) })
    }
}

impl fmt::Debug for MispSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MispSource").finish_non_exhaustive()
    }
}

/// Returns an errand whose answer the caller of this upstream waits for.
fn awaited(upstream: &Upstream) -> Errand {
    Errand::new(Urgency::Awaited).asked_by(upstream.caller())
}
