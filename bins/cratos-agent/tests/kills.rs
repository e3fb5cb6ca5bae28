//! Kill -9 of agent, cratosd and MISP at random moments, while a host in another namespace sends packets all the time.
//!
//! This program is also the processes that it kills: started with a first word of [`MISP`] or [`CRATOSD`] it is one of
//! them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests are tests; what was drawn is told"
)]

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

mod daemon;
mod net;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, thread};

use libtest_mimic::{Arguments, Trial};
use misp_sim::{Attribute, Event, Moment, Sim};
use net::{LISTED_V4, LISTED_V6, Pair, Traffic};
use support::Host;
use test_peers::{Peer, free_port, until};

const MISP: &str = "misp-process";
const CRATOSD: &str = "cratosd-process";

const TAG: &str = "example:incident-classification=block";

/// Lists that follow on each other; each is wholly different from the one before, but for the two that are always
/// listed.
const LISTS: u32 = 3;

const ADDRESSES: u32 = 10_000;

/// A seed to draw the same again, as the failed run printed it.
const SEED: &str = "CRATOS_TEST_SEED";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [MISP, address, folder] => misp(address.parse().unwrap(), Path::new(folder)),
        [CRATOSD, ref options @ ..] => cratosd::cli::main(["cratosd", "serve"].iter().chain(options)),
        _ => {
            let trial = Trial::test("nothing_that_is_killed_at_any_moment_changes_what_is_enforced", || {
                nothing_that_is_killed_at_any_moment_changes_what_is_enforced();
                Ok(())
            });
            libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
        }
    }
}

/// A MISP whose list is the one whose number stands in a file; it starts with it, and follows it.
fn misp(address: SocketAddr, folder: &Path) -> ! {
    let number = || fs::read_to_string(folder.join("list")).unwrap().parse::<u32>().unwrap();
    let always = [LISTED_V4, LISTED_V6].iter().fold(event("always"), |event, address| {
        event.attribute(Attribute::new("ip-dst", *address))
    });
    let mut shown = number();
    let sim = Sim::builder().listen(address).event(always).event(list(shown));
    let running = sim.start_now().unwrap();
    let mut event = running.with_store(|store| store.find_event("list").unwrap());
    loop {
        thread::sleep(Duration::from_millis(10));
        if number() != shown {
            shown = number();
            running.edit(|store| {
                store.delete_event(event).unwrap();
                event = store.add_event(list(shown));
            });
        }
    }
}

fn event(info: &str) -> Event {
    Event::new(info).tag(TAG).changed(Moment::Ago(60))
}

/// Addresses that are not neighbours, so that they do not merge, and one that names the list.
fn list(number: u32) -> Event {
    let first = 0x0b00_0000 + number % 2;
    let addresses = (0..ADDRESSES).map(|index| std::net::Ipv4Addr::from(first + 2 * index).to_string());
    addresses.chain([mark(number)]).fold(event("list"), |event, address| {
        event.attribute(Attribute::new("ip-dst", address))
    })
}

fn mark(number: u32) -> String {
    format!("198.51.100.{}", 2 * number)
}

/// A program that is started as often as it is killed.
struct Process {
    name: &'static str,
    command: Command,
    running: Peer,
}

impl Process {
    fn start(name: &'static str, mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let running = Peer::start(&mut command);
        Self { name, command, running }
    }

    fn again(&mut self) {
        self.running = Peer::start(&mut self.command);
    }
}

struct Scene {
    pair: Pair,
    host: Host,
    folder: tempfile::TempDir,
}

