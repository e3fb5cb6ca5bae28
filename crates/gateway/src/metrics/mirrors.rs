//! The mirrors of each site's MISP.

use feed_engine::{MirrorPhase, MirrorSource, MirrorState, MirrorStatus};
use jiff::Timestamp;
use prometheus_client::registry::Registry;

use super::{Labels, counters, gauges};

pub(crate) fn register(mirrors: &MirrorSource, registry: &mut Registry) {
    let states = mirrors.states();
    let each = |value: fn(&MirrorState) -> Option<f64>| {
        states
            .iter()
            .filter_map(move |state| Some((labels(state), value(state)?)))
    };
    gauges(
        registry,
        "mirror_serving",
        "Whether feeds are answered from the mirror; 0 where each feed is a question to MISP",
        each(|state| Some(flag(state.way.reason().is_none()))),
    );
    gauges(
        registry,
        "mirror_age_seconds",
        "Time since MISP last confirmed what the mirror holds",
        each(|state| Some(Timestamp::now().duration_since(state.as_of?).as_secs_f64().max(0.0))),
    );
    gauges(
        registry,
        "mirror_failing",
        "Whether MISP cannot be asked what changed",
        each(|state| Some(flag(state.way.mirror()?.failing.is_some()))),
    );
    gauges(
        registry,
        "mirror_events",
        "Events in the mirror",
        each(|state| Some(state.way.mirror()?.events as f64)),
    );
    gauges(
        registry,
        "mirror_rows",
        "Attributes in the mirror",
        each(|state| Some(state.way.mirror()?.rows as f64)),
    );
    gauges(
        registry,
        "mirror_missing_events",
        "Events whose record is damaged and not read again from MISP yet",
        each(|state| Some(state.way.mirror()?.missing_events as f64)),
    );
    gauges(
        registry,
        "mirror_load_ratio",
        "Part of the events that the first load has read",
        each(|state| Some(loaded(state.way.mirror()?))),
    );
    gauges(
        registry,
        "mirror_disk_bytes",
        "Size of the mirror's store",
        each(|state| Some(state.way.mirror()?.store_bytes as f64)),
    );
    gauges(
        registry,
        "mirror_memory_bytes",
        "Memory of the values that feeds are answered from",
        each(|state| Some(state.memory_bytes as f64)),
    );
    counters(
        registry,
        "mirror_questions",
        "Questions of the mirror to MISP",
        each(|state| Some(state.way.mirror()?.questions as f64)),
    );
    counters(
        registry,
        "mirror_answer_bytes",
        "Bytes of MISP's answers to the mirror",
        each(|state| Some(state.way.mirror()?.answer_bytes as f64)),
    );
    counters(
        registry,
        "mirror_repaired",
        "Differences that the slow round found and repaired",
        each(|state| Some(state.way.mirror()?.repaired as f64)),
    );
}

fn labels(state: &MirrorState) -> Labels {
    vec![("site", state.site.clone()), ("key", state.key.clone())]
}

/// Returns the part of the first load that is done.
#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more digits")]
fn loaded(status: &MirrorStatus) -> f64 {
    match status.phase {
        MirrorPhase::Opening => 0.0,
        MirrorPhase::Loading { done, total } => done as f64 / total.max(1) as f64,
        _ => 1.0,
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
