//! `cargo xtask soak 30`: a daemon under load and trouble for half an hour. Its memory stays flat, no request is lost
//! and no descriptor stays open.
//!
//! Real processes over loopback: the stand-in for MISP, `cratosd serve` with a mirror, and this process as devices, as
//! analysts and as operator. The first phase warms everything up, the second one is measured.

mod device;
mod events;
mod listener;
mod operator;
mod phase;
mod shared;
mod site;
mod table;
mod tally;
mod troubles;

use std::time::Duration;

use anyhow::Context as _;

use super::Programs;
use crate::outcome::Outcome;
use phase::Phase;
use site::Site;
use table::Table;
use troubles::Troubles;

/// How long a soak takes, and what it allows.
struct Plan {
    /// Every trouble comes up several times in it, so that the measured time begins with all caches and all places of
    /// mirrors filled.
    warm_up: Duration,
    measured: Duration,
    /// The time in which the daemon comes to rest.
    settling: Duration,
    /// The most that memory may grow after the warm-up.
    growth: f64,
}

impl Plan {
    /// The counts of bodies take the longest to fill: about forty rounds of the six troubles. The threads for blocking
    /// work end ten seconds after their last. Load leaves a changing number of them, and each has a stack and memory
    /// that the allocator keeps for it.
    fn of_minutes(minutes: u64) -> Self {
        let measured = Duration::from_secs(60 * minutes);
        Self {
            warm_up: Duration::from_secs(420).min(measured),
            measured,
            settling: Duration::from_secs(60),
            growth: 0.05,
        }
    }

    /// In CI. Neither caches nor the allocator settle in so short a time.
    const fn short() -> Self {
        Self {
            warm_up: Duration::from_secs(50),
            measured: Duration::from_secs(60),
            settling: Duration::from_secs(10),
            growth: 0.4,
        }
    }
}

/// Runs for so many minutes, after a warm-up, against programs that were built in release mode.
pub(crate) fn run(minutes: &str) -> anyhow::Result<()> {
    let minutes = minutes.parse().context("not a number of minutes")?;
    soak(&Programs::build()?, &Plan::of_minutes(minutes))
}

/// Runs for two minutes against the programs of the tests.
pub(crate) fn check() -> anyhow::Result<Outcome> {
    soak(&Programs::of_tests()?, &Plan::short())?;
    Ok(Outcome::Passed)
}

fn soak(programs: &Programs, plan: &Plan) -> anyhow::Result<()> {
    let site = Site::start(programs)?;
    let mut troubles = Troubles::new(&site)?;
    Phase::run(&site, &mut troubles, plan.warm_up)?;
    let before = site.quiet(plan.settling, None)?;
    let phase = Phase::run(&site, &mut troubles, plan.measured)?;
    let after = site.quiet(plan.settling, Some(before.descriptors))?;
    let table = Table {
        measured: plan.measured,
        phase,
        before,
        after,
    };
    table.print(plan.growth)
}
