//! Following a feed: server-sent events, and requests for the changes since a state.

use misp_sim::Moment;
use token_crypto::{Permission, Scope};

use crate::support::{Ask, Daemon, Events, event};

const STREAM: &str = "/v1/stream/feed/block/type/ipv4/age/1w";
const CHANGES: &str = "/v1/changes/feed/block/type/ipv4/age/1w";

fn follower(daemon: &Daemon) -> String {
    scoped(daemon, Scope::new().with_permissions([Permission::Stream]))
}

fn scoped(daemon: &Daemon, scope: Scope) -> String {
    daemon.seal(&daemon.claims().with_scope(scope))
}

/// Starts a daemon that asks MISP for the feed every second.
async fn quick() -> Daemon {
    Daemon::with(crate::support::Setup::site_with("memcached_all_timeout: 1\n")).await
}

fn publish(daemon: &Daemon, addresses: &[&str]) -> u64 {
    daemon
        .sim
        .edit(|store| store.add_event(event("block", addresses).changed(Moment::Ago(60))))
}

#[tokio::test]
async fn a_listener_gets_the_feed_and_then_its_changes() {
    let daemon = quick().await;
    let mut events = Events::open(daemon.addr, STREAM, &follower(&daemon), None).await;
    assert_eq!(events.status, 200);
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-accel-buffering: no",
    ] {
        assert!(events.head.contains(line), "{}", events.head);
    }
    let first = events.next().await.unwrap();
    assert_eq!(
        (first.name.as_str(), first.values()),
        ("snapshot", vec!["198.51.100.7"])
    );
    let second = publish(&daemon, &["198.51.100.8"]);
    let came = events.next().await.unwrap();
    assert_eq!((came.name.as_str(), came.values()), ("added", vec!["198.51.100.8"]));
    daemon.sim.edit(|store| store.delete_event(second)).unwrap();
    let went = events.next().await.unwrap();
    assert_eq!((went.name.as_str(), went.values()), ("removed", vec!["198.51.100.8"]));
    // The same values always have the same state.
    assert_eq!(first.id, went.id);
    assert_ne!(first.id, came.id);
}

#[tokio::test]
async fn a_listener_that_lost_the_connection_resumes_where_it_was() {
    let daemon = quick().await;
    let token = follower(&daemon);
    let mut events = Events::open(daemon.addr, STREAM, &token, None).await;
    let state = events.next().await.unwrap().id.unwrap();
    publish(&daemon, &["198.51.100.8"]);
    assert_eq!(events.next().await.unwrap().name, "added");
    drop(events);
    let mut again = Events::open(daemon.addr, STREAM, &token, Some(&state)).await;
    assert_eq!(again.next().await.unwrap().values(), ["198.51.100.8"]);
    let mut stranger = Events::open(daemon.addr, STREAM, &token, Some("who knows")).await;
    assert_eq!(stranger.next().await.unwrap().name, "snapshot");
}

#[tokio::test]
async fn a_large_feed_comes_in_parts_and_only_the_last_is_a_state() {
    let addresses: Vec<String> = (0..6_000).map(|n| format!("11.0.{}.{}", n / 256, n % 256)).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let daemon = Daemon::with(crate::support::Setup {
        sim: misp_sim::Sim::builder().event(event("block", &addresses)),
        site: crate::support::SITE.replace("mispTimeoutSeconds: 2", "mispTimeoutSeconds: 60"),
        ..Default::default()
    })
    .await;
    let mut events = Events::open(daemon.addr, STREAM, &follower(&daemon), None).await;
    let mut all = Vec::new();
    for part in 1..=2 {
        let told = events.next().await.unwrap();
        assert_eq!(
            (told.data["part"].as_u64(), told.data["parts"].as_u64()),
            (Some(part), Some(2))
        );
        assert_eq!(told.data["count"], 6_000);
        assert_eq!(told.id.is_some(), part == 2);
        all.extend(told.values().into_iter().map(str::to_owned));
    }
    assert_eq!(all.len(), 6_000);
}

