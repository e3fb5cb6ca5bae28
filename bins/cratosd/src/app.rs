//! The services that answer requests, put together: configuration, engine, limits, streams, sightings.

use std::sync::{Arc, OnceLock};

use feed_engine::{FeedEngine, MispSource};
use prometheus_client::registry::Registry;
use site_config::{ConfigStore, Core};

use crate::access_log::AccessLog;
use crate::configuration::Configuration;
use crate::error::AppError;
use crate::feed_tags::MissingTags;
use crate::live::Links;
use crate::metrics::{self, Metrics};
use crate::rate_limit::RateLimit;
use crate::sighting_desk::Desk;
use crate::streams::Streams;
use crate::throttle::Throttle;
use crate::tls::Tls;
use crate::{server, shared_cache};

/// The daemon without its sockets: give it to [`server::serve`](crate::server::serve).
#[derive(Debug)]
pub struct App {
    configuration: Arc<Configuration>,
    engine: FeedEngine,
    misp: Arc<MispSource>,
    minting: RateLimit,
    throttle: Throttle,
    metrics: Metrics,
    access_log: OnceLock<AccessLog>,
    streams: Streams,
    links: Arc<Links>,
    tls: Option<Tls>,
    sightings: Arc<Desk>,
    missing_tags: Arc<MissingTags>,
}

impl App {
    /// Returns the daemon for this configuration and engine.
    ///
    /// `misp` makes the MISP clients of routes that serve no feed, for example `/v1/check` and making tokens. Give the engine the same
    /// source, so that each MISP has one pool of connections.
    ///
    /// If the configuration names a shared cache, the engine shares feeds through it. Later changes of `config`, its keys and its cache
    /// included, come into force without a restart.
    ///
    /// # Errors
    /// [`AppError::Keys`] for keys or a salt that make no ring, [`AppError::SharedCache`] for authorities that cannot be read,
    /// [`AppError::Tls`] for a certificate that cannot be used.
    pub fn new(config: Arc<ConfigStore>, engine: FeedEngine, misp: Arc<MispSource>) -> Result<Arc<Self>, AppError> {
        let loaded = config.current();
        let core_file = &config.paths().config;
        let tls = loaded.core.tls.as_ref().map(|tls| Tls::open(core_file, tls));
        let tls = tls.transpose().map_err(AppError::Tls)?;
        let sightings = Arc::new(Desk::default());
        let configuration = Configuration::new(config, {
            let (engine, sightings) = (engine.clone(), Arc::clone(&sightings));
            move |before, now| adopt(&engine, &sightings, before, now)
        })?;
        Ok(Arc::new(Self {
            configuration: Arc::new(configuration),
            engine,
            misp,
            minting: RateLimit::default(),
            throttle: Throttle::default(),
            metrics: Metrics::default(),
            access_log: OnceLock::new(),
            // Three quarters of the connections, so that devices that poll always get one.
            streams: Streams::new(server::connections() / 4 * 3),
            links: Arc::default(),
            tls,
            sightings,
            missing_tags: Arc::default(),
        }))
    }

    /// Starts the access log, if the core file names one. Before this call no line is written.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub fn start_access_log(&self) -> std::io::Result<()> {
        let log = AccessLog::start(self.config().current().core.access_log.clone())?;
        // A second one would write the same lines.
        let _ = self.access_log.set(log);
        Ok(())
    }

    /// Opens the file of the access log anew, as the configuration in force says: logrotate may have moved it away.
    pub fn reopen_access_log(&self) {
        if let Some(log) = self.access_log.get() {
            log.reopen(self.config().current().core.access_log.clone());
        }
    }

    /// Waits a moment for the access log to be written; blocks.
    pub fn flush_access_log(&self) {
        if let Some(log) = self.access_log.get() {
            log.flush();
        }
    }

    /// Returns the access log, once it is started.
    pub(crate) fn access_log(&self) -> Option<&AccessLog> {
        self.access_log.get()
    }

    /// Returns the configuration with its keys and its changes.
    pub(crate) fn configuration(&self) -> &Arc<Configuration> {
        &self.configuration
    }

    /// Takes everything that each request takes, and returns when it has got it. The watchdog calls this as a sign of life.
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

    /// Returns the configuration files: those in force, and the problems of newer ones.
    pub(crate) fn config(&self) -> &ConfigStore {
        self.configuration.store()
    }

    /// Returns the counters of answers.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the open streams.
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Returns the links to the ZeroMQ feed of each MISP.
    pub(crate) fn links(&self) -> &Arc<Links> {
        &self.links
    }

    /// Returns the certificate in force; nothing if TLS is off.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Returns the desk that takes reports of sightings.
    pub(crate) fn sightings(&self) -> &Arc<Desk> {
        &self.sightings
    }

    /// Returns the feeds that are empty because MISP does not have their tag.
    pub(crate) fn missing_tags(&self) -> &Arc<MissingTags> {
        &self.missing_tags
    }

    /// Returns how many tokens each address has had made lately.
    pub(crate) fn minting(&self) -> &RateLimit {
        &self.minting
    }

    /// Returns the counts of failed tokens and MISP keys.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// Registers the metrics of every service.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        metrics::build::register(registry);
        metrics::configuration::register(self.config(), &self.missing_tags, registry);
        metrics::feeds::register(&self.engine, &self.misp, registry);
        metrics::live::register(&self.streams, &self.links, registry);
        metrics::logs::register(self.access_log(), registry);
        self.metrics.register(registry);
        metrics::shared_cache::register(&self.engine, registry);
        metrics::sightings::register(&self.sightings, registry);
        metrics::throttled::register(&self.throttle, &self.minting, &self.sightings, registry);
        metrics::tls::register(self.tls(), registry);
    }
}

/// Takes over the shared cache and the keys of a core file. A core file without a cache ends only the sharing that the one before began,
/// so that an engine with a cache of its own keeps it.
fn adopt(engine: &FeedEngine, sightings: &Desk, before: Option<&Core>, now: &Core) -> Result<(), AppError> {
    let cache = shared_cache::open(now).map_err(AppError::SharedCache)?;
    if let Some(cache) = &cache {
        tracing::info!(store = cache.place(), "feeds are shared through a cache");
    }
    if cache.is_some() || before.is_some_and(|before| before.cache.is_some()) {
        engine.share_through(cache);
    }
    sightings.use_keys(now);
    Ok(())
}
