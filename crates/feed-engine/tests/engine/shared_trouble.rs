//! What replicas share is large, or the store between them dies, hangs, is emptied, full or started anew.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cache::{CacheKeys, InProcessStore, Memcached, MemcachedServer, SharedCache, SharedStore, Valkey, ValkeyServer};
use feed_classification::{FeedName, IndicatorSetBuilder, IndicatorType};
use feed_engine::{
    Errand, FeedContents, FeedEngine, FeedError, FeedScope, GatherFuture, IndexFuture, IndicatorSource, LookupScope,
    Origin, Protocol, Upstream,
};
use site_config::Mappings;
use test_peers::{Peer, free_port, program};

use crate::support::{site, wanted};

/// As patient as a machine that is busy with other tests needs.
const PATIENT: Duration = Duration::from_secs(30);

/// Gives so many sha256 for every feed, and counts how often it was asked.
#[derive(Debug)]
struct Hashes {
    count: u64,
    asked: AtomicUsize,
}

impl Hashes {
    fn new(count: u64) -> Arc<Self> {
        let asked = AtomicUsize::new(0);
        Arc::new(Self { count, asked })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl IndicatorSource for Hashes {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut values = IndicatorSetBuilder::new(scope.kind);
        let mut state = 1_u64;
        // Digits that do not compress better than those of real hashes (xorshift).
        for _ in 0..self.count {
            let mut words = [0; 4];
            for word in &mut words {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *word = state;
            }
            let [a, b, c, d] = words;
            values.push(&format!("{a:016x}{b:016x}{c:016x}{d:016x}"));
        }
        let gathered = FeedContents::new(values.finish(), BTreeMap::new());
        Box::pin(async move { Ok(gathered) })
    }

    fn index<'a>(&'a self, _: &'a Upstream, _: LookupScope, _: &'a Errand) -> IndexFuture<'a> {
        Box::pin(std::future::ready(Err(FeedError::TimedOut { seconds: 0 })))
    }
}

fn replica(source: &Arc<Hashes>, store: &Arc<dyn SharedStore>, patience: Duration) -> FeedEngine {
    let keys = CacheKeys::new([&[7; 32]]).unwrap();
    let cache = SharedCache::with_patience(Arc::clone(store), keys, patience);
    let source = Arc::clone(source) as Arc<dyn IndicatorSource>;
    FeedEngine::builder().source(source).shared(cache).build()
}

fn upstream() -> Upstream {
    let (site, mappings) = (
        Arc::new(site("mispTimeoutSeconds: 600\n")),
        Arc::new(Mappings::default()),
    );
    Upstream::new(site, mappings, Protocol::Http, 80, "k".repeat(40).into())
}

fn hashes() -> feed_engine::FeedRequest {
    wanted(FeedName::Block, IndicatorType::FileSha256)
}

fn memcached(port: u16, more: &[&str]) -> Option<Peer> {
    let mut command = Command::new(program("memcached")?);
    let words = ["-u", "nobody", "-l", "127.0.0.1", "-p", &port.to_string()];
    Some(Peer::listening(command.args(words).args(more), port))
}

