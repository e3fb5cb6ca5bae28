//! The mirrors of several daemons share one cache: one asks MISP, and the others follow it.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache::{CacheKeys, InProcessStore, SharedCache, SharedStore, Valkey, ValkeyServer};
use feed_engine::{FeedEngine, IndicatorSource as _, MirrorSource, MirrorStanding, MispSource, Origin, Way};
use misp_sim::{RunningSim, Sim};
use test_peers::{Peer, free_port, program};

use crate::mirror_bench::{MirrorBench, block, domain_event, until, values};

const POLL: &str = "mirror_poll: 1s\n";
/// As patient with the cache as a busy machine needs.
const PATIENT: Duration = Duration::from_secs(2);

/// The mirrors of two daemons.
struct Pair {
    benches: [MirrorBench; 2],
    /// They pass the cache on to the mirrors.
    engines: [FeedEngine; 2],
}

impl Pair {
    /// One of them leads already.
    async fn over(store: Arc<dyn SharedStore>) -> Self {
        let sim = Sim::builder().event(domain_event("a.example")).start().await.unwrap();
        let sim = Arc::new(sim);
        let one = MirrorBench::beside(Arc::clone(&sim), POLL);
        let two = MirrorBench::beside(sim, POLL);
        let engines = [&one, &two].map(|bench| engine(bench, &store));
        one.begin().await;
        two.begin().await;
        let pair = Self {
            benches: [one, two],
            engines,
        };
        pair.until_settled().await;
        pair
    }

    fn sim(&self) -> &RunningSim {
        &self.benches[0].sim
    }

    fn standing(&self, place: usize) -> MirrorStanding {
        let bench = &self.benches[place];
        let way = bench.mirror.way(&bench.upstream);
        way.mirror().map(|status| status.standing).unwrap_or_default()
    }

    fn questions(&self, place: usize) -> u64 {
        let bench = &self.benches[place];
        let way = bench.mirror.way(&bench.upstream);
        way.mirror().map_or(0, |status| status.questions)
    }

    /// Waits until one leads and the other one follows it and asks MISP nothing any more; returns the leader.
    async fn until_settled(&self) -> usize {
        let leader = until(|| match [self.standing(0), self.standing(1)] {
            [MirrorStanding::Leading, MirrorStanding::Following] => Ok(0),
            [MirrorStanding::Following, MirrorStanding::Leading] => Ok(1),
            other => Err(format!("{other:?}")),
        })
        .await;
        loop {
            let before = self.questions(1 - leader);
            tokio::time::sleep(Duration::from_secs(3)).await;
            if self.questions(1 - leader) == before {
                return leader;
            }
        }
    }

    async fn until_both_have(&self, expected: &[&str]) {
        for bench in &self.benches {
            until_it_has(bench, expected).await;
        }
    }
}

