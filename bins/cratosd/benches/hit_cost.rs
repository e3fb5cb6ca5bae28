//! The processor instructions of cratosd for one answer out of memory: `cargo bench -p cratosd --bench hit_cost`.
//!
//! The daemon runs as users start it, under valgrind's callgrind, with its log and its access log or without both. It
//! is asked a few hundred times on one connection and then, in another run, some thousand times more. The difference
//! is what the further answers cost, hyper and the log's threads included; the kernel's work and start and end are not
//! in it. Instructions are the same on a busy machine, so two states of the code can be compared. The client is another
//! process and is not counted.
//!
//! `CRATOSD` names another program, for example that of an earlier state, in the place of the one that was just built.
//! Arguments select cases by a part of their name, for example `cargo bench -p cratosd --bench hit_cost -- 304`. If
//! `CALLGRIND_OUT` names a folder, the profiles of the longer runs stay there for `callgrind_annotate`.
#![expect(clippy::unwrap_used, reason = "a bench whose set-up fails may stop")]
#![expect(clippy::print_stdout, reason = "printing is what a bench is for")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use gateway::testkit::{Installation, Program, SITE, token_claims};
use misp_sim::{Bulk, RunningSim, Sim};
use rustix::process::{Pid, Signal, kill_process};
use token_crypto::{Permission, Scope};

/// Requests of the shorter run: enough that caches are filled and every branch is compiled in.
const FEW: usize = 300;
/// Requests that the longer run has beyond them.
const MORE: usize = 2_000;

/// Of so many runs the one with the fewest instructions counts: a feed that is gathered again meanwhile, and threads
/// that wait for each other, only add some.
const RUNS: usize = 3;

/// Values in the feeds: 15 kB, 147 kB and 1.5 MB as text.
const SIZES: [(&str, usize); 3] = [("15 kB", 1_000), ("147 kB", 10_000), ("1.5 MB", 100_000)];

const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

/// A request that is repeated, or sent with another header field each time.
struct Case {
    name: String,
    values: usize,
    target: &'static str,
    /// Sends the entity tag of the answer before.
    is_conditional: bool,
    is_changing: bool,
    has_logs: bool,
}

