//! `cargo xtask soak`: a daemon under load and trouble for half an hour. Its memory stays flat, no request is lost and
//! no descriptor stays open.
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
use phase::Phase;
use site::Site;
use table::Table;
use troubles::Troubles;

/// Minutes that are measured, unless the command line says otherwise.
const MINUTES: u64 = 30;

/// The measured time of the short run.
const SHORT: Duration = Duration::from_secs(20);

/// Every trouble comes up at least once, so that the measured time begins with all caches filled.
const WARM_UP: Duration = Duration::from_secs(120);
const SHORT_WARM_UP: Duration = Duration::from_secs(25);

/// The most that memory may grow after the warm-up. In the short run, the allocator has not settled.
const GROWTH: f64 = 0.05;
const SHORT_GROWTH: f64 = 0.25;

/// Runs against programs that were built in release mode.
pub(crate) fn run(minutes: Option<&str>) -> anyhow::Result<()> {
    let minutes = minutes
        .map_or(Ok(MINUTES), str::parse)
        .context("not a number of minutes")?;
    let measured = Duration::from_secs(60 * minutes);
    soak(&Programs::build()?, WARM_UP.min(measured), measured, GROWTH)
}

/// Runs for less than a minute against the programs of the tests.
pub(crate) fn run_short() -> anyhow::Result<()> {
    soak(&Programs::of_tests()?, SHORT_WARM_UP, SHORT, SHORT_GROWTH)
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
