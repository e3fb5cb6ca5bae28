//! A withdrawn event stays withdrawn until it is published again, also after edits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use feed_classification::{Age, FeedName};
use feed_engine::{Filter, Judge, LookupScope, MispSource, Protocol, Query, Upstream};
use misp_sim::{Attribute, Event, Fault, Moment, Sim, SimBuilder, Store};
use site_config::Site;

use crate::support::{Bench, domains, tag};

const HOUR: u64 = 3_600;

fn story() -> SimBuilder {
    let story = Event::new("story")
        .tag(tag("block"))
        .changed(Moment::Ago(HOUR))
        .attribute(Attribute::new("domain", "a.example.com").changed(Moment::Ago(3 * HOUR)));
    Sim::builder().event(story)
}

fn withdraw(bench: &Bench) {
    bench.sim.edit(|store| store.unpublish(the_event(store)).unwrap());
}

fn edit(bench: &Bench) {
    bench
        .sim
        .edit(|store| store.set_info(the_event(store), "story, told better").unwrap());
}

fn publish(bench: &Bench) {
    // Later than the publication before, also on a clock of whole seconds.
    bench.sim.edit(|store| {
        let event = the_event(store);
        store.set_info(event, "story, told at last").unwrap();
        store.publish(event).unwrap();
    });
}

fn the_event(store: &Store) -> u64 {
    store.find_event("story").unwrap()
}

fn asked_with(bench: &Bench, key: &str, host: &str) -> Upstream {
    let site = Site::from_yaml(host.parse().unwrap(), "tag: example\n").unwrap();
    let port = bench.sim.addr().port();
    Upstream::new(
        Arc::new(site),
        Arc::default(),
        Protocol::Http,
        port,
        key.to_owned().into(),
    )
}

async fn keeping(sim: SimBuilder, directory: &Path) -> Bench {
    Bench::from(sim, MispSource::new().state_directory(directory), "").await
}

async fn is_blocked(bench: &Bench) -> bool {
    !bench.block_domains().await.is_empty()
}

/// Returns whether the index of this age, which is gathered for this call, has the value.
async fn is_found(bench: &Bench, age: Age) -> bool {
    let feed = FeedName::Block;
    let (index, _) = bench
        .engine
        .lookup_index(&bench.upstream, LookupScope { feed, age })
        .await
        .unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    !index.find(&Query::parse("a.example.com"), &judge, 50).is_empty()
}

#[tokio::test]
async fn a_withdrawn_event_does_not_come_back_at_its_next_edit() {
    let bench = Bench::on(story(), "").await;
    assert!(is_blocked(&bench).await);
    withdraw(&bench);
    assert!(!is_blocked(&bench).await);
    edit(&bench);
    assert!(!is_blocked(&bench).await, "an edit is no publication");
    assert!(!is_found(&bench, Age::Weeks1).await, "look-ups say the same");
    publish(&bench);
    assert!(is_blocked(&bench).await);
    assert!(is_found(&bench, Age::Months1).await);
    edit(&bench);
    assert!(is_blocked(&bench).await, "edited while published");
}

#[tokio::test]
async fn a_look_up_that_saw_the_withdrawal_is_enough() {
    let bench = Bench::on(story(), "").await;
    withdraw(&bench);
    assert!(!is_found(&bench, Age::Weeks1).await);
    edit(&bench);
    assert!(!is_blocked(&bench).await);
}

#[tokio::test]
async fn an_event_never_seen_withdrawn_counts_as_edited() {
    let bench = Bench::on(story(), "").await;
    withdraw(&bench);
    edit(&bench);
    assert!(
        is_blocked(&bench).await,
        "MISP says the same of both (recordings 810 to 813)"
    );
}

#[tokio::test]
async fn a_withdrawal_is_remembered_over_a_restart_without_the_key_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let bench = keeping(story(), directory.path()).await;
    withdraw(&bench);
    assert!(!is_blocked(&bench).await);
    edit(&bench);
    let after_a_restart = bench.again(MispSource::new().state_directory(directory.path()));
    assert!(!is_blocked(&after_a_restart).await);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap() + &entry.file_name().to_string_lossy();
        assert!(!text.contains(Sim::READER_KEY) && !text.contains("127.0.0.1"), "{text}");
    }
    let forgetful = after_a_restart.again(MispSource::new());
    assert!(is_blocked(&forgetful).await, "without a directory a restart forgets");
}

