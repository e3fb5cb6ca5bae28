//! `POST /v1/generate_token_json`.

use std::time::{Duration, Instant};

use http::Method;
use misp_sim::{Fault, Sim};
use serde_json::{Value, json};
use token_crypto::{Permission, Scope};

use crate::support::{Answer, Ask, Daemon, FEED, SITE, Setup, event, token_claims};

const PATH: &str = "/v1/generate_token_json";
const FORM: &str = "/v1/generate_token_form";

fn order(daemon: &Daemon, changes: Value) -> Value {
    let mut order = json!({
        "port": daemon.sim.addr().port().to_string(), "proto": "http", "domain": "127.0.0.1", "auth": Sim::READER_KEY, "expire": "2099-12-31",
    });
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

async fn post(daemon: &Daemon, body: impl Into<bytes::Bytes>) -> Answer {
    daemon.send(Ask::new(Method::POST, PATH).body(body)).await
}

async fn mint(daemon: &Daemon, changes: Value) -> Answer {
    post(daemon, order(daemon, changes).to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minted_token_opens_the_feed() {
    let daemon = Daemon::start().await;
    let answer = mint(&daemon, json!({})).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store")
    );
    let body = answer.json();
    assert_eq!(body["MISP"], format!("{}/", daemon.sim.url()));
    assert_eq!(body["validity"], "2099-12-31");
    let token = body["token"].as_str().unwrap();
    assert!(token.len() < 190);
    assert_eq!(body["sha256"], token_crypto::token_sha256(token));
    assert!(answer.text().starts_with("{\"MISP\":"));
    assert_eq!(daemon.send(Ask::get(FEED).header("token", token)).await.status, 200);
    assert_eq!(daemon.sim.count("/users/view/me"), 1);
    let port = daemon.sim.addr().port();
    assert_eq!(
        mint(&daemon, json!({ "port": port })).await.status,
        200,
        "a number is fine too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_add_sightings_makes_no_token_for_them() {
    let daemon = Daemon::start().await;
    let scope = json!({ "permissions": ["sightings"] });
    let answer = mint(&daemon, json!({ "scope": scope })).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.detail()[0]["loc"], json!(["body", "scope", "permissions"]));
    assert!(answer.text().contains("Sighting Creator"), "{}", answer.text());
    let answer = mint(&daemon, json!({ "scope": scope, "auth": Sim::ADMIN_KEY })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_sealed_in() {
    let daemon = Daemon::start().await;
    let scope = json!({ "scope": { "feeds": ["block"], "types": ["ipv4"], "outputs": "all", "networks": ["127.0.0.1"], "label": "fw1" } });
    let body = mint(&daemon, scope).await.json();
    let token = body["token"].as_str().unwrap();
    let status = async |path: &str| daemon.send(Ask::get(path).header("token", token)).await.status.as_u16();
    assert_eq!(status(FEED).await, 200);
    assert_eq!(status(&FEED.replace("block", "any")).await, 403);
    let clear = FEED.replace("/v1/feed", "/v1/clear_cache/feed");
    assert_eq!(
        daemon
            .send(Ask::new(Method::DELETE, &clear).header("token", token))
            .await
            .status,
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_orders_are_422_in_the_form_of_the_reference_and_cost_misp_nothing() {
    let daemon = Daemon::start().await;
    for changes in [
        json!({ "port": 0 }),
        json!({ "port": 65_536 }),
        json!({ "proto": "httpsx" }),
        json!({ "domain": "nosuch.example.org" }),
        json!({ "domain": "127.0.0.1\n" }),
        json!({ "auth": "short" }),
        json!({ "expire": "2020-01-01" }),
        json!({ "expire": "tomorrow" }),
        json!({ "scope": { "feeds": ["nothing"] } }),
    ] {
        let answer = mint(&daemon, changes.clone()).await;
        let detail = answer.detail();
        assert_eq!(
            (answer.status.as_u16(), detail.as_array().unwrap().len()),
            (422, 1),
            "{changes}: {detail}"
        );
        assert_eq!(
            &detail[0]["loc"][1],
            changes.as_object().unwrap().keys().next().unwrap()
        );
        assert!(!answer.text().contains(Sim::READER_KEY));
    }
    for (body, kind) in [
        ("", "missing"),
        ("{", "json_invalid"),
        ("[]", "model_attributes_type"),
        ("port=443", "json_invalid"),
        ("{}", "missing"),
    ] {
        let answer = post(&daemon, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.detail()[0]["type"]),
            (422, &json!(kind)),
            "{body}"
        );
    }
    assert_eq!(post(&daemon, "{}").await.detail().as_array().unwrap().len(), 5);
    assert_eq!(daemon.sim.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_misp_refuses_makes_no_token() {
    let daemon = Daemon::start().await;
    let refused = mint(&daemon, json!({ "auth": "unknownkeyunknownkeyunknownkeyunknown000" })).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.detail()[0]["loc"]),
        (422, &json!(["body", "auth"]))
    );
    assert!(!refused.text().contains("token\""));
    for (fault, status) in [
        (Fault::Refuse, 503),
        (Fault::Html { status: 200 }, 503),
        (Fault::Hang, 504),
    ] {
        daemon.sim.set_fault(fault);
        assert_eq!(mint(&daemon, json!({})).await.status.as_u16(), status);
    }
}

/// Otherwise a caller could find out which ports are open on the machine of MISP.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_the_site_file_does_not_name_is_never_asked() {
    let daemon = Daemon::start().await;
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    other.set_nonblocking(true).unwrap();
    let port = other.local_addr().unwrap().port();
    let answer = mint(&daemon, json!({ "port": port })).await;
    let detail = answer.detail();
    assert_eq!(
        (answer.status.as_u16(), &detail[0]["loc"]),
        (422, &json!(["body", "port"]))
    );
    let named = daemon.sim.addr().port().to_string();
    assert!(answer.text().contains(&named), "{}", answer.text());
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(daemon.sim.requests().len(), 0);
    // A token that exists works at any port: only making one is limited.
    let claims = token_claims("127.0.0.1", port);
    assert_eq!(daemon.get_as(&claims, FEED).await.status, 504);
    assert!(other.accept().is_ok(), "the feed is asked of that port");
}

/// The difference would be a map of the network for a caller elsewhere. This caller stands for one: it may not read the
/// metrics.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_elsewhere_gets_one_answer_whatever_is_wrong_with_misp() {
    let daemon = Daemon::with(Setup {
        core: "metrics_allowed_ips: [192.0.2.1]\n".to_owned(),
        site: SITE.replace("mispTimeoutSeconds: 2", "mispTimeoutSeconds: 1"),
        ..Setup::default()
    })
    .await;
    let mut answers = Vec::new();
    for fault in [
        Fault::Refuse,
        Fault::LoginRedirect,
        Fault::Hang,
        Fault::CloseEarly,
        Fault::Html { status: 200 },
        Fault::Status(500),
    ] {
        daemon.sim.set_fault(fault.clone());
        let began = Instant::now();
        let mut answer = mint(&daemon, json!({})).await;
        // The time-out of the site: an earlier answer would tell that MISP did not hang.
        assert!(began.elapsed() >= Duration::from_secs(1), "{fault:?}");
        answer.headers.remove("date");
        assert_eq!(answer.status, 503, "{fault:?}");
        answers.push((fault, answer.headers, answer.body));
    }
    for (fault, headers, body) in &answers {
        assert_eq!((headers, body), (&answers[0].1, &answers[0].2), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_under_names_of_this_service_only() {
    let daemon = Daemon::start().await;
    let form = format!(
        "port={}&proto=http&domain=127.0.0.1&expire=2099-12-31&auth={}",
        daemon.sim.addr().port(),
        Sim::READER_KEY
    );
    let json = || Ask::new(Method::POST, PATH).body(order(&daemon, json!({})).to_string());
    let sent = || {
        let ask = Ask::new(Method::POST, FORM).header("content-type", "application/x-www-form-urlencoded");
        ask.body(form.clone())
    };
    let address = daemon.addr.to_string();
    for host in ["cratos.example.net:8080", "localhost:8080", address.as_str(), "[::1]"] {
        for ask in [json(), sent()] {
            assert_eq!(daemon.send(ask.host(host)).await.status, 200, "{host}");
        }
    }
    let asked = daemon.sim.requests().len();
    for ask in [json(), sent(), Ask::get(FORM)] {
        let answer = daemon.send(ask.host("evil.example:8080")).await;
        assert_eq!(answer.status, 403);
        let text = answer.text();
        assert!(
            text.contains("public_names: [") && text.contains("evil.example"),
            "{text}"
        );
    }
    for ask in [json(), sent()] {
        let ask = ask.header("x-forwarded-host", "evil.example");
        assert_eq!(daemon.send(ask).await.status, 403);
    }
    assert_eq!(daemon.sim.requests().len(), asked, "MISP was asked");
    let feed = Ask::get(FEED).header("token", daemon.token()).host("evil.example");
    assert_eq!(
        daemon.send(feed).await.status,
        200,
        "feeds need a token, which no page has"
    );
}

/// Any page may send these without asking first (a simple request of the fetch standard).
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_other_pages_and_plain_text_make_no_token() {
    let daemon = Daemon::start().await;
    let body = order(&daemon, json!({})).to_string();
    for path in [PATH, FORM] {
        for (name, value, status) in [
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-site", 403),
            ("origin", "https://evil.example.org", 403),
            ("origin", "null", 403),
            ("content-type", "text/plain", 415),
            ("content-type", "Text/Plain;charset=UTF-8", 415),
        ] {
            let ask = Ask::new(Method::POST, path).header(name, value).body(body.clone());
            assert_eq!(daemon.send(ask).await.status, status, "{path} {name}: {value}");
        }
    }
    assert_eq!(daemon.sim.requests().len(), 0);
    for (name, value) in [("sec-fetch-site", "same-origin"), ("content-type", "application/json")] {
        let ask = Ask::new(Method::POST, PATH).header(name, value).body(body.clone());
        assert_eq!(daemon.send(ask).await.status, 200, "{name}: {value}");
    }
    let link = Ask::get(FORM).header("sec-fetch-site", "cross-site");
    assert_eq!(
        daemon.send(link).await.status,
        200,
        "a link on another page leads to the form"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_sites_get_no_tokens() {
    let daemon = Daemon::with(Setup::site_with("enabled: False\n")).await;
    assert_eq!(
        mint(&daemon, json!({})).await.detail()[0]["loc"],
        json!(["body", "domain"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_addresses_may_have_tokens_made() {
    let daemon = Daemon::with(Setup {
        core: "token_minting: { allowed_ips: [\"192.0.2.0/24\"] }\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let answer = mint(&daemon, json!({})).await;
    assert_eq!((answer.status.as_u16(), daemon.sim.requests().len()), (403, 0));
}

/// Files that Windows PowerShell writes begin with a byte order mark, in UTF-16 or UTF-8.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_byte_order_mark_is_read() {
    let daemon = Daemon::start().await;
    let text = order(&daemon, json!({})).to_string();
    let utf16 = std::iter::once(0xFEFF)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes);
    for body in [format!("\u{feff}{text}").into_bytes(), utf16.collect()] {
        let answer = post(&daemon, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_415_on_every_route_that_takes_one() {
    let daemon = Daemon::start().await;
    let token = daemon.seal(
        &daemon
            .claims()
            .with_scope(Scope::new().with_permissions(Permission::ALL.iter().copied())),
    );
    for path in [PATH, "/v1/lookup", "/v1/generate_token_form"] {
        let ask = |coding: &str| {
            let ask = Ask::new(Method::POST, path).header("token", &token);
            ask.header("content-encoding", coding).body("{}")
        };
        let answer = daemon.send(ask("gzip")).await;
        assert_eq!(answer.status, 415, "{path}: {}", answer.text());
        if path != "/v1/generate_token_form" {
            assert_eq!(answer.header("accept-encoding"), "identity");
            assert_ne!(daemon.send(ask("identity")).await.status, 415, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn minting_is_limited_in_number() {
    let daemon = Daemon::start().await;
    for number in 1..=10 {
        assert_eq!(mint(&daemon, json!({})).await.status, 200, "{number}");
    }
    let refused = mint(&daemon, json!({})).await;
    assert_eq!(refused.status, 429);
    assert!((1..=6).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    let metrics = daemon.send(Ask::get("/metrics")).await;
    assert!(
        metrics.text().contains("cratos_throttled_total{limit=\"minting\"} 1"),
        "{}",
        metrics.text()
    );
    assert_eq!(daemon.get(FEED).await.status, 200, "other routes go on");
}

/// Each wrong key costs MISP a request, and each answer helps a caller who guesses keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_wrong_keys_has_to_wait() {
    let daemon = Daemon::with(Setup {
        core: "failed_tokens_per_minute: 3\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let wrong = json!({ "auth": "unknownkeyunknownkeyunknownkeyunknown000" });
    for _ in 0..3 {
        assert_eq!(mint(&daemon, wrong.clone()).await.status, 422);
    }
    let asked = |daemon: &Daemon| daemon.sim.count("/users/view/me");
    assert_eq!(mint(&daemon, wrong.clone()).await.status, 429);
    let before = asked(&daemon);
    let refused = mint(&daemon, wrong).await;
    assert_eq!(
        (refused.status.as_u16(), asked(&daemon)),
        (429, before),
        "MISP is left alone"
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 50);
    assert_eq!(daemon.get(FEED).await.status, 200, "tokens are answered all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_only_look_up_reads_no_feed() {
    let daemon = Daemon::start().await;
    for scope in [json!({ "only": "lookup" }), json!({ "scope": { "only": ["lookup"] } })] {
        let body = mint(&daemon, scope).await.json();
        let token = body["token"].as_str().unwrap();
        assert!(token.len() < 190);
        let status = async |path: &str| daemon.send(Ask::get(path).header("token", token)).await.status.as_u16();
        assert_eq!(status("/v1/lookup?value=198.51.100.7").await, 200);
        assert_eq!(status(FEED).await, 403);
    }
    let wrong = mint(&daemon, json!({ "scope": { "only": ["feeds"] } })).await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.detail()[0]["loc"]),
        (422, &json!(["body", "scope", "only", 0]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused() {
    let daemon = Daemon::start().await;
    let answer = mint(&daemon, json!({ "x": "a".repeat(17 * 1024) })).await;
    assert_eq!(
        (answer.status.as_u16(), answer.detail()),
        (413, json!("The body is too large."))
    );
    assert_eq!(mint(&daemon, json!({ "x": "a".repeat(15 * 1024) })).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_full_of_mistakes_makes_no_huge_answer() {
    let daemon = Daemon::start().await;
    let names: Value = (0..600).map(|number| (format!("x{number}"), json!(1))).collect();
    for scope in [
        json!({ "types": vec![1; 7_500] }),
        json!({ "networks": vec![1; 7_500] }),
        names,
    ] {
        let answer = mint(&daemon, json!({ "scope": scope })).await;
        let size = answer.body.len();
        assert!(
            answer.status == 422 && size < 16 * 1024,
            "{} of {size} bytes",
            answer.status
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tlp_level_is_sealed_in() {
    let setup = Setup {
        sim: Sim::builder()
            .event(event("block", &["198.51.100.7"]).tag("tlp:green"))
            .event(event("block", &["198.51.100.8"]).tag("tlp:amber")),
        ..Setup::default()
    };
    let daemon = Daemon::with(setup).await;
    for order in [
        json!({ "max_tlp": "green" }),
        json!({ "scope": { "max_tlp": "green" } }),
    ] {
        let body = mint(&daemon, order).await.json();
        let token = body["token"].as_str().unwrap();
        let answer = daemon.send(Ask::get(FEED).header("token", token)).await;
        assert_eq!(answer.feed(), (200, "198.51.100.7"));
        assert_eq!(answer.header("x-feed-limits"), "max_tlp=green");
    }
    let wrong = mint(&daemon, json!({ "scope": { "max_tlp": "orange" } })).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.detail()[0]["loc"], json!(["body", "scope", "max_tlp"]));
}
