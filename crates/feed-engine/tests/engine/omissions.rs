//! Values that a feed leaves out are named, with the reason for each.

use std::sync::Arc;

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{Errand, FeedContents, FeedScope, Filter, IndicatorSource as _, MispSource, Selection};
use misp_sim::{Attribute, Event, Moment, Publication, Sim, SimBuilder};

use crate::support::{Bench, tag};

const HOUR: u64 = 3_600;

async fn gathered(events: impl IntoIterator<Item = Event>, named: usize, filter: Filter) -> FeedContents {
    let sim = events.into_iter().fold(Sim::builder(), SimBuilder::event);
    let bench = Bench::from(sim, MispSource::new(), "").await;
    let source = Arc::new(MispSource::new().names_left_out(named));
    let scope = FeedScope {
        selection: Selection::Feed(FeedName::Block),
        kind: IndicatorType::Domain,
        age: Age::Weeks1,
        filter,
    };
    source.gather(&bench.upstream, scope, &Errand::default()).await.unwrap()
}

fn event(values: &[&str]) -> Event {
    let event = Event::new("bad").tag(tag("block")).changed(Moment::Ago(HOUR));
    let attribute = |event: Event, value: &&str| event.attribute(Attribute::new("domain", *value));
    values.iter().fold(event, attribute)
}

fn shown(gathered: &FeedContents) -> Vec<String> {
    gathered.left_out.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_value_that_does_not_parse_is_named_with_its_attribute_and_event() {
    let gathered = gathered([event(&["a.example", "b_.-example", "*.c.example"])], 100, Filter::NONE).await;
    assert_eq!(gathered.values.len(), 1);
    let shown = shown(&gathered);
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("`*.c.example`: ") && line.ends_with(", event 1)")),
        "{shown:?}"
    );
    assert_eq!(gathered.dropped.values().sum::<u64>(), 2);
}

#[tokio::test]
async fn false_positives_and_values_of_withdrawn_events_are_named_too() {
    let harmless = Event::new("harmless").changed(Moment::Ago(HOUR)).attribute(
        Attribute::new("domain", "a.example")
            .tag(tag("false-positive"))
            .to_ids(false),
    );
    let withdrawn = event(&["b.example"]).publication(Publication::Draft);
    let gathered = gathered(
        [event(&["a.example", "c.example"]), harmless, withdrawn],
        100,
        Filter::NONE,
    )
    .await;
    let shown = shown(&gathered);
    assert!(
        shown.contains(&"`a.example`: called a false positive at this site".to_owned()),
        "{shown:?}"
    );
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("`b.example`: its event is not published, or was withdrawn (attribute ")),
        "{shown:?}"
    );
    assert_eq!(shown.len(), 2);
}

#[tokio::test]
async fn the_names_are_bounded_and_the_rest_is_counted() {
    let bad = (0..30).map(|number| format!("*.{number}.example"));
    let values: Vec<String> = bad.chain((0..40).map(|number| format!("g{number}.example"))).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let gathered = gathered([event(&values)], 7, Filter::NONE).await;
    assert_eq!((gathered.left_out.len(), gathered.more_left_out), (7, 23));
}
