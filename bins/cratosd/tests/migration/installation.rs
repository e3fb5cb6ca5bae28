//! An installation as Cratos FastAPI leaves it behind, its MISP, and the real daemon started in it as an operator
//! would.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use misp_sim::{Attribute, Event, Moment, RunningSim, Sim, SimBuilder, Warninglist, WarninglistKind};
use tempfile::TempDir;
use test_peers::{Peer, free_port, program};

use crate::legacy::{LegacyKey, vector};

/// The last port that a token of the original can name.
const LAST_PORT: u16 = 1023;

/// The directory, the MISP stand-in that its tokens name, and the key that they are sealed with.
pub(crate) struct Installation {
    directory: TempDir,
    pub(crate) misp: RunningSim,
    key: LegacyKey,
    /// Where its files look for a memcached.
    pub(crate) memcached_port: u16,
}

impl Installation {
    /// Writes the files; nothing, with a word about it, where this user may not listen on a port that a legacy token
    /// can name.
    pub(crate) async fn new() -> Option<Self> {
        let misp = misp().await?;
        let (encryption_key, salt) = (vector("encryption_key"), vector("salt"));
        let installation = Self {
            directory: tempfile::tempdir().unwrap(),
            misp,
            key: LegacyKey::derive(&encryption_key, &salt),
            memcached_port: free_port(),
        };
        let core = sample("config/config.yaml")
            .replacen("<GENERATE ME>", &encryption_key, 1)
            .replacen("<GENERATE ME>", &salt, 1)
            // Not that of this machine: another run of these tests may have left something there.
            .replacen("11211", &installation.memcached_port.to_string(), 1);
        installation.write("config/config.yaml", &core);
        installation.write("config/mappings.yaml", &sample("config/mappings.yaml"));
        installation.write("sites/127.0.0.1.yaml", &installation.site_here());
        installation.write("sites/misp.example.net.yaml", &site());
        Some(installation)
    }

    /// Starts the memcached that the files name; nothing where there is none.
    pub(crate) fn memcached(&self) -> Option<Peer> {
        let port = self.memcached_port.to_string();
        let mut command = Command::new(program("memcached")?);
        command.args(["-u", "nobody", "-l", "127.0.0.1", "-p", &port]);
        Some(Peer::listening(&mut command, self.memcached_port))
    }

    /// Starts `cratosd serve` in the directory.
    pub(crate) fn serve(&self) -> Daemon {
        let port = free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let log = fs::File::create(self.path().join("daemon.log")).unwrap();
        let mut command = self.command(&["serve", "--listen", &address.to_string()]);
        command.stderr(Stdio::from(log));
        Daemon {
            _process: Peer::listening(&mut command, port),
            address,
        }
    }

    /// Returns the program with arguments, in the directory and without our environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cratosd"));
        command.current_dir(self.path()).args(arguments).env_clear();
        command
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns the sample site with the line that an operator adds whose MISP listens at another port than 443.
    fn site_here(&self) -> String {
        format!("{}misp_ports: [{}]\n", site(), self.misp.addr().port())
    }

    /// Returns an ordinary token of the original for the stand-in.
    pub(crate) fn token(&self) -> String {
        self.seal(&self.plaintext("127.0.0.1", Sim::READER_KEY, "2099-12-31"))
    }

    pub(crate) fn seal(&self, plaintext: &str) -> String {
        self.key.seal(plaintext)
    }

    /// Returns the contents of a token for a host at the stand-in's port.
    pub(crate) fn plaintext(&self, host: &str, key: &str, expires: &str) -> String {
        format!("http;{};{host};{key};{expires}", self.misp.addr().port())
    }
}

/// The running daemon; killed when this is dropped.
pub(crate) struct Daemon {
    _process: Peer,
    pub(crate) address: SocketAddr,
}

/// The sample site of the original, as somebody who uses the stand-in has it.
pub(crate) fn site() -> String {
    sample("sites/misp.example.net.yaml")
}

/// Returns a sample text of the original, rebuilt by us.
fn sample(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../crates/site-config/tests/data/reference")
        .join(name);
    fs::read_to_string(path).unwrap()
}

/// Starts the stand-in on a port that a token of the original can name.
async fn misp() -> Option<RunningSim> {
    // No port twice: one that refuses connections for a while must not become another test's.
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    while let Some(port) = LAST_PORT
        .checked_sub(TAKEN.fetch_add(1, Ordering::Relaxed))
        .filter(|port| *port >= 512)
    {
        let sim = events(Sim::builder()).listen((Ipv4Addr::LOCALHOST, port).into());
        if let Ok(misp) = sim.start().await {
            return Some(misp);
        }
    }
    let text = "a token of Cratos FastAPI names a port below 1024, and this user may not listen there";
    assert!(std::env::var_os("CI").is_none(), "{text}");
    eprintln!("skipped: {text}");
    None
}

/// One event for each thing that the rows look at. The addresses are those of example.com.
fn events(sim: SimBuilder) -> SimBuilder {
    let tag = |name: &str| format!("example:incident-classification={name}");
    let hash = "AB".repeat(16);
    let block = [
        ("ip-dst", "93.184.216.34"),
        ("ip-dst|port", "93.184.215.14|443"),
        ("domain", "b.example.com"),
        ("domain", "a.example.com"),
        ("domain", "æøå.example.com"),
        ("url", "https://a.example.com/?u=http://b.example.com/"),
        ("url", "http://a.example.com/x&y"),
        ("md5", hash.as_str()),
        (
            "filename|md5",
            "0123456789abcdef0123456789abcdef.bin|d41d8cd98f00b204e9800998ecf8427e",
        ),
        ("yara", "rule a {\n  condition: true\n}"),
        ("ja3-fingerprint-md5", "e7d705a3286e19ea42f587b344ee6865"),
    ];
    let event = |name: &str| Event::new(name).tag(tag(name)).changed(Moment::Ago(3_600));
    let fill = |event: Event, rows: &[(&str, &str)]| {
        rows.iter().fold(event, |event, (kind, value)| {
            event.attribute(Attribute::new(*kind, *value))
        })
    };
    let block = fill(event("block"), &block)
        // `ignore_to_ids` of the sample lists vulnerability.
        .attribute(Attribute::new("vulnerability", "CVE-2026-12345").to_ids(false))
        .attribute(Attribute::new("domain", "no-ids.example.com").to_ids(false))
        .attribute(Attribute::new("domain", "old.example.com").changed(Moment::Ago(40 * 86_400)))
        .attribute(Attribute::new("domain", "harmless.example.com").tag(tag("false-positive")));
    let harmless = ["b.example.net", "a.example.net", "b.example.net"];
    sim.warninglist(Warninglist::new(
        "Harmless",
        WarninglistKind::String,
        &["domain"],
        &harmless,
    ))
    .event(block)
    .event(fill(event("alert"), &[("domain", "alert.example.com")]))
    .event(fill(event("incident"), &[("domain", "incident.example.com")]))
    .event(fill(event("hunt"), &[("domain", "hunt.example.com")]))
    .event(fill(event("cust1"), &[("domain", "cust1.example.com")]))
    .event(fill(Event::new("untagged"), &[("domain", "untagged.example.com")]))
}
