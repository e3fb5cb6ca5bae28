//! Feeds of several pages, exact also while MISP is edited.

use feed_classification::{FeedName, IndicatorType};
use misp_sim::{Attribute, Event, Fault, Moment, Sim, Warninglist, WarninglistKind};

use crate::support::{Bench, tag};

const DAY: u64 = 24 * 3_600;

fn name(number: usize) -> String {
    format!("d{number:03}.example.com")
}

/// Events of four domains each, long unchanged.
fn events(domains: usize) -> Vec<Event> {
    let of = |numbers: &[usize]| {
        let event = Event::new(format!("event of {}", numbers[0]))
            .tag(tag("alert"))
            .changed(Moment::Ago(DAY));
        numbers.iter().fold(event, |event, number| {
            event.attribute(Attribute::new("domain", name(*number)))
        })
    };
    (0..domains).collect::<Vec<_>>().chunks(4).map(of).collect()
}

async fn alerts(bench: &Bench) -> Vec<String> {
    bench.values(FeedName::Alert, IndicatorType::Domain).await
}

fn all_but(domains: usize, missing: &[usize]) -> Vec<String> {
    (0..domains)
        .filter(|number| !missing.contains(number))
        .map(name)
        .collect()
}

#[tokio::test]
async fn all_pages_make_one_feed() {
    for domains in [0, 1, 9, 10, 11, 20, 95] {
        let bench = Bench::with_site(events(domains), "page_size: 10\n").await;
        assert_eq!(alerts(&bench).await, all_but(domains, &[]), "{domains}");
    }
}

