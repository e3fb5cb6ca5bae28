//! The same request again: it is answered from what the first one prepared, and must never be answered differently than
//! a first one would be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feed_engine::ManualClock;
use http::Method;
use token_crypto::{Permission, Scope, token_sha256};

use crate::support::{Answer, Ask, Daemon, FEED, KEY, SALT, SITE, Setup, event};

/// A device with one token that asks the same again.
struct Device<'d> {
    daemon: &'d Daemon,
    token: String,
}

impl<'d> Device<'d> {
    fn of(daemon: &'d Daemon) -> Self {
        let token = daemon.token();
        Self { daemon, token }
    }

    fn with_scope(daemon: &'d Daemon, scope: Scope) -> Self {
        let token = daemon.seal(&daemon.claims().with_scope(scope));
        Self { daemon, token }
    }

    fn ask(&self, target: &str) -> Ask {
        Ask::get(target).header("token", &self.token)
    }

    async fn get(&self, target: &str) -> Answer {
        self.daemon.send(self.ask(target)).await
    }

    /// Asks often enough that the answer is prepared.
    async fn gets_the_feed(&self, target: &str) -> Answer {
        let first = self.get(target).await;
        let again = self.get(target).await;
        assert_eq!((first.status, &first.body), (again.status, &again.body));
        assert_eq!((again.status.as_u16(), again.header("x-cache")), (200, "HIT"));
        again
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_is_refused_at_its_next_request() {
    let daemon = Daemon::start().await;
    let (device, other) = (Device::of(&daemon), Device::of(&daemon));
    device.gets_the_feed(FEED).await;
    other.gets_the_feed(FEED).await;
    let digest = token_sha256(&device.token);
    daemon.rewrite_site(&format!("{SITE}blacklisted_api_tokens: [\"{digest}\"]\n"));
    let refused = device.get(FEED).await;
    let detail = "The provided API token is blacklisted and cannot be used.";
    assert_eq!((refused.status.as_u16(), refused.detail()), (403, detail.into()));
    assert_eq!(other.get(FEED).await.status, 200);
    daemon.rewrite_site(SITE);
    assert_eq!(device.get(FEED).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_token_is_no_way_around_its_revocation() {
    let daemon = Daemon::start().await;
    let device = Device::of(&daemon);
    let spelled = format!("{FEED}?token=%20{}", device.token);
    let get = async || daemon.send(Ask::get(&spelled)).await.status.as_u16();
    assert_eq!((get().await, get().await), (200, 200));
    let digest = token_sha256(&device.token);
    daemon.rewrite_site(&format!("{SITE}blacklisted_api_tokens: [\"{digest}\"]\n"));
    assert_eq!(get().await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_rule_counts_from_the_next_request_on() {
    let daemon = Daemon::start().await;
    let device = Device::of(&daemon);
    device.gets_the_feed(FEED).await;
    daemon.rewrite_site(&format!("{SITE}memcached_all_timeout: 77\n"));
    let max_age = device.get(FEED).await.header("cache-control").to_owned();
    assert!(max_age.starts_with("private, max-age=7"), "{max_age}");
    daemon.rewrite_site(&SITE.replace("127.0.0.0/8", "192.0.2.0/24"));
    assert_eq!(device.get(FEED).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_key_that_has_gone_is_refused() {
    let daemon = Daemon::start().await;
    let device = Device::of(&daemon);
    device.gets_the_feed(FEED).await;
    let new: String = KEY.chars().rev().collect();
    daemon.write(
        "config.yaml",
        &format!("encryption_key: \"{new}\"\nsalt: \"{SALT}\"\naccept_legacy_tokens: False\n"),
    );
    daemon.store.reload();
    let deadline = Instant::now() + Duration::from_secs(20);
    while device.get(FEED).await.status != 403 {
        assert!(Instant::now() < deadline, "the old key still opens tokens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(device.get("/v1/feedmapping").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_judged_at_each_request() {
    let daemon = Daemon::with(Setup {
        core: "reverse_proxy: True\nreverse_proxy_trusted: [127.0.0.1]\nallways_allowed_ips: [\"0.0.0.0/0\"]\n"
            .to_owned(),
        ..Setup::default()
    })
    .await;
    let networks = ["198.51.100.0/24".parse().unwrap()];
    let device = Device::with_scope(&daemon, Scope::unrestricted().with_networks(networks));
    let from = async |address: &str| {
        let ask = device.ask(FEED).header("x-forwarded-for", address);
        daemon.send(ask).await.status.as_u16()
    };
    for _ in 0..2 {
        assert_eq!(from("198.51.100.7").await, 200);
        assert_eq!(from("192.0.2.7").await, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_differs_in_one_character_has_its_own_answer() {
    let daemon = Daemon::with(Setup {
        sim: misp_sim::Sim::builder().event(event("block", &["198.51.100.7", "198.51.100.8"])),
        ..Setup::default()
    })
    .await;
    let device = Device::of(&daemon);
    let count = async |query: &str| {
        device
            .get(&format!("{FEED}?{query}"))
            .await
            .header("x-feed-count")
            .to_owned()
    };
    for _ in 0..2 {
        assert_eq!(
            (count("limit=1").await, count("limit=2").await),
            ("1".to_owned(), "2".to_owned())
        );
        assert_eq!(device.get(&format!("{FEED}?limit=0")).await.status, 422);
        assert_eq!(
            device.get(&FEED.replace("txt", "json")).await.header("content-type"),
            "application/json"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn method_validators_and_encoding_of_each_request_count() {
    let daemon = Daemon::start().await;
    let device = Device::of(&daemon);
    let whole = device.gets_the_feed(FEED).await;
    let head = Ask::new(Method::HEAD, FEED).header("token", &device.token);
    let head = daemon.send(head).await;
    assert_eq!(
        (head.status, head.body.len(), head.header("etag")),
        (whole.status, 0, whole.header("etag"))
    );
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    for _ in 0..2 {
        let known = daemon
            .send(device.ask(FEED).header("if-none-match", whole.header("etag")))
            .await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
        assert!(!known.headers.contains_key("content-length") && !known.headers.contains_key("content-type"));
        let other = daemon.send(device.ask(FEED).header("if-none-match", "\"x\"")).await;
        assert_eq!(other.feed(), whole.feed());
        let packed = daemon.send(device.ask(FEED).header("accept-encoding", "gzip")).await;
        assert_eq!(
            (packed.header("content-encoding"), packed.status),
            ("gzip", whole.status)
        );
        assert_ne!(packed.header("etag"), whole.header("etag"));
    }
    for method in [Method::POST, Method::PUT] {
        let refused = daemon.send(Ask::new(method, FEED).header("token", &device.token)).await;
        assert_eq!(refused.status, 405);
    }
}

/// Two credentials in one header must not pass for one in each of two.
#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_the_credentials_counts() {
    let daemon = Daemon::start().await;
    let device = Device::of(&daemon);
    device.gets_the_feed(FEED).await;
    let bearer = format!("Bearer {}", device.token);
    for _ in 0..2 {
        let both = device.ask(FEED).header("authorization", "Basic !!!");
        assert_eq!(daemon.send(both).await.status, 401);
        let bearer = Ask::get(FEED).header("authorization", &bearer);
        assert_eq!(daemon.send(bearer).await.status, 200);
        let none = Ask::get(FEED).header("authorization", &device.token);
        assert_eq!(daemon.send(none).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_changes_has_its_new_tag_and_body_and_its_new_age() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::default().clock(&clock)).await;
    let device = Device::of(&daemon);
    let before = device.gets_the_feed(FEED).await;
    clock.advance(Duration::from_secs(7));
    assert_eq!(device.get(FEED).await.header("age"), "7");
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"])));
    clock.advance(Duration::from_secs(86_400));
    let after = device.get(FEED).await;
    assert_eq!(after.feed(), (200, "198.51.100.7\r\n198.51.100.8"));
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!((after.header("age"), after.header("x-feed-count")), ("0", "2"));
    let known = daemon
        .send(device.ask(FEED).header("if-none-match", before.header("etag")))
        .await;
    assert_eq!(known.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_out_of_memory_count_towards_the_limit_of_their_token() {
    let daemon = Daemon::with(Setup {
        core: "token_limits: { burst: 5, per_second: 1 }\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let device = Device::of(&daemon);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(device.get(FEED).await.status.as_u16());
    }
    assert_eq!(statuses[..5], [200; 5]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_not_widened_by_the_answer_to_another_token() {
    let daemon = Daemon::start().await;
    Device::of(&daemon).gets_the_feed(FEED).await;
    let narrow = Device::with_scope(&daemon, Scope::new().with_feeds(["alert"]));
    let lookups = Device::with_scope(&daemon, Scope::new().only([Permission::Lookup]));
    for _ in 0..2 {
        assert_eq!(narrow.get(FEED).await.status, 403);
        assert_eq!(lookups.get(FEED).await.status, 403);
    }
}