impl Scene {
    /// MISP, cratosd and the agent, all on the host that enforces.
    fn new() -> Option<(Self, [Process; 3])> {
        let pair = Pair::new()?;
        let folder = tempfile::tempdir().unwrap();
        let [misp, cratosd] = [(); 2].map(|()| format!("127.0.0.1:{}", pair.host.inside(free_port)));
        let files = daemon::write(folder.path(), "memcached_all_timeout: 1\n");
        let host = host(&format!("http://{cratosd}"), misp.parse::<SocketAddr>().unwrap().port());
        let scene = Self { pair, host, folder };
        scene.show(0);
        let this = env::current_exe().unwrap();
        let process = |words: &[&str]| {
            let mut command = scene.pair.host.command(&this.display().to_string());
            command.args(words);
            command
        };
        let mut cratosd = process(&[CRATOSD, "--listen", &cratosd]);
        cratosd
            .arg("--config")
            .arg(files.config)
            .arg("--mappings")
            .arg(files.mappings);
        cratosd.arg("--sites").arg(files.sites);
        let mut agent = scene.pair.host.command(env!("CARGO_BIN_EXE_cratos-agent"));
        agent.arg("--config").arg(scene.host.config_file()).arg("run");
        let processes = [
            Process::start(
                "misp",
                process(&[MISP, &misp, &scene.folder.path().display().to_string()]),
            ),
            Process::start("cratosd", cratosd),
            Process::start("agent", agent),
        ];
        Some((scene, processes))
    }

    fn show(&self, number: u32) {
        let new = self.folder.path().join("new");
        fs::write(&new, number.to_string()).unwrap();
        fs::rename(new, self.folder.path().join("list")).unwrap();
    }

    /// Returns whether the rules look into a set that has this address.
    fn enforces(&self, address: &str) -> bool {
        let nft = |words: &[&str]| self.pair.host.command("nft").args(words).output().unwrap();
        let table = String::from_utf8(nft(&["-t", "list", "table", "inet", "cratos"]).stdout).unwrap();
        let Some(set) = table.split("saddr @").nth(1).and_then(|rest| rest.split(' ').next()) else {
            return false;
        };
        nft(&["get", "element", "inet", "cratos", set, &format!("{{ {address} }}")])
            .status
            .success()
    }
}

fn host(cratosd: &str, misp_port: u16) -> Host {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("token"), daemon::token(misp_port)).unwrap();
    let limits = "{max_change: 1000000, max_change_percent: 1000}";
    Host {
        dir,
        more: "poll_interval: 1s\n".to_owned(),
        feeds: "  - {name: addresses, feed: block, type: ip, age: 1w}\n".to_owned(),
        targets: format!("  - {{name: firewall, feeds: [addresses], limits: {limits}, nftables: {{}}}}\n"),
        url: cratosd.to_owned(),
    }
}

/// Numbers that a seed repeats: Knuth's linear congruence, of which the upper bits are good enough here.
struct Drawn(u64);

impl Drawn {
    fn new() -> Self {
        let told = env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = told.unwrap_or(u64::from(now.subsec_nanos()));
        eprintln!("{SEED}={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for place in (1..things.len()).rev() {
            let other = self.below(u64::try_from(place + 1).unwrap());
            things.swap(place, usize::try_from(other).unwrap());
        }
    }

    fn pause(&mut self, at_most: u64) {
        thread::sleep(Duration::from_millis(self.below(at_most)));
    }
}

fn nothing_that_is_killed_at_any_moment_changes_what_is_enforced() {
    let Some((scene, mut processes)) = Scene::new() else {
        return;
    };
    let mut drawn = Drawn::new();
    until("the first list is in force", || scene.enforces(&mark(0)));
    let traffic = Traffic::start(&scene.pair);
    for number in 1..LISTS {
        let began = Instant::now();
        scene.show(number);
        let mut killed = Vec::new();
        for _ in 0..2 {
            drawn.shuffle(&mut processes);
            for victim in &mut processes {
                // Spread over noticing, asking, telling, parsing, loading, keeping.
                drawn.pause(1_500);
                victim.running.kill();
                killed.push((victim.name, began.elapsed()));
                assert_eq!(traffic.passed(), 0, "a listed packet passed after {killed:?}");
                drawn.pause(500);
                victim.again();
            }
        }
        // A cratosd that began without its MISP asks for half a minute of patience.
        until("the newest list is in force", || scene.enforces(&mark(number)));
        assert!(
            !scene.enforces(&mark(number - 1)),
            "what is not listed any more is not enforced"
        );
        eprintln!("list {number} after {:?}; killed: {killed:?}", began.elapsed());
    }
    let counted = traffic.stop();
    eprintln!("{counted:?}");
    assert_eq!((counted.passed, counted.lost), (0, 0), "{counted:?}");
}
