//! `cargo xtask bench listeners`: what many listeners of one feed cost.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Programs;

/// Listeners, unless the command line says otherwise.
const LISTENERS: usize = 5_000;

/// Values of the feed that they follow.
const VALUES: usize = 10_000;

/// Prints the memory that the daemon takes once every listener has received the whole feed.
pub(crate) fn run(listeners: Option<&str>) -> anyhow::Result<()> {
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
    let began = Instant::now();
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
    println!(
        "{listeners} listeners were told {VALUES} domains in {:.1} s; peak resident memory {:.0} MB",
        began.elapsed().as_secs_f64(),
        daemon.peak_resident_bytes()? as f64 / 1e6,
    );
    Ok(())
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
