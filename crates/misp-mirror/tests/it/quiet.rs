//! Looks while nothing changes, with few and with many watched tags; and the rows that a changed use of a tag costs.

use std::time::Duration;

use misp_mirror::MirrorBuilder;
use misp_sim::{Attribute, Event, Fault, TagUse};

use crate::site::{BLOCK, POLL, Site, event, sim};

/// Questions of a look in which nothing changed.
const QUIET: usize = 4;
/// Looks in an interval of the default length, and one more.
const LOOKS: usize = 300 / 15 + 1;
const LOOKS_AN_HOUR: usize = 3_600 / 15;

fn local(tag: &str) -> TagUse {
    TagUse {
        name: tag.to_owned(),
        local: true,
    }
}

fn classification(number: usize) -> String {
    format!("example:incident-classification=tag-{number}")
}

fn watching(mirror: MirrorBuilder, tags: impl IntoIterator<Item = String>) -> MirrorBuilder {
    mirror
        .watched_tags(tags)
        .watched_namespaces(["tlp:"])
        .sightings(true)
        // The slow round is counted separately.
        .round(Duration::from_secs(86_400 * 10_000))
}

const ONE: fn(MirrorBuilder) -> MirrorBuilder = |mirror| watching(mirror, (0..1).map(classification));
const TEN: fn(MirrorBuilder) -> MirrorBuilder = |mirror| watching(mirror, (0..10).map(classification));
const SIXTY: fn(MirrorBuilder) -> MirrorBuilder = |mirror| watching(mirror, (0..60).map(classification));
/// No text is in all of these.
const SIXTY_TAXONOMIES: fn(MirrorBuilder) -> MirrorBuilder = |mirror| {
    let tags = (0..60).map(|number| format!("{}axonomy:tag", "t".repeat(number + 1)));
    watching(mirror, tags.chain((0..1).map(classification)))
};

async fn site(set_up: fn(MirrorBuilder) -> MirrorBuilder) -> Site {
    let sim = sim(|sim| {
        sim.event(event("one").tag(local(&classification(0))))
            .event(event("two").attribute(Attribute::new("ip-dst", "192.0.2.1").tag(local("TLP:AMBER"))))
            .event(event("hidden").protected())
    });
    Site::load_with(sim, set_up).await
}

/// Looks so often while nothing changes, and counts the questions.
async fn quiet_looks(site: &mut Site, looks: usize) {
    for look in 0..looks {
        site.sim.clear_requests();
        assert!(site.look().await.is_empty());
        let asked: Vec<String> = site.sim.requests().into_iter().map(|request| request.path).collect();
        assert!(asked.len() <= QUIET, "look {look}: {asked:?}");
    }
}

#[tokio::test]
async fn quiet_look_has_at_most_four_questions_whatever_is_watched() {
    for set_up in [ONE, TEN, SIXTY, SIXTY_TAXONOMIES] {
        let mut site = site(set_up).await;
        quiet_looks(&mut site, LOOKS_AN_HOUR).await;
        // After a change the ETag of the index is of no use, and two numbers are asked for.
        let row = site.attribute("one.example.com");
        site.sim.edit(|store| store.set_value(row, "new.example.com")).unwrap();
        assert_eq!(site.look().await.len(), 1);
        site.look().await;
        quiet_looks(&mut site, LOOKS_AN_HOUR).await;
        site.assert_same();
    }
}

