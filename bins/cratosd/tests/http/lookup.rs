//! Look-ups of single values.

use http::Method;
use misp_sim::{Attribute, Event, Moment};
use serde_json::{Value, json};
use token_crypto::{Permission, Scope};

use crate::support::{Ask, Daemon, Setup};

const MAY: [Permission; 2] = [Permission::Lookup, Permission::Context];

fn block(kind: &str, value: &str) -> Event {
    Event::new("a campaign")
        .tag("example:incident-classification=block")
        .tag("tlp:amber")
        .tag("misp-galaxy:threat-actor=\"APT Example\"")
        .changed(Moment::Ago(60))
        .attribute(Attribute::new(kind, value))
}

async fn daemon() -> Daemon {
    let sim = [
        ("ip-dst", "198.51.100.0/24"),
        ("domain", "evil.example"),
        ("vulnerability", "CVE-2026-12345"),
    ]
    .into_iter()
    .fold(misp_sim::Sim::builder(), |sim, (kind, value)| {
        sim.event(block(kind, value))
    });
    Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await
}

async fn ask(daemon: &Daemon, scope: Scope, target: &str) -> Value {
    let claims = daemon.claims().with_scope(scope);
    let answer = daemon.get_as(&claims, target).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Returns whether the answer is without null: for Graylog's adapter a null is an error, like a missing path.
fn has_no_null(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().all(has_no_null),
        Value::Object(fields) => fields.values().all(has_no_null),
        _ => true,
    }
}

#[tokio::test]
async fn a_hit_and_a_miss_have_the_same_scalars() {
    let daemon = daemon().await;
    let scope = || Scope::new().with_permissions(MAY);
    let hit = ask(&daemon, scope(), "/v1/lookup?value=www.evil.example").await;
    let miss = ask(&daemon, scope(), "/v1/lookup/good.example").await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&hit), keys(&miss));
    assert!(has_no_null(&hit) && has_no_null(&miss));
    assert_eq!(
        (&miss["found"], &miss["count"], &miss["matches"]),
        (&json!(false), &json!(0), &json!([]))
    );
    for (key, expected) in [
        ("found", json!(true)),
        ("value", json!("www.evil.example")),
        ("type", json!("domain")),
        ("relation", json!("parent")),
        ("listed", json!("evil.example")),
        ("feed", json!("any")),
        ("count", json!(1)),
        ("event_info", json!("a campaign")),
        ("tlp", json!("amber")),
        ("threat_actor", json!("APT Example")),
    ] {
        assert_eq!(hit[key], expected, "{key}");
    }
    let url = hit["event_url"].as_str().unwrap();
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with(hit["event_id"].as_str().unwrap()),
        "{url}"
    );
    assert_eq!(hit["matches"][0]["event_uuid"], hit["event_uuid"]);
}

#[tokio::test]
async fn a_defanged_url_is_found_by_its_host_and_the_answer_says_what_was_looked_up() {
    let daemon = daemon().await;
    let scope = || Scope::new().with_permissions([Permission::Lookup]);
    let hit = ask(&daemon, scope(), "/v1/lookup?value=hxxp%3A%2F%2Fevil%5B.%5Dexample%2Fx").await;
    for (key, expected) in [
        ("found", json!(true)),
        ("value", json!("hxxp://evil[.]example/x")),
        ("looked_up", json!("http://evil.example/x")),
        ("relation", json!("host")),
        ("listed", json!("evil.example")),
        ("type", json!("domain")),
    ] {
        assert_eq!(hit[key], expected, "{key}");
    }
    let network = ask(&daemon, scope(), "/v1/lookup?value=http%3A%2F%2F198.51.100.9%2Fx").await;
    assert_eq!(
        (&network["relation"], &network["listed"], &network["looked_up"]),
        (&json!("network"), &json!("198.51.100.0/24"), &network["value"])
    );
    let miss = ask(&daemon, scope(), "/v1/lookup/good%5B.%5Dexample").await;
    assert_eq!(
        (&miss["found"], &miss["looked_up"], &miss["relation"]),
        (&json!(false), &json!("good.example"), &json!(""))
    );
}

