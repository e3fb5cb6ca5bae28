//! The guard before feeds, streams of differences, look-ups and explanations, and what answers say about it.

use misp_sim::{Attribute, Event, Sim};
use serde_json::json;
use token_crypto::{Permission, Scope};

use crate::support::{Daemon, Setup};

const NAMES: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

async fn daemon() -> Daemon {
    let event = Event::new("bad").tag("example:incident-classification=block");
    let values = ["co.uk", "github.io", "printer.local", "evil.example", "b_.-example"];
    let add = |event: Event, value: &&str| event.attribute(Attribute::new("domain", *value));
    let event = values.iter().fold(event, add);
    Daemon::with(Setup {
        sim: Sim::builder().event(event),
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_dropped_values_come_by_reason() {
    let daemon = daemon().await;
    let answer = daemon.get(NAMES).await;
    assert_eq!(answer.feed(), (200, "evil.example"));
    assert_eq!(answer.header("x-feed-dropped"), "4");
    assert_eq!(
        answer.header("x-feed-dropped-reasons"),
        "bad_label=1, public_suffixes=2, special_purpose=1"
    );
    let hashes = daemon.get("/v1/feed/block/type/file-md5/age/1w/output/txt").await;
    assert!(!hashes.headers.contains_key("x-feed-dropped-reasons"));
    let page = daemon.get("/metrics").await;
    let labels = "site=\"127.0.0.1\",feed=\"block\",type=\"domain\",age=\"1w\"";
    for (reason, count) in [("invalid", 1), ("public_suffixes", 2), ("special_purpose", 1)] {
        let line = format!("cratos_feed_dropped_values{{{labels},reason=\"{reason}\"}} {count}");
        assert!(page.text().contains(&line), "{line} is not in {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_changes_and_explanations_go_by_the_guard_too() {
    let daemon = daemon().await;
    let permissions = [Permission::Lookup, Permission::Context, Permission::Stream];
    let claims = daemon.claims().with_scope(Scope::new().with_permissions(permissions));
    for (value, listed) in [("co.uk", false), ("evil.co.uk", false), ("www.evil.example", true)] {
        let answer = daemon.get_as(&claims, &format!("/v1/lookup?value={value}")).await;
        assert_eq!(answer.json()["found"], json!(listed), "{value}: {}", answer.text());
    }
    let changes = daemon
        .get_as(&claims, "/v1/changes/feed/block/type/domain/age/1w")
        .await;
    assert!(
        !changes.text().contains("co.uk") && changes.text().contains("evil.example"),
        "{}",
        changes.text()
    );
    let explained = NAMES.replace("/v1/feed/", "/v1/explain/feed/");
    let answer = daemon.get_as(&claims, &format!("{explained}?value=co.uk")).await.json();
    assert_eq!(
        (&answer["listed"], &answer["guard"], &answer["attributes"][0]["counts"]),
        (&json!(false), &json!("public_suffixes"), &json!(true))
    );
    let answer = daemon
        .get_as(&claims, &format!("{explained}?value=evil.example"))
        .await
        .json();
    assert_eq!((&answer["listed"], &answer["guard"]), (&json!(true), &json!("")));
}
