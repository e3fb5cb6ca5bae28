//! Sightings that a consumer reports to MISP.

use std::time::Duration;

use http::Method;
use misp_sim::{Attribute, Event, Fault, SightingView, Sim, User};
use secrecy::SecretString;
use serde_json::{Value, json};
use token_crypto::{Claims, ExpiryDay, Permission, Protocol, Scope};

use crate::support::{Answer, Ask, Daemon, Setup};

const REPORTER: &str = Sim::REPORTER_KEY;
const KEPT: &str = "sightings: {directory: kept}\n";

async fn daemon(core: &str) -> Daemon {
    let event = Event::new("a campaign")
        .attribute(Attribute::new("domain", "evil.example"))
        .attribute(Attribute::new("ip-dst", "198.51.100.7"))
        .attribute(Attribute::new("domain|ip", "other.example|198.51.100.8"));
    Daemon::with(Setup {
        sim: Sim::builder()
            .user(User::reporter("sensor@cert.example.org", 1, REPORTER))
            .event(event)
            .event(Event::new("another").attribute(Attribute::new("hostname", "evil.example"))),
        core: core.to_owned(),
        ..Setup::default()
    })
    .await
}

fn claims(daemon: &Daemon, key: &str) -> Claims {
    let expires = ExpiryDay::parse("2099-12-31").unwrap();
    let key = SecretString::from(key);
    Claims::new("127.0.0.1", Protocol::Http, daemon.sim.addr().port(), key, expires)
        .with_scope(Scope::new().with_permissions([Permission::Sightings]))
        .with_label("fw1")
}

async fn post(daemon: &Daemon, claims: &Claims, body: impl ToString) -> Answer {
    let token = daemon.seal(claims);
    post_with(daemon, &token, body).await
}

