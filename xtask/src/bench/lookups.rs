//! `cargo xtask bench lookups`: how fast single values are looked up in a large index.

mod caller;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::connection::Connection;
use super::directory::Directory;
use super::process::Process;
use super::section::{Section, load, number};
use super::static_servers::{BareHyper, FEW_CONNECTIONS, Files, Nginx, Port};
use super::{Daemon, Programs};
use caller::Caller;

/// A server that is asked: its address, and a token.
#[derive(Clone, Copy)]
pub(super) struct Target<'d> {
    pub(super) address: &'d str,
    pub(super) token: &'d str,
    /// The path of a server that has one answer for all names.
    pub(super) file: Option<&'d str>,
}

impl<'d> Target<'d> {
    fn of(daemon: &'d Daemon) -> Self {
        Self {
            address: &daemon.address,
            token: &daemon.token,
            file: None,
        }
    }
}

/// The name of the answer at the servers beside cratosd.
const FILE: &str = "/lookup";

/// Values in the index, unless the command line says otherwise.
const VALUES: usize = 1_000_000;

/// How it is asked: so many connections, so many values on their way at once on each.
const WAYS: &[(&str, usize, usize)] = &[
    ("`GET`, one after the other, two connections", 2, 1),
    ("`GET`, one after the other, eight connections", 8, 1),
    ("`GET`, sixteen sent at once, four connections", 4, 16),
];

const SECONDS: u64 = 10;

/// Values in one question by `POST`.
const TOGETHER: usize = 1_000;

/// Measures how many look-ups there are in a second, and how long they take, beside servers that send one ready answer.
pub(crate) fn run(values: Option<&str>) -> anyhow::Result<Section> {
    let values = values
        .map_or(Ok(VALUES), str::parse)
        .context("not a number of values")?;
    let programs = Programs::build_with_static_servers()?;
    let misp = programs.misp(values)?;
    let daemon = programs.daemon(&misp, &["--permission", "lookup", "--permission", "context"])?;
    let (load_at_start, began) = (load(), Instant::now());
    let target = Target::of(&daemon);
    let mut first = Caller::connect(target)?;
    first.ask(&["first.example".to_owned()])?;
    let index_seconds = began.elapsed().as_secs_f64();
    let known = first.some_values()?;
    let folder = Directory::new()?;
    let files = ready_answer(target)?;
    let bare = BareHyper::start(&programs.example("bare_hyper"), &files)?;
    let nginx = Nginx::start(folder.path(), &files, None, FEW_CONNECTIONS)?;
    let mut servers = vec![("cratosd", daemon.process(), target)];
    let beside = |address| Target {
        address,
        file: Some(FILE),
        ..target
    };
    servers.push(("bare hyper", bare.process(), beside(bare.address())));
    let port = nginx.as_ref().and_then(|nginx| nginx.ports().first());
    let port = port.map(Port::address);
    if let (Some(nginx), Some(address)) = (&nginx, &port) {
        servers.push(("nginx", nginx.process(), beside(address)));
    }
    let mut text = format!(
        "{values} domains; their index was made in {index_seconds:.1} s. Load average {load_at_start} at the start.\n\n\
         | how it is asked | server | look-ups a second | answered within, 50 % / 99 % | processor time each | \
         ÷ cratosd, processor time | ÷ cratosd, wall time |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for &(way, connections, at_once) in WAYS {
        let mut ours = None;
        for (name, process, target) in &servers {
            let cost = one_by_one(process, *target, &known, (connections, at_once))?;
            text += &cost.row(way, name, ours.get_or_insert(cost));
        }
    }
    text += &together(&daemon, &known)?;
    let peak = daemon.peak_resident_bytes()? as f64 / 1e6;
    let _ = writeln!(
        text,
        "\nPeak resident memory of cratosd {peak:.0} MB; load average {} at the end.",
        load()
    );
    Ok(Section { text, aims: Vec::new() })
}

/// Returns the answer to a name that is not listed, for the other servers.
fn ready_answer(target: Target<'_>) -> anyhow::Result<Files> {
    let (mut files, token) = (Files::new()?, [("token", target.token)]);
    let answer = Connection::open(target.address)?.ask("GET", "/v1/lookup/miss.example", &token, "")?;
    files.add(FILE.trim_start_matches('/'), answer.headers(), &answer.body)?;
    Ok(files)
}

