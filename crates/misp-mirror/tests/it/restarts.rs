//! What a mirror has begun and a restart must not forget.

use std::time::Duration;

use misp_mirror::EventRecord;
use misp_sim::{Attribute, Fault};

use crate::site::{POLL, Site, TYPES, event, sim};

fn rows_fail() -> misp_sim::FaultRule {
    Fault::Status(500).on("/attributes/restSearch")
}

/// Makes the record of an event wrong in a way that MISP's lists do not show.
fn spoil(site: &Site, id: u64) -> EventRecord {
    let sound = site.mirror.record(id).unwrap();
    let mut wrong = sound.clone();
    wrong.current.rows[0].value = "wrong.example.com".to_owned();
    site.store.put(&[wrong]).unwrap();
    sound
}

#[tokio::test]
async fn resync_that_was_ordered_goes_on_after_a_restart() {
    let mut site = Site::load(sim(|sim| sim.event(event("one")).event(event("two")))).await;
    site.look().await;
    let one = site.event("one");
    let sound = spoil(&site, one);
    site.sim.set_fault(rows_fail());
    site.mirror.resync();
    site.look_fails().await;
    site.restart();
    site.sim.clear_fault();
    site.until_complete().await;
    site.look().await;
    assert_eq!(site.mirror.record(one).unwrap(), sound);
    site.assert_same();
    // It was one resync: the next start reads nothing again.
    site.look().await;
    site.restart();
    site.until_complete().await;
    site.sim.clear_requests();
    site.look().await;
    assert_eq!(site.sim.searches(), 0);
}

#[tokio::test]
async fn resync_after_changed_rights_goes_on_after_a_restart() {
    let mut site = Site::load_with(
        sim(|sim| {
            sim.event(event("one").attribute(Attribute::new("domain", "secret.example.com")))
                .event(event("two"))
        }),
        |mirror| mirror.trace_interval(Duration::from_secs(30)),
    )
    .await;
    site.look().await;
    let (one, secret) = (site.event("one"), site.attribute("secret.example.com"));
    site.sim.edit(|store| {
        store.set_attribute_distribution(secret, 0).unwrap();
        store.publish(one).unwrap();
    });
    for _ in 0..4 {
        site.look().await;
    }
    assert_eq!(site.here()[&one].rows.len(), 2);
    site.sim
        .edit(|store| store.change_user(1, |user| user.organisation = 2));
    site.sim.set_fault(rows_fail());
    let mut status = site.mirror.status_changes();
    while site.mirror.status().failing.is_none() {
        site.wait(POLL);
        status.changed().await.unwrap();
    }
    site.restart();
    site.sim.clear_fault();
    site.until_complete().await;
    site.look().await;
    assert_eq!(
        site.here()[&one].rows.len(),
        1,
        "the key may not see the secret any more"
    );
}

#[tokio::test]
async fn hints_while_the_key_is_refused_ask_nothing_before_the_pause_is_over() {
    let mut site = Site::load(sim(|sim| sim.event(event("one")))).await;
    site.look().await;
    site.sim.edit(|store| store.change_user(1, |user| user.disabled = true));
    let error = site.look_fails().await;
    assert!(error.contains("refused the key"), "{error}");
    site.sim.clear_requests();
    let mut status = site.mirror.status_changes();
    status.borrow_and_update();
    for _ in 0..3 {
        site.mirror.hint();
        site.mirror.resync();
        let asked = tokio::time::timeout(Duration::from_millis(400), status.changed());
        assert!(asked.await.is_err(), "{:?}", site.sim.requests());
    }
    assert_eq!(site.sim.requests().len(), 0);
    site.sim
        .edit(|store| store.change_user(1, |user| user.disabled = false));
    site.wait(POLL * 4);
    site.take_look().await;
    site.assert_same();
}

/// Without this knowledge, MISP shows the same as for an event that is edited while it is published.
#[tokio::test]
async fn withdrawn_event_stays_withdrawn_when_other_attribute_types_are_mirrored() {
    let mut site = Site::load(sim(|sim| sim.event(event("one")).event(event("two")))).await;
    site.look().await;
    let one = site.event("one");
    site.sim.edit(|store| store.unpublish(one)).unwrap();
    site.look().await;
    site.sim.edit(|store| store.set_info(one, "one, edited")).unwrap();
    site.look().await;
    assert!(site.published(one).is_empty());
    site.restart_with(|mirror| mirror.attribute_types(TYPES.into_iter().chain(["hostname"])));
    site.until_complete().await;
    assert!(site.published(one).is_empty(), "an edit does not bring it back");
    site.sim.edit(|store| store.publish(one)).unwrap();
    site.look().await;
    assert_eq!(site.published(one), ["one.example.com"]);
    site.assert_same();
}

#[tokio::test]
async fn second_edit_in_the_second_of_the_last_look_is_not_missed_over_a_restart() {
    let mut site = Site::load(sim(|sim| sim.event(event("one")))).await;
    site.look().await;
    let row = site.attribute("one.example.com");
    site.sim
        .edit(|store| store.set_value(row, "first.example.com"))
        .unwrap();
    site.mirror.hint();
    site.next().await;
    site.sim
        .edit(|store| store.set_value(row, "second.example.com"))
        .unwrap();
    site.restart();
    site.until_complete().await;
    site.look().await;
    site.assert_same();
}
