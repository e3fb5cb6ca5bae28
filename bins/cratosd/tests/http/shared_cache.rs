//! Two daemons share one cache: a real memcached, and a real Redis.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache::{CacheKeys, Memcached, MemcachedServer, SharedCache, SharedStore, Valkey, ValkeyServer};
use feed_engine::FeedEngine;
use http::StatusCode;
use misp_sim::Sim;
use test_peers::{Peer, free_port, program};
use tokio::task::JoinSet;

use crate::support::{Ask, Daemon, FEED, Setup, event};

/// Long enough for a machine that is busy with other tests; by default, a request waits for the cache for at most 50
/// ms.
const PATIENT: Duration = Duration::from_secs(30);

/// A site with a time-out for MISP that is long enough for a busy machine.
const SITE: &str = "tag: example\nmispTimeoutSeconds: 60\nallowed_ips: [\"127.0.0.0/8\"]\n";

fn memcached(port: u16) -> Option<Peer> {
    let mut command = Command::new(program("memcached")?);
    let words = ["-u", "nobody", "-l", "127.0.0.1", "-p", &port.to_string()];
    Some(Peer::listening(command.args(words), port))
}

fn redis(port: u16) -> Option<Peer> {
    let mut command = Command::new(program("redis-server")?);
    let words = ["--save", "", "--bind", "127.0.0.1", "--port", &port.to_string()];
    Some(Peer::listening(command.args(words).stdout(Stdio::null()), port))
}

fn to_memcached(port: u16) -> Arc<dyn SharedStore> {
    let host = "127.0.0.1".to_owned();
    Arc::new(Memcached::new(MemcachedServer {
        host,
        port,
        login: None,
    }))
}

fn to_redis(port: u16) -> Arc<dyn SharedStore> {
    Arc::new(Valkey::new(ValkeyServer::new("127.0.0.1", port)).unwrap())
}

/// Starts a daemon whose engine waits for the cache for up to [`PATIENT`].
async fn replica(store: &Arc<dyn SharedStore>) -> Daemon {
    let keys = CacheKeys::new([&[7; 32]]).unwrap();
    let cache = SharedCache::with_patience(Arc::clone(store), keys, PATIENT);
    let sim = Sim::builder().event(event("block", &["198.51.100.7"]));
    Daemon::with(Setup {
        sim: sim.latency(Duration::from_millis(200)),
        site: SITE.to_owned(),
        engine: FeedEngine::builder().shared(cache).build(),
        ..Setup::default()
    })
    .await
}

/// Starts a daemon whose core file has these lines.
async fn configured(core: &str) -> Daemon {
    Daemon::with(Setup {
        core: core.to_owned(),
        site: SITE.to_owned(),
        ..Setup::default()
    })
    .await
}

/// Half of the callers ask one daemon, half of them the other; both daemons have the same MISP.
async fn two_hundred_clients(store: Arc<dyn SharedStore>) {
    let alone = Daemon::start().await;
    assert_eq!(alone.get(FEED).await.status, StatusCode::OK);
    let one_sequence = alone.sim.requests().len();

    let daemons = [replica(&store).await, replica(&store).await];
    let token = daemons[0].token();
    let mut clients = JoinSet::new();
    for number in 0..200 {
        let (address, token) = (daemons[number % 2].addr, token.clone());
        clients.spawn(async move { Ask::get(FEED).header("token", token).send(address).await });
    }
    let answers = clients.join_all().await;
    assert_eq!(answers.len(), 200);
    for answer in &answers {
        assert_eq!(answer.feed(), (200, "198.51.100.7"));
        assert_eq!(answer.header("etag"), answers[0].header("etag"));
        assert_eq!(answer.header("last-modified"), answers[0].header("last-modified"));
    }
    assert_eq!(daemons[0].sim.requests().len(), one_sequence);
    assert_eq!(daemons[1].sim.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_of_two_daemons_with_a_memcached_cost_misp_one_sequence() {
    let port = free_port();
    let Some(_server) = memcached(port) else { return };
    two_hundred_clients(to_memcached(port)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_of_two_daemons_with_a_redis_cost_misp_one_sequence() {
    let port = free_port();
    let Some(_server) = redis(port) else { return };
    two_hundred_clients(to_redis(port)).await;
}

/// Asks for the status until the cache has this one.
async fn until_status(daemon: &Daemon, wanted: &str) {
    let began = Instant::now();
    loop {
        let answer = daemon.send(Ask::get("/v1/status")).await;
        let status = answer.json()["memcachedstatus"].as_str().unwrap().to_owned();
        if status == wanted {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{status}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn page(daemon: &Daemon) -> String {
    daemon.send(Ask::get("/metrics")).await.text().to_owned()
}

/// Starts one daemon after the other until one gets the feed from the cache instead of MISP; on a busy machine the
/// first ones may be too slow for that.
async fn until_shared(core: &str) {
    let first = configured(core).await;
    let began = Instant::now();
    loop {
        let cold = configured(core).await;
        let claims = first.claims();
        assert_eq!(first.get_as(&claims, FEED).await.status, StatusCode::OK);
        assert_eq!(cold.get_as(&claims, FEED).await.status, StatusCode::OK);
        if page(&cold)
            .await
            .contains("cratos_shared_cache_lookups_total{outcome=\"hit\"} 1")
        {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{}", page(&cold).await);
    }
}

async fn status_and_feeds(core: &str, port: u16, start: impl Fn(u16) -> Option<Peer>) {
    let Some(mut server) = start(port) else { return };
    let daemon = configured(core).await;
    until_status(&daemon, "OK").await;
    until_shared(core).await;

    server.kill();
    until_status(&daemon, "FAIL").await;
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    assert!(!page(&daemon).await.contains("cratos_shared_cache_failures_total 0"));

    let _server = start(port).unwrap();
    until_status(&daemon, "OK").await;
    assert!(page(&daemon).await.contains("cratos_shared_cache_resting 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memcached_of_the_reference_is_used_and_its_status_shown() {
    let port = free_port();
    let core = format!(
        "memcached_host: \"127.0.0.1\"\nmemcached_port: \"{port}\"\nmemcached_user: \"\"\nmemcached_pass: \"\"\n"
    );
    status_and_feeds(&core, port, memcached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redis_of_the_url_is_used_and_its_status_shown() {
    let port = free_port();
    let core = format!("cache: {{url: \"redis://127.0.0.1:{port}\"}}\n");
    status_and_feeds(&core, port, redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memcached_that_hangs_is_a_failure_in_the_status() {
    // This server accepts the connection and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let daemon = configured(&format!("memcached_host: 127.0.0.1\nmemcached_port: {port}\n")).await;
    until_status(&daemon, "FAIL").await;
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cache_in_the_core_file_is_used_without_a_restart() {
    let port = free_port();
    let Some(_server) = memcached(port) else { return };
    let daemon = configured("").await;
    until_status(&daemon, "DISABLED").await;
    daemon.rewrite_core(&format!("memcached_host: 127.0.0.1\nmemcached_port: {port}\n"));
    until_status(&daemon, "OK").await;
    daemon.rewrite_core("");
    until_status(&daemon, "DISABLED").await;
}
