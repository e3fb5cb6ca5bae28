//! Reports of sightings: counts of outcomes, and waiting reports.

use prometheus_client::registry::Registry;

use super::{Labels, counters, gauges};
use crate::sighting_desk::Desk;

pub(crate) fn register(desk: &Desk, registry: &mut Registry) {
    let status = desk.status();
    let open = f64::from(u8::from(status.is_some()));
    gauges(
        registry,
        "sightings_open",
        "Whether reports of sightings are taken",
        [(Vec::new(), open)],
    );
    let Some(status) = status else { return };
    let counted = status.counted;
    let outcome =
        |outcome: &str, count: u64| -> (Labels, f64) { (vec![("outcome", outcome.to_owned())], count as f64) };
    counters(
        registry,
        "sightings",
        "Reports of sightings by what became of them; accepted ones end in sent, unknown, rejected, void or expired",
        [
            outcome("accepted", counted.accepted),
            outcome("duplicate", counted.duplicates),
            outcome("turned_away", counted.turned_away),
            outcome("sent", counted.sent),
            outcome("unknown", counted.unknown),
            outcome("rejected", counted.rejected),
            outcome("void", counted.void),
            outcome("expired", counted.expired),
        ],
    );
    let reason = |reason: &str, count: u64| -> (Labels, f64) { (vec![("reason", reason.to_owned())], count as f64) };
    counters(
        registry,
        "sightings_tries_failed",
        "Requests with sightings that MISP did not take, and that are made again: it refuses the key, or it is away",
        [
            reason("refused", counted.refused_parcels),
            reason("away", counted.failed_parcels),
        ],
    );
    for (name, help, count) in [
        (
            "sightings_journal_torn_bytes",
            "Bytes that were cut off the end of the journal of sightings when it was opened",
            counted.torn_bytes,
        ),
        (
            "sightings_journal_unreadable",
            "Records of the journal of sightings that no key opened, and places that a disk has spoilt",
            counted.unreadable,
        ),
    ] {
        counters(registry, name, help, [(Vec::new(), count as f64)]);
    }
    for (name, help, value) in [
        (
            "sightings_waiting",
            "Reports of sightings that wait for MISP",
            status.waiting as f64,
        ),
        (
            "sightings_oldest_seconds",
            "How long the oldest of them has waited",
            status.oldest.unwrap_or_default().as_secs_f64(),
        ),
        (
            "sightings_journal_bytes",
            "What the journal of sightings takes on the disk",
            status.journal_bytes as f64,
        ),
        (
            "sightings_refused_tokens",
            "Tokens whose sightings MISP refuses at this moment",
            status.held_reporters as f64,
        ),
    ] {
        gauges(registry, name, help, [(Vec::new(), value)]);
    }
}