fn redis(port: u16, more: &[&str]) -> Option<Peer> {
    let mut command = Command::new(program("redis-server")?);
    let words = ["--save", "", "--bind", "127.0.0.1", "--port", &port.to_string()];
    let silent = std::process::Stdio::null();
    Some(Peer::listening(command.args(words).args(more).stdout(silent), port))
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

async fn half_a_million(store: Arc<dyn SharedStore>) {
    let (source, upstream) = (Hashes::new(500_000), upstream());
    let gathered = replica(&source, &store, PATIENT)
        .feed(&upstream, &hashes())
        .await
        .unwrap();
    let (changed_at, etag) = (gathered.changed_at, gathered.etag);
    let body = gathered.body.bytes().await.unwrap();
    assert_eq!((gathered.count, body.len()), (500_000, 500_000 * 66 - 2));
    let shared = replica(&source, &store, PATIENT)
        .feed(&upstream, &hashes())
        .await
        .unwrap();
    assert_eq!(source.asked(), 1, "nobody is asked again");
    assert_eq!((shared.origin, shared.changed_at), (Origin::Hit, changed_at));
    assert_eq!(shared.etag, etag);
    assert!(body == shared.body.bytes().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_million_hashes_come_back_from_a_memcached_byte_for_byte() {
    let port = free_port();
    let Some(_server) = memcached(port, &["-m", "256"]) else {
        return;
    };
    half_a_million(to_memcached(port)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_million_hashes_come_back_from_a_redis_byte_for_byte() {
    let port = free_port();
    let Some(_server) = redis(port, &[]) else { return };
    half_a_million(to_redis(port)).await;
}

/// Gathers anew and looks with a cold replica until that finds it: the store is in use again.
async fn until_shared(warm: &FeedEngine, source: &Arc<Hashes>, store: &Arc<dyn SharedStore>, upstream: &Upstream) {
    let began = Instant::now();
    loop {
        warm.forget(upstream, hashes().scope);
        warm.feed(upstream, &hashes()).await.unwrap();
        let cold = replica(source, store, PATIENT);
        if cold.feed(upstream, &hashes()).await.unwrap().origin == Origin::Hit {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the store is not used again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A held feed comes out of memory, and one that has to be gathered is.
async fn goes_on(warm: &FeedEngine, upstream: &Upstream) {
    let held = warm.feed(upstream, &hashes()).await.unwrap();
    assert_eq!((held.count, held.origin), (100, Origin::Hit));
    warm.forget(upstream, hashes().scope);
    let gathered = warm.feed(upstream, &hashes()).await.unwrap();
    assert_eq!((gathered.count, gathered.origin), (100, Origin::Miss));
}

/// Sends one command in plain text, as both kinds of server take it.
async fn tell(port: u16, command: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"OK") || answer.starts_with(b"OK"), "{answer:?}");
}

async fn trouble(port: u16, start: impl Fn() -> Option<Peer>, store: Arc<dyn SharedStore>, flush: &str) {
    let Some(mut server) = start() else { return };
    let (source, upstream) = (Hashes::new(100), upstream());
    let warm = replica(&source, &store, Duration::from_millis(500));
    until_shared(&warm, &source, &store, &upstream).await;
    server.kill();
    goes_on(&warm, &upstream).await;
    let server = start().unwrap();
    until_shared(&warm, &source, &store, &upstream).await;
    server.freeze();
    goes_on(&warm, &upstream).await;
    server.thaw();
    until_shared(&warm, &source, &store, &upstream).await;
    tell(port, flush).await;
    goes_on(&warm, &upstream).await;
    until_shared(&warm, &source, &store, &upstream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memcached_that_is_killed_stopped_and_flushed_is_gone_on_without_and_used_again() {
    let port = free_port();
    trouble(port, || memcached(port, &[]), to_memcached(port), "flush_all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_stopped_and_flushed_is_gone_on_without_and_used_again() {
    let port = free_port();
    trouble(port, || redis(port, &[]), to_redis(port), "FLUSHALL").await;
}

/// Twelve megabytes of hashes do not fit; the next, smaller feed does.
async fn full(store: Arc<dyn SharedStore>) {
    let (large, upstream) = (Hashes::new(200_000), upstream());
    for _ in 0..2 {
        let feed = replica(&large, &store, PATIENT)
            .feed(&upstream, &hashes())
            .await
            .unwrap();
        assert_eq!((feed.count, feed.origin), (200_000, Origin::Miss));
    }
    let small = Hashes::new(100);
    until_shared(&replica(&small, &store, PATIENT), &small, &store, &upstream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memcached_that_is_full_is_gone_on_with() {
    let port = free_port();
    let Some(_server) = memcached(port, &["-m", "4"]) else {
        return;
    };
    full(to_memcached(port)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_full_is_gone_on_with() {
    let port = free_port();
    let Some(_server) = redis(port, &["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"]) else {
        return;
    };
    full(to_redis(port)).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_a_held_feed_nothing_and_a_cold_one_fifty_milliseconds() {
    let store = Arc::new(InProcessStore::new());
    let (source, upstream) = (Hashes::new(100), upstream());
    let shared = Arc::clone(&store) as Arc<dyn SharedStore>;
    let engine = replica(&source, &shared, Duration::from_millis(50));
    engine.feed(&upstream, &hashes()).await.unwrap();
    store.hang(true);
    let began = tokio::time::Instant::now();
    assert_eq!(engine.feed(&upstream, &hashes()).await.unwrap().origin, Origin::Hit);
    assert_eq!(began.elapsed(), Duration::ZERO);
    engine.forget(&upstream, hashes().scope);
    assert_eq!(engine.feed(&upstream, &hashes()).await.unwrap().origin, Origin::Miss);
    assert!(began.elapsed() <= Duration::from_millis(50), "{:?}", began.elapsed());
}
