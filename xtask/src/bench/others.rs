//! `cargo xtask bench others`: how long other callers wait while a large feed is made.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::{Daemon, Programs};

/// Values in the feed, unless the command line says otherwise.
const VALUES: usize = 1_000_000;

/// How long others are measured while nothing else is asked for.
const QUIET: Duration = Duration::from_secs(5);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);

/// Prints how long `/healthz` takes on an idle daemon, and then while it makes a feed for which MISP has to be asked.
pub(crate) fn run(values: Option<&str>) -> anyhow::Result<()> {
    let values = values
        .map_or(Ok(VALUES), str::parse)
        .context("not a number of values")?;
    let programs = Programs::build()?;
    let misp = programs.misp(values)?;
    let mut daemon = programs.daemon(&misp, &[])?;
    let mut other = Other::connect(&daemon)?;
    let began = Instant::now();
    report(
        "nothing else is asked for",
        other.wait_while(|| began.elapsed() < QUIET)?,
    );
    let ended = AtomicBool::new(false);
    let (times, fetched) = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| {
            let fetched = daemon.fetch();
            ended.store(true, Ordering::Relaxed);
            fetched
        });
        let times = other.wait_while(|| !ended.load(Ordering::Relaxed));
        (times, fetching.join())
    });
    let Ok(fetched) = fetched else {
        bail!("the thread that asked for the feed panicked")
    };
    let took = fetched?.took.as_secs_f64();
    report(&format!("a feed of {values} domains is made ({took:.1} s)"), times?);
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| {
        let last = times.len().saturating_sub(1);
        let time = times.get((times.len() * share / 1_000).min(last)).copied();
        time.unwrap_or_default().as_secs_f64() * 1e3
    };
    println!(
        "while {what}, others are answered within {:.2} ms (50 %), {:.2} ms (99 %), {:.2} ms (all of {})",
        at(500),
        at(990),
        at(1_000),
        times.len()
    );
}

/// A caller with one connection.
struct Other(BufReader<TcpStream>);

impl Other {
    fn connect(daemon: &Daemon) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&daemon.address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks again and again; returns how long each answer took.
    fn wait_while(&mut self, goes_on: impl Fn() -> bool) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::new();
        while goes_on() {
            let began = Instant::now();
            self.ask()?;
            times.push(began.elapsed());
            std::thread::sleep(PAUSE);
        }
        Ok(times)
    }

    fn ask(&mut self) -> anyhow::Result<()> {
        self.0
            .get_mut()
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n")?;
        let (mut length, mut head) = (0, String::new());
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            if self.0.read_line(&mut head)? == 0 {
                bail!("the daemon closed the connection");
            }
            let line = head.get(start..).unwrap_or_default();
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the daemon answered {head}");
        }
        self.0.read_exact(&mut vec![0; length]).context("an answer cut short")
    }
}
