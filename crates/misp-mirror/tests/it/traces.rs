//! What leaves no trace in an event is noticed within the interval.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use misp_mirror::Change;
use misp_sim::{Attribute, TagUse, Warninglist, WarninglistKind};

use crate::site::{ALERT, BLOCK, POLL, Site, event, sim};

/// Looks in one interval of the default length, and one more.
const LOOKS: u32 = 300 / 15 + 1;

fn local(tag: &str) -> TagUse {
    TagUse {
        name: tag.to_owned(),
        local: true,
    }
}

async fn site() -> Site {
    let mut site = Site::load_with(
        sim(|sim| {
            sim.event(event("one").attribute(Attribute::new("ip-dst", "192.0.2.1").tag(BLOCK)))
                .event(event("two").tag(local(ALERT)))
                .event(event("hidden").protected())
                .warninglist(Warninglist::new(
                    "shared",
                    WarninglistKind::Hostname,
                    &["domain"],
                    &["two.example.com"],
                ))
        }),
        |mirror| mirror.sightings(true),
    )
    .await;
    // Every check has been done once.
    for _ in 0..LOOKS {
        site.look().await;
    }
    site
}

/// Looks until the mirror shows the stand-in as it is, for one interval at most.
async fn until_same(site: &mut Site) {
    for _ in 0..LOOKS {
        site.look().await;
        if site.here() == site.there() {
            return site.assert_same();
        }
    }
    site.assert_same();
}

#[tokio::test]
async fn local_tags_on_events_and_attributes_are_noticed() {
    let mut site = site().await;
    let (one, two) = (site.event("one"), site.event("two"));
    let row = site.attribute("one.example.com");
    site.sim.edit(|store| store.tag_event_locally(one, ALERT)).unwrap();
    until_same(&mut site).await;
    site.sim.edit(|store| store.untag_event(two, ALERT)).unwrap();
    until_same(&mut site).await;
    site.sim.edit(|store| store.tag_attribute_locally(row, BLOCK)).unwrap();
    until_same(&mut site).await;
    site.sim.edit(|store| store.untag_attribute(row, BLOCK)).unwrap();
    until_same(&mut site).await;
    assert_eq!(site.mirror.status().repaired, 0, "without the slow round");
}

#[tokio::test]
async fn hidden_event_that_is_deleted_or_tagged_locally_is_noticed() {
    let mut site = site().await;
    let hidden = site.event("hidden");
    site.sim.edit(|store| store.tag_event_locally(hidden, BLOCK)).unwrap();
    until_same(&mut site).await;
    site.sim.edit(|store| store.delete_event(hidden)).unwrap();
    until_same(&mut site).await;
    assert_eq!(site.reported.len(), 2);
}

#[tokio::test]
async fn counts_that_drift_hide_no_event() {
    let mut site = site().await;
    let (one, row) = (site.event("one"), site.attribute("one.example.com"));
    site.sim.edit(|store| store.set_attribute_count(one, 0)).unwrap();
    until_same(&mut site).await;
    site.sim.edit(|store| store.set_value(row, "new.example.com")).unwrap();
    site.look().await;
    site.assert_same();
    assert_eq!(site.reported[&one].current.event.attribute_count, Some(0));
}

#[tokio::test]
async fn sighting_is_noticed() {
    let mut site = site().await;
    let (one, row) = (site.event("one"), site.attribute("192.0.2.1"));
    let seen_at = site.sim.clock().now();
    site.sim.edit(|store| store.add_sighting(row, 0, seen_at)).unwrap();
    let last_sighting = |site: &Site| {
        let rows = &site.reported[&one].current.rows;
        rows.iter().find(|known| known.id == row).unwrap().last_sighting
    };
    for _ in 0..LOOKS {
        site.look().await;
    }
    assert_eq!(last_sighting(&site), Some(seen_at));
}

