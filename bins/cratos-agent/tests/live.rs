//! From a publication in MISP to a packet that is dropped: a stand-in for MISP, real libzmq, cratosd, the agent and the
//! real `nft`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod agent_support;

#[path = "../../../crates/defectdojo/tests/support/mod.rs"]
mod defectdojo_support;

mod daemon;
mod net;
mod sensor;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use feed_engine::FeedEngine;
use misp_sim::{Attribute, Event, Moment, RunningSim, Sim};
use net::{LISTED_V4, LISTED_V6, Pair, Traffic};
use sensor::Sensor;
use site_config::ConfigStore;
use test_peers::{Peer, free_port, python_with, until};

const CVE: &str = "CVE-2026-12345";

const AGENT: &str = env!("CARGO_BIN_EXE_cratos-agent");

/// A cratosd that answers on this host and in the namespace of the host that enforces.
struct Daemon {
    sim: RunningSim,
    here: SocketAddr,
    there: SocketAddr,
    token: String,
    _files: tempfile::TempDir,
}

impl Daemon {
    async fn start(pair: &Pair, zmq_port: u16) -> Self {
        let sim = Sim::builder()
            .event(event("before", &["198.51.100.7"]))
            .start()
            .await
            .unwrap();
        let files = tempfile::tempdir().unwrap();
        let site = format!("ignore_to_ids: [vulnerability]\nzmq_url: tcp://127.0.0.1:{zmq_port}\n");
        let paths = daemon::write(files.path(), &site);
        let store = ConfigStore::open(paths).unwrap();
        let gateway = cratosd::server::gateway(store, FeedEngine::default(), Arc::default()).unwrap();
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let mut addresses = [bind(), pair.host.inside(bind)].into_iter().map(|listener| {
            listener.set_nonblocking(true).unwrap();
            let address = listener.local_addr().unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            tokio::spawn(cratosd::server::serve(
                gateway.clone(),
                listener,
                std::future::pending(),
            ));
            address
        });
        let (here, there) = (addresses.next().unwrap(), addresses.next().unwrap());
        drop(addresses);
        let token = daemon::token(sim.addr().port());
        Self {
            sim,
            here,
            there,
            token,
            _files: files,
        }
    }

