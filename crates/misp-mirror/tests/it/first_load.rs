//! The first load, whole and in parts.

use misp_mirror::{Mirror, Phase};
use misp_sim::{Attribute, Event, Fault, Sim};

use crate::site::{Site, empty_store, event, sim};

#[tokio::test]
async fn first_load_brings_every_event_as_misp_shows_it() {
    let sim = sim(|sim| {
        sim.event(event("one").attribute(Attribute::new("ip-dst", "192.0.2.1").to_ids(false)))
            .event(event("two").tag("example:incident-classification=block"))
            .event(event("hidden").protected())
            .event(event("other").attribute(Attribute::new("md5", "0cc175b9c0f1b6a831c399e269772661")))
            .event(Event::new("empty"))
    });
    let mut site = Site::start(sim, empty_store(), |mirror| mirror);
    let first = site.next().await;
    assert!(first.changes.is_empty() && !first.is_complete, "the store is empty");
    let complete = site.until_complete().await;
    assert!(complete.as_of.is_some());
    site.assert_same();
    assert_eq!(site.reported.len(), 5);
    let status = site.mirror.status();
    assert_eq!((status.phase, status.events, status.rows), (Phase::Following, 5, 5));
    assert_eq!((status.failing, status.as_of), (None, complete.as_of));
}

#[tokio::test]
async fn first_load_goes_on_after_the_mirror_was_killed_in_it() {
    let many = |count: usize| {
        sim(|mut sim| {
            for number in 0..count {
                sim = sim.event(event(&format!("event-{number}")));
            }
            sim
        })
    };
    let mut site = Site::start(many(700), empty_store(), |mirror| mirror);
    site.next().await;
    // Groups have at most 300 events; the first is delivered, and the mirror is killed while it reads on.
    let first_group = site.next().await;
    assert!(!first_group.is_complete && !first_group.changes.is_empty());
    let read: Vec<u64> = site.reported.keys().copied().collect();
    site.restart();
    site.sim.clear_requests();
    let stored = site.next().await;
    assert!(stored.changes.len() >= first_group.changes.len());
    site.until_complete().await;
    site.assert_same();
    for search in site.sim.requests().iter().filter(|request| request.is_search()) {
        let asked = search.body.as_ref().unwrap()["eventid"].to_string();
        let again = read.iter().find(|id| asked.contains(&format!(",{id},")));
        assert_eq!(again, None, "an event of the first group is read again");
    }
}

/// Each group is asked for while the one before is stored, so MISP may change an event at any point of both.
#[tokio::test]
async fn events_that_change_while_groups_are_read_ahead_are_as_misp_shows_them() {
    let sim = sim(|sim| (0..1_000).fold(sim, |sim, number| sim.event(event(&format!("event-{number}")))));
    let (clock, mut questions) = (sim.clock().clone(), 0);
    sim.on_request(move |_, store| {
        questions += 1;
        // After the list of all events, two questions for each of four groups.
        for number in [questions * 90, questions * 40 + 1] {
            if let Some(value) = store.find(&format!("event-{number}.example.com")) {
                clock.advance(1);
                store
                    .set_value(value, &format!("changed-{number}.example.com"))
                    .unwrap();
            }
        }
    });
    let mut site = Site::start(sim, empty_store(), |mirror| mirror);
    site.until_complete().await;
    site.sim.on_request(|_, _| {});
    site.look().await;
    site.assert_same();
}

#[tokio::test]
async fn first_load_that_fails_is_tried_again_and_keeps_what_it_has() {
    let sim = sim(|sim| sim.event(event("one")).event(event("two")));
    sim.set_fault(Fault::Status(500).on("/attributes/restSearch"));
    let mut site = Site::start(sim, empty_store(), |mirror| mirror);
    site.next().await;
    let error = site.look_fails().await;
    assert!(error.contains("MISP answered with an error"), "{error}");
    assert!(site.mirror.status().as_of.is_none());
    site.sim.clear_fault();
    site.wait(crate::site::POLL);
    site.until_complete().await;
    site.assert_same();
}

