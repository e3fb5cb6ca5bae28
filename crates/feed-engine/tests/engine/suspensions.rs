//! A MISP that does not answer is not asked for a while, and the last good feeds are served.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{
    Errand, FeedError, IndicatorSource as _, ManualClock, MirrorSource, MispSource, Origin, Suspensions,
};
use misp_sim::{Fault, Sim};

use crate::mirror_bench::{MirrorBench, QUIET, block, domain_event, values};
use crate::support::{Bench, domains, lines, wanted};

/// Each question is seen by the stand-in, and gets no answer.
const AWAY: Fault = Fault::CloseEarly;

fn source(clock: &Arc<ManualClock>) -> Arc<MispSource> {
    Arc::new(MispSource::new().suspend_by(Arc::clone(clock) as _))
}

fn suspended(source: &MispSource) -> Suspensions {
    source.suspensions().get("127.0.0.1").copied().unwrap_or_default()
}

#[tokio::test]
async fn the_last_good_feed_is_served_and_misp_is_not_asked_until_it_answers_a_light_question() {
    let clock = Arc::new(ManualClock::new());
    let source = source(&clock);
    let sim = Sim::builder().event(domain_event("a.example"));
    let bench = Bench::around(sim, Arc::clone(&source), "").await;
    assert_eq!(lines(&bench.ask(domains()).await.unwrap()), ["a.example"]);
    bench.sim.set_fault(AWAY);
    bench.sim.clear_requests();
    let anew = async || {
        bench.grow_old(6);
        bench.ask(domains().max_age(Duration::ZERO)).await.unwrap()
    };
    for _ in 0..8 {
        let feed = anew().await;
        assert_eq!(
            (feed.origin, lines(&feed)),
            (Origin::Stale, vec!["a.example".to_owned()])
        );
    }
    // Five questions, each with two retries.
    assert_eq!(bench.sim.requests().len(), 15);
    let seen = suspended(&source);
    assert_eq!((seen.addresses, seen.keys, seen.questions), (1, 0, 3));

    // A feed that is not at hand fails at once, with the time to come again.
    let error = bench
        .ask(wanted(FeedName::Block, IndicatorType::Url))
        .await
        .unwrap_err();
    let FeedError::Misp(misp) = &error else {
        panic!("{error}")
    };
    assert_eq!(misp.retry_after(), Some(Duration::from_secs(6)));
    assert!(!error.is_timeout());

    bench.sim.clear_fault();
    bench.sim.clear_requests();
    clock.advance(Duration::from_secs(5));
    let feed = anew().await;
    assert_eq!(
        (feed.origin, lines(&feed)),
        (Origin::Miss, vec!["a.example".to_owned()])
    );
    assert_eq!(bench.sim.count("/servers/getVersion"), 1);
    assert_eq!(suspended(&source).addresses, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_asks_by_the_same_rule_and_goes_on_when_misp_is_back() {
    let clock = Arc::new(ManualClock::new());
    let misp = source(&clock);
    let sim = Sim::builder().event(domain_event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = Arc::new(MirrorSource::new(Arc::clone(&misp)));
    bench.begin().await;
    // Each has the mirror look at MISP first, if it can.
    let gather = async || {
        let errand = Errand::default().confirmed_from(Some(jiff::Timestamp::now()));
        bench.mirror.gather(&bench.upstream, block(), &errand).await.unwrap()
    };
    bench.sim.set_fault(AWAY);
    let mut looks = 0;
    while suspended(&misp).addresses == 0 {
        looks += 1;
        assert!(looks < 20, "the mirror does not notice that MISP is away");
        assert_eq!(values(&gather().await), ["a.example"]);
    }
    let asked = bench.sim.requests().len();
    assert_eq!(values(&gather().await), ["a.example"]);
    assert_eq!(bench.sim.requests().len(), asked, "the look failed at once");
    bench.sim.clear_fault();
    bench.sim.edit(|store| store.add_event(domain_event("b.example")));
    clock.advance(Duration::from_secs(30));
    let mut looks = 0;
    while values(&gather().await) != ["a.example", "b.example"] {
        looks += 1;
        assert!(looks < 20, "the mirror does not notice that MISP is back");
    }
    assert_eq!(suspended(&misp).addresses, 0);
}
