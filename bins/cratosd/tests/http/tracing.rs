//! The header `traceparent` (W3C Trace Context): a request's questions to MISP belong to its trace.

use http::Method;
use misp_sim::Sim;
use serde_json::json;
use token_crypto::{Permission, Scope};

use crate::support::{Ask, Daemon, FEED, Setup};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// Returns the traces that MISP has heard of since the last call.
fn heard(daemon: &Daemon) -> Vec<Option<String>> {
    let requests = daemon.sim.requests();
    daemon.sim.clear_requests();
    let of = |request: &misp_sim::LoggedRequest| request.header("traceparent").map(str::to_owned);
    requests.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_that_a_request_causes_belongs_to_its_trace() {
    let daemon = Daemon::with(Setup::site_with("memcached_all_timeout: 1\n")).await;
    let scope = Scope::new().with_permissions([Permission::Lookup]);
    let token = daemon.seal(&daemon.claims().with_scope(scope));
    let order = json!({
        "port": daemon.sim.addr().port(), "proto": "http", "domain": "127.0.0.1", "auth": Sim::READER_KEY, "expire": "2099-12-31",
    });
    let asks = || {
        [
            Ask::get(FEED).header("token", &token),
            Ask::get("/v1/check").header("token", &token),
            Ask::get("/v1/lookup?value=198.51.100.7").header("token", &token),
            Ask::new(Method::POST, "/v1/generate_token_json").body(order.to_string()),
        ]
    };
    for (ask, flags) in asks().into_iter().zip(["01", "00", "01", "00"]) {
        let answer = daemon.send(ask.header("traceparent", traceparent(flags))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let heard = heard(&daemon);
        assert!(!heard.is_empty());
        let mut spans = std::collections::BTreeSet::new();
        for trace in &heard {
            let trace = trace.as_deref().unwrap_or_default();
            let rest = trace
                .strip_prefix(&format!("00-{TRACE}-"))
                .unwrap_or_else(|| panic!("{trace}"));
            let (span, sent) = rest.split_once('-').unwrap();
            assert!(span != PARENT && sent == flags, "{trace}");
            spans.insert(span.to_owned());
        }
        assert_eq!(spans.len(), heard.len(), "each question is a step of its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_trace_or_with_a_broken_one_begins_none() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let check = || Ask::get("/v1/check").header("token", &token);
    for ask in [
        check(),
        check().header("traceparent", "00-0-0-01"),
        check().header("traceparent", traceparent("01").to_uppercase()),
        check()
            .header("traceparent", traceparent("01"))
            .header("traceparent", traceparent("01")),
    ] {
        assert_eq!(daemon.send(ask).await.status, 200);
        let heard = heard(&daemon);
        assert!(!heard.is_empty() && heard.iter().all(Option::is_none), "{heard:?}");
    }
}
