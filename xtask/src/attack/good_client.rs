//! A device with a good token that polls while others attack.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::crowd::connect_from;
use super::target::{FEED, Target};

/// An address that no attacker has.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);

/// Between two polls, each over a connection of its own.
const PAUSE: Duration = Duration::from_millis(50);

/// An answer that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct GoodClient {
    ended: Arc<AtomicBool>,
    polling: JoinHandle<Seen>,
}

/// What the good client saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    times: Vec<Duration>,
    /// Polls without a good answer.
    pub(super) failed: usize,
}

impl Seen {
    pub(super) fn polls(&self) -> usize {
        self.times.len() + self.failed
    }

    /// Returns the time within which so many thousandths of the polls were answered, in milliseconds.
    pub(super) fn within(&self, thousandths: usize) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let place = (times.len() * thousandths / 1_000).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    }
}

impl GoodClient {
    /// Has the daemon make the feed, and starts to poll.
    pub(super) fn start(target: &Target) -> anyhow::Result<Self> {
        let (address, token) = (target.address, target.token.clone());
        let (status, head) = poll(address, &token, "")?;
        if status != 200 {
            bail!("the daemon answered {head}");
        }
        let etag = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("etag").then(|| value.trim().to_owned())
        });
        let condition = format!("if-none-match: {}\r\n", etag.context("no entity tag")?);
        let ended = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&ended);
        let polling = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !theirs.load(Ordering::Relaxed) {
                let began = Instant::now();
                match poll(address, &token, &condition) {
                    Ok((304 | 200, _)) => seen.times.push(began.elapsed()),
                    _ => seen.failed += 1,
                }
                std::thread::sleep(PAUSE);
            }
            seen
        });
        Ok(Self { ended, polling })
    }

    pub(super) fn end(self) -> anyhow::Result<Seen> {
        self.ended.store(true, Ordering::Relaxed);
        let Ok(seen) = self.polling.join() else {
            bail!("the good client panicked")
        };
        Ok(seen)
    }
}

/// Asks for the feed once over a new connection; returns the status and the head.
fn poll(address: SocketAddrV4, token: &str, condition: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = connect_from(ADDRESS, address, None)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {FEED} HTTP/1.1\r\nhost: good\r\ntoken: {token}\r\n{condition}connection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer
        .split(|byte| *byte == b'\r')
        .take(40)
        .collect::<Vec<_>>()
        .join(&b'\r');
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head.split_whitespace().nth(1).context("no status")?.parse()?;
    Ok((status, head))
}
