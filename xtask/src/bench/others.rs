//! `cargo xtask bench others`: how long other callers wait while a large feed is made.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::section::{Aim, Bound, Section, load};
use super::{Daemon, Programs};

/// Values in the feed, unless the command line says otherwise.
const VALUES: usize = 1_000_000;

/// How long others are measured while nothing else is asked for.
const QUIET: Duration = Duration::from_secs(5);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);

/// Measures how long `/healthz` takes on an idle daemon, and then while it makes a feed for which MISP has to be asked.
pub(crate) fn run(values: Option<&str>) -> anyhow::Result<Section> {
    let values = values
        .map_or(Ok(VALUES), str::parse)
        .context("not a number of values")?;
    let programs = Programs::build()?;
    let misp = programs.misp(values)?;
    let mut daemon = programs.daemon(&misp, &[])?;
    let mut other = Other::connect(&daemon)?;
    let (load_at_start, began) = (load(), Instant::now());
    let quiet = Times::of(other.wait_while(|| began.elapsed() < QUIET)?);
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
    let (took, busy) = (fetched?.took.as_secs_f64(), Times::of(times?));
    let text = format!(
        "Load average {load_at_start} at the start.\n\n| meanwhile | answered within, 50 % / 99 % / all |\n\
         | --- | --- |\n| nothing else | {} |\n| {values} domains are gathered, {took:.1} s | {} |\n",
        quiet.written(),
        busy.written()
    );
    let aim = Aim {
        what: format!("others' p99 while {values} domains are gathered"),
        aim: Bound::AtMost(5.0),
        measured: busy.within(990),
        unit: " ms",
    };
    Ok(Section { text, aims: vec![aim] })
}

/// Sorted times of answers.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Returns the milliseconds within which this share of a thousand was answered.
    fn within(&self, share: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let time = self.0.get((self.0.len() * share / 1_000).min(last)).copied();
        time.unwrap_or_default().as_secs_f64() * 1e3
    }

    fn written(&self) -> String {
        format!(
            "{:.2} / {:.2} / {:.2} ms of {}",
            self.within(500),
            self.within(990),
            self.within(1_000),
            self.0.len()
        )
    }
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