#[tokio::test]
async fn an_empty_page_that_has_successors_does_not_end_the_feed() {
    let listed: Vec<String> = (0..20).map(name).collect();
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    let list = Warninglist::new("made up names", WarninglistKind::Hostname, &["domain"], &listed);
    let sim = events(40)
        .into_iter()
        .fold(Sim::builder().warninglist(list), misp_sim::SimBuilder::event);
    let bench = Bench::on(sim, "page_size: 10\n").await;
    assert_eq!(alerts(&bench).await, (20..40).map(name).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_short_page_does_not_end_the_feed_where_a_proxy_takes_the_counts_away() {
    let list = Warninglist::new(
        "made up names",
        WarninglistKind::Hostname,
        &["domain"],
        &["d003.example.com"],
    );
    let sim = events(40)
        .into_iter()
        .fold(Sim::builder().warninglist(list), misp_sim::SimBuilder::event);
    let bench = Bench::on(sim, "page_size: 10\n").await;
    bench.sim.set_fault(Fault::WithoutCounts);
    assert_eq!(alerts(&bench).await, all_but(40, &[3]));
}

/// Does `edit` when the first pass asks for its third page.
fn between_pages(bench: &Bench, edit: impl Fn(&mut misp_sim::Store) + Send + 'static) {
    before_page(bench, 3, edit);
}

/// Does `edit` when the first pass asks for this page.
fn before_page(bench: &Bench, page: u64, edit: impl Fn(&mut misp_sim::Store) + Send + 'static) {
    let mut done = false;
    bench.sim.on_request(move |request, store| {
        if request.is_search() && request.page() == page && !done {
            done = true;
            edit(store);
        }
    });
}

#[tokio::test]
async fn a_row_that_slips_to_a_page_already_read_is_not_lost() {
    let bench = Bench::with_site(events(40), "page_size: 10\n").await;
    between_pages(&bench, |store| {
        let gone = store.find(&name(2)).unwrap();
        store.hard_delete(gone).unwrap();
    });
    assert_eq!(alerts(&bench).await, all_but(40, &[2]));
}

#[tokio::test]
async fn a_local_tag_that_takes_a_row_away_between_pages_loses_no_other() {
    // A local tag leaves no trace in the event (fact 60).
    let bench = Bench::with_site(events(40), "page_size: 10\n").await;
    between_pages(&bench, |store| {
        let harmless = store.find(&name(2)).unwrap();
        store.tag_attribute_locally(harmless, &tag("false-positive")).unwrap();
    });
    assert_eq!(alerts(&bench).await, all_but(40, &[2]));
}

#[tokio::test]
async fn the_row_of_a_last_page_that_came_up_empty_is_not_lost() {
    // The fifth page has one row, which is on the fourth by the time that the fifth is asked for.
    let bench = Bench::with_site(events(41), "page_size: 10\n").await;
    before_page(&bench, 5, |store| {
        let gone = store.find(&name(38)).unwrap();
        store.hard_delete(gone).unwrap();
    });
    assert_eq!(alerts(&bench).await, all_but(41, &[38]));
}

#[tokio::test]
async fn an_event_withdrawn_between_pages_moves_rows_where_misp_filters_by_publication() {
    // Unpublishing on purpose leaves no trace in the time of the event's last change (fact 60).
    let events = events(40).into_iter().map(|event| event.tag(tag("block")));
    let bench = Bench::with_site(events, "page_size: 10\npublished_grace: 0s\n").await;
    between_pages(&bench, |store| {
        let gone = store.find_event("event of 4").unwrap();
        store.unpublish(gone).unwrap();
    });
    assert_eq!(bench.block_domains().await, all_but(40, &[4, 5, 6, 7]));
}

#[tokio::test]
async fn a_deleted_event_moves_rows_too() {
    let bench = Bench::with_site(events(40), "page_size: 10\n").await;
    between_pages(&bench, |store| {
        let gone = store.find_event("event of 4").unwrap();
        store.delete_event(gone).unwrap();
    });
    assert_eq!(alerts(&bench).await, all_but(40, &[4, 5, 6, 7]));
}

#[tokio::test]
async fn rows_that_come_twice_count_once() {
    let bench = Bench::with_site(events(40), "page_size: 10\n").await;
    between_pages(&bench, |store| {
        // Without its flag the row was not in the answer; with it, all later rows move down by one.
        let back = store.find(&name(1)).unwrap();
        store.set_to_ids(back, true).unwrap();
    });
    bench.sim.edit(|store| {
        let hidden = store.find(&name(1)).unwrap();
        store.set_to_ids(hidden, false).unwrap();
    });
    assert_eq!(alerts(&bench).await, all_but(40, &[]));
}

#[tokio::test]
async fn no_row_is_missing_on_a_misp_that_never_rests() {
    let bench = Bench::with_site(events(40), "page_size: 10\n").await;
    let mut next = 0;
    bench.sim.on_request(move |request, store| {
        if request.is_search() && request.page() == 3 {
            let gone = store.find(&name(next)).unwrap();
            store.hard_delete(gone).unwrap();
            next += 1;
        }
    });
    let feed = alerts(&bench).await;
    for number in 4..40 {
        assert!(feed.contains(&name(number)), "{} is missing", name(number));
    }
    assert!(bench.sim.searches() < 20, "it ends: {} searches", bench.sim.searches());
}

/// An event that the index always leaves out.
fn left_out_by_the_index(event: Event) -> [Event; 2] {
    [event.clone().protected(), event.attribute_count(0)]
}

#[tokio::test]
async fn an_event_that_the_index_leaves_out_does_not_make_a_feed_read_three_times() {
    let undisturbed = Bench::with_site(events(40), "page_size: 10\n").await;
    alerts(&undisturbed).await;
    for published_grace in ["", "published_grace: 0s\n"] {
        for odd in left_out_by_the_index(events(4).remove(0)) {
            let mut all = events(40);
            all[0] = odd.tag(tag("block"));
            let bench = Bench::with_site(all, &format!("page_size: 10\n{published_grace}")).await;
            assert_eq!(alerts(&bench).await, all_but(40, &[]));
            let (searches, events) = (bench.sim.searches(), bench.sim.count("/events/"));
            assert_eq!(searches, undisturbed.sim.searches(), "{published_grace}");
            // One question more: whether the event that is not listed is there.
            assert_eq!(events, undisturbed.sim.count("/events/") + 1, "{published_grace}");
        }
    }
}

#[tokio::test]
async fn a_change_in_an_event_that_the_index_leaves_out_is_noticed() {
    for odd in left_out_by_the_index(events(4).remove(0)) {
        let mut all = events(40);
        all[0] = odd;
        let bench = Bench::with_site(all, "page_size: 10\n").await;
        between_pages(&bench, |store| {
            let gone = store.find(&name(2)).unwrap();
            store.hard_delete(gone).unwrap();
        });
        assert_eq!(alerts(&bench).await, all_but(40, &[2]));
    }
}

#[tokio::test]
async fn an_undisturbed_feed_is_read_once() {
    let bench = Bench::with_site(events(40), "page_size: 10\n").await;
    alerts(&bench).await;
    let bodies = bench.sim.requests().into_iter().filter_map(|request| request.body);
    assert_eq!(
        bodies.filter(|body| body["to_ids"] == 1 && body["limit"] == 10).count(),
        5,
        "four pages, and the empty one after an exact fit"
    );
}
