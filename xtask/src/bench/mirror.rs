//! `cargo xtask bench mirror`: what the mirror of a large MISP gives and costs, each figure beside its limit.
//!
//! Real processes over loopback: the stand-in for MISP, `cratosd serve` with a state directory, and the bench as the
//! devices and as MISP's ZeroMQ publisher.

mod busy_lookups;
mod change;
mod feeds;
mod first_byte;
mod first_load;
mod publisher;
mod quiet;
mod replay;
mod restart;
mod site;
pub(super) mod stand_in;
mod table;

use anyhow::Context as _;

use super::Programs;
use feeds::FEEDS;
use publisher::Publisher;
use site::Site;
use stand_in::StandIn;
use table::{Limit, Table};

/// The size of MISP, unless the command line says otherwise.
const ATTRIBUTES: usize = 1_000_000;
const EVENTS: usize = 20_000;

/// The interval of looks at MISP in the first half of the bench; afterwards it is the default of 15 seconds.
const SHORT_POLL: &str = "1s";

/// Prints the table.
pub(crate) fn run(attributes: Option<&str>, events: Option<&str>) -> anyhow::Result<()> {
    let number = |text: Option<&str>, default| text.map_or(Ok(default), str::parse);
    let attributes = number(attributes, ATTRIBUTES).context("not a number of attributes")?;
    let events = number(events, EVENTS).context("not a number of events")?;
    let programs = Programs::build()?;
    let misp = StandIn::start(&programs.stand_in(), attributes, events)?;
    let publisher = Publisher::listen()?;
    let mut table = Table::begin(&format!("{attributes} attributes in {events} events"));
    let mut site = Site::new(&programs.cratosd(), misp.process(), publisher.port())?;
    site.poll_every(SHORT_POLL)?;
    first_load::measure(&mut site, &misp, &mut table)?;
    change::measure_by_poll(&site, &misp, &mut table)?;
    // Its own limit is measured again, with the default interval, straight after a start from disk.
    site.stop()?;
    site.poll_every("15s")?;
    site.start()?;
    site.wait_until_followed()?;
    change::measure_by_hint(&site, &misp, &publisher, &mut table)?;
    first_byte::measure(&site, &mut table)?;
    quiet::measure(&site, &misp, &mut table)?;
    busy_lookups::measure(&site, &misp, &mut table)?;
    held(&site, &mut table)?;
    restart::measure(&mut site, misp, &mut table)?;
    table.print()
}

/// Adds the lines about memory and disk, once every type and look-ups were asked for.
fn held(site: &Site, table: &mut Table) -> anyhow::Result<()> {
    let (now, peak) = site.memory()?;
    table.add(
        &format!("resident memory after {} feeds and look-ups", FEEDS.len()),
        Limit::megabytes(250.0),
        &[now as f64 / 1e6],
    );
    table.note(&format!(
        "most resident memory since the start: {:.0} MB",
        peak as f64 / 1e6
    ));
    table.add(
        "on disk",
        Limit::megabytes(150.0),
        &[site.bytes_on_disk()? as f64 / 1e6],
    );
    Ok(())
}
