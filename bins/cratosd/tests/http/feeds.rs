//! The feeds: their content, their headers, and the errors for a wrong path.

use std::sync::Arc;
use std::time::Duration;

use feed_engine::ManualClock;
use misp_sim::{Attribute, Event, Sim};
use serde_json::{Value, json};

use crate::support::{Daemon, FEED, Setup, event};

/// Returns the type and the place of each wrong part.
fn wrong(detail: &Value) -> Vec<(String, String)> {
    let entries = detail.as_array().unwrap().iter();
    entries
        .map(|entry| {
            (
                entry["type"].as_str().unwrap().to_owned(),
                entry["loc"][1].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_comes_in_every_output_with_all_its_headers() {
    let sim = Sim::builder().event(event("block", &["198.51.100.9", "198.51.100.10", "198.51.100.1000"]));
    let daemon = Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await;
    let txt = daemon.get(FEED).await;
    assert_eq!(txt.feed(), (200, "198.51.100.10\r\n198.51.100.9"));
    assert_eq!(txt.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(txt.header("x-cache"), "MISS");
    assert_eq!(txt.header("x-feed-count"), "2");
    assert_eq!(txt.header("x-feed-dropped"), "1");
    assert_eq!(txt.header("vary"), "Accept-Encoding");
    assert_eq!(txt.header("age"), "0");
    assert!(txt.header("etag").starts_with('"'));
    assert!(txt.header("last-modified").ends_with(" GMT"));
    let max_age: u64 = txt
        .header("cache-control")
        .strip_prefix("private, max-age=")
        .unwrap()
        .parse()
        .unwrap();
    assert!((290..=300).contains(&max_age));
    assert!(!txt.headers.contains_key("warning"));

    let again = daemon.get(FEED).await;
    assert_eq!(
        (again.header("x-cache"), again.header("etag")),
        ("HIT", txt.header("etag"))
    );
    for (output, content_type, body) in [
        ("json", "application/json", "[\"198.51.100.10\", \"198.51.100.9\"]"),
        (
            "b64",
            "text/plain; charset=utf-8",
            "MTk4LjUxLjEwMC4xMA==\r\nMTk4LjUxLjEwMC45",
        ),
    ] {
        let answer = daemon.get(&FEED.replace("/txt", &format!("/{output}"))).await;
        assert_eq!(answer.feed(), (200, body));
        assert_eq!(
            (answer.header("content-type"), answer.header("x-cache")),
            (content_type, "HIT")
        );
    }
    for (output, start) in [("xml", "<?xml"), ("yaml", "---")] {
        assert!(
            daemon
                .get(&FEED.replace("/txt", &format!("/{output}")))
                .await
                .text()
                .starts_with(start)
        );
    }
    assert_eq!(
        daemon.sim.searches(),
        3,
        "one for the feed, two for false positives, whatever the output"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_a_feed_of_its_own() {
    let partner = event("block", &["203.0.113.5"]).creator("Partner Research");
    let sim = Sim::builder().event(event("block", &["198.51.100.7"])).event(partner);
    let daemon = Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await;
    let path = |uuid: &str| format!("/v1/uuid/{uuid}/type/ipv4/age/1w/output/txt");
    let uuid = Sim::PARTNER.to_string();
    assert_eq!(daemon.get(&path(&uuid)).await.feed(), (200, "203.0.113.5"));
    assert_eq!(
        daemon.get(&path(&uuid.to_uppercase())).await.feed(),
        (200, "203.0.113.5")
    );
    for uuid in ["nonsense", &uuid.replace('-', ""), &format!("{{{uuid}}}")] {
        let answer = daemon.get(&path(uuid)).await;
        assert_eq!(
            (answer.status.as_u16(), wrong(&answer.detail())),
            (422, vec![("value_error".into(), "orgUUID".into())]),
            "{uuid}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_part_is_reported_with_the_right_names() {
    let daemon = Daemon::start().await;
    let answer = daemon
        .get("/v1/feed/Block/type/ipv5/age/8w/output/pdf?cache=0&aggregate=maybe")
        .await;
    let parts = [
        ("enum", "feedName"),
        ("enum", "dataType"),
        ("enum", "dataAge"),
        ("enum", "returnedDataType"),
        ("greater_than", "cache"),
        ("bool_parsing", "aggregate"),
    ];
    let parts: Vec<_> = parts
        .iter()
        .map(|(kind, place)| ((*kind).to_owned(), (*place).to_owned()))
        .collect();
    let detail = answer.detail();
    assert_eq!((answer.status.as_u16(), wrong(&detail)), (422, parts));
    assert_eq!(
        detail[0],
        json!({
            "type": "enum",
            "loc": ["path", "feedName"],
            "msg": "Input should be 'incident', 'alert', 'block', 'hunt', 'any' or '42'",
            "input": "Block",
            "ctx": { "expected": "'incident', 'alert', 'block', 'hunt', 'any' or '42'" },
        })
    );
    for name in ["'ipv4ext'", "'cidr6'", "'user-agent'"] {
        assert!(detail[1]["msg"].as_str().unwrap().contains(name));
    }
    assert_eq!(daemon.sim.searches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_feed_exists_only_where_the_site_defines_it() {
    let sim = Sim::builder().event(
        Event::new("custom")
            .tag("example:sinkhole")
            .attribute(Attribute::new("ip-dst", "192.0.2.66")),
    );
    let setup = Setup {
        sim,
        ..Setup::site_with("custom_feeds: { cust2: \":sinkhole\" }\n")
    };
    let daemon = Daemon::with(setup).await;
    assert_eq!(
        daemon.get(&FEED.replace("block", "cust2")).await.feed(),
        (200, "192.0.2.66")
    );
    let undefined = daemon.get(&FEED.replace("block", "cust1")).await;
    assert_eq!(undefined.status, 422);
    assert_eq!(
        undefined.detail()[0]["ctx"]["expected"],
        "'incident', 'alert', 'block', 'hunt', 'cust2', 'any' or '42'"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_are_aggregated_on_demand_and_only_networks() {
    let sim = Sim::builder().event(event("block", &["198.51.100.0/25", "198.51.100.128/25"]));
    let daemon = Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await;
    let networks = FEED.replace("ipv4", "cidr4");
    assert_eq!(
        daemon.get(&networks).await.feed(),
        (200, "198.51.100.0/25\r\n198.51.100.128/25")
    );
    let merged = daemon.get(&format!("{networks}?aggregate=1")).await;
    assert_eq!(
        (merged.feed(), merged.header("x-feed-count")),
        ((200, "198.51.100.0/24"), "1")
    );
    let never = daemon.get(&format!("{FEED}?aggregate=1")).await;
    assert_eq!(
        (never.status.as_u16(), &never.detail()[0]["loc"]),
        (422, &json!(["query", "aggregate"]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_without_values_is_an_empty_200_in_each_form() {
    let daemon = Daemon::start().await;
    let hunt = FEED.replace("block", "hunt");
    let answer = daemon.get(&hunt).await;
    assert_eq!(
        (
            answer.feed(),
            answer.header("content-length"),
            answer.header("x-feed-count")
        ),
        ((200, ""), "0", "0")
    );
    assert_eq!(daemon.get(&hunt.replace("txt", "json")).await.text(), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_asks_for_a_younger_answer() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::default().clock(&clock)).await;
    daemon.get(FEED).await;
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"])));
    assert_eq!(
        daemon.get(&format!("{FEED}?cache=86400")).await.header("x-cache"),
        "HIT"
    );
    assert_eq!(daemon.get(FEED).await.text(), "198.51.100.7");
    clock.advance(Duration::from_millis(1_100));
    let fresh = daemon.get(&format!("{FEED}?cache=1")).await;
    assert_eq!(
        (fresh.header("x-cache"), fresh.text()),
        ("MISS", "198.51.100.7\r\n198.51.100.8")
    );
}