#[tokio::test]
async fn following_needs_the_permission_and_the_feed() {
    let daemon = Daemon::start().await;
    let stream = Scope::new().with_permissions([Permission::Stream]);
    for scope in [
        Scope::new(),
        Scope::unrestricted(),
        stream.clone().with_feeds(["alert"]),
        stream.clone().with_types(["domain"]),
    ] {
        let token = scoped(&daemon, scope);
        for target in [STREAM, CHANGES] {
            let answer = daemon.send(Ask::get(target).header("token", &token)).await;
            assert_eq!(answer.status, 403, "{target}");
        }
    }
    let token = scoped(&daemon, stream);
    let wrong = daemon
        .send(Ask::get("/v1/stream/feed/x/type/y/age/z").header("token", &token))
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.detail().as_array().unwrap().len()),
        (422, 3)
    );
    assert_eq!(daemon.send(Ask::get(STREAM)).await.status, 401);
}

#[tokio::test]
async fn a_stream_ends_when_its_site_gets_other_rules_or_its_token_is_refused() {
    let daemon = quick().await;
    let token = follower(&daemon);
    let mut events = Events::open(daemon.addr, STREAM, &token, None).await;
    assert_eq!(events.next().await.unwrap().name, "snapshot");
    let digest = token_crypto::token_sha256(&token);
    let site = format!(
        "{}memcached_all_timeout: 1\nblacklisted_api_tokens: [{digest}]\n",
        crate::support::SITE
    );
    daemon.rewrite_site(&site);
    publish(&daemon, &["198.51.100.8"]);
    assert_eq!(events.next().await, None);
    assert_eq!(Events::open(daemon.addr, STREAM, &token, None).await.status, 403);
}

#[tokio::test]
async fn a_stream_ends_with_the_daemon_and_does_not_hold_it() {
    let mut daemon = Daemon::start().await;
    let mut events = Events::open(daemon.addr, STREAM, &follower(&daemon), None).await;
    assert_eq!(events.next().await.unwrap().name, "snapshot");
    daemon.stop().await.unwrap().unwrap();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn without_a_feed_a_stream_is_503() {
    let daemon = Daemon::start().await;
    daemon.sim.set_fault(misp_sim::Fault::Status(500));
    assert_eq!(
        Events::open(daemon.addr, STREAM, &follower(&daemon), None).await.status,
        503
    );
}

#[tokio::test]
async fn a_poller_gets_the_difference_to_the_state_it_names() {
    let daemon = quick().await;
    let token = follower(&daemon);
    let ask = async |target: &str| daemon.send(Ask::get(target).header("token", &token)).await;
    let first = ask(CHANGES).await.json();
    assert_eq!(
        (&first["complete"], &first["added"][0]),
        (&true.into(), &"198.51.100.7".into())
    );
    let state = first["etag"].as_str().unwrap().to_owned();
    let same = ask(&format!("{CHANGES}?since={state}")).await;
    assert_eq!(same.json()["added"], serde_json::json!([]));
    assert_eq!(same.header("etag"), format!("\"{state}\""));
    let conditional = Ask::get(&format!("{CHANGES}?since={state}"))
        .header("token", &token)
        .header("if-none-match", format!("\"{state}\""));
    assert_eq!(daemon.send(conditional).await.status, 304);

    publish(&daemon, &["198.51.100.8"]);
    let changed = loop {
        let answer = ask(&format!("{CHANGES}?since=%22{state}%22")).await;
        // A fast daemon refuses some of so many requests in a row.
        if answer.status == 200 && answer.json()["etag"] != state {
            break answer.json();
        }
    };
    assert_eq!(changed["complete"], false);
    assert_eq!(changed["added"], serde_json::json!(["198.51.100.8"]));
    assert_eq!(changed["removed"], serde_json::json!([]));
    assert_eq!(ask(&format!("{CHANGES}?since=unknown")).await.json()["complete"], true);
}
