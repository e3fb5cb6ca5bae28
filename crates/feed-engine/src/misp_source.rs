//! Indicators from MISP, with new questions each time.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use feed_classification::Extractor;
use misp_client::{AuthKey, BaseUrl, Client, PagePace, Scorer};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber as _;

use cache::{MemoryStore, Weigh};

use crate::explain::{self, Inquiry};
use crate::feed_contents::{self, FeedContents};
use crate::judgement::{Judgement, JudgementQuestions};
use crate::misp_facts::{Fact, MispFacts};
use crate::models::{Models, WrittenModel};
use crate::omission::NAMED_A_REFRESH;
use crate::paces::{Paces, SitePages};
use crate::publication::UnpublishedEvents;
use crate::round::Round;
use crate::rows::Rows;
use crate::score::Scoring;
use crate::source::{ExplainFuture, GatherFuture, IndexFuture, IndicatorSource};
use crate::turns::Turns;
use crate::upstream::UpstreamId;
use crate::withdrawals::{UpstreamMemory, Withdrawals};
use crate::workshop::Workshop;
use crate::{
    Errand, FeedError, FeedScope, Judge, LookupIndex, LookupScope, Reasons, Upstream, Urgency, View,
    catalogue_question, lookup, pass, question,
};

/// Feeds that are gathered at one site at the same time by default; further ones wait for their turn.
const GATHERINGS_A_SITE: usize = 4;

/// Connection pools are kept up to this much memory: tokens of many keys may come by.
const CLIENTS_BYTES: u64 = 64 * 1024 * 1024;

/// The estimated memory of one pool with an idle TLS connection.
const CLIENT_BYTES: usize = 64 * 1024;

/// Returns the time; tests have their own.
type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// Asks MISP for every feed, with one connection pool per upstream.
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
    clients: MemoryStore<ClientKey, PooledClient>,
    /// By site; at most one entry for each site file that was ever loaded.
    turns: Arc<Mutex<HashMap<String, Arc<Turns>>>>,
    gatherings_a_site: usize,
    names_left_out: usize,
    clock: Clock,
    models: Arc<Models>,
    withdrawals: Arc<Withdrawals>,
    paces: Arc<Paces>,
}

/// The settings of a client; a reload that changes one of them gets a new client.
#[derive(Clone, Eq, Hash, PartialEq)]
struct ClientKey {
    upstream: UpstreamId,
    verify_certificate: bool,
    timeout: Duration,
    /// Its content, since a file replaced under the same name is another authority.
    ca_certificate: Option<Vec<u8>>,
    max_answer_bytes: u64,
    max_attributes: u64,
}

#[derive(Clone)]
struct PooledClient(Client);

impl Weigh for PooledClient {
    fn weight_bytes(&self) -> usize {
        CLIENT_BYTES
    }
}

impl Default for MispSource {
    fn default() -> Self {
        Self::new()
    }
}

