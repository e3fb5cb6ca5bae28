//! `?limit=`: the newest values of a feed, and the header that names what is missing.

use http::Method;
use misp_sim::{Attribute, Event, Moment, Sim};
use serde_json::json;

use crate::support::{Answer, Ask, Daemon, FEED, Setup};

/// A feed of three addresses; the second is the newest, then the third.
async fn daemon() -> Daemon {
    let event = Event::new("block").tag("example:incident-classification=block");
    let addresses = [("198.51.100.1", 900), ("198.51.100.2", 100), ("198.51.100.3", 500)];
    let event = addresses.into_iter().fold(event, |event, (address, ago)| {
        event.attribute(Attribute::new("ip-dst", address).changed(Moment::Ago(ago)))
    });
    Daemon::with(Setup {
        sim: Sim::builder().event(event),
        ..Setup::default()
    })
    .await
}

fn truncated(answer: &Answer) -> Option<&str> {
    answer
        .headers
        .get("x-feed-truncated")
        .map(|text| text.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_keeps_the_newest_values_and_names_what_is_missing() {
    let daemon = daemon().await;
    let answer = daemon.get(&format!("{FEED}?limit=2")).await;
    assert_eq!(answer.feed(), (200, "198.51.100.2\r\n198.51.100.3"));
    assert_eq!(truncated(&answer), Some("truncated=1, limit=2, kept=newest"));
    assert_eq!(
        (answer.header("x-feed-count"), answer.header("x-feed-dropped")),
        ("2", "0")
    );
    for whole in [
        FEED.to_owned(),
        format!("{FEED}?limit=3"),
        format!("{FEED}?limit=10000000"),
    ] {
        let answer = daemon.get(&whole).await;
        assert_eq!(
            (answer.header("x-feed-count"), truncated(&answer)),
            ("3", None),
            "{whole}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_feeds_takes_a_limit_and_every_output_has_it() {
    let daemon = daemon().await;
    let organisation = FEED.replace("feed/block", &format!("uuid/{}", Sim::ORGANISATION));
    for path in [
        FEED.replace("txt", "json"),
        FEED.replace("txt", "nftables"),
        FEED.replace("txt", "rpz"),
        "/v1/vendor/paloalto/feed/block/type/ipv4/age/1w".to_owned(),
        organisation,
    ] {
        let answer = daemon.get(&format!("{path}?limit=1")).await;
        assert_eq!(answer.header("x-feed-count"), "1", "{path}: {}", answer.text());
        assert_eq!(truncated(&answer), Some("truncated=2, limit=1, kept=newest"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_304_name_what_is_missing_too() {
    let daemon = daemon().await;
    let path = format!("{FEED}?limit=2");
    let whole = daemon.get(&path).await;
    let head = Ask::new(Method::HEAD, &path).header("token", daemon.token());
    let head = daemon.send(head).await;
    let same = Ask::get(&path)
        .header("token", daemon.token())
        .header("if-none-match", whole.header("etag"));
    let same = daemon.send(same).await;
    assert_eq!((head.status.as_u16(), same.status.as_u16()), (200, 304));
    for answer in [head, same] {
        assert_eq!(answer.header("etag"), whole.header("etag"));
        assert_eq!(answer.header("x-feed-count"), "2");
        assert_eq!(truncated(&answer), truncated(&whole));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_the_other_list_when_only_times_have_changed() {
    let daemon = daemon().await;
    let path = format!("{FEED}?limit=1");
    let before = daemon.get(&path).await;
    assert_eq!(before.feed(), (200, "198.51.100.2"));
    let whole = daemon.get(FEED).await;
    daemon.sim.edit(|store| {
        let id = store.find("198.51.100.1").unwrap();
        store.set_comment(id, "seen again").unwrap();
        let event = store.find_event("block").unwrap();
        store.publish(event).unwrap();
    });
    let clear = FEED.replace("/v1/feed", "/v1/clear_cache/feed");
    let clear = Ask::new(Method::DELETE, &clear).header("token", daemon.token());
    daemon.send(clear).await;
    for validator in ["etag", "last-modified"] {
        let name = if validator == "etag" {
            "if-none-match"
        } else {
            "if-modified-since"
        };
        let again = Ask::get(&path)
            .header("token", daemon.token())
            .header(name, before.header(validator));
        assert_eq!(daemon.send(again).await.feed(), (200, "198.51.100.1"), "{validator}");
        let unlimited = Ask::get(FEED)
            .header("token", daemon.token())
            .header(name, whole.header(validator));
        assert_eq!(daemon.send(unlimited).await.status, 304, "{validator}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_limit_is_refused_with_the_reason() {
    let daemon = daemon().await;
    for (limit, kind) in [
        ("0", "greater_than"),
        ("10000001", "less_than_equal"),
        ("few", "int_parsing"),
    ] {
        for path in [FEED, "/v1/vendor/cisco/feed/block/type/ipv4/age/1w"] {
            let answer = daemon.get(&format!("{path}?limit={limit}")).await;
            assert_eq!(answer.status, 422, "{limit}");
            let detail = answer.detail();
            assert_eq!(
                (&detail[0]["loc"], &detail[0]["type"]),
                (&json!(["query", "limit"]), &json!(kind))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limited_answers_are_counted_by_output() {
    let daemon = daemon().await;
    for path in [format!("{FEED}?limit=1"), format!("{FEED}?limit=2"), FEED.to_owned()] {
        daemon.get(&path).await;
    }
    let page = daemon.get("/metrics").await;
    let line = "cratos_feed_answers_truncated_total{site=\"127.0.0.1\",output=\"txt\"} 2";
    assert!(page.text().lines().any(|known| known == line), "{}", page.text());
}
