//! The services that answer requests, put together: configuration, engine, limits, streams, sightings.

use std::sync::Arc;

use feed_engine::{FeedEngine, MirrorSource, MispSource};
use prometheus_client::registry::Registry;
use site_config::{ConfigStore, Core};
use tokio::sync::OnceCell;

use crate::answer_log::Log;
use crate::auth::KnownTokens;
use crate::configuration::Configuration;
use crate::error::GatewayError;
use crate::even_time::EvenTime;
use crate::feed_tags::MissingTags;
use crate::good_token::OnGoodToken;
use crate::live::Links;
use crate::metrics::{self, Metrics};
use crate::prepared_answers::PreparedAnswers;
use crate::rate_limit::RateLimit;
use crate::shared_cache;
use crate::sighting_desk::Desk;
use crate::stored_body::StoredBody;
use crate::streams::Streams;
use crate::throttle::Throttle;
use crate::token_uses::TokenUses;

/// The state of a gateway. Handlers of routes get it by reference.
#[derive(Debug)]
pub(crate) struct App {
    configuration: Arc<Configuration>,
    engine: FeedEngine,
    misp: Arc<MispSource>,
    mirrors: Option<Arc<MirrorSource>>,
    minting: RateLimit,
    key_checks: EvenTime,
    throttle: Throttle,
    known_tokens: KnownTokens,
    prepared_answers: PreparedAnswers,
    token_uses: TokenUses,
    metrics: Metrics,
    program_metrics: metrics::ProgramMetrics,
    streams: Streams,
    links: Arc<Links>,
    sightings: Arc<Desk>,
    missing_tags: Arc<MissingTags>,
    description: OnceCell<StoredBody>,
    outputs: OnceCell<StoredBody>,
    on_good_token: OnGoodToken,
    log: Log,
}

impl App {
    /// Puts the services together. `streams` is how many may be open at a time.
    ///
    /// # Errors
    /// As [`GatewayBuilder::build`](crate::GatewayBuilder::build).
    pub(crate) fn new(
        config: ConfigStore,
        engine: FeedEngine,
        misp: Arc<MispSource>,
        mirrors: Option<Arc<MirrorSource>>,
        streams: usize,
    ) -> Result<Self, GatewayError> {
        let sightings = Arc::new(Desk::default());
        let configuration = Configuration::new(config, {
            let (engine, sightings) = (engine.clone(), Arc::clone(&sightings));
            move |before, now| adopt(&engine, &sightings, before, now)
        })?;
        Ok(Self {
            configuration: Arc::new(configuration),
            engine,
            misp,
            mirrors,
            minting: RateLimit::default(),
            key_checks: EvenTime::default(),
            throttle: Throttle::default(),
            known_tokens: KnownTokens::default(),
            prepared_answers: PreparedAnswers::default(),
            token_uses: TokenUses::default(),
            metrics: Metrics::default(),
            program_metrics: metrics::ProgramMetrics::default(),
            streams: Streams::new(streams),
            links: Arc::default(),
            sightings,
            missing_tags: Arc::default(),
            description: OnceCell::new(),
            outputs: OnceCell::new(),
            on_good_token: OnGoodToken::default(),
            log: Log::default(),
        })
    }

    /// Sets what the server in front learns of requests with a good token.
    pub(crate) fn with_on_good_token(self, on_good_token: OnGoodToken) -> Self {
        Self { on_good_token, ..self }
    }

