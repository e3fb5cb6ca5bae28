//! Readers that take almost nothing of a large answer.

use super::Attack;
use super::crowd::{Crowd, Plan};
use super::target::{FEED, Target};

/// The receive buffer of a reader. It fills at once, and then nothing is taken.
const RECEIVE_BUFFER: usize = 4_096;

pub(super) const OF_THE_DESCRIPTION: Attack = Attack {
    name: "slow-description",
    about: "readers of `/openapi.json` that take nothing; 64 addresses",
    connections: 15_000,
    addresses: 64,
    begin: |target, attack| begin(target, attack, "/openapi.json", ""),
    sign_of_life: None,
};

pub(super) const OF_CHANGES: Attack = Attack {
    name: "slow-changes",
    about: "readers of `/v1/changes` with a token that take nothing; one address",
    connections: 400,
    addresses: 1,
    begin: |target, attack| with_token(target, attack, "/v1/changes/feed/block/type/domain/age/1w"),
    sign_of_life: None,
};

pub(super) const OF_A_FEED: Attack = Attack {
    name: "slow-feed",
    about: "readers of a feed of 100 000 domains with a token that take nothing; one address",
    begin: |target, attack| with_token(target, attack, FEED),
    ..OF_CHANGES
};

fn with_token(target: &Target, attack: &Attack, path: &str) -> anyhow::Result<Crowd> {
    begin(target, attack, path, &format!("token: {}\r\n", target.token))
}

fn begin(target: &Target, attack: &Attack, path: &str, header: &str) -> anyhow::Result<Crowd> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{header}\r\n");
    let plan = Plan {
        connections: attack.connections,
        addresses: attack.addresses,
        sends: request.as_bytes(),
        receive_buffer: Some(RECEIVE_BUFFER),
    };
    Crowd::open(target, &plan)
}