impl MispSource {
    /// Returns a source without a state directory that gathers four feeds of one site at a time.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(jiff::Timestamp::now)
    }

    /// Returns a source that takes the present time from `clock`.
    pub fn with_clock(clock: impl Fn() -> jiff::Timestamp + Send + Sync + 'static) -> Self {
        Self {
            asking: Questioner {
                clients: MemoryStore::new(CLIENTS_BYTES),
                turns: Arc::default(),
                gatherings_a_site: GATHERINGS_A_SITE,
                names_left_out: NAMED_A_REFRESH,
                clock: Arc::new(clock),
                models: Arc::new(Models::new()),
                withdrawals: Arc::default(),
                paces: Arc::default(),
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

    /// Sets how many feeds are gathered at one site at the same time (default 4); further ones wait for their turn.
    #[must_use]
    pub fn gatherings_a_site(mut self, feeds: NonZeroUsize) -> Self {
        self.asking.gatherings_a_site = feeds.get();
        self
    }

    /// Sets how many omissions [`FeedContents::left_out`] holds (default 100); the first 100 are logged at DEBUG.
    #[must_use]
    pub fn names_left_out(mut self, values: usize) -> Self {
        self.asking.names_left_out = values;
        self
    }

    /// Returns a client for this upstream, the same one for the same settings.
    ///
    /// # Errors
    /// [`FeedError::BadUpstream`] when site, port or key make no usable address, or the certificate file cannot be
    /// read.
    pub fn client(&self, upstream: &Upstream) -> Result<Client, FeedError> {
        self.asking.client(upstream)
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

    /// Returns the places for questions to the site of this upstream.
    pub(crate) fn turns(&self, upstream: &Upstream) -> Arc<Turns> {
        self.asking.turns(upstream)
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

    /// Returns the number and time of pages, by site and by whether MISP removed values of its warning lists.
    #[must_use]
    pub fn pages(&self) -> Vec<SitePages> {
        self.asking.paces.all()
    }
}

impl Questioner {
    fn client(&self, upstream: &Upstream) -> Result<Client, FeedError> {
        let site = &upstream.site;
        let ca_certificate = ca_certificate(upstream)?;
        let key = ClientKey {
            upstream: upstream.id(),
            verify_certificate: site.verify_certificate,
            timeout: site.timeout,
            ca_certificate: ca_certificate.clone(),
            max_answer_bytes: site.max_answer_bytes,
            max_attributes: site.max_attributes,
        };
        if let Some(PooledClient(client)) = self.clients.get(&key) {
            return Ok(client);
        }
        let client = build(upstream, ca_certificate, self.paces.of(upstream.site.name.as_str()))?;
        self.clients.insert(key, PooledClient(client.clone()));
        Ok(client)
    }

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
        let client = self.client(upstream)?;
        let _turn = self.turns(upstream).take(&Errand::new(Urgency::Unhurried)).await;
        UnpublishedEvents::ask(&client, remembered).await.map(|_| ())
    }

    fn turns(&self, upstream: &Upstream) -> Arc<Turns> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = turns.entry(upstream.site.name.as_str().to_owned());
        Arc::clone(turns.or_insert_with(|| Turns::new(self.gatherings_a_site)))
    }

    async fn gather_now(
        &self,
        upstream: &Upstream,
        scope: FeedScope,
        errand: &Errand,
    ) -> Result<FeedContents, FeedError> {
        let client = self.client(upstream)?;
        let turns = self.turns(upstream);
        let reading = errand.round().map(Round::enter);
        let turn = turns.take(errand).await;
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
            turns: &turns,
            errand,
        };
        let Judgement { publication, harmless } = afterwards.ask(turn, reading, rows.weight_bytes()).await?;
        let mut dropped = rows.dropped.clone();
        let mut left_out = rows.left_out(|row| publication.counts(row));
        let shown = rows.take_shown();
        let events = rows.events(|row| publication.counts(row)).map(Arc::new);
        let published = rows.into_set(|row| publication.counts(row));
        let guarded = feed_contents::behind(&upstream.site.guard, published, &harmless)?;
        dropped.extend(feed_contents::counts(&guarded));
        left_out.guarded(&guarded);
        left_out.log(upstream.site.name.as_str(), scope);
        let (left_out, more_left_out) = left_out.into_parts();
        let is_sure = match errand.last_good() {
            Some(last_good) if last_good.is_shrunk_by(guarded.values.len()) => {
                let _turn = turns.take(errand).await;
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
            ..FeedContents::new(guarded.values, dropped)
        })
    }

    async fn scorer_or_last_good(&self, upstream: &Upstream, now: jiff::Timestamp) -> Result<Arc<Scorer>, FeedError> {
        let client = self.client(upstream)?;
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
        let client = self.client(upstream)?;
        let _turn = self.turns(upstream).take(&Errand::new(Urgency::Awaited)).await;
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
        let client = self.client(upstream)?;
        let _turn = self.turns(upstream).take(errand).await;
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

fn build(upstream: &Upstream, ca_certificate: Option<Vec<u8>>, pace: PagePace) -> Result<Client, FeedError> {
    let bad = |error| FeedError::BadUpstream(Arc::new(error));
    let site = &upstream.site;
    let auth_key = upstream.auth_key().ok_or_else(|| FeedError::NotAMisp {
        name: upstream.name().to_owned(),
    })?;
    let url = BaseUrl::parse(&upstream.address()).map_err(bad)?;
    let key = AuthKey::new(auth_key.expose_secret().to_owned()).map_err(bad)?;
    let mut builder = Client::builder(url, key)
        .user_agent(concat!("cratos/", env!("CARGO_PKG_VERSION")))
        .verify_certificate(site.verify_certificate)
        .timeout(question_timeout(site.timeout))
        .max_page_bytes(site.max_answer_bytes)
        .max_attributes(site.max_attributes)
        .page_pace(pace);
    if let Some(pem) = ca_certificate {
        builder = builder.add_root_certificate(pem);
    }
    builder.build().map_err(bad)
}

fn ca_certificate(upstream: &Upstream) -> Result<Option<Vec<u8>>, FeedError> {
    let path = upstream.site.ca_certificate.as_deref();
    path.map(std::fs::read)
        .transpose()
        .map_err(|error| FeedError::internal("reading the site's ca_certificate", error))
}

/// One question may take a little less than a caller waits, so that the caller learns how it ended, and no question
/// that is about to fail is left for the next caller to join.
fn question_timeout(site_timeout: Duration) -> Duration {
    site_timeout * 19 / 20
}