#[tokio::test]
async fn change_without_a_trace_shows_in_time_however_many_tags_are_watched() {
    for set_up in [ONE, TEN, SIXTY, SIXTY_TAXONOMIES] {
        let mut site = site(set_up).await;
        quiet_looks(&mut site, 2 * LOOKS).await;
        let (one, two, hidden) = (site.event("one"), site.event("two"), site.event("hidden"));
        let (row, other) = (site.attribute("two.example.com"), site.attribute("192.0.2.1"));
        let watched = classification(0);
        site.sim.edit(|store| store.untag_event(one, &watched)).unwrap();
        until_same(&mut site).await;
        site.sim
            .edit(|store| store.tag_attribute_locally(row, &watched))
            .unwrap();
        until_same(&mut site).await;
        site.sim
            .edit(|store| store.tag_event_locally(two, "tlp:ex:chr"))
            .unwrap();
        until_same(&mut site).await;
        site.sim
            .edit(|store| store.untag_attribute(other, "TLP:AMBER"))
            .unwrap();
        until_same(&mut site).await;
        site.sim
            .edit(|store| store.tag_attribute_locally(other, "Tlp:Red"))
            .unwrap();
        until_same(&mut site).await;
        site.sim.edit(|store| store.delete_event(hidden)).unwrap();
        until_same(&mut site).await;
        assert_eq!(site.mirror.status().repaired, 0, "without the slow round");
    }
}

/// Looks for one interval at most, until the mirror shows the stand-in as it is.
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
async fn tag_that_moves_to_another_event_shows_although_its_count_stays() {
    let mut site = site(ONE).await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    let (one, two, watched) = (site.event("one"), site.event("two"), classification(0));
    site.sim.edit(|store| store.untag_event(one, &watched)).unwrap();
    site.sim.edit(|store| store.tag_event_locally(two, &watched)).unwrap();
    until_same(&mut site).await;
}

/// Twelve events with 2 000 attributes each, all with the tag of the event.
async fn tagged_rows() -> Site {
    let sim = sim(|mut sim| {
        for number in 0..12 {
            let rows = (0..2_000).map(|row| Attribute::new("domain", format!("row-{row}.event-{number}.example.com")));
            let event = rows.fold(event(&format!("event-{number}")).tag(BLOCK), Event::attribute);
            sim = sim.event(event);
        }
        sim.event(event("partner").creator("Partner Research").own_organisation_only())
    });
    Site::load_with(sim, |mirror| watching(mirror, [BLOCK.to_owned()])).await
}

#[tokio::test]
async fn changed_use_of_a_tag_reads_a_bounded_number_of_rows_a_look() {
    let mut site = tagged_rows().await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    let oldest = site.attribute("row-7.event-0.example.com");
    site.sim
        .edit(|store| store.tag_attribute_locally(oldest, BLOCK))
        .unwrap();
    for _ in 0..LOOKS + 3 {
        site.sim.clear_requests();
        site.look().await;
        let requests = site.sim.requests();
        let bytes: u64 = requests.iter().map(|request| request.answer_bytes).sum();
        assert!(bytes < 12_000 * 800, "{bytes}");
    }
    // The newest events come first, and what explains the difference ends the search.
    let newest = site.attribute("row-7.event-11.example.com");
    site.sim
        .edit(|store| store.tag_attribute_locally(newest, BLOCK))
        .unwrap();
    site.sim.clear_requests();
    for _ in 0..LOOKS {
        site.look().await;
    }
    assert_eq!(site.sim.searches(), 2, "one part of the tagged rows, and one event");
    assert!(
        site.reported[&site.event("event-0")].current.rows[8]
            .tags
            .iter()
            .any(|tag| tag.name == BLOCK)
    );
    assert!(
        site.reported[&site.event("event-11")].current.rows[8]
            .tags
            .iter()
            .any(|tag| tag.name == BLOCK)
    );
}

#[tokio::test]
async fn use_of_a_tag_that_the_key_may_not_see_reads_no_rows() {
    let mut site = tagged_rows().await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    let (hidden, other) = (
        site.attribute("partner.example.com"),
        site.attribute("row-1.event-3.example.com"),
    );
    site.sim
        .edit(|store| store.tag_attribute_locally(other, BLOCK))
        .unwrap();
    for _ in 0..LOOKS + 3 {
        site.look().await;
    }
    site.sim.clear_requests();
    site.sim
        .edit(|store| store.tag_attribute_locally(hidden, BLOCK))
        .unwrap();
    for _ in 0..2 * LOOKS {
        site.look().await;
    }
    assert_eq!(site.sim.searches(), 0);
}