/// What single look-ups cost.
#[derive(Clone, Copy)]
struct Cost {
    per_second: f64,
    /// Within which 50 and 99 of a hundred came.
    milliseconds: [f64; 2],
    microseconds_each: f64,
}

impl Cost {
    fn row(&self, way: &str, server: &str, ours: &Self) -> String {
        let [median, most] = self.milliseconds;
        format!(
            "| {way} | {server} | {:.0} | {median:.2} / {most:.2} ms | {} µs | {} | {} |\n",
            self.per_second,
            number(self.microseconds_each),
            number(self.microseconds_each / ours.microseconds_each),
            number(ours.per_second / self.per_second),
        )
    }
}

fn one_by_one(
    process: &Process,
    target: Target<'_>,
    known: &[String],
    (connections, at_once): (usize, usize),
) -> anyhow::Result<Cost> {
    let before = process.processor_time()?;
    let time = Duration::from_secs(SECONDS);
    let mut times = measured(target, known, connections, at_once, time)?;
    let spent = process.processor_time()?.since(&before);
    times.sort_unstable();
    let at = |share: usize| {
        let time = times.get(times.len() * share / 1000).copied();
        time.unwrap_or_default().as_secs_f64() * 1e3
    };
    let count = (times.len() * at_once).max(1) as f64;
    Ok(Cost {
        per_second: count / time.as_secs_f64(),
        milliseconds: [at(500), at(990)],
        microseconds_each: spent.as_secs_f64() * 1e6 / count,
    })
}

/// Returns the row of many values in one question.
fn together(daemon: &Daemon, known: &[String]) -> anyhow::Result<String> {
    let mut caller = Caller::connect(Target::of(daemon))?;
    let (before, began) = (daemon.processor_time()?, Instant::now());
    let (mut rounds, mut turn) = (0, 0);
    while began.elapsed() < Duration::from_secs(SECONDS) {
        let names: Vec<String> = (0..TOGETHER).map(|_| name(known, &mut turn)).collect();
        caller.ask_together(&names)?;
        rounds += 1;
    }
    let spent = daemon.processor_time()?.since(&before);
    let count = (rounds * TOGETHER) as f64;
    Ok(format!(
        "| `POST` with {TOGETHER} values, one connection | cratosd | {:.0} | | {:.1} µs | | |\n",
        count / began.elapsed().as_secs_f64(),
        spent.as_secs_f64() * 1e6 / count.max(1.0),
    ))
}

/// Asks for a while over so many connections, each of a thread of its own; returns how long each answer, or each bunch
/// of answers, took.
pub(super) fn measured(
    target: Target<'_>,
    known: &[String],
    connections: usize,
    at_once: usize,
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..connections)
            .map(|number| {
                let ended = &ended;
                scope.spawn(move || ask_on(target, known, number, at_once, ended))
            })
            .collect();
        std::thread::sleep(time);
        ended.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for caller in callers {
            match caller.join() {
                Ok(more) => times.extend(more?),
                Err(_) => bail!("a caller panicked"),
            }
        }
        Ok(times)
    })
}

/// Asks for known and unknown names in turn until it receives the signal to end.
fn ask_on(
    target: Target<'_>,
    known: &[String],
    number: usize,
    at_once: usize,
    ended: &AtomicBool,
) -> anyhow::Result<Vec<Duration>> {
    let mut caller = Caller::connect(target)?;
    let mut times = Vec::new();
    let mut turn = number * 7919;
    while !ended.load(Ordering::Relaxed) {
        let names: Vec<String> = (0..at_once).map(|_| name(known, &mut turn)).collect();
        let began = Instant::now();
        caller.ask(&names)?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Returns a name that is listed and one that is not, in turn.
fn name(known: &[String], turn: &mut usize) -> String {
    *turn += 1;
    match known.get(*turn % known.len().max(1)) {
        Some(name) if turn.is_multiple_of(2) => name.clone(),
        _ => format!("miss{turn}.example.org"),
    }
}
