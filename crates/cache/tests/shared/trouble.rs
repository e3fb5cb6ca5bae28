//! The store is down, hangs, is full, emptied or restarted: no caller fails or waits, and the cache uses it again.

use std::sync::Arc;
use std::time::Duration;

use cache::{InProcessStore, SharedCache, SharedStore, Turn};
use test_peers::Peer;

use crate::servers::{self, PATIENT, keys, port};

const LIFE: Duration = Duration::from_secs(600);

async fn turn(cache: &SharedCache) -> Turn {
    cache.find_or_lease(b"feed", LIFE, &|_| true).await
}

async fn finds(cache: &SharedCache) -> bool {
    matches!(turn(cache).await, Turn::Found(_))
}

/// Puts and looks until the value is there again.
async fn comes_back(cache: &SharedCache) {
    for _ in 0..600 {
        if cache.put(b"feed", b"", b"value".to_vec(), LIFE).await && finds(cache).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the cache does not come back: {:?}", cache.counts());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_fifty_milliseconds_once() {
    let store = Arc::new(InProcessStore::new());
    let cache = SharedCache::new(Arc::clone(&store) as _, keys(1));
    assert!(cache.put(b"feed", b"", b"value".to_vec(), LIFE).await);
    store.hang(true);
    let began = tokio::time::Instant::now();
    assert!(matches!(turn(&cache).await, Turn::Alone));
    assert_eq!(began.elapsed(), Duration::from_millis(50));
    for _ in 0..1_000 {
        assert!(matches!(turn(&cache).await, Turn::Alone));
    }
    assert_eq!(began.elapsed(), Duration::from_millis(50), "nobody else waits");
    assert_eq!((cache.counts().failures, cache.counts().skipped), (1, 1_000));
    assert!(!cache.is_up().await);
    store.hang(false);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(cache.is_up().await);
    assert!(finds(&cache).await, "it is back, and nobody had to do anything");
}

/// What each kind of server has to survive.
async fn trouble(start: impl Fn(u16) -> Option<Peer>, store: impl Fn(u16) -> Arc<dyn SharedStore>) {
    let port = port();
    let Some(mut server) = start(port) else { return };
    let cache = SharedCache::with_patience(store(port), keys(1), Duration::from_millis(500));
    comes_back(&cache).await;

    server.kill();
    assert!(matches!(turn(&cache).await, Turn::Alone), "killed");
    assert!(!cache.is_up().await);
    let server = start(port).unwrap();
    comes_back(&cache).await;

    server.freeze();
    assert!(matches!(turn(&cache).await, Turn::Alone), "hangs");
    server.thaw();
    comes_back(&cache).await;
    assert!(cache.is_up().await || cache.is_up().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memcached_that_dies_or_hangs_is_gone_on_without() {
    trouble(
        |port| servers::memcached(port, &[]),
        |port| Arc::new(servers::to_memcached(port)),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_or_hangs_is_gone_on_without() {
    trouble(
        |port| servers::redis(port, &[]),
        |port| Arc::new(servers::to_valkey(port)),
    )
    .await;
}

#[tokio::test]
async fn a_full_server_keeps_its_values_and_takes_no_more() {
    let (first, second) = (port(), port());
    let (Some(_memcached), Some(_redis)) = (
        servers::memcached(first, &["-m", "4", "-M"]),
        servers::redis(second, &["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]),
    ) else {
        return;
    };
    let stores: [Arc<dyn SharedStore>; 2] = [
        Arc::new(servers::to_memcached(first)),
        Arc::new(servers::to_valkey(second)),
    ];
    for store in stores {
        let cache = SharedCache::with_patience(store, keys(1), PATIENT);
        assert!(cache.put(b"feed", b"", b"value".to_vec(), LIFE).await);
        let noise: Vec<u8> = (0_u64..800_000)
            .flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_le_bytes())
            .collect();
        assert!(!cache.put(b"large", b"", noise, LIFE).await);
        let counts = cache.counts();
        assert_eq!((counts.not_put, counts.failures), (1, 0), "{counts:?}");
        let turn = turn(&cache).await;
        assert!(matches!(turn, Turn::Found(_)), "{turn:?} at {}", cache.place());
    }
}

#[tokio::test]
async fn a_server_that_was_emptied_or_started_anew_is_just_empty() {
    let port = port();
    let Some(mut server) = servers::memcached(port, &[]) else {
        return;
    };
    let cache = SharedCache::with_patience(Arc::new(servers::to_memcached(port)), keys(1), PATIENT);
    assert!(cache.put(b"feed", b"", b"value".to_vec(), LIFE).await);
    server.kill();
    let _server = servers::memcached(port, &[]).unwrap();
    let Turn::Yours(_lease) = turn(&cache).await else {
        panic!("over a connection that had ended")
    };
    assert_eq!(cache.counts().failures, 0);
}
