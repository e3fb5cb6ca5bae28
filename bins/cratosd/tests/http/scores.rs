//! Limits to a decay score: they apply on every route that returns indicators.

use http::Method;
use misp_sim::{Attribute, DecayingModel, Event, Moment, Sim, SimBuilder};
use serde_json::{Value, json};
use token_crypto::{Permission, Scope};

use crate::support::{Answer, Ask, Daemon, Events, SITE, Setup};

const FEED: &str = "/v1/feed/block/type/domain/age/1y/output/txt";
const HASHES: &str = "/v1/feed/block/type/file-md5/age/1y/output/txt";
const HASH: &str = "d41d8cd98f00b204e9800998ecf8427e";
const MODEL: &str = "decaying_model: NIDS Simple Decaying Model\n";

/// Builds domains from today, from a month ago and from a year ago, and a hash, which the model does not score.
fn sim() -> SimBuilder {
    let days = |days: u64| Moment::Ago(days * 86_400 + 60);
    let domain = |name: &str, age| Attribute::new("domain", format!("{name}.example")).changed(days(age));
    let event = Event::new("scored")
        .tag("example:incident-classification=block")
        .creator("Partner Research")
        .attribute(domain("new", 0))
        .attribute(domain("month", 30))
        .attribute(domain("year", 300))
        .attribute(Attribute::new("md5", HASH).changed(days(0)));
    Sim::builder().event(event)
}

async fn daemon(sim: SimBuilder, lines: &str) -> Daemon {
    let site = format!(
        "{}{lines}",
        SITE.replace("mispTimeoutSeconds: 2", "mispTimeoutSeconds: 60")
    );
    Daemon::with(Setup {
        sim,
        site,
        ..Setup::default()
    })
    .await
}

async fn scored() -> Daemon {
    daemon(sim().decaying_model(DecayingModel::nids()), MODEL).await
}

fn token(daemon: &Daemon) -> String {
    let scope = Scope::new().with_permissions(Permission::ALL.iter().copied());
    daemon.seal(&daemon.claims().with_scope(scope))
}

async fn ask(daemon: &Daemon, target: &str) -> Answer {
    daemon.send(Ask::get(target).header("token", token(daemon))).await
}

fn lines(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().split("\r\n").filter(|line| !line.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_feed_has_the_limit() {
    let daemon = scored().await;
    for path in [
        FEED.to_owned(),
        "/v1/vendor/paloalto/feed/block/type/domain/age/1y".to_owned(),
        format!("/v1/uuid/{}/type/domain/age/1y/output/txt", Sim::PARTNER),
    ] {
        let answer = ask(&daemon, &format!("{path}?min_score=70")).await;
        assert_eq!(lines(&answer), ["new.example"], "{path}");
        assert_eq!(answer.header("x-feed-limits"), "min_score=70");
        let answer = ask(&daemon, &format!("{path}?min_score=30")).await;
        assert_eq!(lines(&answer), ["month.example", "new.example"], "{path}");
        assert_eq!(lines(&ask(&daemon, &path).await).len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unset_scores_do_not_pass() {
    let daemon = scored().await;
    assert_eq!(lines(&ask(&daemon, HASHES).await), [HASH]);
    for query in ["min_score=0", "min_score=80", "min_score=80&unscored=exclude"] {
        assert_eq!(
            lines(&ask(&daemon, &format!("{HASHES}?{query}")).await),
            [""; 0],
            "{query}"
        );
    }
    let answer = ask(&daemon, &format!("{HASHES}?min_score=80&unscored=include")).await;
    assert_eq!(lines(&answer), [HASH]);
    assert_eq!(answer.header("x-feed-limits"), "min_score=80&unscored=include");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_its_changes_have_the_limit() {
    let daemon = scored().await;
    let tail = "feed/block/type/domain/age/1y?min_score=70";
    let mut listener = Events::open(daemon.addr, &format!("/v1/stream/{tail}"), &token(&daemon), None).await;
    assert!(
        listener.head.contains("x-feed-limits: min_score=70"),
        "{}",
        listener.head
    );
    assert_eq!(listener.next().await.unwrap().values(), ["new.example"]);
    let changes = ask(&daemon, &format!("/v1/changes/{tail}")).await.json();
    assert_eq!(changes["added"], json!(["new.example"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_has_the_limit() {
    let daemon = scored().await;
    for (value, query, found) in [
        ("new.example", "min_score=70", true),
        ("month.example", "min_score=70", false),
        ("month.example", "min_score=30", true),
        (HASH, "min_score=0", false),
        (HASH, "min_score=0&unscored=include", true),
        (HASH, "age=1y", true),
    ] {
        let answer = ask(&daemon, &format!("/v1/lookup/{value}?{query}")).await.json();
        assert_eq!(answer["found"], found, "{value} {query}");
    }
    // In a JSON body a score may be a number.
    for score in [json!(70), json!("70")] {
        let body = json!({ "values": ["new.example", "month.example", HASH], "min_score": score }).to_string();
        let asking = Ask::new(Method::POST, "/v1/lookup")
            .body(body)
            .header("token", token(&daemon))
            .header("content-type", "application/json");
        let answer = daemon.send(asking).await.json();
        let found: Vec<&Value> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["found"])
            .collect();
        assert_eq!(found, [true, false, false]);
    }
}

/// If a mistyped score meant "no limit", the answer would hold more than the caller asked for.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_score_is_refused_on_every_route() {
    let daemon = scored().await;
    for path in [
        FEED,
        "/v1/changes/feed/block/type/domain/age/1y",
        "/v1/lookup/new.example",
    ] {
        for query in ["min_score=", "min_score=high", "min_score=79.5", "min_score=101"] {
            let answer = ask(&daemon, &format!("{path}?{query}")).await;
            assert_eq!(answer.status, 422, "{path}?{query}");
            assert_eq!(answer.json()["detail"][0]["loc"], json!(["query", "min_score"]));
        }
        for query in ["min_score=80&unscored=pass", "unscored=include"] {
            let answer = ask(&daemon, &format!("{path}?{query}")).await;
            assert_eq!(answer.status, 422, "{path}?{query}");
            assert_eq!(answer.json()["detail"][0]["loc"], json!(["query", "unscored"]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_model_says_what_to_configure() {
    let daemon = daemon(sim().decaying_model(DecayingModel::nids()), "").await;
    for path in [
        FEED,
        "/v1/changes/feed/block/type/domain/age/1y",
        "/v1/stream/feed/block/type/domain/age/1y",
        "/v1/lookup/new.example",
    ] {
        let answer = ask(&daemon, &format!("{path}?min_score=70")).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text());
        let wrong = &answer.json()["detail"][0];
        assert_eq!(wrong["loc"], json!(["query", "min_score"]));
        assert!(wrong["msg"].as_str().unwrap().contains("`decaying_model`"), "{wrong}");
    }
    assert_eq!(lines(&ask(&daemon, FEED).await).len(), 3);
    assert_eq!(ask(&daemon, "/v1/lookup/new.example").await.json()["found"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_misp_does_not_have_is_neither_no_limit_nor_an_empty_list() {
    let daemon = daemon(sim(), MODEL).await;
    for path in [
        FEED,
        "/v1/changes/feed/block/type/domain/age/1y",
        "/v1/lookup/new.example",
    ] {
        let answer = ask(&daemon, &format!("{path}?min_score=70")).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
        assert!(answer.text().contains("`decaying_model`"), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), "30");
    }
    assert_eq!(lines(&ask(&daemon, FEED).await).len(), 3);
    assert_eq!(ask(&daemon, "/v1/lookup/new.example").await.json()["found"], true);
}
