//! Answers out of memory that are made at once are those of the long way.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use feed_classification::{IndicatorSetBuilder, IndicatorType};
use feed_engine::{Errand, FeedContents, FeedEngine, FeedScope, GatherFuture, IndicatorSource, Upstream};
use gateway::testkit::{Installation, SITE, token_claims};
use gateway::{Facts, Gateway, Peer, RepeatedAnswer};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use site_config::{ConfigStore, ReloadOutcome};

const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

/// Three names, one of which no list of this format carries; counts how often it is asked.
#[derive(Debug, Default)]
struct Names(AtomicU32);

impl IndicatorSource for Names {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        assert_eq!(scope.kind, IndicatorType::Domain);
        self.0.fetch_add(1, Ordering::Relaxed);
        let mut values = IndicatorSetBuilder::new(IndicatorType::Domain);
        for name in ["a.example", "b.example", "c.example"] {
            values.push(name);
        }
        let contents = FeedContents::new(values.finish(), BTreeMap::from([("bad_label", 2)]));
        Box::pin(async { Ok(contents) })
    }
}

struct Served {
    installation: Installation,
    config: ConfigStore,
    gateway: Gateway,
    token: String,
}

fn served(site: &str) -> Served {
    let installation = Installation::new("token_limits: { per_second: 100, burst: 1000, at_once: 10 }\n");
    installation.write("sites/127.0.0.1.yaml", site);
    let config = ConfigStore::open(installation.paths()).unwrap();
    let engine = FeedEngine::builder().source(Arc::new(Names::default())).build();
    let gateway = Gateway::new(config.clone(), engine).unwrap();
    let token = installation.seal(&token_claims("127.0.0.1", 443).with_label("fw1"));
    Served {
        installation,
        config,
        gateway,
        token,
    }
}

impl Served {
    fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Request<Empty<&'static [u8]>> {
        let request = Request::builder().method(method).uri(target);
        let request = request.header("host", "x").header("token", &self.token);
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        let peer = Peer(Ipv4Addr::LOCALHOST.into());
        request.extension(peer).body(Empty::new()).unwrap()
    }

    /// Returns the answer that is ready at once, if there is one.
    async fn at_once(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Option<String> {
        let answering = self.gateway.answering(self.request(method, target, headers));
        if !answering.is_ready() {
            return None;
        }
        Some(text(answering.await.unwrap()).await)
    }
}

/// Returns everything of an answer as text, its age left out.
async fn text(response: Response<gateway::Body>) -> String {
    let (parts, body) = response.into_parts();
    let mut lines: Vec<String> = parts
        .headers
        .iter()
        .filter(|(name, _)| *name != "age")
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    lines.sort_unstable();
    let body = body.collect().await.unwrap().to_bytes();
    format!("{} {lines:#?} {body:?}", parts.status)
}

#[tokio::test]
async fn the_answer_is_the_same_both_ways() {
    let served = served(SITE);
    let first = served.gateway.answer(served.request("GET", FEED, &[])).await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let modified = first.headers()["last-modified"].to_str().unwrap().to_owned();
    for (method, target, headers) in [
        ("GET", FEED, vec![]),
        ("HEAD", FEED, vec![]),
        ("GET", FEED, vec![("if-none-match", &*etag)]),
        ("HEAD", FEED, vec![("if-none-match", &*etag)]),
        ("GET", FEED, vec![("if-modified-since", &*modified)]),
        ("GET", FEED, vec![("if-none-match", "\"other\"")]),
        ("GET", FEED, vec![("accept-encoding", "gzip")]),
        ("GET", FEED, vec![("x-forwarded-for", "198.51.100.9")]),
        ("GET", &format!("{FEED}?limit=2"), vec![]),
        (
            "GET",
            "/v1/feed/block/type/domain/age/1w/output/rpz?action=nodata",
            vec![],
        ),
    ] {
        // The first answer makes the body, whichever the caller has already.
        let is_plain = |(name, _): &(&str, &str)| !name.starts_with("if-");
        let plain: Vec<_> = headers.iter().copied().filter(is_plain).collect();
        served.gateway.answer(served.request("GET", target, &plain)).await;
        let long = text(served.gateway.answer(served.request(method, target, &headers)).await).await;
        let short = served.at_once(method, target, &headers).await;
        assert_eq!(short, Some(long), "{method} {target} {headers:?}");
    }
}

/// As the text of a response has it.
fn repeated_text(answer: &RepeatedAnswer) -> String {
    let head = std::str::from_utf8(&answer.head).unwrap();
    let mut lines = head.lines();
    assert!(lines.next().unwrap().starts_with("HTTP/1.1 "));
    let lines = lines.map(|line| line.split_once(": ").unwrap());
    let mut lines: Vec<String> = lines
        .filter(|(name, _)| *name != "age")
        .map(|(name, value)| format!("{name}: {:?}", http::HeaderValue::from_str(value).unwrap()))
        .collect();
    lines.sort_unstable();
    format!("{} {lines:#?} {:?}", answer.status, answer.body)
}

