//! What MISP is asked, and how the rules of a site change it.

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{FeedError, FeedRequest, Selection};
use misp_sim::{Attribute, Event, LoggedRequest, Moment, Sim};

use crate::support::{Bench, domains, lines, tag, wanted};

const HOUR: u64 = 3_600;

fn fresh(event: &str) -> Event {
    Event::new(event).changed(Moment::Ago(HOUR))
}

/// The body of the feed's own question; the others ask for false positives.
fn asked(bench: &Bench) -> serde_json::Value {
    let searches = bench.sim.requests().into_iter().filter(LoggedRequest::is_search);
    searches
        .filter_map(|request| request.body)
        .find(|body| body["tags"].to_string().contains('!'))
        .unwrap()
}

#[tokio::test]
async fn the_question_is_the_one_of_the_design() {
    let bench = Bench::of([]).await;
    bench.ask(domains()).await.unwrap();
    let mut body = asked(&bench);
    let from = body["timestamp"].take().as_i64().unwrap();
    let expected = serde_json::json!({
        "returnFormat": "json", "type": ["domain"], "timestamp": null,
        "tags": [tag("block"), format!("!{}", tag("false-positive"))],
        "to_ids": 1, "enforceWarninglist": 1, "includeEventTags": 1, "includeAllTags": 1,
        // Where warninglists are enforced the first page is a careful one: see `page_size`.
        "order": "Attribute.id asc", "limit": 2_500, "page": 1,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&body[key], value, "{key}");
    }
    let week = jiff::Timestamp::now().as_second() - 7 * 24 * 3_600;
    assert!(
        (week - 60..=week).contains(&from),
        "unix seconds, since MISP answers a word it does not know with nothing"
    );
}

#[tokio::test]
async fn a_custom_feed_that_the_site_does_not_define_is_never_everything() {
    let bench = Bench::of([fresh("any").attribute(Attribute::new("domain", "a.example.com"))]).await;
    let error = bench
        .ask(wanted(FeedName::Cust2, IndicatorType::Domain))
        .await
        .unwrap_err();
    assert!(matches!(error, FeedError::UndefinedFeed { .. }), "{error}");
    assert_eq!(bench.sim.requests().len(), 0);
}

#[tokio::test]
async fn a_custom_feed_uses_the_tag_of_the_site_file() {
    let events = [fresh("one")
        .tag("example:watch=mine")
        .attribute(Attribute::new("domain", "a.example.com"))];
    let bench = Bench::with_site(events, "custom_feeds:\n  cust2: ':watch=mine'\n").await;
    assert_eq!(
        bench.values(FeedName::Cust2, IndicatorType::Domain).await,
        ["a.example.com"]
    );
}

#[tokio::test]
async fn any_needs_no_tag_and_42_asks_without_warninglists() {
    let bench = Bench::of([fresh("untagged").attribute(Attribute::new("domain", "a.example.com"))]).await;
    assert_eq!(
        bench.values(FeedName::Any, IndicatorType::Domain).await,
        ["a.example.com"]
    );
    assert_eq!(asked(&bench)["enforceWarninglist"], 1);
    bench.sim.clear_requests();
    assert_eq!(
        bench.values(FeedName::FortyTwo, IndicatorType::Domain).await,
        ["a.example.com"]
    );
    assert_eq!(asked(&bench)["enforceWarninglist"], 0);
}

#[tokio::test]
async fn to_ids_counts_unless_the_site_ignores_it_for_this_type() {
    let event = fresh("cve")
        .tag(tag("block"))
        .attribute(Attribute::new("vulnerability", "CVE-2026-1234").to_ids(false));
    let bench = Bench::of([event]).await;
    assert!(
        bench
            .values(FeedName::Block, IndicatorType::Vulnerability)
            .await
            .is_empty()
    );
    let ignoring = bench.with_rules("ignore_to_ids: [vulnerability]\n");
    let request = wanted(FeedName::Block, IndicatorType::Vulnerability);
    assert_eq!(
        lines(&bench.engine.feed(&ignoring, &request).await.unwrap()),
        ["CVE-2026-1234"]
    );
}