/// The MISP keys of tokens are changed now and then, and a new token may come with another key.
#[tokio::test]
async fn a_withdrawal_that_one_key_saw_counts_for_every_key_of_this_misp() {
    let directory = tempfile::tempdir().unwrap();
    let bench = keeping(story(), directory.path()).await;
    withdraw(&bench);
    assert!(!is_blocked(&bench).await);
    edit(&bench);
    let upstream = asked_with(&bench, Sim::ADMIN_KEY, "127.0.0.1");
    let bench = Bench { upstream, ..bench };
    assert!(!is_blocked(&bench).await);
    let after_a_restart = bench.again(MispSource::new().state_directory(directory.path()));
    assert!(!is_blocked(&after_a_restart).await);
    let another = keeping(story(), directory.path()).await;
    withdraw(&another);
    edit(&another);
    assert!(
        is_blocked(&another).await,
        "numbers of events mean others at another MISP"
    );
}

#[tokio::test]
async fn a_torn_file_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let bench = keeping(story(), directory.path()).await;
    withdraw(&bench);
    assert!(!is_blocked(&bench).await);
    let file = std::fs::read_dir(directory.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&file, "[\"cratos: withdrawn ev").unwrap();
    let after_a_restart = bench.again(MispSource::new().state_directory(directory.path()));
    assert!(
        !is_blocked(&after_a_restart).await,
        "still withdrawn, and written down anew"
    );
    edit(&after_a_restart);
    let once_more = after_a_restart.again(MispSource::new().state_directory(directory.path()));
    assert!(!is_blocked(&once_more).await);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_stops_no_feed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let bench = keeping(story(), &file.join("below")).await;
    withdraw(&bench);
    assert!(!is_blocked(&bench).await);
    edit(&bench);
    assert!(!is_blocked(&bench).await, "remembered in memory");
}

#[tokio::test]
async fn a_withdrawal_between_two_polls_is_seen_by_a_look_in_between() {
    let source = Arc::new(MispSource::new());
    let bench = Bench::around(story(), Arc::clone(&source), "").await;
    source.look_for_withdrawals().await;
    assert_eq!(bench.sim.requests().len(), 0, "no feed was wanted");
    assert!(is_blocked(&bench).await);
    bench.sim.clear_requests();
    source.look_for_withdrawals().await;
    assert_eq!(bench.sim.requests().len(), 0, "the feed was gathered just now");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(300)).await;
    tokio::time::resume();
    withdraw(&bench);
    source.look_for_withdrawals().await;
    assert_eq!(bench.sim.count("/events/restSearch"), 1);
    edit(&bench);
    assert!(!is_blocked(&bench).await);
}

#[tokio::test]
async fn a_site_that_leaves_publication_to_misp_is_not_looked_at() {
    let source = Arc::new(MispSource::new());
    let bench = Bench::around(story(), Arc::clone(&source), "published_grace: 0s\n").await;
    assert!(is_blocked(&bench).await);
    bench.sim.clear_requests();
    source.look_for_withdrawals().await;
    assert_eq!(bench.sim.requests().len(), 0);
}

#[tokio::test]
async fn a_misp_that_hangs_keeps_no_look_at_another_one_waiting() {
    let source = Arc::new(MispSource::new());
    let bench = Bench::around(story(), Arc::clone(&source), "").await;
    // Its name comes after the one of the MISP that hangs.
    let upstream = asked_with(&bench, Sim::READER_KEY, "localhost");
    let bench = Bench { upstream, ..bench };
    assert!(is_blocked(&bench).await);
    let hanging = Bench::around(story(), Arc::clone(&source), "").await;
    for key in [Sim::READER_KEY, Sim::ADMIN_KEY, Sim::PARTNER_KEY] {
        let upstream = asked_with(&hanging, key, "127.0.0.1");
        hanging.engine.feed(&upstream, &domains()).await.unwrap();
    }
    hanging.sim.set_fault(Fault::Hang);
    bench.sim.clear_requests();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(300)).await;
    tokio::time::resume();
    let looked = tokio::time::timeout(Duration::from_secs(2), source.look_for_withdrawals()).await;
    assert!(looked.is_err(), "one site hangs");
    assert_eq!(bench.sim.count("/events/restSearch"), 1);
}
