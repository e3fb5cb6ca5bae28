//! When MISP is asked, and how often.

use std::sync::Arc;
use std::time::Duration;

use feed_engine::{Encoding, Origin};
use misp_sim::{Attribute, Event, Fault, Moment};

use crate::support::{Bench, domains, lines, tag};

fn event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

#[tokio::test]
async fn a_fresh_feed_comes_out_of_memory() {
    let bench = Bench::of([event("a.example.com")]).await;
    let first = bench.ask(domains()).await.unwrap();
    let asked = bench.sim.requests().len();
    bench.grow_old(299);
    let second = bench.ask(domains()).await.unwrap();
    assert_eq!((first.origin, second.origin), (Origin::Miss, Origin::Hit));
    assert_eq!(
        (second.age, second.fresh_for),
        (Duration::from_secs(299), Duration::from_secs(1))
    );
    assert_eq!(bench.sim.requests().len(), asked);
}

#[tokio::test]
async fn past_the_soft_expiry_the_old_feed_is_served_while_misp_is_asked() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.ask(domains()).await.unwrap();
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    bench.grow_old(301);
    let stale = bench.ask(domains()).await.unwrap();
    assert_eq!((stale.origin, stale.count), (Origin::Stale, 1));
    let renewed = until(
        async || bench.ask(domains()).await.unwrap(),
        |feed| feed.origin == Origin::Hit,
    )
    .await;
    assert_eq!(lines(&renewed), ["a.example.com", "b.example.com"]);
}

#[tokio::test]
async fn a_caller_that_wants_it_younger_waits_for_misp() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.ask(domains()).await.unwrap();
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    bench.grow_old(60);
    let feed = bench.ask(domains().max_age(Duration::from_secs(59))).await.unwrap();
    assert_eq!((feed.origin, feed.count), (Origin::Miss, 2));
}

#[tokio::test]
async fn past_the_hard_expiry_nothing_old_is_served() {
    let bench = Bench::with_site([event("a.example.com")], "max_stale: 1h\n").await;
    bench.ask(domains()).await.unwrap();
    bench.sim.set_fault(Fault::Refuse);
    bench.grow_old(3_601);
    assert!(bench.ask(domains()).await.is_err());
}

#[tokio::test]
async fn only_a_fresh_feed_is_answered_at_once_and_its_bytes_are_not_copied() {
    let bench = Bench::of([event("a.example.com")]).await;
    let prepared = bench.engine.prepare(&bench.upstream, &domains()).unwrap();
    let at_once = || bench.engine.head_at_once(&prepared);
    assert!(at_once().is_none(), "it is not in memory");
    let feed = bench.ask(domains()).await.unwrap();
    let head = at_once().unwrap();
    assert_eq!((head.etag.as_str(), head.origin), (feed.etag.as_str(), Origin::Hit));
    let (kept, sent) = (head.kept_body().unwrap(), feed.body.whole().unwrap());
    assert_eq!((kept.as_ptr(), kept.len()), (sent.as_ptr(), sent.len()));
    bench.grow_old(301);
    assert!(at_once().is_none(), "it is past the soft expiry");
    bench.ask(domains().max_age(Duration::ZERO)).await.unwrap();
    assert!(at_once().is_some());
    bench.engine.forget(&bench.upstream, domains().scope);
    assert!(at_once().is_none(), "it was forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_devices_cost_misp_one_question() {
    let bench = Arc::new(Bench::of([event("a.example.com")]).await);
    bench.sim.set_latency(Duration::from_millis(100));
    let outputs = ["txt", "json", "xml", "yaml", "b64"];
    let callers: Vec<_> = (0..1_000)
        .map(|number| {
            let bench = Arc::clone(&bench);
            let mut request = domains();
            request.output = outputs[number % outputs.len()].to_owned();
            tokio::spawn(async move { bench.ask(request).await.unwrap().count })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert_eq!(
        bench.sim.searches(),
        3,
        "the feed's own question and the two for false positives"
    );
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_the_refresh() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.sim.set_latency(Duration::from_millis(200));
    let impatient = tokio::time::timeout(Duration::from_millis(20), bench.ask(domains())).await;
    assert!(impatient.is_err());
    let feed = bench.ask(domains()).await.unwrap();
    assert_eq!((feed.count, bench.sim.searches()), (1, 3));
}

#[tokio::test]
async fn a_forgotten_feed_is_fetched_anew_and_kept_in_case_misp_is_down() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.ask(domains()).await.unwrap();
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    bench.engine.forget(&bench.upstream, domains().scope);
    bench.sim.set_fault(Fault::Refuse);
    let kept = bench.ask(domains()).await.unwrap();
    assert_eq!((kept.origin, kept.count), (Origin::Stale, 1));
    bench.sim.clear_fault();
    assert_eq!(bench.ask(domains()).await.unwrap().count, 2);
}

#[tokio::test]
async fn a_changed_rule_of_the_site_acts_at_once() {
    let bench = Bench::of([event("a.example.com")]).await;
    assert_eq!(bench.ask(domains()).await.unwrap().count, 1);
    let other = bench.with_rules("ignore_to_ids: [domain]\n");
    assert_eq!(
        bench.engine.feed(&other, &domains()).await.unwrap().origin,
        Origin::Miss
    );
}

#[tokio::test]
async fn a_bound_that_was_raised_acts_at_once() {
    let bench = Bench::with_site([event("a.example.com"), event("b.example.com")], "max_attributes: 1\n").await;
    assert!(bench.ask(domains()).await.is_err());
    let raised = bench.with_rules("max_attributes: 2\n");
    let feed = bench.engine.feed(&raised, &domains()).await;
    assert_eq!(feed.map(|feed| feed.count).map_err(|error| error.chain()), Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_forgotten_while_misp_is_asked_is_asked_for_again() {
    let bench = Arc::new(Bench::of([event("a.example.com"), event("b.example.com")]).await);
    bench.ask(domains()).await.unwrap();
    bench.grow_old(301);
    // The refresh in the background has read the rows when the analyst acts, and is still on its way.
    bench.sim.set_fault(
        Fault::Late(Duration::from_millis(500))
            .on("/events/restSearch")
            .times(1),
    );
    bench.ask(domains()).await.unwrap();
    until(async || bench.sim.count("/events/restSearch"), |asked| *asked == 2).await;
    bench.sim.edit(|store| {
        let wrong = store.find("a.example.com").unwrap();
        store.hard_delete(wrong).unwrap();
    });
    bench.engine.forget(&bench.upstream, domains().scope);
    assert_eq!(lines(&bench.ask(domains()).await.unwrap()), ["b.example.com"]);
    let later = bench.ask(domains()).await.unwrap();
    assert_eq!((later.origin, later.count), (Origin::Hit, 1));
}

#[tokio::test]
async fn the_same_values_keep_their_time_of_change_and_their_tag() {
    let bench = Bench::of([event("a.example.com")]).await;
    let first = bench.ask(domains().encoding(Encoding::Gzip)).await.unwrap();
    bench.grow_old(400);
    let again = bench
        .ask(domains().encoding(Encoding::Gzip).max_age(Duration::from_secs(1)))
        .await
        .unwrap();
    assert_eq!(again.origin, Origin::Miss);
    assert_eq!(
        (first.changed_at, first.etag, first.body.whole()),
        (again.changed_at, again.etag, again.body.whole())
    );
}

/// Asks until `enough`, at most ten seconds.
async fn until<T>(mut ask: impl AsyncFnMut() -> T, enough: impl Fn(&T) -> bool) -> T {
    tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let answer = ask().await;
            if enough(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("within ten seconds")
}
