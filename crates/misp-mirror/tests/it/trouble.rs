//! One event, or one check, that MISP cannot answer for: the mirror goes on without it.

use misp_sim::Fault;

use crate::site::{POLL, Site, event, sim};

async fn three_events() -> Site {
    let mut site = Site::load(sim(|sim| {
        sim.event(event("one")).event(event("two")).event(event("three"))
    }))
    .await;
    site.look().await;
    site
}

#[tokio::test]
async fn event_whose_rows_misp_cannot_show_does_not_stop_the_others() {
    let mut site = three_events().await;
    let (one, two) = (site.event("one"), site.event("two"));
    let before = site.here()[&one].clone();
    for name in ["one", "two", "three"] {
        let row = site.attribute(&format!("{name}.example.com"));
        site.sim
            .edit(|store| store.set_value(row, &format!("new-{name}.example.com")))
            .unwrap();
    }
    // The question for all three fails, and the one for event one.
    site.sim
        .set_fault(Fault::Status(500).on("/attributes/restSearch").times(2));
    let read = site.look().await;
    assert!(read.contains(&two) && !read.contains(&one), "{read:?}");
    assert_eq!(site.here()[&one], before, "its earlier version is kept");
    let status = site.mirror.status();
    assert_eq!((status.troubled_events, status.failing), (1, None));
    site.sim.clear_fault();
    assert_eq!(site.look().await, [one]);
    site.assert_same();
    assert_eq!(site.mirror.status().troubled_events, 0);
}

#[tokio::test]
async fn single_changed_event_that_fails_is_troubled_only_while_misp_answers_for_another() {
    let mut site = three_events().await;
    let (one, row) = (site.event("one"), site.attribute("one.example.com"));
    site.sim.edit(|store| store.set_value(row, "new.example.com")).unwrap();
    let fault = || Fault::Status(500).on("/attributes/restSearch");
    site.sim.set_fault(fault());
    site.look_fails().await;
    assert_eq!(site.mirror.status().troubled_events, 0);
    site.sim.set_fault(fault().times(1));
    assert!(site.look().await.is_empty());
    assert_eq!(site.mirror.status().troubled_events, 1);
    site.sim.clear_fault();
    assert_eq!(site.look().await, [one]);
    site.assert_same();
}

#[tokio::test]
async fn event_that_changes_without_end_does_not_stop_the_others() {
    let mut site = three_events().await;
    let (one, three) = (site.event("one"), site.event("three"));
    let (busy, quiet) = (site.attribute("one.example.com"), site.attribute("three.example.com"));
    site.sim.edit(|store| {
        store.set_value(busy, "0.example.com").unwrap();
        store.set_value(quiet, "new.example.com").unwrap();
    });
    let clock = site.sim.clock().clone();
    let mut edits = 0;
    site.sim.on_request(move |request, store| {
        if request.path.contains("attributes/restSearch") && edits < 30 {
            edits += 1;
            clock.advance(1);
            store.set_value(busy, &format!("{edits}.example.com")).unwrap();
        }
    });
    let read = site.look().await;
    assert!(read.contains(&three) && !read.contains(&one), "{read:?}");
    assert_eq!(site.mirror.status().failing, None);
    for _ in 0..10 {
        site.look().await;
    }
    site.assert_same();
    assert_eq!(site.mirror.status().troubled_events, 0);
}

#[tokio::test]
async fn check_that_fails_stops_the_looks_only_when_it_is_overdue() {
    let mut site = three_events().await;
    site.sim.set_fault(Fault::Status(500).on("/users/view/me"));
    let one = site.event("one");
    // The interval counts from the look that ends the first load.
    for look in 0..18 {
        site.sim
            .edit(|store| store.set_info(one, &format!("one, edit {look}")))
            .unwrap();
        assert_eq!(site.look().await, [one], "look {look}");
    }
    site.wait(POLL);
    let error = site.look_fails().await;
    assert!(error.contains("MISP answered with an error"), "{error}");
    site.sim.clear_fault();
    site.look().await;
    assert_eq!(site.mirror.status().failing, None);
    site.assert_same();
}

#[tokio::test]
async fn event_stays_while_misp_refuses_the_key_that_does_not_see_it_any_more() {
    let mut site = three_events().await;
    let one = site.event("one");
    site.sim.edit(|store| store.delete_event(one)).unwrap();
    site.sim.set_fault(Fault::Status(401).on("/users/view/me"));
    site.look_fails().await;
    assert!(site.mirror.record(one).is_some());
}
