//! Routes that answer without a token.

use http::Method;
use serde_json::json;

use crate::support::{Ask, Daemon, FEED};

#[tokio::test(flavor = "multi_thread")]
async fn landing_has_the_keys_of_the_reference_in_its_order() {
    let daemon = Daemon::start().await;
    let answer = daemon.send(Ask::get("/")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/json")
    );
    let keys: Vec<usize> = [
        "\"message\"",
        "\"IP\"",
        "\"User-Agent\"",
        "\"timestamp\"",
        "\"date_time\"",
        "\"repository\"",
    ]
    .map(|key| answer.text().find(key).unwrap())
    .into();
    assert!(keys.is_sorted());
    let body = answer.json();
    assert_eq!((&body["IP"], &body["User-Agent"]), (&json!("127.0.0.1"), &json!(null)));
    assert!(body["timestamp"].is_i64());
    let date = body["date_time"].as_str().unwrap();
    assert!(
        date.ends_with(" UTC") && date.len() == "2026-11-22 10:00:00 UTC".len(),
        "{date}"
    );

    assert_eq!(
        daemon.send(Ask::get("/").header("user-agent", "")).await.json()["User-Agent"],
        ""
    );
    assert_eq!(
        daemon.send(Ask::get("/").header("user-agent", "x/1 æ")).await.json()["User-Agent"],
        "x/1 æ"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_get_a_landing_page_with_links_and_programs_json() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let daemon = Daemon::start().await;
    let ask = || Ask::get("/");
    let page = daemon.send(ask().header("accept", BROWSER)).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type"), page.header("vary")),
        (200, "text/html; charset=utf-8", "Accept")
    );
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    let html = page.text();
    assert!(html.contains("127.0.0.1") && html.contains("http://cratos.example.net/v1/feed/block/"));
    let mut named = 0;
    for start in ["src=\"", "href=\""] {
        for rest in html.split(start).skip(1) {
            let target = rest.split('"').next().unwrap();
            assert_eq!(daemon.send(Ask::get(target)).await.status, 200, "{target}");
            named += 1;
        }
    }
    assert!(named >= 8, "{html}");
    for accept in ["*/*", "application/json", "application/json, text/html;q=0.5"] {
        let answer = daemon.send(ask().header("accept", accept)).await;
        assert_eq!(
            (answer.header("content-type"), answer.header("vary")),
            ("application/json", "Accept"),
            "{accept}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_status_and_healthz() {
    let daemon = Daemon::start().await;
    let robots = daemon.send(Ask::get("/robots.txt")).await;
    assert_eq!(robots.text(), "User-agent: *\nDisallow: /");
    assert_eq!(robots.header("content-type"), "text/plain; charset=utf-8");
    let status = daemon.send(Ask::get("/v1/status")).await;
    assert_eq!(status.json(), json!({ "ping": "pong", "memcachedstatus": "DISABLED" }));
    assert_eq!(daemon.send(Ask::get("/healthz")).await.status, 200);
    // `/v1/status` ignores a token, even a malformed one.
    assert_eq!(daemon.send(Ask::get("/v1/status?token=nonsense")).await.status, 200);
    assert_eq!(
        daemon
            .send(Ask::get("/v1/status").header("authorization", "Basic !"))
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_the_body() {
    let daemon = Daemon::start().await;
    for path in [
        "/robots.txt",
        "/favicon.ico",
        "/static/icon.svg",
        "/v1/status",
        "/healthz",
        FEED,
    ] {
        let token = daemon.token();
        let get = daemon.send(Ask::get(path).header("token", &token)).await;
        let head = daemon.send(Ask::new(Method::HEAD, path).header("token", &token)).await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    let missing = daemon.send(Ask::new(Method::HEAD, "/nothing")).await;
    assert_eq!((missing.status.as_u16(), missing.body.len()), (404, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_405_with_the_allowed_ones() {
    let daemon = Daemon::start().await;
    let clear = "/v1/clear_cache/feed/block/type/ipv4/age/1w/output/txt";
    for (method, path, allow) in [
        (Method::POST, "/", "GET, HEAD"),
        (Method::OPTIONS, "/v1/status", "GET, HEAD"),
        (Method::DELETE, FEED, "GET, HEAD"),
        (Method::GET, clear, "DELETE"),
        (Method::HEAD, "/v1/generate_token_json", "POST"),
        (Method::GET, "/v1/generate_token_json", "POST"),
    ] {
        let answer = daemon.send(Ask::new(method.clone(), path)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, allow),
            "{method} {path}"
        );
        if method != Method::HEAD {
            assert_eq!(answer.detail(), "Method Not Allowed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_with_every_method() {
    let daemon = Daemon::start().await;
    for path in [
        "/docs",
        "/v1",
        "/V1/status",
        "//v1/status",
        "/v1//status",
        "/v1/status//",
        "/v1/nothing",
        "/static",
        "/static/x",
        "/static/..%2ffavicon.ico",
        "/static/%2e%2e/favicon.ico",
        "/static/Favicon.ico",
        "/t/x",
        "/%zz",
        "/%ff",
    ] {
        let answer = daemon.send(Ask::get(path)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.detail()),
            (404, json!("Not Found")),
            "{path}"
        );
    }
    assert_eq!(daemon.send(Ask::new(Method::PUT, "/docs")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_too_many_is_redirected_unless_a_token_would_show() {
    let daemon = Daemon::start().await;
    let plain = daemon.send(Ask::get("/v1/status/?cache=5&x=%20")).await;
    assert_eq!(
        (plain.status.as_u16(), plain.header("location")),
        (307, "/v1/status?cache=5&x=%20")
    );
    assert_eq!(
        daemon.send(Ask::get("/v1/check/")).await.header("location"),
        "/v1/check"
    );
    let token = daemon.token();
    for target in [
        format!("/v1/feedmapping/?token={token}"),
        format!("/t/{token}/v1/feedmapping/"),
        format!("/v1/feedmapping/?t%6Fken={token}"),
    ] {
        let answer = daemon.send(Ask::get(&target)).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("location"));
    }
    let misnamed = daemon.send(Ask::get(&format!("/v1/feedmapping/?Token={token}"))).await;
    assert_eq!(misnamed.status, 401);
    assert!(!misnamed.headers.contains_key("location"));
    assert_eq!(daemon.send(Ask::get("/nothing/")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_against_browsers() {
    let daemon = Daemon::start().await;
    for path in ["/", "/nothing", "/v1/check", "/v1/status/", "/favicon.ico", FEED] {
        let answer = daemon.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'"),
            "{path}"
        );
        assert!(answer.headers.contains_key("cache-control"), "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(
            answer.header("strict-transport-security").starts_with("max-age="),
            "{path}"
        );
    }
}
