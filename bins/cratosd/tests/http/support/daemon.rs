//! A daemon of its own for each test: files in a temporary directory, a MISP stand-in, a free port.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use feed_engine::{FeedEngine, MispSource};
use misp_sim::{Attribute, Event, RunningSim, Sim, SimBuilder};
use secrecy::SecretString;
use site_config::{ConfigStore, Paths, ReloadOutcome};
use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Answer, Ask, description};

/// Those of the legacy vectors.
pub(crate) const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
pub(crate) const SALT: &str = "cratosLabSaltcratosLabSalt012345";

/// The site file of the stand-in, to which tests add lines.
pub(crate) const SITE: &str = "tag: example\nmispTimeoutSeconds: 2\nallowed_ips: [\"127.0.0.0/8\"]\n";

/// What a test wants to be different.
pub(crate) struct Setup {
    pub(crate) sim: SimBuilder,
    /// Further lines of the core file.
    pub(crate) core: String,
    /// The site file of the stand-in.
    pub(crate) site: String,
    pub(crate) engine: FeedEngine,
    /// What asks MISP; the engine's own source, unless a test brings an engine.
    pub(crate) misp: Arc<MispSource>,
    pub(crate) listen: IpAddr,
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
    /// A site file with further lines.
    pub(crate) fn site_with(lines: &str) -> Self {
        Self {
            site: format!("{SITE}{lines}"),
            ..Self::default()
        }
    }
}

pub(crate) struct Daemon {
    pub(crate) sim: RunningSim,
    pub(crate) addr: SocketAddr,
    pub(crate) store: Arc<ConfigStore>,
    files: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Daemon {
    /// Starts with a block event of one address.
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let core = core_with(&setup.core);
        Self::with_core(setup, &core).await
    }

    /// Starts with this core file, whatever the setup says of it.
    pub(crate) async fn with_core(setup: Setup, core: &str) -> Self {
        let Setup {
            sim,
            site,
            engine,
            misp,
            listen,
            ..
        } = setup;
        let files = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| write(files.path(), name, text);
        write("config.yaml", core);
        write("mappings.yaml", "types: {}\n");
        write("sites/127.0.0.1.yaml", &site);
        let paths = Paths {
            config: files.path().join("config.yaml"),
            mappings: files.path().join("mappings.yaml"),
            sites: files.path().join("sites"),
        };
        let store = Arc::new(ConfigStore::open(paths).unwrap());
        let gateway = cratosd::server::gateway(ConfigStore::clone(&store), engine, misp).unwrap();
        let listener = TcpListener::bind((listen, 0)).await.unwrap();
        let addr = (Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()).into();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(cratosd::server::serve(gateway, listener, shutdown));
        Self {
            sim: sim.start().await.unwrap(),
            addr,
            store,
            files,
            stop: Some(stop),
            serving,
        }
    }

    /// Returns a token for the stand-in without limits.
    pub(crate) fn token(&self) -> String {
        self.seal(&self.claims())
    }

    /// Returns claims for the stand-in without limits.
    pub(crate) fn claims(&self) -> Claims {
        token_claims("127.0.0.1", self.sim.addr().port())
    }

    pub(crate) fn seal(&self, claims: &Claims) -> String {
        let ring = KeyRing::builder(&SecretString::from(SALT))
            .key(SecretString::from(KEY))
            .legacy(false)
            .build()
            .unwrap();
        ring.seal(claims).unwrap().expose().to_owned()
    }

    /// Asks with a token in the header.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Ask::get(target).header("token", self.token())).await
    }

    /// Asks with this token in the header.
    pub(crate) async fn get_as(&self, claims: &Claims, target: &str) -> Answer {
        self.send(Ask::get(target).header("token", self.seal(claims))).await
    }

    /// Sends a request. A JSON answer has to be as the OpenAPI document describes it.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.send_described(ask).await.0
    }

    /// Sends a request, and returns the described operation and status of a JSON answer too, for example `GET /v1/status 200`.
    pub(crate) async fn send_described(&self, ask: Ask) -> (Answer, Option<String>) {
        let (method, path) = ask.target();
        let answer = ask.send(self.addr).await;
        let described = description::assert_fits(&method, &path, &answer).await;
        (answer, described)
    }

    /// Writes a configuration file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        write(self.files.path(), name, text);
    }

    /// Writes the core file with these lines and has the files read again.
    pub(crate) fn rewrite_core(&self, lines: &str) -> ReloadOutcome {
        self.write("config.yaml", &core_with(lines));
        self.store.reload()
    }

    /// Writes the site file of the stand-in and has the files read again.
    pub(crate) fn rewrite_site(&self, text: &str) -> ReloadOutcome {
        self.write("sites/127.0.0.1.yaml", text);
        self.store.reload()
    }

    /// Tells the daemon to end; gives what serving ended with.
    pub(crate) fn stop(&mut self) -> &mut JoinHandle<std::io::Result<()>> {
        drop(self.stop.take());
        &mut self.serving
    }
}

/// Returns claims for any site without limits.
pub(crate) fn token_claims(site: &str, port: u16) -> Claims {
    let expires = ExpiryDay::parse("2099-12-31").unwrap();
    Claims::new(site, Protocol::Http, port, SecretString::from(Sim::READER_KEY), expires)
}

/// Returns a published event with this classification and these addresses.
pub(crate) fn event(classification: &str, addresses: &[&str]) -> Event {
    let event = Event::new(classification).tag(format!("example:incident-classification={classification}"));
    addresses.iter().fold(event, |event, address| {
        event.attribute(Attribute::new("ip-dst", *address))
    })
}

/// Legacy tokens have a key that is slow to derive, so only tests that say so accept them.
fn core_with(lines: &str) -> String {
    let legacy = if lines.contains("accept_legacy_tokens") {
        ""
    } else {
        "accept_legacy_tokens: False\n"
    };
    format!("encryption_key: \"{KEY}\"\nsalt: \"{SALT}\"\n{legacy}{lines}")
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
