//! A daemon in this process, on a free port, with a MISP stand-in behind it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use feed_engine::{FeedEngine, ManualClock, MispSource};
use misp_sim::{Attribute, Event, RunningSim, Sim, SimBuilder};
use site_config::{ConfigStore, ReloadOutcome};
use token_crypto::Claims;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Installation, SITE, token_claims};

/// The name under which tests ask.
const NAME: &str = "cratos.example.net";

/// The parts of a [`Daemon`] that a test may set.
#[derive(Debug)]
pub struct Setup {
    /// The MISP stand-in; a block event with one address unless set.
    pub sim: SimBuilder,
    /// Further lines of the core file.
    pub core: String,
    /// The site file of the stand-in.
    pub site: String,
    /// The engine; it asks `misp` unless set.
    pub engine: FeedEngine,
    /// The source of MISP clients.
    pub misp: Arc<MispSource>,
    /// The address to listen on; 127.0.0.1 unless set.
    pub listen: IpAddr,
}

impl Default for Setup {
    fn default() -> Self {
        let misp = Arc::new(MispSource::new());
        Self {
            sim: Sim::builder().event(event("block", &["198.51.100.7"])),
            core: String::new(),
            site: SITE.to_owned(),
            engine: FeedEngine::builder().source(Arc::clone(&misp) as _).build(),
            misp,
            listen: Ipv4Addr::LOCALHOST.into(),
        }
    }
}

impl Setup {
    /// Returns the defaults with further lines in the site file.
    #[must_use]
    pub fn site_with(lines: &str) -> Self {
        Self {
            site: format!("{SITE}{lines}"),
            ..Self::default()
        }
    }

    /// Replaces the engine by one whose feeds grow old by this clock only.
    #[must_use]
    pub fn clock(mut self, clock: &Arc<ManualClock>) -> Self {
        let engine = FeedEngine::builder().source(Arc::clone(&self.misp) as _);
        self.engine = engine.clock(Arc::clone(clock) as _).build();
        self
    }
}

/// A future that ends when serving does.
type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Serves the files, the engine and the source of a test on a listener until the receiver resolves. For example,
/// cratosd's tests serve with sockets and TLS of their own.
pub type Serve = fn(ConfigStore, FeedEngine, Arc<MispSource>, TcpListener, oneshot::Receiver<()>) -> Serving;

/// A daemon that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct Daemon {
    /// The MISP stand-in.
    pub sim: RunningSim,
    /// The address to connect to.
    pub addr: SocketAddr,
    /// The configuration in force.
    pub store: ConfigStore,
    installation: Installation,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<io::Result<()>>,
}

impl Daemon {
    /// Starts a daemon with this setup, known as `cratos.example.net`. `serve` puts the gateway on its sockets.
    pub async fn start(setup: Setup, serve: Serve) -> Self {
        let core = core(&setup.core);
        Self::start_with_core(setup, &core, serve).await
    }

    /// Starts a daemon with this core file in place of the setup's lines.
    pub async fn start_with_core(setup: Setup, core: &str, serve: Serve) -> Self {
        let installation = Installation::with_core(core);
        let sim = setup.sim.start().await.unwrap();
        installation.write("sites/127.0.0.1.yaml", &site(&setup.site, &sim));
        let store = ConfigStore::open(installation.paths()).unwrap();
        let listener = TcpListener::bind((setup.listen, 0)).await.unwrap();
        let addr = (Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()).into();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(store.clone(), setup.engine, setup.misp, listener, stopped));
        Self {
            sim,
            addr,
            store,
            installation,
            stop: Some(stop),
            serving,
        }
    }

    /// Returns a token for the stand-in without limits.
    #[must_use]
    pub fn token(&self) -> String {
        self.seal(&self.claims())
    }

    /// Returns claims for the stand-in without limits.
    #[must_use]
    pub fn claims(&self) -> Claims {
        token_claims("127.0.0.1", self.sim.addr().port())
    }

    /// Returns the token with these claims.
    #[must_use]
    pub fn seal(&self, claims: &Claims) -> String {
        self.installation.seal(claims)
    }

    /// Writes a configuration file.
    pub fn write(&self, name: &str, text: &str) {
        self.installation.write(name, text);
    }

    /// Writes the core file with these lines and reads the files again.
    pub fn rewrite_core(&self, lines: &str) -> ReloadOutcome {
        self.write("config.yaml", &core(lines));
        self.store.reload()
    }

    /// Writes the site file of the stand-in and reads the files again.
    pub fn rewrite_site(&self, text: &str) -> ReloadOutcome {
        self.write("sites/127.0.0.1.yaml", &site(text, &self.sim));
        self.store.reload()
    }

    /// Asks the daemon to end. Returns the task that serves, which ends after the last request.
    pub fn stop(&mut self) -> &mut JoinHandle<io::Result<()>> {
        drop(self.stop.take());
        &mut self.serving
    }
}

/// Returns a core file with these lines and the name that tests ask for.
fn core(lines: &str) -> String {
    Installation::core(&format!("{lines}\npublic_names: [{NAME}]\n"))
}

/// Returns a site file with these lines, at which tokens can be made for the stand-in.
fn site(lines: &str, sim: &RunningSim) -> String {
    format!("{lines}\nmisp_ports: [{}]\n", sim.addr().port())
}

/// Returns a published event with this classification and these addresses.
#[must_use]
pub fn event(classification: &str, addresses: &[&str]) -> Event {
    let event = Event::new(classification).tag(format!("example:incident-classification={classification}"));
    addresses.iter().fold(event, |event, address| {
        event.attribute(Attribute::new("ip-dst", *address))
    })
}