    /// Sets where the lines of the log about answers go.
    pub(crate) fn with_log(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// Returns the log of answers.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns what the server in front learns of requests with a good token.
    pub(crate) fn on_good_token(&self) -> &OnGoodToken {
        &self.on_good_token
    }

    /// Returns the configuration with its keys and its changes.
    pub(crate) fn configuration(&self) -> &Arc<Configuration> {
        &self.configuration
    }

    /// Takes everything that each request takes, and returns when it has got it. The watchdog calls this as a sign of
    /// life.
    pub(crate) fn touch(&self) {
        let _ = self.configuration.snapshot();
        let _ = self.engine.refreshes();
    }

    /// Returns the engine.
    pub(crate) fn engine(&self) -> &FeedEngine {
        &self.engine
    }

    /// Returns the source of MISP clients for routes that serve no feed.
    pub(crate) fn misp(&self) -> &Arc<MispSource> {
        &self.misp
    }

    /// Returns the source that keeps mirrors, if the engine has one.
    pub(crate) fn mirrors(&self) -> Option<&Arc<MirrorSource>> {
        self.mirrors.as_ref()
    }

    /// Returns the configuration files: those in force, and the problems of newer ones.
    pub(crate) fn config(&self) -> &ConfigStore {
        self.configuration.store()
    }

    /// Returns the counters of answers.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Adds metrics of the embedding program to the page.
    pub(crate) fn add_metrics(&self, register: impl Fn(&mut Registry) + Send + Sync + 'static) {
        self.program_metrics.add(register);
    }

    /// Returns the open streams.
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Returns the links to the ZeroMQ feed of each MISP.
    pub(crate) fn links(&self) -> &Arc<Links> {
        &self.links
    }

    /// Returns the desk that takes reports of sightings.
    pub(crate) fn sightings(&self) -> &Arc<Desk> {
        &self.sightings
    }

    /// Returns the feeds that are empty because MISP does not have their tag.
    pub(crate) fn missing_tags(&self) -> &Arc<MissingTags> {
        &self.missing_tags
    }

    /// Returns the OpenAPI document, once a request has needed it.
    pub(crate) fn description(&self) -> &OnceCell<StoredBody> {
        &self.description
    }

    /// Returns the catalogue of outputs, once a request has needed it.
    pub(crate) fn outputs(&self) -> &OnceCell<StoredBody> {
        &self.outputs
    }

    /// Returns how many tokens each address has had made lately.
    pub(crate) fn minting(&self) -> &RateLimit {
        &self.minting
    }

    /// Returns the checks of MISP keys for callers that do not get the reason of a failure.
    pub(crate) fn key_checks(&self) -> &EvenTime {
        &self.key_checks
    }

    /// Returns the counts of failed tokens and MISP keys.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// Returns the tokens that were good lately.
    pub(crate) fn known_tokens(&self) -> &KnownTokens {
        &self.known_tokens
    }

    /// Returns the answers that were given lately.
    pub(crate) fn prepared_answers(&self) -> &PreparedAnswers {
        &self.prepared_answers
    }

    /// Returns the uses of each token.
    pub(crate) fn token_uses(&self) -> &TokenUses {
        &self.token_uses
    }

    /// Registers the metrics of every service.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        metrics::build::register(registry);
        metrics::configuration::register(self.config(), &self.missing_tags, registry);
        metrics::feeds::register(&self.engine, &self.misp, registry);
        if let Some(mirrors) = &self.mirrors {
            metrics::mirrors::register(mirrors, registry);
        }
        metrics::live::register(&self.streams, &self.links, registry);
        self.metrics.register(registry);
        metrics::shared_cache::register(&self.engine, registry);
        metrics::sightings::register(&self.sightings, registry);
        metrics::throttling::register(
            metrics::throttling::Limits {
                throttle: &self.throttle,
                minting: &self.minting,
                key_checks: &self.key_checks,
                desk: &self.sightings,
                tokens: &self.token_uses,
            },
            registry,
        );
        metrics::tokens::register(&self.token_uses, registry);
        self.program_metrics.register(registry);
    }
}

/// Takes over the shared cache and the keys of a core file. A core file without a cache ends only the sharing that the
/// one before began, so that an engine with a cache of its own keeps it.
fn adopt(engine: &FeedEngine, sightings: &Desk, before: Option<&Core>, now: &Core) -> Result<(), GatewayError> {
    let cache = shared_cache::open(now).map_err(GatewayError::SharedCache)?;
    if let Some(cache) = &cache {
        tracing::info!(store = cache.place(), "feeds are shared through a cache");
    }
    if cache.is_some() || before.is_some_and(|before| before.cache.is_some()) {
        engine.share_through(cache);
    }
    sightings.use_keys(now);
    Ok(())
}
