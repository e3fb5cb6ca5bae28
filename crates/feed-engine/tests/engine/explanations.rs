//! Explanations by questions to MISP, where no mirror answers.

use feed_classification::{FeedName, IndicatorType, Tlp};
use feed_engine::{FeedError, IndicatorSource as _, Reasons, RowRule, View};
use misp_sim::{Attribute, Event, Sim, Warninglist, WarninglistKind};

use crate::mirror_bench::{MirrorBench, QUIET, scope};
use crate::support::tag;

const SIGNS: &[&str] = &["100%.exe", "!run.exe", "a||b.exe", "a&&b.exe"];

async fn bench() -> MirrorBench {
    let near = ["100 more.exe", "a, b.exe", "run.exe"];
    let names = SIGNS.iter().chain(&near).map(|name| Attribute::new("filename", *name));
    let event = names.fold(Event::new("files").tag(tag("block")), Event::attribute);
    let event = event.attribute(Attribute::new("ip-dst", "192.0.2.1"));
    let list = Warninglist::new(
        "Addresses of an example",
        WarninglistKind::Cidr,
        &["ip-dst"],
        &["192.0.2.0/24"],
    );
    let sim = Sim::builder().event(event).warninglist(list);
    MirrorBench::before_the_first_request(sim, QUIET).await
}

async fn explained(bench: &MirrorBench, kind: IndicatorType, value: &str) -> Result<Reasons, FeedError> {
    let (scope, view) = (scope(FeedName::Block, kind), View::up_to(Tlp::Red));
    Ok(bench
        .direct
        .explain(&bench.upstream, scope, value, view)
        .await?
        .unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_with_signs_of_a_search_is_explained_and_nothing_near_to_it() {
    let bench = bench().await;
    for value in SIGNS {
        let reasons = explained(&bench, IndicatorType::Filename, value).await.unwrap();
        assert!(reasons.explanation.is_listed, "{value} {reasons:?}");
        assert_eq!(reasons.attributes.len(), 1, "{value} {reasons:?}");
        assert_eq!(reasons.attributes[0].about.value, *value);
    }
    let unaskable = explained(&bench, IndicatorType::Filename, "!%").await;
    assert!(matches!(unaskable, Err(FeedError::Unaskable(_))), "{unaskable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_warninglists_that_name_a_value_are_named() {
    let bench = bench().await;
    let reasons = explained(&bench, IndicatorType::Ipv4, "192.0.2.1").await.unwrap();
    let attribute = &reasons.attributes[0];
    assert_eq!(attribute.warninglists, ["Addresses of an example"]);
    assert!(
        attribute.about.rules.contains(&(RowRule::Warninglists, false)),
        "{reasons:?}"
    );
}
