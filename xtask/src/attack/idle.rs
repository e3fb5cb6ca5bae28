//! Connections that only stand there.

use super::Attack;
use super::crowd::{Crowd, Plan};
use super::target::Target;

pub(super) const SILENT: Attack = Attack {
    name: "idle",
    about: "connections that send nothing; 64 addresses",
    connections: 15_000,
    addresses: 64,
    begin: |target, attack| begin(target, attack, b""),
    sign_of_life: None,
};

pub(super) const ASKED_ONCE: Attack = Attack {
    name: "idle-asked",
    about: "connections that ask for `/healthz` once, read the answer and stay; 64 addresses",
    begin: |target, attack| begin(target, attack, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    ..SILENT
};

fn begin(target: &Target, attack: &Attack, sends: &[u8]) -> anyhow::Result<Crowd> {
    let plan = Plan {
        connections: attack.connections,
        addresses: attack.addresses,
        sends,
        receive_buffer: None,
    };
    Crowd::open(target, &plan)
}
