//! `cargo xtask attack`: what exhaustion costs. Each attack is one file below `attack/` and one line in [`ATTACKS`].
//!
//! Three processes over loopback, as in life: the stand-in for MISP, `cratosd serve`, and this one as the attackers and
//! as a good client with a token. Each attack meets a fresh daemon, so that the peak of its memory is that of the
//! attack. Nothing here leaves this machine, and every attack has a bound in connections and in time.

mod crowd;
mod descriptors;
mod good_client;
mod http2;
mod idle;
mod open_routes;
mod slow_readers;
mod table;
mod target;
mod unfinished_heads;

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::bench::programs::Programs;
use crowd::Crowd;
use good_client::GoodClient;
use table::{Row, Table};
use target::Target;

/// Values of the feed that the good client polls and the slow readers ask for.
const VALUES: usize = 100_000;

/// How long the attackers stay, once all are there. Longer than every time-out of the front, so that a connection which
/// still stands afterwards would stand for ever.
const STAY: Duration = Duration::from_secs(75);

/// When the memory is looked at again after the attackers left.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// Between two signs of life of the attackers.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// One attack.
struct Attack {
    /// The word that chooses it on the command line.
    name: &'static str,
    /// What the attackers do, for the table.
    about: &'static str,
    /// How many connections they open.
    connections: usize,
    /// From how many addresses.
    addresses: u8,
    /// Begins the attack: opens the connections and sends what each one sends at its start.
    begin: fn(&Target, &Attack) -> anyhow::Result<Crowd>,
    /// What each connection sends from time to time, so as not to look dead.
    sign_of_life: Option<&'static [u8]>,
}

static ATTACKS: &[Attack] = &[
    http2::ZERO_WINDOW,
    http2::ZERO_WINDOW_FROM_MANY,
    http2::ZERO_WINDOW_FOR_THE_DESCRIPTION,
    http2::PINGS,
    unfinished_heads::SMALL,
    unfinished_heads::LARGE,
    idle::SILENT,
    idle::ASKED_ONCE,
    slow_readers::OF_THE_DESCRIPTION,
    slow_readers::OF_CHANGES,
    slow_readers::OF_A_FEED,
];

/// Prints a table with all attacks, or with the one of this name, and what each route without a token costs.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<()> {
    let names: Vec<&str> = ATTACKS
        .iter()
        .map(|attack| attack.name)
        .chain([open_routes::NAME])
        .collect();
    if let Some(name) = only.filter(|name| !names.contains(name)) {
        bail!("there is no attack `{name}`; there are {}", names.join(", "));
    }
    let programs = Programs::build()?;
    let room = descriptors::allow_many()?;
    let misp = programs.misp(VALUES)?;
    let mut table = Table::begin(VALUES);
    for attack in ATTACKS
        .iter()
        .filter(|attack| only.is_none_or(|name| name == attack.name))
    {
        let target = Target::start(&programs, &misp)?;
        let row = measure(attack, &target, room)?;
        table.add(row);
    }
    table.print();
    if only.is_none_or(|name| name == open_routes::NAME) {
        open_routes::measure(&Target::start(&programs, &misp)?)?;
    }
    Ok(())
}

/// Carries one attack out.
fn measure(attack: &Attack, target: &Target, room: usize) -> anyhow::Result<Row> {
    let attack = &Attack {
        connections: attack.connections.min(room),
        ..*attack
    };
    let good = GoodClient::start(target)?;
    // The first load took memory, too.
    target.forget_peak()?;
    let before = target.resident_megabytes()?;
    let mut crowd = (attack.begin)(target, attack)?;
    let opened = crowd.len();
    let there = Instant::now();
    while there.elapsed() < STAY {
        std::thread::sleep(SIGN_OF_LIFE.min(STAY.saturating_sub(there.elapsed())));
        if let Some(bytes) = attack.sign_of_life {
            crowd.send(bytes);
        }
    }
    let seen = good.end()?;
    let peak = target.peak_megabytes()?;
    let standing = crowd.standing();
    drop(crowd);
    // Devices go on, and an allocator gives memory back when it is asked for some.
    let others = GoodClient::start(target)?;
    std::thread::sleep(AFTERWARDS);
    others.end()?;
    Ok(Row {
        about: attack.about,
        wanted: attack.connections,
        opened,
        standing,
        before,
        peak,
        afterwards: target.resident_megabytes()?,
        seen,
    })
}