fn main() {
    // `cargo bench` adds `--bench`.
    let parts: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for case in cases() {
        if parts.is_empty() || parts.iter().any(|part| case.name.contains(part)) {
            let few = case.fewest_instructions(FEW);
            // The profiles of these stay.
            let per_answer = (case.fewest_instructions(FEW + MORE) - few) / MORE as u64;
            println!("{:<28} {per_answer:>8} instructions", case.name);
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for has_logs in [true, false] {
        let logs = if has_logs { "" } else { ", without logs" };
        let case = |what: &str, values, target, is_conditional| Case {
            name: format!("{what}{logs}"),
            values,
            target,
            is_conditional,
            is_changing: false,
            has_logs,
        };
        for (size, values) in SIZES {
            cases.push(case(size, values, FEED, false));
        }
        cases.push(Case {
            is_changing: true,
            ..case("15 kB, changing requests", 1_000, FEED, false)
        });
        cases.push(case("304", 1_000, FEED, true));
        cases.push(case("look-up", 1_000, "/v1/lookup/nothing.example", false));
    }
    cases
}

impl Case {
    fn fewest_instructions(&self, requests: usize) -> u64 {
        (0..RUNS).map(|_| self.instructions(requests)).min().unwrap_or_default()
    }

    /// Returns the instructions of a whole run of the daemon with this many requests.
    fn instructions(&self, requests: usize) -> u64 {
        let sim = Sim::builder().bulk(Bulk::new(self.values, "domain").tag("example:incident-classification=block"));
        let sim = sim.start_now().unwrap();
        let installation = self.installation();
        let token = token(&installation, &sim);
        let out = installation.path().join("callgrind.out");
        let mut daemon = Program::start(self.command(&installation, &out));
        let line = daemon.wait_for_log("listening on http://");
        let (_, address) = line.split_once("http://").unwrap();
        let mut client = Client::connect(address.split_whitespace().next().unwrap(), self.target, &token);
        let etag = client.ask("").etag;
        let further = match etag {
            Some(etag) if self.is_conditional => format!("if-none-match: {etag}\r\n"),
            _ => String::new(),
        };
        let status = if self.is_conditional { 304 } else { 200 };
        for number in 0..requests {
            let changing = format!("x-turn: {}\r\n", number % 2);
            let further = if self.is_changing { &changing } else { &further };
            assert_eq!(client.ask(further).status, status);
        }
        kill_process(
            Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap(),
            Signal::TERM,
        )
        .unwrap();
        assert!(daemon.wait().success());
        let profile = std::fs::read_to_string(&out).unwrap();
        if let Some(folder) = std::env::var_os("CALLGRIND_OUT") {
            let name = self.name.replace([' ', ','], "-");
            std::fs::copy(&out, Path::new(&folder).join(format!("callgrind.out.{name}"))).unwrap();
        }
        let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        total.trim().parse().unwrap()
    }

    fn installation(&self) -> Installation {
        let log = if self.has_logs { "access_log: access.log\n" } else { "" };
        // Valgrind slows everything down, but a fast machine must not be refused either.
        let limits = "token_limits: { per_second: 1000000, burst: 1000000 }\n";
        let installation = Installation::new(&format!("{log}{limits}"));
        // The stand-in shares the processor with valgrind.
        let site = SITE.replace("mispTimeoutSeconds: 2\n", "mispTimeoutSeconds: 60\n");
        // The work on a mirror beside the answers differs from run to run.
        let site = format!("{site}mirror: False\n");
        installation.write("sites/127.0.0.1.yaml", &site);
        installation
    }

    fn command(&self, installation: &Installation, out: &Path) -> Command {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(std::env::var_os("CRATOSD").unwrap_or_else(|| env!("CARGO_BIN_EXE_cratosd").into()))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--config",
                "config.yaml",
                "--mappings",
                "mappings.yaml",
            ])
            .current_dir(installation.path())
            // The line with the address is needed in any case.
            .env(
                "RUST_LOG",
                if self.has_logs {
                    "info"
                } else {
                    "info,cratosd::access=off,cratosd::audit=off"
                },
            );
        command
    }
}

fn token(installation: &Installation, sim: &RunningSim) -> String {
    let scope = Scope::new()
        .with_feeds(["block"])
        .with_permissions([Permission::Lookup]);
    let claims = token_claims("127.0.0.1", sim.addr().port())
        .with_scope(scope)
        .with_label("fw1");
    installation.seal(&claims)
}

/// A device on one connection.
struct Client {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

struct Answer {
    status: u16,
    etag: Option<String>,
}

impl Client {
    fn connect(address: &str, target: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            head: format!(
                "GET {target} HTTP/1.1\r\nhost: cratos.example.net\r\nuser-agent: PAN-OS\r\naccept: */*\r\ntoken: {token}\r\n"
            ),
            buffer: vec![0; 1 << 16],
        }
    }

    fn ask(&mut self, further: &str) -> Answer {
        self.stream
            .write_all(format!("{}{further}\r\n", self.head).as_bytes())
            .unwrap();
        let mut text = Vec::new();
        let end = loop {
            let count = self.read();
            text.extend_from_slice(&self.buffer[..count]);
            if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8(text[..end].to_vec()).unwrap();
        let header = |name: &str| {
            let pairs = head.lines().filter_map(|line| line.split_once(": "));
            pairs
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
                .next()
        };
        let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut missing = (end + length).saturating_sub(text.len());
        while missing > 0 {
            missing -= self.read();
        }
        Answer {
            status: head.get(9..12).unwrap().parse().unwrap(),
            etag: header("etag"),
        }
    }

    fn read(&mut self) -> usize {
        let count = self.stream.read(&mut self.buffer).unwrap();
        assert!(count > 0, "the daemon closed the connection");
        count
    }
}
