//! `cargo xtask bench streams`: what many listeners of one feed cost.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Programs;
use super::directory::Directory;
use super::process::Process;
use super::section::{Section, load, number};
use super::static_servers::{BareHyper, Files, Nginx};

/// Listeners, unless the command line says otherwise.
const LISTENERS: usize = 5_000;

/// Values of the feed that they follow.
const VALUES: usize = 10_000;

/// Connections of each worker of nginx: all listeners may be with one.
const CONNECTIONS: usize = 16_384;

/// The name of the snapshot at the servers beside cratosd.
const FILE: &str = "stream";

/// Measures what it costs that every listener receives the whole feed, beside servers that send the same bytes.
pub(crate) fn run(listeners: Option<&str>) -> anyhow::Result<Section> {
    let listeners = listeners
        .map_or(Ok(LISTENERS), str::parse)
        .context("not a number of listeners")?;
    let programs = Programs::build_with_static_servers()?;
    let misp = programs.misp(VALUES)?;
    let daemon = programs.daemon(&misp, &["--permission", "stream"])?;
    let load_at_start = load();
    let ours = Listener {
        address: &daemon.address,
        path: "/v1/stream/feed/block/type/domain/age/1w",
        token: &daemon.token,
    };
    // Before the measurement, so that the feed is in memory.
    let snapshot = ours.snapshot()?;
    let cratosd = ours.cost(daemon.process(), listeners)?;
    let mut files = Files::new()?;
    let headers = [("content-type", "text/event-stream")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    files.add(FILE, headers.into(), &snapshot)?;
    let folder = Directory::new()?;
    let bare = BareHyper::start(&programs.example("bare_hyper"), &files)?;
    let nginx = Nginx::start(folder.path(), &files, None, CONNECTIONS)?;
    let mut rows = vec![("cratosd", cratosd)];
    let beside = |address: &str, process: &Process| {
        let path = format!("/{FILE}");
        let theirs = Listener {
            address,
            path: &path,
            ..ours
        };
        theirs.cost(process, listeners)
    };
    rows.push(("bare hyper", beside(bare.address(), bare.process())?));
    if let Some(nginx) = &nginx {
        let port = nginx.ports().first().context("no port")?;
        rows.push(("nginx", beside(&port.address(), nginx.process())?));
    }
    let mut text = format!(
        "{listeners} listeners, each receiving {VALUES} domains as one snapshot. Load average {load_at_start} at the \
         start.\n\n\
         | server | all have the feed after | processor time each | peak resident memory | ÷ cratosd, processor time | \
         ÷ cratosd, wall time |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, cost) in &rows {
        let _ = writeln!(
            text,
            "| {name} | {:.1} s | {:.0} µs | {:.0} MB | {} | {} |",
            cost.wall_seconds,
            cost.microseconds_each,
            cost.peak_megabytes,
            number(cost.microseconds_each / cratosd.microseconds_each),
            number(cost.wall_seconds / cratosd.wall_seconds),
        );
    }
    Ok(Section { text, aims: Vec::new() })
}

/// A request that is answered with a snapshot.
#[derive(Clone, Copy)]
struct Listener<'a> {
    address: &'a str,
    path: &'a str,
    token: &'a str,
}

/// What all listeners together cost.
#[derive(Clone, Copy)]
struct Cost {
    wall_seconds: f64,
    microseconds_each: f64,
    peak_megabytes: f64,
}

impl Listener<'_> {
    fn begin(self) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let Self { path, token, .. } = self;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\ntoken: {token}\r\n\r\n").as_bytes())?;
        Ok(stream)
    }

    /// Opens so many connections, and then reads the snapshot on each of them.
    fn cost(self, process: &Process, listeners: usize) -> anyhow::Result<Cost> {
        let (began, before) = (Instant::now(), process.processor_time()?);
        let mut open = Vec::with_capacity(listeners);
        for _ in 0..listeners {
            open.push(self.begin()?);
        }
        for stream in &mut open {
            read_snapshot(stream, |_| ())?;
        }
        let wall_seconds = began.elapsed().as_secs_f64();
        let spent = process.processor_time()?.since(&before).as_secs_f64();
        Ok(Cost {
            wall_seconds,
            microseconds_each: spent * 1e6 / listeners.max(1) as f64,
            peak_megabytes: process.peak_resident_bytes_with_children()? as f64 / 1e6,
        })
    }

    /// Returns the events of the snapshot. The lines with the lengths of the chunks stay in it, so that other servers
    /// send as many bytes as cratosd.
    fn snapshot(self) -> anyhow::Result<Vec<u8>> {
        let mut answer = Vec::new();
        read_snapshot(&mut self.begin()?, |piece| answer.extend_from_slice(piece))?;
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let head = head.context("an answer without an end of its head")?;
        Ok(answer.split_off(head + 4))
    }
}

/// Reads up to the id, which stands on the last event of the snapshot alone.
fn read_snapshot(stream: &mut TcpStream, mut see: impl FnMut(&[u8])) -> anyhow::Result<()> {
    let mut tail = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            bail!("the stream ended: {}", String::from_utf8_lossy(&tail));
        }
        let piece = piece.get(..count).unwrap_or_default();
        see(piece);
        tail.extend_from_slice(piece);
        // A search of the standard library, which is fast in a build without optimisation, too.
        if String::from_utf8_lossy(&tail).contains("\nid: ") {
            return Ok(());
        }
        let keep = tail.len().saturating_sub(16);
        tail.drain(..keep);
    }
}