/// Posts a report, and repeats this while the daemon is still opening the journal.
async fn post_with(daemon: &Daemon, token: &str, body: impl ToString) -> Answer {
    let body = body.to_string();
    for _ in 0..600 {
        let ask = Ask::new(Method::POST, "/v1/sightings")
            .header("token", token)
            .body(body.clone());
        let answer = daemon.send(ask).await;
        let is_opening = answer.status == 503 && answer.text().contains("Sightings cannot be taken at this moment.");
        if !is_opening {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the journal is never open");
}

fn sightings(daemon: &Daemon) -> Vec<SightingView> {
    daemon.sim.with_store(|store| store.sightings().cloned().collect())
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_so(), "never: {what}");
}

async fn metric(daemon: &Daemon, line: &str) -> f64 {
    let page = daemon.send(Ask::get("/metrics")).await;
    let found = page
        .text()
        .lines()
        .find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in {}", page.text()))
}

#[tokio::test]
async fn a_report_is_added_in_misp_to_every_attribute_with_the_value() {
    let daemon = daemon(KEPT).await;
    let body = json!({"sightings": [
        {"value": "EVIL.example.", "type": "hit", "source": "proxy 7", "seen_at": "2026-11-22T00:43:55Z"},
        {"value": "198.51.100.8", "type": "false_positive"},
    ]});
    let answer = post(&daemon, &claims(&daemon, REPORTER), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json(), json!({"accepted": 2, "duplicates": 0, "errors": []}));
    until("three sightings", || sightings(&daemon).len() == 3).await;
    let mut seen: Vec<_> = sightings(&daemon)
        .into_iter()
        .map(|sighting| (sighting.kind, sighting.source, sighting.event))
        .collect();
    seen.sort();
    let expected = [(0, "proxy 7", 1), (0, "proxy 7", 2), (1, "fw1", 1)];
    assert_eq!(
        seen,
        expected.map(|(kind, source, event)| (kind, source.to_owned(), event))
    );
    let hit = sightings(&daemon)
        .into_iter()
        .find(|sighting| sighting.kind == 0)
        .unwrap();
    assert_eq!(hit.seen_at, 1_795_308_180, "the minute in which it was seen");
}

#[tokio::test]
async fn one_line_of_curl_is_enough_and_the_same_counts_once() {
    let daemon = daemon(KEPT).await;
    let claims = claims(&daemon, REPORTER);
    let first = post(&daemon, &claims, r#"{"value":"evil.example"}"#).await;
    assert_eq!(first.json(), json!({"accepted": 1, "duplicates": 0, "errors": []}));
    let again = post(&daemon, &claims, r#"{"value":"Evil.Example"}"#).await;
    assert_eq!(
        again.json()["accepted"],
        1,
        "another token, as sealed anew: {}",
        again.text()
    );
    let token = daemon.seal(&claims);
    post_with(&daemon, &token, r#"{"value":"198.51.100.7"}"#).await;
    let same = post_with(&daemon, &token, r#"{"value":"198.51.100.7"}"#).await;
    assert_eq!(same.json(), json!({"accepted": 0, "duplicates": 1, "errors": []}));
    until("all of them", || sightings(&daemon).len() == 5).await;
}

#[tokio::test]
async fn the_answer_is_the_same_for_values_that_misp_does_not_have() {
    let daemon = daemon(KEPT).await;
    let claims = claims(&daemon, REPORTER);
    let known = post(&daemon, &claims, r#"{"value":"evil.example"}"#).await;
    let unknown = post(&daemon, &claims, r#"{"value":"nobody-knows.example","source":"fw2"}"#).await;
    assert_eq!((known.status, known.json()), (unknown.status, unknown.json()));
    until("both judged", || daemon.sim.count("/sightings/add") == 2).await;
    for _ in 0..600 {
        if metric(&daemon, "cratos_sightings_total{outcome=\"unknown\"}").await == 1.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        metric(&daemon, "cratos_sightings_total{outcome=\"unknown\"}").await,
        1.0
    );
    assert_eq!(metric(&daemon, "cratos_sightings_total{outcome=\"sent\"}").await, 1.0);
}

#[tokio::test]
async fn without_the_permission_or_the_address_it_is_403() {
    let daemon = daemon(KEPT).await;
    let may_not = claims(&daemon, REPORTER).with_scope(Scope::new().with_permissions([Permission::Lookup]));
    let answer = post(&daemon, &may_not, r#"{"value":"evil.example"}"#).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.detail(), "This token does not have the permission `sightings`.");
    let get = daemon.get_as(&claims(&daemon, REPORTER), "/v1/sightings").await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
    assert_eq!(daemon.sim.count("/sightings"), 0);
}

#[tokio::test]
async fn wrong_entries_are_named_and_hostile_values_go_nowhere() {
    let daemon = daemon(KEPT).await;
    let claims = claims(&daemon, REPORTER);
    let misspelt =
        json!({"sightings": [{"value": "evil.example"}, {"value": "198.51.100.7", "kind": "false_positive"}]});
    let answer = post(&daemon, &claims, &misspelt).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.detail()[0]["loc"], json!(["body", "sightings", 1]));

    let hostile = [
        "%",
        "",
        "  ",
        "\u{ad}",
        "a\r\nX: y",
        "' OR 1=1 --",
        "\u{202e}evil",
        "<script>",
        "{\"id\":1}",
    ];
    let entries: Vec<Value> = hostile.iter().map(|value| json!({ "value": value })).collect();
    let answer = post(&daemon, &claims, json!({ "sightings": entries })).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.detail().as_array().unwrap().len(), hostile.len());

    let mixed: Vec<Value> = ["%", "evil.example"]
        .iter()
        .map(|value| json!({ "value": value }))
        .collect();
    let answer = post(&daemon, &claims, json!({ "sightings": mixed })).await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        (&answer.json()["accepted"], &answer.json()["errors"][0]["index"]),
        (&json!(1), &json!(0))
    );
    until("the good one", || sightings(&daemon).len() == 2).await;

    let large = format!("{{\"value\":\"{}\"}}", "a".repeat(2 << 20));
    assert_eq!(post(&daemon, &claims, large).await.status, 413);
}

#[tokio::test]
async fn while_misp_is_away_everything_is_kept_and_arrives_once_when_it_is_back() {
    let daemon = daemon(KEPT).await;
    let claims = claims(&daemon, REPORTER);
    daemon.sim.set_fault(Fault::Refuse);
    let answer = post(&daemon, &claims, r#"{"value":"evil.example"}"#).await;
    assert_eq!(answer.status, 202);
    for _ in 0..6_000 {
        if metric(&daemon, "cratos_sightings_tries_failed_total{reason=\"away\"}").await >= 1.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(metric(&daemon, "cratos_sightings_waiting").await, 1.0);
    daemon.sim.clear_fault();
    until("it arrives", || sightings(&daemon).len() == 2).await;
}

#[tokio::test]
async fn a_misp_that_ends_after_it_has_begun_gets_one_batch_twice_at_most() {
    let daemon = daemon(KEPT).await;
    let claims = claims(&daemon, REPORTER);
    daemon.sim.set_fault(
        Fault::CutOff {
            after_bytes: 10,
            chunked: false,
        }
        .on("/sightings/add")
        .times(1),
    );
    assert_eq!(post(&daemon, &claims, r#"{"value":"198.51.100.7"}"#).await.status, 202);
    until("it is tried again", || daemon.sim.count("/sightings/add") == 2).await;
    until("and noted twice", || sightings(&daemon).len() == 2).await;
    assert_eq!(
        metric(&daemon, "cratos_sightings_tries_failed_total{reason=\"away\"}").await,
        1.0
    );
}

/// MISP answers 405 to all requests while it is under maintenance; a 403 with an HTML page comes from a web application
/// firewall that rejects a value.
#[tokio::test]
async fn a_status_that_is_not_about_the_key_or_the_values_loses_and_holds_nothing() {
    for fault in [
        Fault::Status(405),
        Fault::Html { status: 403 },
        Fault::Html { status: 400 },
    ] {
        let daemon = daemon(KEPT).await;
        let told = format!("{fault:?}");
        daemon.sim.set_fault(fault.on("/sightings/add").times(1));
        let both = json!({"sightings": [{"value": "198.51.100.7"}, {"value": "nobody-knows.example"}]});
        assert_eq!(post(&daemon, &claims(&daemon, REPORTER), both).await.status, 202);
        until(&told, || sightings(&daemon).len() == 1).await;
    }
}

#[tokio::test]
async fn a_value_that_misp_refuses_alone_is_dropped_and_counted() {
    a_refused_value_is_dropped(Fault::Html { status: 413 }).await;
}

/// MISP names the fields that it does not take, with 400 or 403.
#[tokio::test]
async fn a_value_that_fails_misps_validation_is_dropped_and_counted() {
    a_refused_value_is_dropped(Fault::Invalid(403)).await;
}

async fn a_refused_value_is_dropped(fault: Fault) {
    let daemon = daemon(KEPT).await;
    daemon.sim.set_fault(fault.on("/sightings/add"));
    let answer = post(&daemon, &claims(&daemon, REPORTER), r#"{"value":"evil.example"}"#).await;
    assert_eq!(answer.status, 202);
    for _ in 0..6_000 {
        if metric(&daemon, "cratos_sightings_total{outcome=\"rejected\"}").await == 1.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        metric(&daemon, "cratos_sightings_total{outcome=\"rejected\"}").await,
        1.0
    );
    assert_eq!(metric(&daemon, "cratos_sightings_waiting").await, 0.0);
}

#[tokio::test]
async fn a_key_without_the_right_is_reported_to_operators_and_delays_no_other_token() {
    let daemon = daemon(KEPT).await;
    let refused = claims(&daemon, Sim::READER_KEY);
    assert_eq!(post(&daemon, &refused, r#"{"value":"evil.example"}"#).await.status, 202);
    until("it is tried", || daemon.sim.count("/sightings/add") == 1).await;
    assert_eq!(
        post(&daemon, &claims(&daemon, REPORTER), r#"{"value":"198.51.100.7"}"#)
            .await
            .status,
        202
    );
    until("the other one's", || sightings(&daemon).len() == 1).await;
    assert_eq!(metric(&daemon, "cratos_sightings_refused_tokens").await, 1.0);
    let readyz = daemon.send(Ask::get("/readyz")).await;
    assert!(
        readyz.status == 200 && readyz.text().contains("MISP refuses them"),
        "{}",
        readyz.text()
    );
    assert_eq!(daemon.sim.count("/sightings/add"), 2, "no endless trying");
}

#[tokio::test]
async fn reports_of_a_token_that_is_revoked_meanwhile_are_not_sent() {
    let daemon = daemon(KEPT).await;
    daemon.sim.set_fault(Fault::Refuse);
    let token = daemon.seal(&claims(&daemon, REPORTER));
    assert_eq!(
        post_with(&daemon, &token, r#"{"value":"evil.example"}"#).await.status,
        202
    );
    let denied = token_crypto::token_sha256(&token);
    let site = format!("{}blacklisted_api_tokens: [\"{denied}\"]\n", crate::support::SITE);
    assert!(matches!(
        daemon.rewrite_site(&site),
        site_config::ReloadOutcome::Applied(_)
    ));
    daemon.sim.clear_fault();
    for _ in 0..6_000 {
        if metric(&daemon, "cratos_sightings_total{outcome=\"void\"}").await == 1.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(metric(&daemon, "cratos_sightings_total{outcome=\"void\"}").await, 1.0);
    assert!(sightings(&daemon).is_empty());
}

#[tokio::test]
async fn more_than_a_token_may_send_is_429_and_says_when_to_come_again() {
    let daemon = daemon(KEPT).await;
    let token = daemon.seal(&claims(&daemon, REPORTER));
    let entries: Vec<Value> = (0..1_000).map(|_| json!({ "value": "evil.example" })).collect();
    let body = json!({ "sightings": entries }).to_string();
    let mut statuses = Vec::new();
    for _ in 0..14 {
        let answer = post_with(&daemon, &token, &body).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert_eq!(answer.detail(), "Too many reports with this token.");
        }
        statuses.push(answer.status.as_u16());
    }
    assert!(
        statuses.starts_with(&[202; 10]) && statuses.contains(&429),
        "{statuses:?}"
    );
    let other = daemon.seal(&claims(&daemon, REPORTER));
    assert_eq!(post_with(&daemon, &other, &body).await.status, 202);
}

#[tokio::test]
async fn without_a_directory_the_answer_says_what_to_configure() {
    let daemon = daemon("").await;
    let answer = post(&daemon, &claims(&daemon, REPORTER), r#"{"value":"evil.example"}"#).await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.detail().as_str().unwrap().contains("`sightings.directory`"),
        "{}",
        answer.text()
    );
    answer.header("retry-after");
    assert_eq!(metric(&daemon, "cratos_sightings_open").await, 0.0);
}

#[tokio::test]
async fn a_directory_of_another_daemon_is_reported_and_taken_over_when_it_ends() {
    let kept = tempfile::tempdir().unwrap();
    let core = format!("sightings: {{directory: \"{}\"}}\n", kept.path().display());
    let mut first = daemon(&core).await;
    assert_eq!(
        post(&first, &claims(&first, REPORTER), r#"{"value":"evil.example"}"#)
            .await
            .status,
        202
    );
    let second = daemon(&core).await;
    let answer = post(&second, &claims(&second, REPORTER), r#"{"value":"evil.example"}"#).await;
    assert_eq!(answer.status, 503);
    let readyz = second.send(Ask::get("/readyz")).await;
    assert!(
        readyz.status == 200 && readyz.text().contains("another process"),
        "{}",
        readyz.text()
    );
    first.stop().await.unwrap().unwrap();
    until("what the first one had is sent when it ends", || {
        sightings(&first).len() == 2
    })
    .await;
    for _ in 0..6_000 {
        if metric(&second, "cratos_sightings_open").await == 1.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        post(&second, &claims(&second, REPORTER), r#"{"value":"198.51.100.7"}"#)
            .await
            .status,
        202
    );
    until("the second one sends", || sightings(&second).len() == 1).await;
}
