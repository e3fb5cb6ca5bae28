//! How long the threads that serve others are away while a large feed is gathered.

use std::time::Duration;

use feed_classification::{Age, FeedName};
use feed_engine::LookupScope;
use misp_sim::{Attribute, Bulk, Event, Moment, Sim, SimBuilder};
use rustix::time::{ClockId, clock_gettime};

use crate::support::{Bench, domains, tag};

/// Enough that parsing, sorting, comparing or hashing them takes many times as long as [`MOST`].
const ROWS: usize = 20_000;

/// The longest that this thread may compute in one go. An optimised build stays below 1 ms; tests are built without
/// optimisation.
const MOST: Duration = Duration::from_millis(10);

/// Returns the processor time that this thread has used. Other processes and threads of a busy machine are not in it.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Runs `work` on a runtime with one thread, and returns the longest time that another task of this thread had to wait
/// for the thread's own computing.
fn longest_stall<F: Future<Output = ()>>(work: impl FnOnce(Bench) -> F) -> Duration {
    // The stand-in has threads of its own, so that its work is not taken for ours.
    let aside = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bench = aside.block_on(Bench::on(stand_in(), ""));
    let serving = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let longest = serving.block_on(async {
        let other = tokio::spawn(async {
            let (mut longest, mut before) = (Duration::ZERO, processor_time());
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let now = processor_time();
                longest = longest.max(now - before);
                before = now;
                LONGEST.with(|known| known.set(longest));
            }
        });
        work(bench).await;
        // The memory of the work is freed before the last measurement.
        tokio::time::sleep(Duration::from_millis(20)).await;
        other.abort();
        LONGEST.with(std::cell::Cell::get)
    });
    aside.shutdown_background();
    longest
}

thread_local! {
    static LONGEST: std::cell::Cell<Duration> = const { std::cell::Cell::new(Duration::ZERO) };
}

fn stand_in() -> SimBuilder {
    let bulk = Bulk::new(ROWS, "domain")
        .event_tag(&tag("block"))
        .age(Moment::Ago(3_600));
    Sim::builder().bulk(bulk)
}

#[test]
fn others_do_not_wait_while_a_large_feed_is_gathered_changed_and_rendered() {
    let longest = longest_stall(|bench| async move {
        let first = bench.ask(domains()).await.unwrap();
        assert_eq!(first.count, ROWS as u64);
        // The feed has a listener, and it changes.
        let scope = domains().scope;
        let mut follower = bench.engine.follow(&bench.upstream, scope, None).await.unwrap();
        follower.next().await;
        bench.sim.edit(|store| {
            let event = Event::new("one more").tag(tag("block")).changed(Moment::Ago(60));
            store.add_event(event.attribute(Attribute::new("domain", "one.more.example")));
        });
        bench.grow_old(1);
        let second = bench.ask(domains().max_age(Duration::ZERO)).await.unwrap();
        assert_eq!(second.count, ROWS as u64 + 1);
        follower.next().await;
    });
    assert!(longest < MOST, "{longest:?}");
}

#[test]
fn others_do_not_wait_while_an_index_for_look_ups_is_gathered() {
    let longest = longest_stall(|bench| async move {
        // The whole of it: the stand-in ends with it.
        let bench = bench;
        let scope = LookupScope {
            feed: FeedName::Block,
            age: Age::Weeks1,
        };
        let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
        assert_eq!(index.len(), ROWS);
    });
    assert!(longest < MOST, "{longest:?}");
}
