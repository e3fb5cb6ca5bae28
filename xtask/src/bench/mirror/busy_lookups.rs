//! Look-ups while events change and feeds are refreshed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;

use super::quiet;
use super::site::Site;
use super::stand_in::StandIn;
use super::table::{Limit, Table, milliseconds};
use crate::bench::lookups;

const CONNECTIONS: usize = 8;

const TIME: Duration = Duration::from_secs(20);

/// Between two changes.
const PAUSE: Duration = Duration::from_millis(500);

/// Domains that are changed in turn.
const CHANGED: usize = 40;

pub(super) fn measure(site: &Site, misp: &StandIn, table: &mut Table) -> anyhow::Result<()> {
    let known = site.get("/v1/feed/any/type/domain/age/1y/output/txt")?.body;
    let known = String::from_utf8(known)?;
    let known: Vec<String> = known.lines().step_by(97).take(10_000).map(str::to_owned).collect();
    let ended = AtomicBool::new(false);
    let before = site.processor_seconds()?;
    let (times, changes) = std::thread::scope(|scope| {
        let editing = scope.spawn(|| keep_changing(site, misp, &ended));
        let times = lookups::measured(site.target()?, &known, CONNECTIONS, 1, TIME);
        ended.store(true, Ordering::Relaxed);
        match editing.join() {
            Ok(changes) => Ok((times?, changes?)),
            Err(_) => bail!("the thread that edits panicked"),
        }
    })?;
    let spent = site.processor_seconds()? - before;
    let mut all = milliseconds(&times);
    all.sort_by(f64::total_cmp);
    let at = |share: usize| all.get(all.len() * share / 1000).copied().unwrap_or_default();
    table.add(
        "look-ups, 99 % of GET, eight connections, while feeds are refreshed",
        Limit::milliseconds(2.0),
        &[at(990)],
    );
    table.note(&format!(
        "look-ups: {} in {} s with {changes} changes, 50 % within {:.2} ms, 99.9 % within {:.2} ms, processor time of cratosd {spent:.1} s",
        all.len(),
        TIME.as_secs(),
        at(500),
        at(999),
    ));
    Ok(())
}

/// Changes one event after the other, and asks for all feeds now and then; returns the number of changes.
fn keep_changing(site: &Site, misp: &StandIn, ended: &AtomicBool) -> anyhow::Result<usize> {
    let domains = misp.domains(CHANGED)?;
    let mut changes = 0_usize;
    while !ended.load(Ordering::Relaxed) {
        for domain in &domains {
            if ended.load(Ordering::Relaxed) {
                break;
            }
            misp.change_and_publish(domain, &format!("busy{changes}.bench.example.com"))?;
            changes += 1;
            std::thread::sleep(PAUSE);
            if changes.is_multiple_of(10) {
                quiet::poll_all(site)?;
            }
        }
    }
    Ok(changes)
}
