//! Two replicas, one shared cache between them: a real memcached, and a real Redis.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use cache::{CacheKeys, InProcessStore, Memcached, MemcachedServer, SharedCache, SharedStore, Valkey, ValkeyServer};
use feed_classification::Tlp;
use feed_engine::{FeedEngine, Filter, Origin};
use misp_sim::{Attribute, Event, Moment, Sim};
use test_peers::{Peer, free_port, program};
use tokio::task::JoinSet;

use crate::support::{Bench, domains, lines, tag};

/// As patient as a machine that is busy with other tests needs.
const PATIENT: Duration = Duration::from_secs(30);

fn event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

fn replica(store: &Arc<dyn SharedStore>) -> FeedEngine {
    let keys = CacheKeys::new([&[7; 32]]).unwrap();
    let cache = SharedCache::with_patience(Arc::clone(store), keys, PATIENT);
    FeedEngine::builder().shared(cache).build()
}

fn memcached() -> Option<(Peer, Arc<dyn SharedStore>)> {
    let port = free_port();
    let words = ["-u", "nobody", "-l", "127.0.0.1", "-m", "256", "-p", &port.to_string()];
    let peer = Peer::listening(Command::new(program("memcached")?).args(words), port);
    let server = MemcachedServer {
        host: "127.0.0.1".to_owned(),
        port,
        login: None,
    };
    Some((peer, Arc::new(Memcached::new(server))))
}

fn redis() -> Option<(Peer, Arc<dyn SharedStore>)> {
    let port = free_port();
    let words = [
        "--save",
        "",
        "--appendonly",
        "no",
        "--bind",
        "127.0.0.1",
        "--loglevel",
        "warning",
        "--port",
    ];
    let mut command = Command::new(program("redis-server")?);
    let peer = Peer::listening(
        command
            .args(words)
            .arg(port.to_string())
            .stdout(std::process::Stdio::null()),
        port,
    );
    Some((
        peer,
        Arc::new(Valkey::new(ValkeyServer::new("127.0.0.1", port)).unwrap()),
    ))
}

async fn until_shared(store: &Arc<dyn SharedStore>, bench: &Bench) {
    // The put goes on after the first answer: a replica that looks before its end waits for the lease.
    let engine = replica(store);
    engine.feed(&bench.upstream, &domains()).await.unwrap();
}

async fn two_hundred_callers(store: Arc<dyn SharedStore>) {
    let alone = Bench::of([event("a.example.com")]).await;
    alone.ask(domains()).await.unwrap();
    let one_sequence = alone.sim.requests().len();

    let sim = Sim::builder()
        .event(event("a.example.com"))
        .latency(Duration::from_millis(200));
    let bench = Bench::on(sim, "mispTimeoutSeconds: 60\n").await;
    let replicas = [replica(&store), replica(&store)];
    let mut callers = JoinSet::new();
    for number in 0..200 {
        let (engine, upstream) = (replicas[number % 2].clone(), bench.upstream.clone());
        callers.spawn(async move { engine.feed(&upstream, &domains()).await.unwrap() });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.len(), 200);
    let first = &answers[0];
    for answer in &answers {
        assert_eq!(lines(answer), ["a.example.com"]);
        assert_eq!((&answer.etag, answer.changed_at), (&first.etag, first.changed_at));
    }
    assert_eq!(bench.sim.requests().len(), one_sequence);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_of_two_replicas_with_a_memcached_cost_misp_one_sequence() {
    let Some((_peer, store)) = memcached() else { return };
    two_hundred_callers(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_of_two_replicas_with_a_redis_cost_misp_one_sequence() {
    let Some((_peer, store)) = redis() else { return };
    two_hundred_callers(store).await;
}

#[tokio::test]
async fn a_forgotten_feed_is_gathered_anew_although_a_replica_has_it() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let bench = Bench::of([event("a.example.com")]).await;
    until_shared(&store, &bench).await;
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    let cold = replica(&store);
    cold.forget(&bench.upstream, domains().scope);
    let feed = cold.feed(&bench.upstream, &domains()).await.unwrap();
    assert_eq!((feed.origin, feed.count), (Origin::Miss, 2));
    // The new set is put behind the answer.
    let began = std::time::Instant::now();
    loop {
        let third = replica(&store).feed(&bench.upstream, &domains()).await.unwrap();
        if (third.origin, third.count) == (Origin::Hit, 2) {
            break;
        }
        assert!(began.elapsed() < PATIENT, "the others have it too: {third:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_caller_gets_no_values_beyond_its_limits_from_the_cache() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let marked = |value: &str, level: &str| event(value).tag(format!("tlp:{level}"));
    let bench = Bench::of([marked("green.example.com", "green"), marked("red.example.com", "red")]).await;
    let limited = || domains().filter(Filter::NONE.with_max_tlp(Tlp::Green));
    // Whichever is there first.
    for (first, second) in [(domains(), limited()), (limited(), domains())] {
        replica(&store).feed(&bench.upstream, &first).await.unwrap();
        replica(&store).feed(&bench.upstream, &second).await.unwrap();
    }
    let all = replica(&store).feed(&bench.upstream, &domains()).await.unwrap();
    let green = replica(&store).feed(&bench.upstream, &limited()).await.unwrap();
    assert_eq!((all.origin, green.origin), (Origin::Hit, Origin::Hit));
    assert_eq!((all.count, lines(&green)), (2, vec!["green.example.com".to_owned()]));
}

#[tokio::test]
async fn an_error_of_misp_is_not_shared() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let bench = Bench::of([event("a.example.com")]).await;
    bench.sim.set_fault(misp_sim::Fault::Status(500).times(1));
    assert!(replica(&store).feed(&bench.upstream, &domains()).await.is_err());
    let feed = replica(&store).feed(&bench.upstream, &domains()).await.unwrap();
    assert_eq!((feed.origin, feed.count), (Origin::Miss, 1));
}

#[tokio::test]
async fn a_store_that_hangs_is_gone_on_without() {
    let store = Arc::new(InProcessStore::new());
    store.hang(true);
    let bench = Bench::of([event("a.example.com")]).await;
    let cache = SharedCache::new(Arc::clone(&store) as _, CacheKeys::new([&[7; 32]]).unwrap());
    let engine = FeedEngine::builder().shared(cache).build();
    assert_eq!(engine.feed(&bench.upstream, &domains()).await.unwrap().count, 1);
}
