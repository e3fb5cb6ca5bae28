//! Monitoring: `/metrics` and `/readyz`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feed_engine::ManualClock;
use misp_sim::Fault;
use serde_json::json;

use crate::support::{Answer, Ask, Daemon, FEED, SITE, Setup};

/// Returns the value of a series, given by its name and labels as the page writes them.
#[track_caller]
fn value(page: &str, series: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}"))
        .parse()
        .unwrap()
}

async fn page(daemon: &Daemon) -> String {
    let answer = daemon.send(Ask::get("/metrics")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    answer.text().to_owned()
}

/// Waits until the daemon, too, has closed the connections of earlier requests; it notices the end a moment after the
/// client.
async fn only_the_one_that_asks_is_connected(daemon: &Daemon) {
    let began = Instant::now();
    while value(&page(daemon).await, "cratos_connections") != 1.0 {
        assert!(began.elapsed() < Duration::from_secs(60), "connections stay open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn ready(daemon: &Daemon) -> Answer {
    daemon.send(Ask::get("/readyz")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_template_and_status_and_nothing_of_the_caller_shows() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    daemon.get(FEED).await;
    daemon.send(Ask::get(&format!("/t/{token}{FEED}?x=hostile"))).await;
    daemon.send(Ask::get(&format!("{FEED}?token={token}x"))).await;
    daemon.send(Ask::get("/hostile/%22%7D%0A")).await;
    daemon
        .send(Ask::get(&FEED.replace("ipv4", "hostile")).header("token", &token))
        .await;
    let page = page(&daemon).await;
    let route = "route=\"/v1/feed/{feed}/type/{type}/age/{age}/output/{output}\"";
    for (status, times) in [("200", 2.0), ("403", 1.0), ("422", 1.0)] {
        let series = format!("cratos_requests_total{{{route},status=\"{status}\"}}");
        assert_eq!(value(&page, &series), times, "{series}");
    }
    assert_eq!(
        value(&page, "cratos_requests_total{route=\"unknown\",status=\"404\"}"),
        1.0
    );
    assert_eq!(value(&page, &format!("cratos_request_seconds_count{{{route}}}")), 4.0);
    only_the_one_that_asks_is_connected(&daemon).await;
    assert_eq!(
        value(
            &page,
            &format!("cratos_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))
        ),
        1.0
    );
    assert!(
        !page.contains("hostile") && !page.contains(&token.chars().take(20).collect::<String>()),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_and_the_questions_for_them_are_shown_by_site() {
    let daemon = Daemon::start().await;
    daemon.get(FEED).await;
    daemon.get(FEED).await;
    let uuid = FEED.replace("/feed/block/", "/uuid/55f6ea5e-2c60-40e5-964f-47a8950d210f/");
    daemon.get(&uuid).await;
    let page = page(&daemon).await;
    let feed = "{site=\"127.0.0.1\",feed=\"block\",type=\"ipv4\",age=\"1w\"}";
    assert_eq!(value(&page, &format!("cratos_feed_values{feed}")), 1.0);
    assert_eq!(value(&page, &format!("cratos_feed_refresh_failing{feed}")), 0.0);
    assert!(value(&page, &format!("cratos_feed_age_seconds{feed}")) < 60.0);
    assert_eq!(value(&page, "cratos_feeds"), 2.0);
    assert!(
        page.contains("feed=\"organisation\"") && !page.contains("55f6ea5e"),
        "{page}"
    );
    assert!(value(&page, "cratos_memory_bytes") > 0.0);
    for (cache, times) in [("hit", 1.0), ("miss", 2.0)] {
        let series = format!("cratos_feed_answers_total{{site=\"127.0.0.1\",cache=\"{cache}\"}}");
        assert_eq!(value(&page, &series), times, "{series}");
    }
    assert_eq!(
        value(&page, "cratos_misp_refreshes_total{site=\"127.0.0.1\",outcome=\"ok\"}"),
        2.0
    );
    assert!(value(&page, "cratos_misp_refresh_seconds_total{site=\"127.0.0.1\"}") > 0.0);
    for (lists, pages) in [("yes", 2.0), ("no", 4.0)] {
        let labels = format!("{{site=\"127.0.0.1\",warninglists=\"{lists}\"}}");
        assert_eq!(
            value(&page, &format!("cratos_misp_pages_total{labels}")),
            pages,
            "{lists}"
        );
        assert!(value(&page, &format!("cratos_misp_page_seconds_total{labels}")) > 0.0);
        assert_eq!(value(&page, &format!("cratos_misp_pages_timed_out_total{labels}")), 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_that_fails_is_seen_and_the_daemon_is_ready_as_long_as_it_has_feeds() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::default().clock(&clock)).await;
    assert_eq!(ready(&daemon).await.json(), json!({ "ready": true, "trouble": [] }));
    assert_eq!(daemon.get(FEED).await.status, 200);
    daemon.sim.set_fault(Fault::Status(500));
    clock.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(daemon.get(FEED).await.status, 503);
    let answer = ready(&daemon).await;
    assert_eq!(answer.status, 503);
    let text = "127.0.0.1: MISP does not answer as it should; there is no feed to serve instead";
    assert_eq!(answer.json(), json!({ "ready": false, "trouble": [text] }));
    let seen = page(&daemon).await;
    assert_eq!(value(&seen, "cratos_misp_failing{site=\"127.0.0.1\"}"), 1.0);
    assert!(
        value(
            &seen,
            "cratos_misp_refreshes_total{site=\"127.0.0.1\",outcome=\"failed\"}"
        ) >= 1.0
    );

    daemon.sim.clear_fault();
    assert_eq!(daemon.get(FEED).await.status, 200);
    daemon.sim.set_fault(Fault::Status(500));
    let served = daemon.get(&format!("{FEED}?cache=1")).await;
    assert_eq!(served.status, 200);
    let answer = ready(&daemon).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["ready"]), (200, &json!(true)));
}

/// The port is in the token and not in the site file, so any token could say that the site fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_only_a_token_names_and_that_never_answered_says_nothing_about_the_site() {
    let daemon = Daemon::start().await;
    let mut claims = daemon.claims();
    claims.port = 1;
    assert_eq!(daemon.get_as(&claims, FEED).await.status, 503);
    let answer = ready(&daemon).await;
    let text =
        "127.0.0.1: http://127.0.0.1:1, which a token names, has never answered; this does not count for the site";
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({ "ready": true, "trouble": [text] }))
    );
    let seen = page(&daemon).await;
    assert_eq!(value(&seen, "cratos_misp_failing{site=\"127.0.0.1\"}"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_shown_once_it_is_used() {
    let daemon = Daemon::start().await;
    let ends = token_crypto::ExpiryDay::days_from(jiff::Timestamp::now().as_second(), 10);
    let mut claims = daemon.claims().with_label("fw1");
    claims.expires = ends;
    assert!(!page(&daemon).await.contains("cratos_token_end_timestamp_seconds{"));
    daemon.get(FEED).await;
    assert_eq!(daemon.get_as(&claims, FEED).await.status, 200);
    let seen = page(&daemon).await;
    let mut lines = seen
        .lines()
        .filter(|line| line.starts_with("cratos_token_end_timestamp_seconds{"));
    let line = lines.next().unwrap();
    assert!(
        line.starts_with("cratos_token_end_timestamp_seconds{site=\"127.0.0.1\",token_id=\""),
        "{line}"
    );
    let (series, at) = line.rsplit_once(' ').unwrap();
    assert!(series.ends_with("label=\"fw1\"}"), "{line}");
    assert_eq!(at.parse::<f64>().unwrap(), ends.ends_at() as f64);
    assert_eq!(lines.next(), None, "the other token ends in 2099");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_counted_and_named() {
    let daemon = Daemon::start().await;
    daemon.write("sites/broken.example.net.yaml", "tga: example\n");
    daemon.write("sites/off.example.net.yaml", &format!("{SITE}enabled: False\n"));
    daemon.rewrite_site("tag: [\n");
    let seen = page(&daemon).await;
    for (state, sites) in [("served", 1.0), ("switched_off", 1.0), ("kept", 1.0), ("disabled", 1.0)] {
        assert_eq!(
            value(&seen, &format!("cratos_sites{{state=\"{state}\"}}")),
            sites,
            "{state}"
        );
    }
    assert!(value(&seen, "cratos_config_problems") >= 2.0);
    assert_eq!(value(&seen, "cratos_config_refused"), 0.0);
    let trouble = ready(&daemon).await.json()["trouble"].to_string();
    assert!(
        trouble.contains("broken.example.net: its file cannot be used; it is not served"),
        "{trouble}"
    );
    assert!(
        trouble.contains("127.0.0.1: its file cannot be used; it is served as before"),
        "{trouble}"
    );

    daemon.write("config.yaml", "nonsense: 1\n");
    daemon.store.reload();
    assert_eq!(value(&page(&daemon).await, "cratos_config_refused"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_no_metrics_and_no_reasons() {
    let daemon = Daemon::with(Setup {
        core: "metrics_allowed_ips: [\"192.0.2.0/24\"]\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let answer = daemon.send(Ask::get("/metrics")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.detail(),
        "127.0.0.1 is in none of the networks of `metrics_allowed_ips`."
    );
    assert_eq!(daemon.get("/metrics").await.status, 403, "a token opens nothing here");
    assert_eq!(ready(&daemon).await.json(), json!({ "ready": true }));
}
