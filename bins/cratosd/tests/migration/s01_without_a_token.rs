//! Section 1: routes without a token, and paths that there are not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::rows::{Row, Shape};

/// Waits until the daemon has reached its memcached, which a busy machine may be slow with.
pub(crate) async fn look_for_memcached(address: SocketAddr) {
    let url = format!("http://{address}/v1/status");
    let began = Instant::now();
    loop {
        let status = reqwest::get(&url).await.unwrap().text().await.unwrap();
        if status.contains("\"OK\"") {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::get("/")
            .answers(200, "application/json")
            .with(Shape::Keys(&[
                "message",
                "IP",
                "User-Agent",
                "timestamp",
                "date_time",
                "repository",
            ]))
            .with(Shape::At("/IP", json!("127.0.0.1")))
            .with(Shape::At("/User-Agent", Value::Null))
            .with(Shape::Holds(" UTC\"".to_owned())),
        Row::get("/")
            .header("user-agent", "device/1")
            .answers(200, "application/json")
            .with(Shape::At("/User-Agent", json!("device/1"))),
        Row::get("/")
            .header("user-agent", "")
            .answers(200, "application/json")
            .with(Shape::At("/User-Agent", json!(""))),
        Row::get("/robots.txt")
            .answers(200, "text/plain; charset=utf-8")
            .with(Shape::Bytes("User-agent: *\nDisallow: /".to_owned())),
        Row::get("/v1/status")
            .answers(200, "application/json")
            .with(Shape::Keys(&["ping", "memcachedstatus"]))
            .with(Shape::At("/ping", json!("pong")))
            // The sample file has a memcached, so there is no third word here.
            .with(Shape::AtOneOf("/memcachedstatus", &["OK", "FAIL"])),
        Row::get("/v1/status/").redirects("/v1/status"),
        Row::get("/v1/status/?a=1&b=%20").redirects("/v1/status?a=1&b=%20"),
    ];
    rows.push(
        Row::get("/favicon.ico")
            .answers(200, "image/vnd.microsoft.icon")
            .with(Shape::HasHeader("etag"))
            .with(Shape::HasHeader("last-modified")),
    );
    for path in ["/openapi.json", "/v1/openapi.json"] {
        let row = Row::get(path).answers(200, "application/json");
        rows.push(row.with(Shape::At("/openapi", json!("3.1.0"))));
    }
    for path in ["/v1/help", "/redoc", "/v1/generate_token_form"] {
        let row = Row::get(path).answers(200, "text/html; charset=utf-8");
        rows.push(row.with(Shape::HasHeader("content-security-policy")));
    }
    // The original sent security headers with three pages only.
    for name in [
        "x-content-type-options",
        "content-security-policy",
        "strict-transport-security",
    ] {
        rows.push(
            Row::get("/v1/status")
                .answers(200, "application/json")
                .with(Shape::HasHeader(name)),
        );
    }
    for path in ["/docs", "/v1", "/nothing", "/V1/status", "/v1/Status", "//v1/status"] {
        rows.push(Row::get(path).refuses(404, "Not Found"));
    }
    for method in [Method::POST, Method::OPTIONS, Method::PUT, Method::DELETE] {
        let row = Row::new(method, "/v1/status").refuses(405, "Method Not Allowed");
        rows.push(row.with(Shape::Header("allow", "GET, HEAD".to_owned())));
    }
    // HEAD was 405, which made clients that probe with it fail.
    for path in ["/", "/robots.txt", "/v1/status"] {
        let content_type = if path == "/robots.txt" {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        };
        rows.push(
            Row::new(Method::HEAD, path)
                .answers(200, content_type)
                .with(Shape::Nothing),
        );
    }
    rows
}