async fn until_it_has(bench: &MirrorBench, expected: &[&str]) {
    let began = Instant::now();
    loop {
        let contents = bench.gather(block()).await.unwrap();
        if values(&contents) == expected {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", values(&contents));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn engine(bench: &MirrorBench, store: &Arc<dyn SharedStore>) -> FeedEngine {
    let keys = CacheKeys::new([&[7; 32]]).unwrap();
    let cache = SharedCache::with_patience(Arc::clone(store), keys, PATIENT);
    FeedEngine::builder()
        .source(Arc::clone(&bench.mirror) as _)
        .shared(cache)
        .build()
}

/// Otherwise the second daemon would have no mirror while the first one has each feed that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn mirror_begins_also_where_each_feed_comes_from_the_other_daemon() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let sim = Arc::new(Sim::builder().event(domain_event("a.example")).start().await.unwrap());
    let one = MirrorBench::beside(Arc::clone(&sim), POLL);
    let two = MirrorBench::beside(sim, POLL);
    for (bench, origin) in [(&one, Origin::Miss), (&two, Origin::Hit)] {
        let engine = engine(bench, &store);
        let found = engine.values(&bench.upstream, block()).await.unwrap();
        assert_eq!(
            (found.iter().collect::<Vec<_>>(), found.origin),
            (vec!["a.example"], origin)
        );
        // The first one has shared its answer long before its mirror is complete.
        bench.until_mirrored().await;
    }
}

async fn one_leads_and_the_other_takes_over(store: Arc<dyn SharedStore>) {
    let mut pair = Pair::over(store).await;
    let leader = pair.until_settled().await;
    let before = pair.questions(1 - leader);
    pair.sim().edit(|store| store.add_event(domain_event("b.example")));
    pair.until_both_have(&["a.example", "b.example"]).await;
    assert_eq!(pair.questions(1 - leader), before, "the follower asks MISP nothing");
    // The leader ends, and the other one goes on.
    pair.benches[leader].mirror = Arc::new(MirrorSource::new(Arc::new(MispSource::new())));
    pair.engines[leader] = FeedEngine::builder().build();
    pair.sim().edit(|store| store.add_event(domain_event("c.example")));
    until_it_has(&pair.benches[1 - leader], &["a.example", "b.example", "c.example"]).await;
    assert_eq!(pair.standing(1 - leader), MirrorStanding::Leading);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mirror_asks_misp_for_both_and_the_other_one_goes_on_when_it_ends() {
    one_leads_and_the_other_takes_over(Arc::new(InProcessStore::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_share_a_redis() {
    let port = free_port();
    let Some(redis) = program("redis-server") else { return };
    let mut command = Command::new(redis);
    let words = ["--save", "", "--bind", "127.0.0.1", "--port", &port.to_string()];
    let _peer = Peer::listening(command.args(words).stdout(Stdio::null()), port);
    let valkey = Valkey::new(ValkeyServer::new("127.0.0.1", port)).unwrap();
    one_leads_and_the_other_takes_over(Arc::new(valkey)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_that_another_party_changed_is_not_used() {
    let store = Arc::new(InProcessStore::new());
    let pair = Pair::over(Arc::clone(&store) as _).await;
    let leader = pair.until_settled().await;
    pair.sim().edit(|store| store.add_event(domain_event("b.example")));
    // Every item is altered again and again, so that the follower reads none, and asks MISP by itself in the end.
    let rejected = || pair.engines[1 - leader].shared_cache().unwrap().counts().rejected;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) || (rejected() == 0 && began.elapsed() < Duration::from_secs(30)) {
        store.tamper(|_, value| {
            let mut bytes = value.to_vec();
            if let Some(last) = bytes.last_mut().filter(|_| value.len() > 16) {
                *last ^= 1;
            }
            Bytes::from(bytes)
        });
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    assert!(rejected() > 0);
    pair.until_both_have(&["a.example", "b.example"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_misp_can_be_read_in_the_cache() {
    let store = Arc::new(InProcessStore::new());
    let pair = Pair::over(Arc::clone(&store) as _).await;
    pair.sim()
        .edit(|store| store.add_event(domain_event("secret-name.example")));
    pair.until_both_have(&["a.example", "secret-name.example"]).await;
    let items = store.items();
    assert!(items.len() >= 3, "lease, head, entry");
    for (key, value) in items {
        let text = String::from_utf8_lossy(&value).into_owned();
        assert!(key.as_str().starts_with("cratos:"));
        assert!(!text.contains("secret-name") && !text.contains("scope"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_cache_hangs_each_mirror_asks_misp_by_itself() {
    let store = Arc::new(InProcessStore::new());
    let pair = Pair::over(Arc::clone(&store) as _).await;
    store.hang(true);
    pair.sim().edit(|store| store.add_event(domain_event("b.example")));
    pair.until_both_have(&["a.example", "b.example"]).await;
    store.hang(false);
    pair.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_without_a_cache_is_alone() {
    let bench = MirrorBench::of([domain_event("a.example")], POLL).await;
    let way = bench.mirror.way(&bench.upstream);
    assert_eq!((way.as_str(), way.reason()), ("mirror", None));
    let Way::Mirror(status) = way else {
        panic!("no mirror");
    };
    assert_eq!(status.standing.as_str(), "alone");
}