#[tokio::test]
async fn ignore_to_ids_understands_our_name_and_misps() {
    let hash = "0123456789abcdef0123456789abcdef";
    let event = fresh("tls")
        .tag(tag("block"))
        .attribute(Attribute::new("ja3-fingerprint-md5", hash).to_ids(false));
    let bench = Bench::of([event]).await;
    for name in ["ja3", "ja3-fingerprint-md5"] {
        let ignoring = bench.with_rules(&format!("ignore_to_ids: [{name}]\n"));
        let feed = bench
            .engine
            .feed(&ignoring, &wanted(FeedName::Block, IndicatorType::Ja3))
            .await
            .unwrap();
        assert_eq!(lines(&feed), [hash], "{name}");
    }
}

#[tokio::test]
async fn an_organisation_feed_has_the_values_of_that_organisation() {
    let of = |creator: &str, value: &str| fresh(value).creator(creator).attribute(Attribute::new("domain", value));
    let bench = Bench::of([
        of("Example CERT", "ours.example.com"),
        of("Partner Research", "theirs.example.com"),
    ])
    .await;
    let request = FeedRequest::new(
        Selection::Organisation(Sim::PARTNER),
        IndicatorType::Domain,
        Age::Weeks1,
        "txt",
    );
    assert_eq!(lines(&bench.ask(request).await.unwrap()), ["theirs.example.com"]);
}

#[tokio::test]
async fn age_counts_from_the_attributes_last_change() {
    let event = fresh("ages")
        .tag(tag("block"))
        .attribute(Attribute::new("domain", "young.example.com").changed(Moment::Ago(6 * 24 * HOUR)))
        .attribute(Attribute::new("domain", "old.example.com").changed(Moment::Ago(8 * 24 * HOUR)));
    let bench = Bench::of([event]).await;
    assert_eq!(bench.block_domains().await, ["young.example.com"]);
}

#[tokio::test]
async fn ids_as_numbers_make_the_same_feed() {
    let event = || {
        fresh("one")
            .tag(tag("block"))
            .attribute(Attribute::new("domain", "a.example.com"))
    };
    let bench = Bench::on(Sim::builder().stringify(false).event(event()), "").await;
    assert_eq!(bench.block_domains().await, ["a.example.com"]);
}

#[tokio::test]
async fn bad_values_are_left_out_and_counted_and_the_rest_is_served() {
    let event = fresh("mixed")
        .tag(tag("block"))
        .attribute(Attribute::new("domain", "good.example.com"))
        .attribute(Attribute::new("domain", "-bad-.example.com"))
        .attribute(Attribute::new("domain", "no dots here"));
    let bench = Bench::of([event]).await;
    let feed = bench.ask(domains()).await.unwrap();
    assert_eq!(
        (lines(&feed).as_slice(), feed.count, feed.dropped),
        (["good.example.com".to_owned()].as_slice(), 1, 2)
    );
}

#[tokio::test]
async fn an_output_that_does_not_exist_is_the_callers_fault() {
    let bench = Bench::of([]).await;
    let mut request = domains();
    request.output = "docx".to_owned();
    let error = bench.ask(request).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("output `docx` is not known; known are txt, json, xml, yaml, b64"),
        "{said}"
    );
    assert!(
        bench
            .ask(domains().aggregate(true))
            .await
            .unwrap_err()
            .to_string()
            .contains("aggregate")
    );
    assert_eq!(bench.sim.requests().len(), 0);
}

#[tokio::test]
async fn a_network_that_many_events_name_is_written_out_once() {
    let naming = |number: u32| {
        fresh(&format!("event {number}"))
            .tag(tag("block"))
            .attribute(Attribute::new("ip-dst", "198.51.0.0/16"))
    };
    let bench = Bench::of((0..200).map(naming)).await;
    let feed = bench.ask(wanted(FeedName::Block, IndicatorType::Ipv4Ext)).await;
    assert_eq!(feed.map(|feed| feed.count).map_err(|error| error.chain()), Ok(65_536));
}
