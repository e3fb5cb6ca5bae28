//! Settings of a gateway that its configuration files do not hold.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use client_address::Peer;
use feed_engine::{FeedEngine, MirrorSource, MispSource};
use http::Extensions;
use site_config::ConfigStore;

use super::{Gateway, PeerReader};
use crate::answer_log::{AnswerLog, Log};
use crate::app::App;
use crate::error::GatewayError;
use crate::good_token::OnGoodToken;

/// Streams at a time, unless the embedding program sets a number.
const STREAMS: usize = 256;

/// Makes a [`Gateway`].
#[must_use]
pub struct GatewayBuilder {
    config: ConfigStore,
    engine: FeedEngine,
    misp: Arc<MispSource>,
    mirrors: Option<Arc<MirrorSource>>,
    streams: usize,
    peer: PeerReader,
    on_good_token: OnGoodToken,
    log: Log,
}

impl GatewayBuilder {
    pub(crate) fn new(config: ConfigStore, engine: FeedEngine) -> Self {
        Self {
            config,
            engine,
            misp: Arc::default(),
            mirrors: None,
            streams: STREAMS,
            peer: Arc::new(|extensions| extensions.get::<Peer>().map(|peer| peer.0)),
            on_good_token: OnGoodToken::default(),
            log: Log::default(),
        }
    }

    /// Sets the source whose MISP clients serve the routes that are not feeds, for example `/v1/check` and making
    /// tokens. Give the engine the same one, so that each MISP has one pool of connections (default: a source of its
    /// own).
    pub fn misp(mut self, misp: Arc<MispSource>) -> Self {
        self.misp = misp;
        self
    }

    /// Sets the source of the engine, where that keeps mirrors: the gateway hands it the configuration at the start and
    /// after each reload, and shows its state on `/readyz` and `/metrics` (default: none). Its
    /// [`MispSource`](MirrorSource::misp) serves the other routes.
    pub fn mirrors(mut self, mirrors: Arc<MirrorSource>) -> Self {
        self.misp = Arc::clone(mirrors.misp());
        self.mirrors = Some(mirrors);
        self
    }

    /// Sets how many streams may be open at a time (default 256); a further one gets 503. Choose fewer than the server
    /// has connections, so that devices that poll always get one. One token gets half of the streams at most.
    pub fn streams(mut self, most: usize) -> Self {
        self.streams = most;
        self
    }

    /// Sets how the address of a connection is found in the extensions of its requests (default: the extension
    /// [`Peer`]). For example, a program with axum reads `ConnectInfo<SocketAddr>`.
    pub fn peer(mut self, read: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.peer = Arc::new(read);
        self
    }

    /// Sets a function that is called with the extensions of each request whose token is good, before its answer is
    /// made (default: none). A server can use it to keep such connections when it runs short of places or memory.
    pub fn on_good_token(mut self, tell: impl Fn(&Extensions) + Send + Sync + 'static) -> Self {
        self.on_good_token = OnGoodToken::new(tell);
        self
    }

    /// Sets where the lines of the log about answers go (default: [`TracingLog`](crate::TracingLog)).
    pub fn answer_log(mut self, log: Arc<dyn AnswerLog>) -> Self {
        self.log = Log::new(log);
        self
    }

    /// Returns the gateway.
    ///
    /// If the configuration names a shared cache, the engine shares feeds through it from now on. Later changes of the
    /// configuration, its keys and its cache included, come into force without a restart.
    ///
    /// # Errors
    /// [`GatewayError::Keys`] for keys or a salt that make no ring, [`GatewayError::SharedCache`] for authorities that
    /// cannot be read.
    pub fn build(self) -> Result<Gateway, GatewayError> {
        let app = App::new(self.config, self.engine, self.misp, self.mirrors, self.streams)?;
        let app = app.with_on_good_token(self.on_good_token).with_log(self.log);
        Ok(Gateway::of(app, self.peer))
    }
}

impl fmt::Debug for GatewayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBuilder")
            .field("config", &self.config)
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}