#[tokio::test]
async fn a_repeated_request_has_the_answer_of_the_long_way_and_the_same_facts() {
    let served = served(SITE);
    let first = served.gateway.answer(served.request("GET", FEED, &[])).await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let modified = first.headers()["last-modified"].to_str().unwrap().to_owned();
    for (method, headers, length) in [
        ("GET", vec![], 31),
        ("HEAD", vec![], 31),
        ("GET", vec![("if-none-match", &*etag)], 0),
        (
            "GET",
            vec![("if-none-match", "\"other\""), ("if-none-match", &*etag)],
            0,
        ),
        ("GET", vec![("if-modified-since", &*modified)], 0),
    ] {
        let request = || served.request(method, FEED, &headers);
        let repeated = served.gateway.repeated(&request()).unwrap();
        let long = served.gateway.answer(request()).await;
        let facts = format!("{:?}", long.extensions().get::<Arc<Facts>>().unwrap());
        let long = text(long).await;
        for _ in 0..2 {
            let answer = repeated.answer().unwrap();
            assert_eq!(repeated_text(&answer), long, "{method} {headers:?}");
            assert_eq!(answer.length, length, "{method} {headers:?}");
            let again = answer.extensions.get::<Arc<Facts>>().unwrap();
            assert_eq!(format!("{again:?}"), facts);
        }
    }
}

#[tokio::test]
async fn only_a_request_that_is_answered_out_of_memory_is_kept_for_repetition() {
    let served = served(SITE);
    let is_kept = |request| served.gateway.repeated(&request).is_some();
    assert!(!is_kept(served.request("GET", FEED, &[])), "it was never answered");
    served.gateway.answer(served.request("GET", FEED, &[])).await;
    assert!(is_kept(served.request("GET", FEED, &[])));
    let traced = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
    assert!(!is_kept(served.request("GET", FEED, &traced)));
    assert!(!is_kept(served.request("GET", FEED, &[("token", "another")])));
    assert!(!is_kept(served.request("POST", FEED, &[])));
    assert!(!is_kept(served.request("GET", "/v1/feedmapping", &[])));
}

#[tokio::test]
async fn a_repeated_request_is_judged_each_time() {
    let served = served(SITE);
    let request = || served.request("GET", FEED, &[]);
    served.gateway.answer(request()).await;
    let repeated = served.gateway.repeated(&request()).unwrap();
    let limits = "token_limits: { per_second: 1, burst: 3, at_once: 10 }\n";
    assert!(repeated.answer().is_some());
    served.installation.write("config.yaml", &Installation::core(limits));
    assert!(matches!(served.config.reload(), ReloadOutcome::Applied(_)));
    assert!(repeated.answer().is_none(), "another configuration may refuse it");
    served.gateway.answer(request()).await;
    let repeated = served.gateway.repeated(&request()).unwrap();
    let answers: Vec<_> = (0..4).map(|_| repeated.answer().unwrap()).collect();
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.head.starts_with(b"HTTP/1.1 429 Too Many Requests\r\n"));
    assert!(last.body.starts_with(b"{"), "{:?}", last.body);
    assert_eq!(last.length, last.body.len() as u64);
    let facts = last.extensions.get::<Arc<Facts>>().unwrap();
    assert_eq!(facts.notes.label(), Some("fw1"));
}

#[tokio::test]
async fn only_a_request_that_was_answered_before_is_answered_at_once() {
    let served = served(SITE);
    assert_eq!(served.at_once("GET", FEED, &[]).await, None);
    served.gateway.answer(served.request("GET", FEED, &[])).await;
    assert!(served.at_once("GET", FEED, &[]).await.is_some());
    for (method, target, headers) in [
        ("GET", "/v1/feed/alert/type/domain/age/1w/output/txt", vec![]),
        ("GET", FEED, vec![("token", "another")]),
        ("POST", FEED, vec![]),
        ("GET", FEED, vec![("host", "another")]),
        (
            "GET",
            FEED,
            vec![("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
        ),
    ] {
        let answer = served.at_once(method, target, &headers).await;
        assert_eq!(answer, None, "{method} {target} {headers:?}");
    }
}

/// For example a token that the operator has just revoked, or an address that the site no longer allows.
#[tokio::test]
async fn a_change_of_the_configuration_counts_at_once() {
    let served = served(SITE);
    served.gateway.answer(served.request("GET", FEED, &[])).await;
    assert!(served.at_once("GET", FEED, &[]).await.is_some());
    let elsewhere = SITE.replace("127.0.0.0/8", "192.0.2.0/24");
    served.installation.write("sites/127.0.0.1.yaml", &elsewhere);
    assert!(matches!(served.config.reload(), ReloadOutcome::Applied(_)));
    assert_eq!(served.at_once("GET", FEED, &[]).await, None);
    let refused = served.gateway.answer(served.request("GET", FEED, &[])).await;
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn the_limits_of_a_token_count_for_answers_at_once() {
    let served = served(SITE);
    served.installation.write(
        "config.yaml",
        &Installation::core("token_limits: { per_second: 1, burst: 3, at_once: 10 }\n"),
    );
    assert!(matches!(served.config.reload(), ReloadOutcome::Applied(_)));
    served.gateway.answer(served.request("GET", FEED, &[])).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let text = served.at_once("GET", FEED, &[]).await.unwrap();
        statuses.push(text.split_whitespace().next().unwrap().to_owned());
    }
    assert_eq!(statuses, ["200", "200", "429"]);
}
