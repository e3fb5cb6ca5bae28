//! A time in which devices ask and troubles come, up to the comparison of what everybody has with MISP.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::site::Site;
use super::tally::{Sums, Tally};
use super::troubles::Troubles;
use super::{device, listener};

/// Devices of each kind.
const POLLERS: usize = 4;
const LISTENERS: usize = 3;

/// What happened in a phase.
pub(super) struct Phase {
    pub(super) sums: Sums,
    pub(super) troubles: BTreeMap<&'static str, u64>,
    /// Resident memory after each trouble.
    pub(super) resident_bytes: Vec<u64>,
}

impl Phase {
    /// Lets devices ask and troubles come for so long, then waits until every device has what MISP has.
    pub(super) fn run(site: &Site, troubles: &mut Troubles<'_>, length: Duration) -> anyhow::Result<Self> {
        let (tally, is_over) = (Tally::default(), AtomicBool::new(false));
        let shared = Shared {
            site,
            tally: &tally,
            is_over: &is_over,
        };
        let resident_bytes = std::thread::scope(|scope| {
            for _ in 0..POLLERS {
                scope.spawn(|| device::poll_feeds(&shared));
            }
            for _ in 0..LISTENERS {
                scope.spawn(|| listener::follow(&shared));
            }
            scope.spawn(|| device::look_up(&shared));
            scope.spawn(|| device::poll_changes(&shared));
            let troubled = trouble(site, troubles, length);
            // Also after a failure: else the devices would ask for ever.
            is_over.store(true, Ordering::Relaxed);
            troubled
        })?;
        Ok(Self {
            sums: tally.into_sums(),
            troubles: std::mem::take(&mut troubles.counted),
            resident_bytes,
        })
    }
}

/// Makes troubles for so long, and ends them; returns the resident memory after each.
fn trouble(site: &Site, troubles: &mut Troubles<'_>, length: Duration) -> anyhow::Result<Vec<u64>> {
    let (began, mut resident_bytes) = (Instant::now(), Vec::new());
    while began.elapsed() < length {
        troubles.turn()?;
        resident_bytes.push(site.resident_bytes()?);
    }
    troubles.end()?;
    Ok(resident_bytes)
}
