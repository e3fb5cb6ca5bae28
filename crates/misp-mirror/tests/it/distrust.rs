//! A MISP that lies or loses events, and a store with differences.

use std::time::Duration;

use misp_mirror::{EventRecord, MirrorBuilder};
use misp_sim::{Event, Fault};

use crate::site::{Log, POLL, Site, event, sim};

async fn four_events() -> Site {
    let mut site = Site::load(sim(|sim| {
        sim.event(event("one"))
            .event(event("two"))
            .event(event("three"))
            .event(event("four"))
    }))
    .await;
    site.look().await;
    site
}

#[tokio::test]
async fn index_that_loses_most_events_is_believed_the_third_time() {
    for left in [0, 1] {
        let mut site = four_events().await;
        let ids: Vec<u64> = site.reported.keys().copied().collect();
        for id in &ids[left..] {
            site.sim.edit(|store| store.delete_event(*id)).unwrap();
        }
        for time in 1..=2 {
            let error = site.look_fails().await;
            assert!(error.contains(&format!("lists {left} events of 4")), "{error}");
            assert_eq!(
                (site.reported.len(), site.mirror.status().events),
                (4, 4),
                "time {time}"
            );
        }
        site.look().await;
        assert_eq!(site.mirror.status().failing, None);
        assert_eq!(site.reported.len(), left);
    }
}

#[tokio::test]
async fn misp_that_is_whole_again_loses_nothing() {
    let mut site = four_events().await;
    let before = site.here();
    let ids: Vec<u64> = site.reported.keys().copied().collect();
    for id in &ids {
        site.sim.edit(|store| store.set_owner(*id, 2)).unwrap();
        site.sim.edit(|store| store.set_distribution(*id, 0)).unwrap();
    }
    site.look_fails().await;
    site.look_fails().await;
    assert_eq!(site.here(), before);
    for id in &ids {
        site.sim.edit(|store| store.set_distribution(*id, 3)).unwrap();
    }
    site.look().await;
    site.assert_same();
    assert_eq!(site.reported.len(), 4);
}

#[tokio::test]
async fn vanished_event_is_kept_for_its_grace() {
    let mut site = Site::load_with(
        sim(|sim| sim.event(event("one")).event(event("two")).event(event("three"))),
        |mirror| mirror.vanished_grace(Duration::from_secs(60)),
    )
    .await;
    site.look().await;
    let one = site.event("one");
    site.sim.edit(|store| store.delete_event(one)).unwrap();
    for _ in 0..4 {
        assert!(site.look().await.is_empty());
    }
    assert_eq!(site.published(one), ["one.example.com"]);
    site.restart();
    site.until_complete().await;
    assert_eq!(site.published(one), ["one.example.com"], "also over a restart");
    site.look().await;
    assert!(!site.reported.contains_key(&one));
    site.assert_same();
}

/// What a mirror with this grace logs while an event vanishes.
async fn log_of_a_vanishing_event(set_up: fn(MirrorBuilder) -> MirrorBuilder) -> String {
    let log = Log::begin();
    let mut site = Site::load_with(
        sim(|sim| sim.event(event("one")).event(event("two")).event(event("three"))),
        set_up,
    )
    .await;
    site.look().await;
    let one = site.event("one");
    site.sim.edit(|store| store.delete_event(one)).unwrap();
    site.look().await;
    log.end()
}

#[tokio::test]
async fn an_operator_hears_of_events_that_a_grace_keeps_and_of_no_others() {
    let kept = log_of_a_vanishing_event(|mirror| mirror.vanished_grace(Duration::from_secs(60))).await;
    assert!(kept.contains("the grace keeps them events=1"), "{kept}");
    let gone = log_of_a_vanishing_event(|mirror| mirror).await;
    assert!(!gone.contains("the grace keeps"), "{gone}");
}