#[tokio::test]
async fn local_tag_that_comes_after_its_event_was_loaded_is_no_part_of_the_first_count() {
    let mut site = site(ONE).await;
    // Straight after the load, before MISP was asked for the use of tags again.
    let (one, row) = (site.event("one"), site.attribute("two.example.com"));
    site.sim
        .edit(|store| store.tag_attribute_locally(row, &classification(0)))
        .unwrap();
    site.sim.edit(|store| store.tag_event_locally(one, "tlp:red")).unwrap();
    for _ in 0..LOOKS {
        site.look().await;
    }
    site.assert_same();
}

#[tokio::test]
async fn local_tag_that_comes_while_the_mirror_is_away_shows_after_its_return() {
    let mut site = site(ONE).await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    site.mirror.stop();
    while site.changes.next().await.is_some() {}
    let (one, row) = (site.event("one"), site.attribute("two.example.com"));
    site.sim
        .edit(|store| store.tag_attribute_locally(row, &classification(0)))
        .unwrap();
    site.sim
        .edit(|store| store.untag_event(one, &classification(0)))
        .unwrap();
    site.restart();
    site.until_complete().await;
    for _ in 0..LOOKS {
        site.look().await;
    }
    site.assert_same();
}

#[tokio::test]
async fn events_that_wait_to_be_read_are_read_after_a_restart() {
    let mut site = site(ONE).await;
    site.look().await;
    site.sim.set_fault(Fault::NotJson.on("/attributes/restSearch"));
    site.mirror.resync();
    site.look_fails().await;
    site.mirror.stop();
    while site.changes.next().await.is_some() {}
    site.sim.clear_fault();
    site.sim.clear_requests();
    site.restart();
    site.wait(POLL);
    site.take_look().await;
    assert!(site.sim.searches() >= 1, "the events of the resync are read");
    site.assert_same();
}

#[tokio::test]
async fn event_with_a_local_tag_of_one_watched_kind_is_read_once() {
    let mut site = site(SIXTY).await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    let one = site.event("one");
    site.sim
        .edit(|store| store.tag_event_locally(one, &classification(40)))
        .unwrap();
    site.sim.clear_requests();
    for _ in 0..LOOKS {
        site.look().await;
    }
    assert_eq!(site.sim.searches(), 1);
    site.assert_same();
}

/// How often so many looks ask for an index, and for the number of attributes with a tag.
async fn questions(site: &mut Site, looks: usize) -> (usize, usize) {
    site.sim.clear_requests();
    for _ in 0..looks {
        assert!(site.look().await.is_empty());
    }
    let requests = site.sim.requests();
    let of = |path: &str| requests.iter().filter(|request| request.path.starts_with(path)).count();
    (of("/events/index"), of("/tags/view"))
}

#[tokio::test]
async fn use_of_a_tag_that_was_compared_is_not_compared_again() {
    let mut site = site(ONE).await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    let (before, _) = questions(&mut site, 8 * LOOKS).await;
    let (two, row, watched) = (site.event("two"), site.attribute("one.example.com"), classification(0));
    site.sim.edit(|store| store.tag_event_locally(two, &watched)).unwrap();
    until_same(&mut site).await;
    site.sim
        .edit(|store| store.tag_attribute_locally(row, &watched))
        .unwrap();
    until_same(&mut site).await;
    quiet_looks(&mut site, 2 * LOOKS).await;
    let (after, seen) = questions(&mut site, 8 * LOOKS).await;
    // The intervals of the checks do not begin with the looks that are counted.
    assert!(after <= before + 2, "{after} indexes, {before} before");
    assert_eq!(seen, 0);
}
