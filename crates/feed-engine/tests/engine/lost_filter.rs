//! A MISP, or a proxy before it, that answers more than was asked for.

use feed_engine::{Fault, FeedError};
use misp_sim::{Attribute, Event, Fault as SimFault, Moment};

use crate::support::{Bench, domains, lines, tag};

fn events() -> [Event; 2] {
    let fresh = Moment::Ago(3_600);
    let other = (0..20).map(|n| Attribute::new("sha256", format!("{n:064x}")));
    [
        Event::new("asked for")
            .tag(tag("block"))
            .changed(fresh)
            .attribute(Attribute::new("domain", "a.example.com")),
        other.fold(Event::new("not asked for").changed(fresh), Event::attribute),
    ]
}

#[tokio::test]
async fn an_answer_with_everything_is_refused_not_served() {
    let bench = Bench::of(events()).await;
    bench.sim.set_fault(SimFault::EverythingUnfiltered);
    let error = bench.ask(domains()).await.unwrap_err();
    assert!(matches!(error, FeedError::Strays { .. }), "{error}");
    assert_eq!(error.fault(), Fault::Upstream);
    assert!(
        !error.chain().contains("0000"),
        "no value of a feed belongs into an error: {}",
        error.chain()
    );
    bench.sim.clear_fault();
    assert_eq!(lines(&bench.ask(domains()).await.unwrap()), ["a.example.com"]);
}

#[tokio::test]
async fn the_last_good_feed_is_served_while_the_filter_is_lost() {
    let bench = Bench::of(events()).await;
    bench.ask(domains()).await.unwrap();
    bench.sim.set_fault(SimFault::EverythingUnfiltered);
    let feed = bench.ask(domains().max_age(std::time::Duration::ZERO)).await;
    bench.grow_old(10);
    let later = bench.ask(domains().max_age(std::time::Duration::ZERO)).await.unwrap();
    assert_eq!(lines(&feed.unwrap()), ["a.example.com"]);
    assert_eq!(
        (lines(&later).as_slice(), later.origin),
        (["a.example.com".to_owned()].as_slice(), feed_engine::Origin::Stale)
    );
}

#[tokio::test]
async fn a_few_strays_that_are_the_whole_answer_are_refused_too() {
    let only = Event::new("not asked for").changed(Moment::Ago(3_600));
    let bench = Bench::of([only.attribute(Attribute::new("domain", "a.example.com"))]).await;
    bench.sim.set_fault(SimFault::EverythingUnfiltered);
    let error = bench.ask(domains()).await.unwrap_err();
    assert!(matches!(error, FeedError::Strays { strays: 1, rows: 1, .. }), "{error}");
}

#[tokio::test]
async fn an_answer_without_values_does_not_make_an_empty_feed() {
    let event = Event::new("lost values").tag(tag("block")).changed(Moment::Ago(3_600));
    let emptied = |event: Event, number: u64| {
        let mut attribute = Attribute::new("domain", "");
        attribute.id = 1_000 + number;
        event.attribute(attribute)
    };
    let bench = Bench::of([(0..5).fold(event, emptied)]).await;
    let error = bench.ask(domains()).await.unwrap_err();
    assert!(matches!(error, FeedError::Unusable { unusable: 5, rows: 5 }), "{error}");
}
