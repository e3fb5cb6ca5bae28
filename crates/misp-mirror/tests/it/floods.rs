//! A MISP that answers with far more than there is.
//!
//! `CRATOS_FLOOD=1000000` in the environment makes each flood so large.

use misp_sim::Fault;

use crate::site::{Site, event, sim};

/// Returns the size of a flood.
fn flood(usual: u64) -> u64 {
    std::env::var("CRATOS_FLOOD").map_or(usual, |text| text.parse().unwrap())
}

async fn two_events() -> Site {
    let mut site = Site::load(sim(|sim| sim.event(event("one")).event(event("two")))).await;
    site.look().await;
    site
}

/// Makes the next look read the index.
fn edit(site: &Site) {
    let one = site.event("one");
    site.sim.edit(|store| store.set_info(one, "one, edited")).unwrap();
}

#[tokio::test]
async fn index_full_of_events_that_misp_does_not_show_costs_few_questions_and_changes_nothing() {
    let mut site = two_events().await;
    site.sim
        .set_fault(Fault::LongIndex { events: flood(50_000) }.on("/events/index"));
    for _ in 0..3 {
        edit(&site);
        site.sim.clear_requests();
        site.look().await;
        let asked = site.sim.requests().len();
        assert!(asked <= 24, "{asked} questions in one look");
        assert_eq!((site.reported.len(), site.mirror.status().failing), (2, None));
    }
    site.sim.clear_fault();
    edit(&site);
    site.look().await;
    site.assert_same();
}

#[tokio::test]
async fn event_with_more_tags_than_an_answer_may_have_changes_nothing_and_is_told() {
    let mut site = two_events().await;
    let before = site.here();
    site.sim
        .set_fault(Fault::ManyTags { tags: flood(200_000) }.on("/events/restSearch"));
    let error = site.look_fails().await;
    assert!(error.contains("too large"), "{error}");
    assert_eq!((site.here(), site.mirror.status().events), (before, 2));
    site.sim.clear_fault();
    site.look().await;
    site.assert_same();
    assert_eq!(site.mirror.status().failing, None);
}
