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

/// The measured time in CI.
const SHORT: Duration = Duration::from_secs(60);

/// Every trouble comes up several times, so that the measured time begins with all caches and all places of mirrors
/// filled. The counts of bodies take the longest: about forty rounds of the six troubles.
const WARM_UP: Duration = Duration::from_secs(420);
const SHORT_WARM_UP: Duration = Duration::from_secs(50);

/// The most that memory may grow after the warm-up. In the short run, neither caches nor the allocator have settled.
const GROWTH: f64 = 0.05;
const SHORT_GROWTH: f64 = 0.4;

/// Runs for so many minutes, after a warm-up, against programs that were built in release mode.
pub(crate) fn run(minutes: &str) -> anyhow::Result<()> {
    let minutes: u64 = minutes.parse().context("not a number of minutes")?;
    let measured = Duration::from_secs(60 * minutes);
    soak(&Programs::build()?, WARM_UP.min(measured), measured, GROWTH)
}

/// Runs for two minutes against the programs of the tests.
pub(crate) fn check() -> anyhow::Result<Outcome> {
    soak(&Programs::of_tests()?, SHORT_WARM_UP, SHORT, SHORT_GROWTH)?;
    Ok(Outcome::Passed)
}

fn soak(programs: &Programs, warm_up: Duration, measured: Duration, growth: f64) -> anyhow::Result<()> {
    let site = Site::start(programs)?;
    let mut troubles = Troubles::new(&site)?;
    Phase::run(&site, &mut troubles, warm_up)?;
    let before = site.quiet(None)?;
    let phase = Phase::run(&site, &mut troubles, measured)?;
    let after = site.quiet(Some(before.descriptors))?;
    let table = Table {
        measured,
        phase,
        before,
        after,
    };
    table.print(growth)
}
