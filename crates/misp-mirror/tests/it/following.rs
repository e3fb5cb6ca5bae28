//! Following: each kind of change is seen by the next look.

use misp_sim::{Attribute, Fault};

use crate::site::{Site, event, sim};

async fn two_events() -> Site {
    Site::load(sim(|sim| {
        sim.event(event("one").attribute(Attribute::new("ip-dst", "192.0.2.1")))
            .event(event("two"))
    }))
    .await
}

#[tokio::test]
async fn edited_event_shows_its_new_rows_and_keeps_the_published_ones() {
    let mut site = two_events().await;
    site.look().await;
    let (one, row) = (site.event("one"), site.attribute("one.example.com"));
    let gone = site.attribute("192.0.2.1");
    site.sim.edit(|store| {
        store.set_value(row, "new.example.com").unwrap();
        store.hard_delete(gone).unwrap();
        store
            .add_attribute(one, Attribute::new("domain", "added.example.com"))
            .unwrap();
    });
    assert_eq!(site.look().await, [one]);
    site.assert_same();
    assert_eq!(site.published(one), ["one.example.com", "192.0.2.1"]);
    site.sim.edit(|store| store.publish(one)).unwrap();
    assert_eq!(site.look().await, [one]);
    site.assert_same();
    assert_eq!(site.published(one), ["new.example.com", "added.example.com"]);
}

#[tokio::test]
async fn withdrawn_event_drops_at_once_and_an_edit_does_not_bring_it_back() {
    let mut site = two_events().await;
    site.look().await;
    let one = site.event("one");
    site.sim.edit(|store| store.unpublish(one)).unwrap();
    assert_eq!(site.look().await, [one]);
    assert!(site.published(one).is_empty());
    site.sim.edit(|store| store.set_info(one, "one, edited")).unwrap();
    assert_eq!(site.look().await, [one]);
    assert!(site.published(one).is_empty(), "nothing until the next publication");
    site.restart();
    site.until_complete().await;
    assert!(site.published(one).is_empty(), "also over a restart");
    site.look().await;
    site.sim.edit(|store| store.publish(one)).unwrap();
    assert_eq!(site.look().await, [one]);
    assert_eq!(site.published(one).len(), 2);
    site.assert_same();
}

#[tokio::test]
async fn new_and_deleted_events_are_seen_also_both_at_once() {
    let mut site = two_events().await;
    site.look().await;
    let two = site.event("two");
    site.sim.edit(|store| store.add_event(event("three")));
    let three = site.event("three");
    assert_eq!(site.look().await, [three]);
    site.sim.edit(|store| store.delete_event(two)).unwrap();
    assert_eq!(site.look().await, [two]);
    site.assert_same();
    site.sim.edit(|store| store.add_event(event("four")));
    site.sim.edit(|store| store.delete_event(three)).unwrap();
    let four = site.event("four");
    assert_eq!(site.look().await, [three, four]);
    site.assert_same();
}

#[tokio::test]
async fn hint_brings_a_change_without_waiting_for_the_poll() {
    let mut site = two_events().await;
    site.look().await;
    site.sim.clock().advance(1);
    let one = site.event("one");
    site.sim.edit(|store| store.set_info(one, "one, edited")).unwrap();
    site.mirror.hint();
    let batch = site.next().await;
    assert_eq!(batch.changes.len(), 1);
    site.assert_same();
}

#[tokio::test]
async fn second_edit_in_the_second_of_the_first_look_is_not_missed() {
    let mut site = two_events().await;
    site.look().await;
    let row = site.attribute("one.example.com");
    site.sim
        .edit(|store| store.set_value(row, "first.example.com"))
        .unwrap();
    // The clock of MISP stands still: the second edit has the time of the first.
    site.mirror.hint();
    site.next().await;
    site.sim
        .edit(|store| store.set_value(row, "second.example.com"))
        .unwrap();
    site.look().await;
    site.assert_same();
}

#[tokio::test]
async fn failing_misp_changes_nothing_that_is_held() {
    let mut site = two_events().await;
    site.look().await;
    let (one, before) = (site.event("one"), site.here());
    site.sim.edit(|store| store.set_info(one, "one, edited")).unwrap();
    for fault in [
        Fault::Status(500).on("/events/restSearch"),
        Fault::Status(403).on("/attributes/restSearch"),
        Fault::CutOff {
            after_bytes: 40,
            chunked: false,
        }
        .on("/attributes/restSearch"),
        Fault::NotJson.on("/events/restSearch"),
        Fault::LoginRedirect.into(),
        Fault::CloseEarly.into(),
    ] {
        site.sim.set_fault(fault);
        site.look_fails().await;
        let status = site.mirror.status();
        assert_eq!((site.here(), status.events), (before.clone(), 2));
        site.sim.clear_fault();
    }
    // A refused key makes the mirror wait longer.
    site.wait(crate::site::POLL * 4);
    site.take_look().await;
    assert_eq!(site.mirror.status().failing, None);
    site.assert_same();
}

#[tokio::test]
async fn restart_goes_on_from_the_store_and_reads_only_what_changed_meanwhile() {
    let mut site = two_events().await;
    site.look().await;
    site.mirror.stop();
    while site.changes.next().await.is_some() {}
    let two = site.event("two");
    site.wait(std::time::Duration::from_secs(3_600));
    site.sim.edit(|store| store.set_info(two, "two, edited")).unwrap();
    site.sim.clear_requests();
    site.restart();
    let stored = site.next().await;
    assert_eq!((stored.changes.len(), stored.is_complete), (2, false));
    let stored = site.next().await;
    assert!(stored.is_complete && stored.as_of.is_some());
    assert_eq!(site.take_look().await, [two]);
    site.assert_same();
    assert_eq!(site.sim.searches(), 1);
}

/// MISP writes times of its own clock, so after a jump back an edit is older than what the mirror has seen, and an
/// event that was edited before the jump gets an older time than it had.
#[tokio::test]
async fn edits_after_misps_clock_went_back_are_seen_by_the_next_look() {
    for seconds_back in [60, 600, 86_400] {
        let mut site = two_events().await;
        let (one, two) = (site.event("one"), site.event("two"));
        let (of_one, of_two) = (site.attribute("one.example.com"), site.attribute("two.example.com"));
        site.look().await;
        let edit = |site: &Site, attribute, event, value: &str| {
            site.sim.edit(|store| {
                store.set_value(attribute, value).unwrap();
                store.publish(event).unwrap();
            });
        };
        edit(&site, of_one, one, "before.example.com");
        assert_eq!(site.look().await, [one]);
        site.sim.clock().advance(-seconds_back);
        edit(&site, of_one, one, "after.example.com");
        // Something else changes too, so that the look after the jump is a busy one.
        edit(&site, of_two, two, "other.example.com");
        assert_eq!(site.look().await, [one, two], "{seconds_back} s back");
        site.assert_same();
        assert_eq!(site.published(one), ["after.example.com", "192.0.2.1"]);
        site.look().await;
        // And on from there, by the clock that MISP has now.
        edit(&site, of_one, one, "later.example.com");
        assert_eq!(site.look().await, [one], "{seconds_back} s back");
        site.assert_same();
    }
}