#[tokio::test]
async fn event_that_misp_hides_while_it_is_edited_keeps_its_published_block() {
    let mut site = Site::load_with(
        sim(|sim| {
            sim.event(event("one"))
                .event(event("two"))
                .event(event("partner").creator("Partner Research"))
        }),
        |mirror| mirror.vanished_grace(Duration::from_secs(3_600)),
    )
    .await;
    site.sim.edit(|store| store.set_unpublished_private(true));
    site.look().await;
    let (partner, row) = (site.event("partner"), site.attribute("partner.example.com"));
    site.sim.edit(|store| store.set_value(row, "new.example.com")).unwrap();
    assert!(site.look().await.is_empty());
    assert_eq!(site.published(partner), ["partner.example.com"]);
    site.sim.edit(|store| store.publish(partner)).unwrap();
    assert_eq!(site.look().await, [partner]);
    assert_eq!(site.published(partner), ["new.example.com"]);
    site.assert_same();
}

#[tokio::test]
async fn slow_round_finds_and_repairs_a_difference_in_the_store() {
    let mut site = Site::load_with(
        sim(|sim| sim.event(event("one")).event(event("two")).event(Event::new("three"))),
        |mirror| mirror.round(POLL * 20),
    )
    .await;
    site.look().await;
    let one = site.event("one");
    let sound = site.mirror.record(one).unwrap();
    let mut wrong: EventRecord = sound.clone();
    wrong.current.rows[0].value = "wrong.example.com".to_owned();
    site.store.put(&[wrong]).unwrap();
    for _ in 0..45 {
        site.look().await;
    }
    assert_eq!(site.mirror.record(one).unwrap(), sound);
    assert_eq!(site.mirror.status().repaired, 1);
    site.assert_same();
}

#[tokio::test]
async fn slow_round_finds_a_hidden_event_that_no_question_shows() {
    let mut site = Site::load_with(sim(|sim| sim.event(event("one"))), |mirror| mirror.round(POLL * 20)).await;
    site.look().await;
    // Its times are long past, and the index does not list it.
    site.sim.edit(|store| store.add_event(event("hidden").protected()));
    for _ in 0..45 {
        site.look().await;
    }
    site.assert_same();
    assert_eq!(site.reported.len(), 2);
}

#[tokio::test]
async fn resync_reads_every_event_again_and_drops_nothing() {
    let mut site = four_events().await;
    site.sim.clear_requests();
    site.mirror.resync();
    site.next().await;
    site.look().await;
    assert!(site.sim.searches() >= 1);
    site.assert_same();
}

#[tokio::test]
async fn hints_in_quick_succession_do_not_make_an_empty_misp_believed() {
    let mut site = four_events().await;
    let before = site.here();
    site.sim.set_fault(Fault::ListsNothing);
    site.look_fails().await;
    let mut status = site.mirror.status_changes();
    for _ in 0..4 {
        status.borrow_and_update();
        let asked = site.sim.requests().len();
        site.mirror.hint();
        while site.sim.requests().len() == asked {
            status.changed().await.unwrap();
        }
    }
    assert_eq!((site.here(), site.mirror.status().events), (before, 4));
    site.sim.clear_fault();
    site.look().await;
    assert_eq!(site.reported.len(), 4);
    site.assert_same();
}

#[tokio::test]
async fn events_that_are_gone_between_two_questions_of_a_look_are_doubted() {
    let mut site = four_events().await;
    let ids: Vec<u64> = site.reported.keys().copied().collect();
    for id in &ids[..3] {
        let info = format!("event {id}, edited");
        site.sim.edit(|store| store.set_info(*id, &info)).unwrap();
    }
    // MISP shows the three as changed, and their rows; asked for them again it lists nothing.
    site.sim
        .set_fault(Fault::ListsNothing.on("/events/restSearch").after(2).times(1));
    assert!(site.look().await.is_empty(), "nothing is removed");
    assert_eq!(site.reported.len(), 4);
    site.sim.clear_fault();
    site.look().await;
    site.assert_same();
}
