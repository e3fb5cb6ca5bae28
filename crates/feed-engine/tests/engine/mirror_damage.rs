//! A record on disk that does not open, while MISP is away: what it may concern is refused, the rest is served.

use std::path::PathBuf;

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{Errand, FeedScope, IndicatorSource as _, LookupScope};
use misp_sim::{Attribute, Event, Fault, Moment};
use redb::{Database, ReadableDatabase as _, TableDefinition};

use crate::mirror_bench::{Files, MirrorBench, QUIET, any, block, domain_event, scope, until, values};
use crate::support::tag;

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const PAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pages");

fn address_event(feed: &str, value: &str) -> Event {
    Event::new(value)
        .tag(tag(feed))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("ip-dst", value))
}

fn alert() -> FeedScope {
    scope(FeedName::Alert, IndicatorType::Ipv4)
}

fn store(files: &Files) -> PathBuf {
    let entries = std::fs::read_dir(files.state()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|end| end == "redb"))
        .unwrap()
}

/// Changes a bit of an item; the file must be closed.
fn flip(files: &Files, table: TableDefinition<'_, u64, &'static [u8]>, key: u64) {
    let path = store(files);
    // The mirror before may still close it.
    let database = (0..1_000)
        .find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            Database::open(&path).ok()
        })
        .unwrap();
    let read = database.begin_read().unwrap().open_table(table).unwrap();
    let mut item = read.get(key).unwrap().unwrap().value().to_vec();
    let middle = item.len() / 2;
    item[middle] ^= 1;
    let writing = database.begin_write().unwrap();
    writing.open_table(table).unwrap().insert(key, item.as_slice()).unwrap();
    writing.commit().unwrap();
}

/// Three events after a restart without MISP; the record of the one with this title does not open.
async fn damaged(title: &str) -> (Files, MirrorBench) {
    let events = [
        domain_event("a.example"),
        address_event("alert", "203.0.113.7"),
        address_event("false-positive", "203.0.113.9"),
    ];
    let (files, mut bench) = MirrorBench::on_disk(events, QUIET).await;
    let id = bench.sim.with_store(|store| store.find_event(title).unwrap());
    bench.sim.set_fault(Fault::Refuse);
    bench.end_mirror();
    flip(&files, RECORDS, id);
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    (files, bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_feeds_that_the_damaged_event_may_be_in_are_refused() {
    let (_files, bench) = damaged("a.example").await;
    assert!(bench.gather(block()).await.is_err());
    assert!(bench.gather(any(IndicatorType::Domain)).await.is_err());
    assert_eq!(values(&bench.gather(alert()).await.unwrap()), ["203.0.113.7"]);
    assert!(
        bench
            .gather(scope(FeedName::Block, IndicatorType::Ipv4))
            .await
            .unwrap()
            .values
            .is_empty()
    );
    assert_eq!(bench.mirror.states()[0].way.mirror().unwrap().missing_events, 1);
    bench.sim.clear_fault();
    bench.mirror.hint(&bench.upstream.site().name);
    until(|| match bench.mirror.states()[0].way.mirror().unwrap().missing_events {
        0 => Ok(()),
        missing => Err(format!("{missing} are missing")),
    })
    .await;
    bench.sim.set_fault(Fault::Refuse);
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_is_refused_while_an_event_that_it_may_need_is_damaged() {
    let (_files, bench) = damaged("a.example").await;
    for (feed, is_answered) in [(FeedName::Block, false), (FeedName::Alert, true)] {
        let scope = LookupScope {
            feed,
            age: Age::Years10,
        };
        let errand = Errand::default();
        let index = bench.mirror.index(&bench.upstream, scope, &errand);
        assert_eq!(index.await.is_ok(), is_answered, "{feed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_event_that_calls_values_harmless_concerns_every_feed_with_such_values() {
    let (_files, bench) = damaged("203.0.113.9").await;
    assert!(bench.gather(alert()).await.is_err(), "a value in it may be harmless");
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_list_of_events_is_damaged_nothing_is_served_until_misp_answers() {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    let id = bench.sim.with_store(|store| store.find_event("a.example").unwrap());
    bench.sim.set_fault(Fault::Refuse);
    bench.end_mirror();
    flip(&files, PAGES, id >> 5);
    bench.mirror = files.source().await;
    assert!(bench.gather(block()).await.is_err());
    assert!(bench.gather(alert()).await.is_err());
    bench.sim.clear_fault();
    bench.mirror.hint(&bench.upstream.site().name);
    bench.until_mirrored().await;
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
}
