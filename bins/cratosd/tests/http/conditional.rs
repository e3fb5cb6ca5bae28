//! Conditional requests: callers that already have the newest version.

use crate::support::{Answer, Ask, Daemon, FEED, event};

async fn ask(daemon: &Daemon, headers: &[(&str, &str)]) -> Answer {
    let ask = Ask::get(FEED).header("token", daemon.token());
    daemon
        .send(headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value)))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_tag_that_still_holds_gives_304_with_the_same_validators() {
    let daemon = Daemon::start().await;
    let whole = ask(&daemon, &[]).await;
    let (etag, changed) = (whole.header("etag"), whole.header("last-modified"));
    let suffixed = format!("{}-gzip\"", etag.trim_end_matches('"'));
    let listed = format!("\"x\", W/{etag}");
    for headers in [
        vec![("if-none-match", etag)],
        vec![("if-none-match", listed.as_str())],
        vec![("if-none-match", suffixed.as_str())],
        vec![("if-none-match", "*")],
        vec![("if-modified-since", changed)],
        vec![
            ("if-none-match", etag),
            ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ],
    ] {
        let answer = ask(&daemon, &headers).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{headers:?}");
        assert_eq!((answer.header("etag"), answer.header("last-modified")), (etag, changed));
        assert!(answer.header("cache-control").starts_with("private, max-age="));
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        assert!(!answer.headers.contains_key("content-type"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_validators_give_the_whole_feed() {
    let daemon = Daemon::start().await;
    let whole = ask(&daemon, &[]).await;
    for headers in [
        vec![("if-none-match", "\"x\"")],
        vec![
            ("if-none-match", "\"x\""),
            ("if-modified-since", whole.header("last-modified")),
        ],
        vec![("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")],
        vec![("if-modified-since", "yesterday")],
        vec![("if-modified-since", "Fri, 31 Dec 2100 23:59:59 GMT")],
        vec![("if-modified-since", "")],
    ] {
        assert_eq!(
            ask(&daemon, &headers).await.feed(),
            (200, "198.51.100.7"),
            "{headers:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_feed_has_another_tag_and_an_unchanged_one_keeps_it() {
    let daemon = Daemon::start().await;
    let before = ask(&daemon, &[]).await;
    let clear = FEED.replace("/v1/feed", "/v1/clear_cache/feed");
    let clear = || Ask::new(http::Method::DELETE, &clear).header("token", daemon.token());
    daemon.send(clear()).await;
    let same = ask(&daemon, &[("if-none-match", before.header("etag"))]).await;
    assert_eq!(
        (same.status.as_u16(), same.header("x-cache")),
        (304, "MISS"),
        "fetched anew, and still the same"
    );
    assert_eq!(same.header("last-modified"), before.header("last-modified"));
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"])));
    daemon.send(clear()).await;
    let changed = ask(&daemon, &[("if-none-match", before.header("etag"))]).await;
    assert_eq!(changed.feed(), (200, "198.51.100.7\r\n198.51.100.8"));
    assert_ne!(changed.header("etag"), before.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_give_one_feed_the_same_tag() {
    let (one, other) = (Daemon::start().await, Daemon::start().await);
    assert_eq!(
        ask(&one, &[]).await.header("etag"),
        ask(&other, &[]).await.header("etag")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_conditional_too() {
    let daemon = Daemon::start().await;
    let whole = ask(&daemon, &[]).await;
    let head = Ask::new(http::Method::HEAD, FEED).header("token", daemon.token());
    assert_eq!(
        daemon
            .send(head.header("if-none-match", whole.header("etag")))
            .await
            .status,
        304
    );
}