#[tokio::test]
async fn warninglist_marks_rows_and_switching_it_shows() {
    let mut site = Site::start(
        sim(|sim| {
            sim.event(event("one"))
                .event(event("two"))
                .warninglist(Warninglist::new(
                    "shared",
                    WarninglistKind::Hostname,
                    &["domain"],
                    &["two.example.com"],
                ))
        }),
        crate::site::empty_store(),
        |mirror| mirror,
    );
    let mut marked = Vec::new();
    let mut is_complete = false;
    while !is_complete {
        let batch = site.next().await;
        is_complete = batch.is_complete;
        marked.extend(batch.changes.iter().filter_map(marked_event));
    }
    let two = site.event("two");
    assert_eq!(marked, [(two, true)]);
    site.sim.edit(|store| store.enable_warninglist(1, false));
    let mut cleared = Vec::new();
    for _ in 0..LOOKS {
        site.wait(POLL);
        let now = site.sim.clock().now();
        loop {
            let batch = site.next().await;
            cleared.extend(batch.changes.iter().filter_map(replaced));
            if batch.as_of.is_some_and(|as_of| as_of.as_second() >= now) {
                break;
            }
        }
    }
    assert_eq!(cleared, [(two, false)], "only the event whose marks changed");
    site.restart();
    let stored = site.next().await;
    assert!(stored.changes.iter().filter_map(replaced).all(|(_, marked)| !marked));
}

fn replaced(change: &Change) -> Option<(u64, bool)> {
    match change {
        Change::Replaced { record, warned, .. } => Some((record.current.event.id, warned.contains(&true))),
        Change::Removed { .. } | Change::Missing { .. } => None,
    }
}

fn marked_event(change: &Change) -> Option<(u64, bool)> {
    replaced(change).filter(|(_, marked)| *marked)
}

#[tokio::test]
async fn key_that_moves_to_another_organisation_makes_the_mirror_read_everything_again() {
    let mut site = Site::load(sim(|sim| {
        sim.event(event("one")).event(event("two").own_organisation_only())
    }))
    .await;
    for _ in 0..LOOKS {
        site.look().await;
    }
    let reader = 1;
    site.sim
        .edit(|store| store.change_user(reader, |user| user.organisation = 2));
    site.sim.clear_requests();
    for _ in 0..LOOKS + 2 {
        site.look().await;
    }
    assert!(site.sim.searches() >= 1, "events are read again");
    assert_eq!(site.reported.keys().copied().collect::<Vec<_>>(), [site.event("one")]);
}

#[tokio::test]
async fn key_that_moves_while_a_look_runs_is_noticed_within_the_interval() {
    let own = Attribute {
        distribution: 0,
        ..Attribute::new("domain", "own.example.com")
    };
    let mut site = Site::load(sim(|sim| sim.event(event("one").attribute(own)))).await;
    let one = site.event("one");
    let interval = POLL * (LOOKS - 1);
    site.wait(interval);
    site.take_look().await;
    assert_eq!(site.published(one).len(), 2);
    // The next look begins in the same moment. At its first question the key moves, and an interval passes.
    let (clock, mut has_moved) = (site.clock.clone(), false);
    site.sim.on_request(move |_, store| {
        if !std::mem::replace(&mut has_moved, true) {
            store.change_user(1, |user| user.organisation = 2);
            clock.advance(interval);
        }
    });
    site.mirror.hint();
    site.take_look().await;
    site.take_look().await;
    site.look().await;
    assert_eq!(site.published(one), ["one.example.com"]);
}

#[tokio::test]
async fn event_that_takes_the_place_of_another_is_noticed_within_the_interval_after_a_long_look() {
    let mut site = Site::load(sim(|sim| sim.event(event("one")).event(event("two")))).await;
    let interval = POLL * (LOOKS - 1);
    site.wait(interval);
    site.take_look().await;
    // The next look begins in the same moment. While MISP answers its index, an interval passes.
    let has_answered = Arc::new(AtomicBool::new(false));
    let (clock, answered) = (site.clock.clone(), Arc::clone(&has_answered));
    site.sim.on_answer(move |request, _| {
        if request.path.starts_with("/events/index") && !answered.swap(true, Ordering::Relaxed) {
            clock.advance(interval);
        }
    });
    // The change of another event makes the known index stale, and MISP's numbers of events stay the same.
    let (two, mut is_edited) = (site.attribute("two.example.com"), false);
    site.sim.on_request(move |_, store| {
        if has_answered.load(Ordering::Relaxed) && !std::mem::replace(&mut is_edited, true) {
            store.delete_event(store.find_event("one").unwrap()).unwrap();
            store.add_event(event("new"));
            store.set_value(two, "changed.example.com").unwrap();
        }
    });
    site.mirror.hint();
    site.take_look().await;
    site.take_look().await;
    site.assert_same();
}
