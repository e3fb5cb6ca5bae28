//! A mirror that could not start, or not on disk, and tries again.

use std::sync::Arc;
use std::time::Duration;

use feed_engine::{DirectReason, IndicatorSource as _, MirrorSource, MirrorState};
use misp_mirror::{Clock as _, ManualClock};
use misp_sim::{Fault, Sim};

use crate::mirror_bench::{Files, MirrorBench, QUIET, block, domain_event, until, values};

/// The first pause before the next try.
const PAUSE: Duration = Duration::from_secs(60);

fn state(bench: &MirrorBench) -> MirrorState {
    bench.mirror.states().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_whose_file_another_daemon_had_moves_to_the_disk_when_the_file_is_free() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(domain_event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    let other_daemon = bench.mirror;

    let clock = ManualClock::at(jiff::Timestamp::now());
    let source = MirrorSource::new(Arc::default()).state_directory(files.state());
    bench.mirror = Arc::new(source.clock(Arc::new(clock.clone())));
    files.load_into(&bench.mirror, 1).await;
    bench.begin().await;
    let in_memory = state(&bench);
    let why = in_memory.in_memory_because.unwrap();
    assert!(why.contains("in use"), "{why}");
    let next_try = in_memory.next_try.unwrap();
    assert_eq!(next_try.duration_since(clock.now()).unsigned_abs(), PAUSE);

    clock.advance(PAUSE);
    until(|| match state(&bench).next_try {
        Some(later) if later > next_try => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(state(&bench).in_memory_because.is_some(), "the file is still in use");

    // MISP is away: the mirror moves with what it holds.
    bench.sim.set_fault(Fault::Refuse);
    drop(other_daemon);
    until(|| {
        clock.advance(PAUSE);
        let state = state(&bench);
        let is_durable = state.way.mirror().is_some_and(|status| status.is_durable);
        match (is_durable, &state.in_memory_because, state.next_try) {
            (true, None, None) => Ok(()),
            _ => Err(format!("{state:?}")),
        }
    })
    .await;
    bench.until_mirrored().await;
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_a_misp_that_had_too_many_attributes_begins_again_with_a_resync() {
    let sim = Sim::builder()
        .event(domain_event("a.example"))
        .event(domain_event("b.example"));
    let bench = MirrorBench::before_the_first_request(sim, &format!("{QUIET}mirror_max_attributes: 1\n")).await;
    bench.gather(block()).await.unwrap();
    let too_many = Some(DirectReason::TooManyAttributes { limit: 1 });
    until(|| match (bench.reason(), bench.mirror.states().first()) {
        (reason, Some(state)) if reason == too_many && state.next_try.is_some() => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    bench.sim.edit(|store| {
        let event = store.find_event("b.example").unwrap();
        store.delete_event(event).unwrap();
    });
    bench.mirror.resync(&bench.upstream).unwrap();
    bench.until_mirrored().await;
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
}
