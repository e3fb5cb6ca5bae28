//! Two daemons with mirrors of one MISP, which share a real Redis: one asks MISP, and `kill -9` of it changes nothing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use misp_sim::{Attribute, Event, RunningSim, Sim};
use rustix::process::Signal;
use test_peers::{Peer, free_port, program};
use token_crypto::{Permission, Scope};

use crate::story::FEED;
use crate::support::{Daemon, Installation, get};
use crate::tokens;

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\nmirror_poll: 1s\n";
/// A change must be in the feeds after so long, also when the daemon that asks MISP was killed just before.
const TAKING_OVER: Duration = Duration::from_secs(10);

fn redis(port: u16) -> Option<Peer> {
    let mut command = Command::new(program("redis-server")?);
    let words = ["--save", "", "--bind", "127.0.0.1", "--port", &port.to_string()];
    Some(Peer::listening(command.args(words).stdout(Stdio::null()), port))
}

fn event(value: &str) -> Event {
    Event::new(value)
        .tag("example:incident-classification=block")
        .attribute(Attribute::new("domain", value))
}

/// One daemon, and the tokens for it.
struct Replica {
    number: u32,
    daemon: Daemon,
    base: String,
    feeds: String,
    operator: String,
}

/// What `/v1/site` says.
#[derive(Debug)]
struct Seen {
    standing: String,
    questions: u64,
}

impl Replica {
    fn start(installation: &Installation, sim: &RunningSim, number: u32) -> Self {
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("STATE_DIRECTORY", installation.path().join(format!("state-{number}")));
        let mut daemon = Daemon::start(command);
        Self {
            number,
            base: format!("http://{}", daemon.address()),
            daemon,
            feeds: tokens::sealed(sim, Scope::new()),
            operator: tokens::sealed(sim, Scope::new().only([Permission::Operate])),
        }
    }

    fn feed(&self) -> String {
        get(&format!("{}{FEED}", self.base), Some(&self.feeds)).body
    }

    fn seen(&self) -> Seen {
        let answer = get(&format!("{}/v1/site", self.base), Some(&self.operator));
        let state: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        Seen {
            standing: state["standing"].as_str().unwrap().to_owned(),
            questions: state["questions"].as_u64().unwrap(),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.feed().lines().any(|line| line == value)
    }
}

/// Waits until this is so, and returns how long it took.
fn until(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(90), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

#[test]
fn killed_daemon_that_asked_misp_is_replaced_by_the_other_one_within_ten_seconds() {
    let port = free_port();
    let Some(_redis) = redis(port) else { return };
    let sim = Sim::builder().event(event("a.example")).start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let core = installation.read("config/config.yaml");
    let core = format!("{core}cache:\n  url: \"redis://127.0.0.1:{port}\"\n");
    installation.write("config/config.yaml", &core);
    let mut replicas = vec![
        Replica::start(&installation, &sim, 1),
        Replica::start(&installation, &sim, 2),
    ];
    for replica in &replicas {
        assert_eq!(replica.feed(), "a.example");
    }
    let standings = |replicas: &[Replica]| -> Vec<String> {
        let mut all: Vec<String> = replicas.iter().map(|replica| replica.seen().standing).collect();
        all.sort();
        all
    };
    until("one leads", || {
        standings(&replicas) == ["following the leader", "leading"]
    });
    // The follower compares what it has with MISP once.
    until("the follower is quiet", || {
        let before: Vec<u64> = replicas.iter().map(|replica| replica.seen().questions).collect();
        std::thread::sleep(Duration::from_secs(4));
        replicas
            .iter()
            .zip(before)
            .any(|(replica, before)| replica.seen().questions == before)
    });

    let (leader, follower) = match replicas[0].seen().standing.as_str() {
        "leading" => (0, 1),
        _ => (1, 0),
    };
    let asked = replicas[follower].seen().questions;
    sim.clear_requests();
    let began = Instant::now();
    sim.edit(|store| store.add_event(event("b.example")));
    until("both have the change", || {
        replicas.iter().all(|replica| replica.has("b.example"))
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(
        replicas[follower].seen().questions,
        asked,
        "MISP is asked by one daemon"
    );
    let looks = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
    let questions = sim.requests().len();
    assert!(questions <= looks * 4 + 4, "{questions} questions in {looks} looks");

    let mut killed = replicas.remove(leader);
    killed.daemon.signal(Signal::KILL);
    killed.daemon.wait();
    sim.edit(|store| store.add_event(event("c.example")));
    let passed = until("the other one has the change", || replicas[0].has("c.example"));
    assert!(passed <= TAKING_OVER, "{passed:?}");
    assert_eq!(replicas[0].seen().standing, "leading");

    // The one that was killed comes back, and follows.
    replicas.push(Replica::start(&installation, &sim, killed.number));
    until("the one that was killed follows", || {
        replicas[1].seen().standing == "following the leader" && replicas[1].has("c.example")
    });
}