#[tokio::test]
async fn without_the_permission_the_answer_contains_no_events() {
    let daemon = daemon().await;
    let scope = Scope::new().with_permissions([Permission::Lookup]);
    let hit = ask(&daemon, scope, "/v1/lookup/198.51.100.9").await;
    assert_eq!(
        (&hit["found"], &hit["listed"], &hit["type"]),
        (&json!(true), &json!("198.51.100.0/24"), &json!("cidr4"))
    );
    assert!(
        !hit.to_string().contains("event") && !hit.to_string().contains("campaign"),
        "{hit}"
    );
}

#[tokio::test]
async fn many_values_are_answered_in_their_order() {
    let daemon = daemon().await;
    let token = daemon.seal(&daemon.claims().with_scope(Scope::new().with_permissions(MAY)));
    let post = async |body: Value| {
        let ask = Ask::new(Method::POST, "/v1/lookup")
            .header("token", &token)
            .body(body.to_string());
        daemon.send(ask).await
    };
    let answer = post(json!({ "values": ["good.example", "cve-2026-12345", "", "198.51.100.1"] }))
        .await
        .json();
    let found: Vec<bool> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["found"] == true)
        .collect();
    assert_eq!(found, [false, true, false, true]);
    assert_eq!(answer["results"][1]["value"], "cve-2026-12345");
    assert_eq!(post(json!({ "values": vec!["x"; 1_001] })).await.status, 422);
    let large = Ask::new(Method::POST, "/v1/lookup")
        .header("token", &token)
        .body(vec![b' '; 1_100_000]);
    assert_eq!(daemon.send(large).await.status, 413);
}

#[tokio::test]
async fn a_token_looks_through_its_feeds_and_types_only() {
    let daemon = daemon().await;
    let scope = || Scope::new().with_permissions([Permission::Lookup]);
    let block = ask(
        &daemon,
        scope().with_feeds(["block", "hunt"]),
        "/v1/lookup/evil.example",
    )
    .await;
    assert_eq!((&block["found"], &block["feed"]), (&json!(true), &json!("block")));
    let hunt = ask(&daemon, scope().with_feeds(["hunt"]), "/v1/lookup/evil.example").await;
    assert_eq!(hunt["found"], false);
    let types = ask(&daemon, scope().with_types(["ip"]), "/v1/lookup/evil.example").await;
    assert_eq!(types["found"], false);
    assert_eq!(
        ask(&daemon, scope().with_types(["ip"]), "/v1/lookup/198.51.100.9").await["found"],
        true
    );
    let claims = daemon.claims().with_scope(scope().with_feeds(["hunt"]));
    assert_eq!(daemon.get_as(&claims, "/v1/lookup/x?feed=block").await.status, 403);
    // Legacy tokens and tokens without a scope must not look up values.
    assert_eq!(daemon.get("/v1/lookup/evil.example").await.status, 403);
}

#[tokio::test]
async fn a_token_whose_feed_the_site_has_lost_gets_503_and_not_a_miss() {
    let daemon = daemon().await;
    let scope = Scope::new().with_permissions(MAY).with_feeds(["block", "cust1"]);
    let claims = daemon.claims().with_scope(scope);
    assert_eq!(daemon.get_as(&claims, "/v1/lookup/evil.example").await.status, 503);
    let site = format!("{}custom_feeds:\n  cust1: \":x\"\n", crate::support::SITE);
    daemon.rewrite_site(&site);
    assert_eq!(
        daemon.get_as(&claims, "/v1/lookup/evil.example").await.json()["found"],
        true
    );
}

#[tokio::test]
async fn without_an_index_it_is_503_and_an_old_index_is_used() {
    let daemon = daemon().await;
    let claims = daemon.claims().with_scope(Scope::new().with_permissions(MAY));
    daemon.sim.set_fault(misp_sim::Fault::Status(500));
    assert_eq!(daemon.get_as(&claims, "/v1/lookup/evil.example").await.status, 503);
    daemon.sim.clear_fault();
    let answer = daemon.get_as(&claims, "/v1/lookup/evil.example").await;
    assert!(answer.header("cache-control").starts_with("private, max-age="));
    daemon.sim.set_fault(misp_sim::Fault::Status(500));
    assert_eq!(
        daemon.get_as(&claims, "/v1/lookup/evil.example").await.json()["found"],
        true
    );
}
