//! `cargo xtask bench streams`: what many listeners of one feed cost.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Programs;
use super::section::{Section, load};

/// Listeners, unless the command line says otherwise.
const LISTENERS: usize = 5_000;

/// Values of the feed that they follow.
const VALUES: usize = 10_000;

/// Measures the memory that the daemon takes once every listener has received the whole feed.
pub(crate) fn run(listeners: Option<&str>) -> anyhow::Result<Section> {
    let listeners = listeners
        .map_or(Ok(LISTENERS), str::parse)
        .context("not a number of listeners")?;
    let programs = Programs::build()?;
    let misp = programs.misp(VALUES)?;
    let daemon = programs.daemon(&misp, &["--permission", "stream"])?;
    let request = format!(
        "GET /v1/stream/feed/block/type/domain/age/1w HTTP/1.1\r\nhost: bench\r\ntoken: {}\r\n\r\n",
        daemon.token
    );
    let (load_at_start, began, before) = (load(), Instant::now(), daemon.processor_time()?);
    let mut open = Vec::with_capacity(listeners);
    for _ in 0..listeners {
        let mut stream = TcpStream::connect(&daemon.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(request.as_bytes())?;
        open.push(stream);
    }
    for stream in &mut open {
        read_snapshot(stream)?;
    }
    let took = began.elapsed().as_secs_f64();
    let spent = daemon.processor_time()?.since(&before).as_secs_f64();
    let text = format!(
        "Load average {load_at_start} at the start.\n\n\
         | listeners | all have the feed after | processor time of cratosd each | peak resident memory |\n\
         | --- | --- | --- | --- |\n\
         | {listeners}, each receiving {VALUES} domains | {took:.1} s | {:.0} µs | {:.0} MB |\n",
        spent * 1e6 / listeners.max(1) as f64,
        daemon.peak_resident_bytes()? as f64 / 1e6,
    );
    Ok(Section { text, aims: Vec::new() })
}

/// Reads up to the id, which stands on the last event of the snapshot alone.
fn read_snapshot(stream: &mut TcpStream) -> anyhow::Result<()> {
    let mut tail = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            bail!("the stream ended: {}", String::from_utf8_lossy(&tail));
        }
        tail.extend(piece.iter().take(count));
        if tail.windows(5).any(|window| window == b"\nid: ") {
            return Ok(());
        }
        let keep = tail.len().saturating_sub(16);
        tail.drain(..keep);
    }
}
