//! Losses for which MISP shows a reason, and losses for which it shows none.

use misp_sim::{Attribute, Event, TagUse, Warninglist, WarninglistKind};

use crate::site::{BLOCK, Site, event, sim};

/// Looks in an interval of the default length, and one more.
const LOOKS: usize = 300 / 15 + 1;

/// Five events, of which only its own organisation sees the last.
async fn site() -> Site {
    let tag = TagUse {
        name: BLOCK.to_owned(),
        local: true,
    };
    let two = ["two-a", "two-b"].map(|name| Attribute::new("domain", format!("{name}.example.com")));
    let list = Warninglist::new("names", WarninglistKind::Hostname, &["domain"], &["one.example.com"]);
    let mut site = Site::load(sim(|sim| {
        sim.event(event("one").tag(tag))
            .event(two.into_iter().fold(event("two"), Event::attribute))
            .event(event("three"))
            .event(event("four"))
            .event(event("five").own_organisation_only())
            .warninglist(list)
    }))
    .await;
    site.look().await;
    site
}

fn is_explained(site: &Site) -> bool {
    site.mirror.status().unexplained_at.is_none()
}

#[tokio::test]
async fn events_that_are_deleted_withdrawn_or_edited_explain_what_is_gone() {
    let mut site = site().await;
    let (two, three, four) = (site.event("two"), site.event("three"), site.event("four"));
    let (row, other) = (site.attribute("two-a.example.com"), site.attribute("two-b.example.com"));
    site.sim.edit(|store| store.delete_event(three)).unwrap();
    site.sim.edit(|store| store.unpublish(four)).unwrap();
    site.look().await;
    site.sim.edit(|store| store.hard_delete(row)).unwrap();
    site.sim.edit(|store| store.soft_delete(other)).unwrap();
    site.look().await;
    site.sim.edit(|store| store.publish(two)).unwrap();
    site.look().await;
    site.assert_same();
    assert!(is_explained(&site));
}

#[tokio::test]
async fn a_key_with_other_rights_does_not_explain_that_events_are_gone() {
    let mut site = site().await;
    let five = site.event("five");
    let confirmed = site.mirror.status().as_of;
    site.sim
        .edit(|store| store.change_user(1, |user| user.organisation = 2));
    assert!(site.look().await.contains(&five), "the next look shows it");
    assert!(!site.reported.contains_key(&five));
    let unexplained = site.mirror.status().unexplained_at;
    assert!(unexplained > confirmed);
    // A restart forgets neither this nor that the rest of the events has to be read again.
    site.restart();
    site.until_complete().await;
    assert_eq!(site.mirror.status().unexplained_at, unexplained);
}

#[tokio::test]
async fn a_local_tag_that_goes_leaves_no_reason() {
    let mut site = site().await;
    let one = site.event("one");
    site.sim.edit(|store| store.untag_event(one, BLOCK)).unwrap();
    for _ in 0..LOOKS {
        site.look().await;
    }
    site.assert_same();
    assert!(!is_explained(&site));
}

#[tokio::test]
async fn an_index_that_halves_is_unexplained_also_when_it_is_believed() {
    let mut site = site().await;
    for name in ["two", "three", "four"] {
        let id = site.event(name);
        site.sim.edit(|store| store.delete_event(id)).unwrap();
    }
    site.look_fails().await;
    site.look_fails().await;
    assert!(is_explained(&site), "nothing is gone yet");
    site.look().await;
    assert_eq!(site.reported.len(), 2);
    assert!(!is_explained(&site));
}

#[tokio::test]
async fn a_warninglist_that_changes_is_not_the_reason_of_an_event() {
    let mut site = site().await;
    site.sim
        .edit(|store| store.set_warninglist_entries(1, &["one.example.com", "three.example.com"]));
    for _ in 0..LOOKS {
        site.look().await;
    }
    assert!(!is_explained(&site));
}
