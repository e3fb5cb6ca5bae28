//! Scores of feeds from a mirror after a restart without MISP.

use feed_classification::{Age, FeedName};
use feed_engine::{Errand, FeedScope, Filter, IndicatorSource as _, LookupScope, ScoreLimit, Unscored};
use misp_sim::{Attribute, DecayingModel, Fault, Moment, Sim};

use crate::mirror_bench::{Files, MirrorBench, QUIET, block, domain_event, values};

const DAY: u32 = 86_400;

fn rules() -> String {
    format!("{QUIET}decaying_model: NIDS Simple Decaying Model\nscore_sightings: yes\n")
}

fn scored() -> FeedScope {
    let limit = ScoreLimit {
        min: "50".parse().unwrap(),
        unscored: Unscored::Exclude,
    };
    FeedScope {
        filter: Filter::NONE.with_score(limit),
        ..block()
    }
}

/// A mirror on disk of three domains: a new one, an old one, and an old one with a new sighting.
async fn on_disk() -> (Files, MirrorBench) {
    let old = |value| Attribute::new("domain", value).changed(Moment::Ago(110 * u64::from(DAY)));
    let event = domain_event("new.example")
        .attribute(old("old.example"))
        .attribute(old("seen.example"));
    let sim = Sim::builder().event(event).decaying_model(DecayingModel::nids());
    let (files, bench) = MirrorBench::on_disk_of(sim, &rules()).await;
    bench.sim.edit(|store| {
        let seen = store.find("seen.example").unwrap();
        store.add_sighting(seen, 0, store.now() - i64::from(DAY)).unwrap();
    });
    bench.mirror.resync(&bench.upstream).unwrap();
    bench.look().await;
    (files, bench)
}

async fn restarted_without_misp(files: &Files, bench: &mut MirrorBench) {
    bench.sim.set_fault(Fault::Refuse);
    bench.end_mirror();
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_with_limits_on_scores_are_as_before() {
    let (files, mut bench) = on_disk().await;
    let before = bench.gather_now(scored()).await;
    assert_eq!(values(&before), ["new.example", "seen.example"]);
    restarted_without_misp(&files, &mut bench).await;
    let after = bench.gather(scored()).await.unwrap();
    assert_eq!(values(&after), values(&before));
    let scope = LookupScope {
        feed: FeedName::Block,
        age: Age::Years10,
    };
    let errand = Errand::default();
    let index = bench.mirror.index(&bench.upstream, scope, &errand);
    assert!(index.await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_was_never_asked_for_is_a_fault() {
    let (files, mut bench) = on_disk().await;
    restarted_without_misp(&files, &mut bench).await;
    assert!(bench.gather(scored()).await.is_err());
    assert_eq!(bench.gather(block()).await.unwrap().values.len(), 3);
}
