//! Connections that only stand there.

use super::Attack;
use super::crowd::Crowd;

pub(super) const SILENT: Attack = Attack {
    name: "idle",
    about: "connections that send nothing; 64 addresses",
    connections: 15_000,
    addresses: 64,
    begin: |target, attack| Crowd::of(target, attack, b""),
    sign_of_life: None,
};

pub(super) const ASKED_ONCE: Attack = Attack {
    name: "idle-asked",
    about: "connections that ask for `/healthz` once, read the answer and stay; 64 addresses",
    begin: |target, attack| Crowd::of(target, attack, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    ..SILENT
};
