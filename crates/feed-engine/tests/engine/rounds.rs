//! MISP says that something changed, and dozens of feeds are refreshed: what MISP is asked, and in which order.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{ChangeHint, FeedRequest, Selection};
use misp_sim::{Attribute, Event, LoggedRequest, Moment};
use tokio::task::JoinHandle;

use crate::support::{Bench, domains, lines, tag, wanted};

/// Types of five families, two of which hold two of the types.
const KINDS: [IndicatorType; 6] = [
    IndicatorType::Ipv4,
    IndicatorType::Cidr4,
    IndicatorType::Domain,
    IndicatorType::Hostname,
    IndicatorType::Url,
    IndicatorType::FileMd5,
];
const AGES: [Age; 5] = [Age::Days1, Age::Days3, Age::Weeks1, Age::Weeks2, Age::Months1];

fn event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

/// Sixty feeds: two names, six types, five ages.
fn sixty() -> Vec<FeedRequest> {
    let names = [FeedName::Block, FeedName::Any];
    let each = names.into_iter().flat_map(|name| {
        KINDS
            .into_iter()
            .flat_map(move |kind| AGES.map(|age| FeedRequest::new(Selection::Feed(name), kind, age, "txt")))
    });
    each.collect()
}

async fn with_sixty_feeds() -> Arc<Bench> {
    let bench = Bench::of([event("a.example.com")]).await;
    for request in sixty() {
        bench.ask(request).await.unwrap();
    }
    bench.sim.clear_requests();
    bench.sim.set_latency(Duration::from_millis(60));
    Arc::new(bench)
}

fn round(bench: &Arc<Bench>) -> JoinHandle<usize> {
    let bench = Arc::clone(bench);
    tokio::spawn(async move {
        let site = bench.upstream.site().name.clone();
        bench.engine.refresh_touched(&site, &ChangeHint::Everything).await
    })
}

/// Waits until MISP has been asked so many questions.
async fn asked(bench: &Bench, questions: usize) {
    while bench.sim.requests().len() < questions {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn is_about(request: &LoggedRequest, word: &str) -> bool {
    request
        .body
        .as_ref()
        .is_some_and(|body| body.to_string().contains(word))
}

#[tokio::test]
async fn sixty_feeds_of_a_round_ask_for_their_rows_and_once_for_shared_answers() {
    let bench = with_sixty_feeds().await;
    let added = bench.sim.edit(|store| store.add_event(event("b.example.com")));
    assert!(added > 0);
    assert_eq!(round(&bench).await.unwrap(), 60);
    let (searches, others): (Vec<_>, Vec<_>) = bench.sim.requests().into_iter().partition(LoggedRequest::is_search);
    // A question for each feed, and the two of false positives once for the addresses and for each other type; which
    // events are unpublished once.
    assert_eq!((searches.len(), others.len()), (60 + 2 * (KINDS.len() - 1), 1));
    bench.sim.set_latency(Duration::ZERO);
    let before = bench.sim.requests().len();
    assert_eq!(
        lines(&bench.ask(domains()).await.unwrap()),
        ["a.example.com", "b.example.com"]
    );
    assert_eq!(bench.sim.requests().len(), before, "the round has refreshed it");
}

/// The order that keeps a row from counting that an analyst adds while MISP is asked.
#[tokio::test]
async fn in_a_round_too_unpublished_events_are_asked_for_after_all_rows() {
    let bench = with_sixty_feeds().await;
    round(&bench).await.unwrap();
    let requests = bench.sim.requests();
    let unpublished = requests.iter().position(|request| !request.is_search()).unwrap();
    assert!(unpublished >= 60, "after {unpublished} searches");
}

#[tokio::test]
async fn a_new_caller_goes_before_the_sixty_feeds_of_a_round() {
    let bench = with_sixty_feeds().await;
    let going = round(&bench);
    asked(&bench, 5).await;
    let before = bench.sim.requests().len();
    let answer = bench
        .ask(wanted(FeedName::Block, IndicatorType::FileSha256))
        .await
        .unwrap();
    assert_eq!(answer.count, 0);
    let requests = bench.sim.requests();
    let own: Vec<usize> = (0..requests.len())
        .filter(|at| is_about(&requests[*at], "sha256"))
        .collect();
    // Three questions of the round are under way at any time; the next one goes after the caller's first.
    assert!(own[0] - before <= 3, "{} questions went before", own[0] - before);
    // Rows, unpublished events, and twice for false positives: the round asks three at a time meanwhile.
    assert!(
        requests.len() - before <= 3 * 5 + 4,
        "{} questions",
        requests.len() - before
    );
    assert!(!going.is_finished());
    going.await.unwrap();
}

#[tokio::test]
async fn a_caller_that_waits_for_a_feed_of_the_round_moves_it_to_the_front() {
    let bench = with_sixty_feeds().await;
    let going = round(&bench);
    asked(&bench, 3).await;
    // FeedContents by the round, some time later.
    bench.grow_old(1);
    let before = bench.sim.requests().len();
    let last = wanted(FeedName::Any, IndicatorType::FileMd5).max_age(Duration::ZERO);
    bench.ask(last).await.unwrap();
    let went_by = bench.sim.requests().len() - before;
    assert!(went_by <= 2 * (3 * 5 + 4), "{went_by} questions");
    assert!(!going.is_finished());
    going.await.unwrap();
}

#[tokio::test]
async fn a_followed_feed_is_refreshed_before_the_rest_of_a_round() {
    let bench = with_sixty_feeds().await;
    let followed = wanted(FeedName::Any, IndicatorType::Url).scope;
    let mut follower = bench.engine.follow(&bench.upstream, followed, None).await.unwrap();
    follower.next().await;
    bench.sim.clear_requests();
    let url = event("c.example.com").attribute(Attribute::new("url", "http://c.example.com/"));
    bench.sim.edit(|store| store.add_event(url));
    let going = round(&bench);
    follower.next().await;
    let went_by = bench.sim.requests().len();
    assert!(went_by <= 20, "{went_by} questions before the stream was told");
    assert!(!going.is_finished());
    going.await.unwrap();
}
