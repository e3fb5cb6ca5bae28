//! Events count as last published, also while an analyst edits them.

use feed_classification::{FeedName, IndicatorType};
use misp_sim::{Attribute, Event, Moment, Publication};

use crate::support::{Bench, tag};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn event(publication: Publication) -> Event {
    Event::new("story")
        .tag(tag("block"))
        .changed(Moment::Ago(HOUR))
        .publication(publication)
        .attribute(Attribute::new("domain", "old.example.com").changed(Moment::Ago(3 * HOUR)))
        .attribute(Attribute::new("domain", "new.example.com").changed(Moment::Ago(HOUR)))
}

#[tokio::test]
async fn a_published_event_counts_whole() {
    let bench = Bench::of([event(Publication::Published(None))]).await;
    assert_eq!(bench.block_domains().await, ["new.example.com", "old.example.com"]);
}

#[tokio::test]
async fn a_draft_does_not_count() {
    let bench = Bench::of([event(Publication::Draft)]).await;
    assert!(bench.block_domains().await.is_empty());
}

#[tokio::test]
async fn an_event_being_edited_counts_as_last_published() {
    let bench = Bench::of([event(Publication::Edited(Moment::Ago(2 * HOUR)))]).await;
    assert_eq!(bench.block_domains().await, ["old.example.com"]);
}

#[tokio::test]
async fn an_event_withdrawn_on_purpose_drops_at_once() {
    let bench = Bench::of([event(Publication::Withdrawn(None))]).await;
    assert!(bench.block_domains().await.is_empty());
}

#[tokio::test]
async fn an_edit_that_lasts_longer_than_the_grace_drops() {
    let old = |hours| Moment::Ago(hours * HOUR);
    let event = Event::new("story")
        .tag(tag("block"))
        .changed(old(30))
        .publication(Publication::Edited(old(40)))
        .attribute(Attribute::new("domain", "old.example.com").changed(Moment::Ago(3 * DAY)));
    let bench = Bench::of([event]).await;
    assert!(bench.block_domains().await.is_empty());
    let patient = bench.with_rules("published_grace: 48h\n");
    let feed = bench.engine.feed(&patient, &crate::support::domains()).await.unwrap();
    assert_eq!(feed.count, 1);
}

#[tokio::test]
async fn no_grace_leaves_it_to_misp() {
    let bench = Bench::with_site(
        [event(Publication::Edited(Moment::Ago(2 * HOUR)))],
        "published_grace: 0s\n",
    )
    .await;
    assert!(bench.block_domains().await.is_empty());
    assert_eq!(
        bench.sim.count("/events/"),
        0,
        "MISP's own filter needs no second question"
    );
    let bodies = bench.sim.requests().into_iter().filter_map(|request| request.body);
    let own = bodies.into_iter().find(|body| body["to_ids"] == 1).unwrap();
    assert_eq!(own["published"], serde_json::json!([1]));
}

#[tokio::test]
async fn alert_incident_and_hunt_take_all_events() {
    for feed in [FeedName::Alert, FeedName::Incident, FeedName::Hunt] {
        let draft = Event::new("draft")
            .tag(tag(feed.as_str()))
            .changed(Moment::Ago(HOUR))
            .publication(Publication::Draft)
            .attribute(Attribute::new("domain", "draft.example.com"));
        let bench = Bench::of([draft]).await;
        assert_eq!(bench.values(feed, IndicatorType::Domain).await, ["draft.example.com"]);
        assert_eq!(bench.sim.count("/events/"), 0);
    }
}

#[tokio::test]
async fn an_analyst_at_work_does_not_open_the_firewall() {
    let bench = Bench::of([event(Publication::Published(Some(Moment::Ago(HOUR / 2))))]).await;
    assert_eq!(bench.block_domains().await.len(), 2);
    bench.sim.edit(|store| {
        let touched = store.find("new.example.com").unwrap();
        store.set_comment(touched, "looking at this one").unwrap();
    });
    assert_eq!(
        bench.block_domains().await,
        ["old.example.com"],
        "only the attribute at hand waits"
    );
    bench.sim.edit(|store| {
        let event = store.find_event("story").unwrap();
        store.publish(event).unwrap();
    });
    assert_eq!(bench.block_domains().await.len(), 2);
}

#[tokio::test]
async fn a_row_added_while_the_feed_is_read_is_not_taken_for_a_published_one() {
    let bench = Bench::of([event(Publication::Published(None))]).await;
    let mut done = false;
    bench.sim.on_request(move |request, store| {
        // The edit happens after the question has left and before MISP answers it.
        if request.is_search() && !done {
            done = true;
            let event = store.find_event("story").unwrap();
            store
                .add_attribute(event, Attribute::new("domain", "unreviewed.example.com"))
                .unwrap();
        }
    });
    assert_eq!(bench.block_domains().await, ["new.example.com", "old.example.com"]);
}

#[tokio::test]
async fn a_protected_event_or_one_without_counted_attributes_is_judged_like_any_other() {
    let odd: [fn(Event) -> Event; 2] = [Event::protected, |event| event.attribute_count(0)];
    for odd in odd {
        for unpublished in [Publication::Draft, Publication::Withdrawn(None)] {
            let bench = Bench::of([odd(event(unpublished))]).await;
            assert!(bench.block_domains().await.is_empty(), "{unpublished:?}");
        }
        let bench = Bench::of([odd(event(Publication::Edited(Moment::Ago(2 * HOUR))))]).await;
        assert_eq!(bench.block_domains().await, ["old.example.com"]);
        let bench = Bench::of([odd(event(Publication::Published(None)))]).await;
        assert_eq!(bench.block_domains().await.len(), 2);
    }
}