/// A copy without the new event would be a feed that is too short, until the next look.
#[tokio::test]
async fn event_that_takes_the_place_of_another_during_the_first_load_is_in_the_first_complete_copy() {
    let sim = sim(|sim| sim.event(event("one")).event(event("old")));
    let (clock, mut is_edited) = (sim.clock().clone(), false);
    sim.on_request(move |request, store| {
        if !is_edited && request.path.ends_with("/attributes/restSearch") {
            is_edited = true;
            clock.advance(1);
            let old = store.find_event("old").unwrap();
            store.delete_event(old).unwrap();
            store.add_event(event("new"));
        }
    });
    let mut site = Site::start(sim, empty_store(), |mirror| mirror);
    site.until_complete().await;
    site.assert_same();
    assert_eq!(site.reported.len(), 2);
}

/// The rows of one page of MISP's answer.
const PAGE: usize = 10_000;

/// An event with so many domains.
fn large(name: &str, rows: usize) -> Event {
    (1..rows).fold(event(name), |event, number| {
        event.attribute(Attribute::new("domain", format!("{name}-{number}.example.com")))
    })
}

/// A row of the first event goes while MISP is asked for the second page. So the first row of that page moves to the
/// page before. It is a row of the second event, which shows no change.
#[tokio::test]
async fn row_that_moves_to_a_page_that_was_read_is_not_lost() {
    let sim = sim(|sim| {
        let first = large("first", PAGE - 10);
        sim.event(first).event(large("second", 20))
    });
    // Counts drift. With these, both events are read with one question.
    sim.edit(|store| {
        for name in ["first", "second"] {
            let id = store.find_event(name).unwrap();
            store.set_attribute_count(id, 1).unwrap();
        }
    });
    let (clock, mut is_edited) = (sim.clock().clone(), false);
    sim.on_request(move |request, store| {
        if !is_edited && request.is_search() && request.page() == 2 {
            is_edited = true;
            clock.advance(1);
            let gone = store.find("first-5.example.com").unwrap();
            store.hard_delete(gone).unwrap();
        }
    });
    let mut site = Site::start(sim, empty_store(), |mirror| mirror);
    site.until_complete().await;
    site.assert_same();
}

/// An event with more rows than a page, one of which goes without a trace in the event.
#[tokio::test]
async fn row_that_moves_between_the_pages_of_one_event_is_not_lost() {
    let sim = sim(|sim| sim.event(large("first", PAGE + 10)));
    let mut is_edited = false;
    sim.on_request(move |request, store| {
        if !is_edited && request.is_search() && request.page() == 2 {
            is_edited = true;
            let event = store.find_event("first").unwrap();
            let gone = store.find("first-5.example.com").unwrap();
            let known = store.event(event).unwrap();
            let (changed, published, count) = (known.timestamp(), known.publish_timestamp(), known.attribute_count());
            store.hard_delete(gone).unwrap();
            store.publish(event).unwrap();
            store.set_event_times(event, changed, published).unwrap();
            store.set_attribute_count(event, count).unwrap();
        }
    });
    let mut site = Site::start(sim, empty_store(), |mirror| mirror);
    site.until_complete().await;
    site.assert_same();
}

#[tokio::test]
async fn misp_with_too_many_attributes_stops_the_mirror() {
    let sim = sim(|sim| sim.event(event("one")).event(event("two")));
    let mut site = Site::start(sim, empty_store(), |mirror| mirror.max_attributes(1));
    while site.changes.next().await.is_some() {}
    assert_eq!(site.mirror.status().phase, Phase::TooLarge { limit: 1 });
}

#[tokio::test]
async fn mirror_without_attribute_types_or_with_a_pattern_for_a_tag_does_not_start() {
    let sim = Sim::builder().start_now().unwrap();
    let key = misp_client::AuthKey::new(Sim::READER_KEY).unwrap();
    let client = misp_client::Client::builder(sim.url().parse().unwrap(), key)
        .build()
        .unwrap();
    assert!(Mirror::builder(client.clone(), empty_store()).start().is_err());
    let pattern = Mirror::builder(client, empty_store())
        .attribute_types(["domain"])
        .watched_tags(["tlp:%"]);
    assert!(pattern.start().is_err());
}
