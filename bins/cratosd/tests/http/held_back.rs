//! A feed that loses too much at once is served as it was until an operator accepts the loss.

use std::sync::{Arc, Mutex};

use feed_classification::IndicatorSet;
use feed_engine::{Errand, FeedEngine, FeedScope, GatherFuture, IndicatorSource, Upstream};
use http::Method;
use token_crypto::{Claims, Permission, Scope};

use crate::support::{Answer, Ask, Daemon, FEED, Setup};

const ACCEPT: &str = "/v1/feed/block/type/ipv4/age/1w/accept";

/// Gives the values that a test sets.
#[derive(Debug, Default)]
struct Scripted(Mutex<Vec<&'static str>>);

impl IndicatorSource for Scripted {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move {
            let values = self.0.lock().unwrap().clone();
            Ok(IndicatorSet::of(scope.kind, values).into())
        })
    }
}

async fn daemon() -> (Daemon, Arc<Scripted>) {
    let source = Arc::new(Scripted::default());
    *source.0.lock().unwrap() = vec!["198.51.100.7"];
    let engine = FeedEngine::builder().source(Arc::clone(&source) as _).build();
    let daemon = Daemon::with(Setup {
        engine,
        ..Setup::default()
    });
    (daemon.await, source)
}

fn operator(daemon: &Daemon) -> Claims {
    daemon.claims().with_scope(Scope::new().only([Permission::Operate]))
}

async fn accept(daemon: &Daemon, path: &str) -> Answer {
    let token = daemon.seal(&operator(daemon));
    daemon.send(Ask::new(Method::POST, path).header("token", token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_shows_in_headers_metrics_and_list_until_an_operator_accepts_it() {
    let (daemon, source) = daemon().await;
    let before = daemon.get(FEED).await;
    assert_eq!(before.feed(), (200, "198.51.100.7"));
    assert!(!before.headers.contains_key("x-feed-held"));
    *source.0.lock().unwrap() = Vec::new();
    // MISP is asked as soon as the feed is older than a second.
    let began = std::time::Instant::now();
    let mut held = daemon.get(&format!("{FEED}?cache=1")).await;
    while !held.headers.contains_key("x-feed-held") {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{held:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        held = daemon.get(&format!("{FEED}?cache=1")).await;
    }
    assert_eq!(
        (held.feed(), held.header("etag")),
        ((200, "198.51.100.7"), before.header("etag"))
    );
    assert_eq!(
        (held.header("x-cache"), held.header("warning")),
        ("STALE", "110 - \"Response is Stale\"")
    );
    assert!(
        held.header("x-feed-held").starts_with("from=1, to=0, since=2"),
        "{}",
        held.header("x-feed-held")
    );
    assert_eq!(daemon.send(Ask::get("/readyz")).await.status, 200);
    let page = daemon.send(Ask::get("/metrics")).await;
    let page = page.text();
    let labels = "site=\"127.0.0.1\",feed=\"block\",type=\"ipv4\",age=\"1w\"";
    for line in [
        format!("cratos_feed_held{{{labels}}} 1"),
        format!("cratos_feed_held_values{{{labels}}} 0"),
        "cratos_feeds_held_total{site=\"127.0.0.1\"} 1".to_owned(),
    ] {
        assert!(page.contains(&line), "{line}\n{page}");
    }
    let list = daemon.get_as(&operator(&daemon), "/v1/site/held").await.json();
    let feed = &list["feeds"][0];
    assert_eq!(
        (&feed["feed"], &feed["examples"][0]),
        (&"block/ipv4/1w".into(), &"198.51.100.7".into())
    );
    let done = accept(&daemon, ACCEPT).await.json();
    assert_eq!(
        (&done["accepted"], &done["from"], &done["to"]),
        (&true.into(), &1.into(), &0.into())
    );
    let after = daemon.get(FEED).await;
    assert_eq!((after.feed(), after.header("x-cache")), ((200, ""), "HIT"));
    assert!(!after.headers.contains_key("x-feed-held"));
    let list = daemon.get_as(&operator(&daemon), "/v1/site/held").await.json();
    assert_eq!(list["feeds"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_accepted_that_is_not_held_back_and_only_by_operators() {
    let (daemon, _) = daemon().await;
    let done = accept(&daemon, ACCEPT).await.json();
    assert_eq!(
        (&done["accepted"], &done["reason"]),
        (&false.into(), &"no smaller set of this feed is held back".into())
    );
    assert_eq!(
        accept(&daemon, "/v1/feed/blck/type/ipv4/age/1w/accept").await.status,
        422
    );
    let device = Ask::new(Method::POST, ACCEPT).header("token", daemon.token());
    assert_eq!(daemon.send(device).await.status, 403);
}