    /// Returns the answer of a look-up.
    fn look_up(&self, value: &str) -> String {
        let mut stream = TcpStream::connect(self.here).unwrap();
        let token = &self.token;
        let question = format!(
            "GET /v1/lookup?value={value} HTTP/1.1\r\nHost: cratos\r\ntoken: {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn event(info: &str, addresses: &[&str]) -> Event {
    let event = Event::new(info).tag("example:incident-classification=block");
    addresses.iter().fold(event, |event, address| {
        event.attribute(Attribute::new("ip-dst", *address))
    })
}

/// MISP's side of ZeroMQ: libzmq publishes the text of a file.
struct Publisher {
    _peer: Peer,
    folder: tempfile::TempDir,
}

impl Publisher {
    fn start(port: u16) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../cratosd/tests/http/support/publisher.py"
        );
        let mut command = Command::new(python_with(&["zmq"])?);
        command.arg(script).arg(port.to_string()).arg(folder.path());
        Some(Self {
            _peer: Peer::start(&mut command),
            folder,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn publish(&self, frame: &str) {
        fs::write(self.path("new"), frame).unwrap();
        fs::rename(self.path("new"), self.path("frame")).unwrap();
    }
}

/// The real Suricata, or where it is not installed a stand-in that counts reloads.
enum Suricata {
    Real(Sensor),
    StandIn(Arc<AtomicUsize>),
}

impl Suricata {
    fn start(pair: &Pair, host: &agent_support::Host) -> Self {
        let folder = host.dir.path();
        match Sensor::start(&pair.host, folder) {
            Some(sensor) => Self::Real(sensor),
            None => Self::StandIn(stand_in(&folder.join("suricata.socket"))),
        }
    }

    fn reloads(&self) -> usize {
        match self {
            Self::Real(sensor) => sensor.reloads(),
            Self::StandIn(loaded) => loaded.load(Ordering::Relaxed),
        }
    }

    /// Returns whether it has this many of our rules, as far as it can be asked.
    fn has_loaded(&self, rules: u64) -> bool {
        match self {
            Self::Real(sensor) => sensor.rules() == rules,
            Self::StandIn(_) => true,
        }
    }

    /// Returns whether it alerts about this address, as far as it can.
    fn alerts_about(&self, address: &str) -> bool {
        match self {
            Self::Real(sensor) => sensor
                .alerts()
                .contains(&("Cratos ip in IP packet".to_owned(), address.parse().unwrap())),
            Self::StandIn(_) => true,
        }
    }
}

fn stand_in(socket: &Path) -> Arc<AtomicUsize> {
    let listener = UnixListener::bind(socket).unwrap();
    let loaded: Arc<AtomicUsize> = Arc::default();
    let counter = Arc::clone(&loaded);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for line in lines.map_while(Result::ok) {
                if line.contains("reload-rules") {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                stream.write_all(b"{\"return\": \"OK\"}\n").unwrap();
            }
        }
    });
    loaded
}

/// The host that enforces: addresses in nftables and in Suricata's rules. It never polls, so all values come as a
/// stream.
fn enforcing(daemon: &Daemon) -> agent_support::Host {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("token"), &daemon.token).unwrap();
    fs::create_dir(dir.path().join("rules")).unwrap();
    agent_support::Host {
        more: "follow: stream\n".to_owned(),
        feeds: "  - {name: addresses, feed: block, type: ip, age: 1w}\n".to_owned(),
        targets: String::new(),
        url: format!("http://{}", daemon.there),
        dir,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_dropped_by_the_firewall_and_known_everywhere() {
    let Some(pair) = Pair::new() else { return };
    let zmq_port = free_port();
    let Some(publisher) = Publisher::start(zmq_port) else {
        return;
    };
    let daemon = Daemon::start(&pair, zmq_port).await;
    // What follows waits for threads and programs; the daemon has workers of its own.
    tokio::task::block_in_place(|| walk(&pair, &publisher, &daemon));
}

fn walk(pair: &Pair, publisher: &Publisher, daemon: &Daemon) {
    let mut host = enforcing(daemon);
    let suricata = Suricata::start(pair, &host);
    let section = match &suricata {
        Suricata::Real(_) => Sensor::section(host.dir.path(), ""),
        Suricata::StandIn(_) => {
            let folder = host.dir.path().display();
            format!("{{directory: {folder}/rules, socket: {folder}/suricata.socket, test: [\"true\"]}}")
        }
    };
    host.targets = format!(
        "  - {{name: firewall, feeds: [addresses], nftables: {{}}}}\n  - {{name: sensor, feeds: [addresses], suricata: {section}}}\n"
    );
    let mut agent = pair.host.command(AGENT);
    agent.arg("--config").arg(host.config_file()).arg("run");
    let _agent = Peer::start(agent.stdout(Stdio::null()).stderr(Stdio::null()));
    let rules = || fs::read_to_string(host.path("rules/cratos.rules")).unwrap_or_default();
    let table = || {
        let output = pair
            .host
            .command("nft")
            .args(["list", "table", "inet", "cratos"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    until("the first list is in force", || {
        rules().contains("198.51.100.7") && table().contains("198.51.100.7") && suricata.has_loaded(1)
    });
    until("cratosd listens to MISP", || publisher.path("subscribed").exists());
    for value in [LISTED_V4, LISTED_V6, CVE] {
        assert!(daemon.look_up(value).contains("\"found\":false"), "{value}");
    }
    let traffic = Traffic::start(pair);
    until("the address is not blocked yet", || traffic.passed() > 100);
    let loads = suricata.reloads();
    daemon.sim.edit(|store| {
        let news = event("news", &[LISTED_V4, LISTED_V6]).attribute(Attribute::new("vulnerability", CVE).to_ids(false));
        store.add_event(news.changed(Moment::Ago(60)))
    });
    let began = Instant::now();
    publisher.publish(
        r#"misp_json {"Event":{"id":"2","published":true,"Attribute":[{"id":"9","type":"ip-dst"},{"id":"11","type":"vulnerability"}]}}"#,
    );
    let (mut passed, mut last_passed, mut in_file) = (traffic.passed(), began, None);
    until("its packets are dropped, and it stands in the rule file", || {
        if traffic.passed() != passed {
            (passed, last_passed) = (traffic.passed(), Instant::now());
        }
        let is_in_file = || rules().contains(LISTED_V4) && rules().contains(LISTED_V6) && suricata.has_loaded(3);
        if in_file.is_none() && is_in_file() {
            in_file = Some(began.elapsed());
        }
        in_file.is_some() && last_passed.elapsed() > Duration::from_secs(2) && suricata.reloads() > loads
    });
    let (dropped, in_file) = (last_passed - began, in_file.unwrap());
    eprintln!("the last packet passed {dropped:?} after the publication; the rule was loaded after {in_file:?}");
    assert!(dropped < Duration::from_secs(60) && in_file < Duration::from_secs(60));
    let table = table();
    assert!(table.contains(LISTED_V4) && table.contains(LISTED_V6), "{table}");
    let sent = traffic.sent();
    until("more packets are sent", || traffic.sent() > sent + 500);
    let counted = traffic.stop();
    assert_eq!((counted.passed, counted.lost), (passed, 0), "{counted:?}");
    assert_eq!(suricata.reloads(), loads + 1, "one reload for all that was published");
    // Of a conversation that goes on, Suricata looks at the addresses once.
    let news = [(LISTED_V4, net::HOST[0]), (LISTED_V6, net::HOST[1])].map(|(from, to)| pair.begin(from, to));
    until("Suricata alerts about both", || {
        news.iter().all(|socket| socket.send(b"ping").is_ok())
            && [LISTED_V4, LISTED_V6]
                .iter()
                .all(|address| suricata.alerts_about(address))
    });
    for value in [LISTED_V4, LISTED_V6, CVE] {
        until("the look-up knows it", || {
            daemon.look_up(value).contains("\"found\":true")
        });
    }
    findings_learn_of_it(daemon);
}

/// The next run gives the finding its note and tag; the two after it add nothing.
fn findings_learn_of_it(daemon: &Daemon) {
    use defectdojo_support::{Dojo, Host, Row};
    let dojo = Dojo::start(vec![Row::new(1, &[CVE]), Row::new(2, &["CVE-2026-99999"])]);
    let host = Host::at(dojo.url(), format!("http://{}", daemon.here));
    fs::write(host.path("token"), &daemon.token).unwrap();
    for run in 1..=3 {
        let ended = Command::new(AGENT)
            .arg("defectdojo")
            .arg("--config")
            .arg(host.config_file())
            .output()
            .unwrap();
        assert!(
            ended.status.success(),
            "run {run}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        for (id, times) in [(1, 1), (2, 0)] {
            let row = dojo.row(id);
            assert_eq!(
                (row.notes.len(), row.tags.len()),
                (times, times),
                "finding {id} after run {run}"
            );
        }
    }
}
