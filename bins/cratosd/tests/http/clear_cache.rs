//! `DELETE /v1/clear_cache/…`.

use http::Method;
use misp_sim::Fault;
use serde_json::json;
use token_crypto::{Permission, Scope};

use crate::support::{Answer, Ask, Daemon, FEED, event};

const CLEAR: &str = "/v1/clear_cache/feed/block/type/ipv4/age/1w/output/txt";

async fn clear(daemon: &Daemon, token: &str, path: &str) -> Answer {
    daemon.send(Ask::new(Method::DELETE, path).header("token", token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_feed_is_fetched_anew_in_every_output() {
    let daemon = Daemon::start().await;
    daemon.get(FEED).await;
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"])));
    let cleared = clear(&daemon, &daemon.token(), CLEAR).await;
    assert_eq!((cleared.status.as_u16(), cleared.text()), (200, "{\"ok\":true}"));
    let fresh = daemon.get(&FEED.replace("txt", "json")).await;
    assert_eq!(
        (fresh.header("x-cache"), fresh.text()),
        ("MISS", "[\"198.51.100.7\", \"198.51.100.8\"]")
    );
    assert_eq!(daemon.get(FEED).await.header("x-cache"), "HIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_while_misp_is_down_does_not_empty_the_feed() {
    let daemon = Daemon::start().await;
    daemon.get(FEED).await;
    daemon.sim.set_fault(Fault::Refuse);
    clear(&daemon, &daemon.token(), CLEAR).await;
    let answer = daemon.get(FEED).await;
    assert_eq!(
        (answer.feed(), answer.header("x-cache")),
        ((200, "198.51.100.7"), "STALE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_was_never_asked_for_can_be_cleared_too() {
    let daemon = Daemon::start().await;
    assert_eq!(
        clear(&daemon, &daemon.token(), CLEAR).await.json(),
        json!({ "ok": true })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_needs_the_permission() {
    let daemon = Daemon::start().await;
    let scoped = |scope: Scope| daemon.seal(&daemon.claims().with_scope(scope));
    let block = || Scope::new().with_feeds(["block"]);
    let refused = clear(&daemon, &scoped(block()), CLEAR).await;
    assert_eq!(
        (refused.status.as_u16(), refused.detail()),
        (403, json!("This token does not have the permission `clear_cache`."))
    );
    let permitted = scoped(block().with_permissions([Permission::ClearCache]));
    assert_eq!(clear(&daemon, &permitted, CLEAR).await.status, 200);
    assert_eq!(
        clear(&daemon, &permitted, &CLEAR.replace("block", "hunt")).await.status,
        403
    );
    assert_eq!(
        clear(&daemon, &permitted, &CLEAR.replace("block", "x")).await.status,
        422
    );
    assert_eq!(daemon.send(Ask::new(Method::DELETE, CLEAR)).await.status, 401);
}
