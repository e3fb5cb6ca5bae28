//! How many questions a look asks, and how large the answers are.

use std::num::NonZeroU32;
use std::time::Duration;

use misp_mirror::Clock as _;
use misp_sim::{Attribute, Fault, LoggedRequest, RunningSim};
use tokio::time::timeout;

use crate::site::{Site, event, sim};

const EVENTS: usize = 20_000;
/// Questions of one look at a MISP in which nothing happens.
const QUIET: usize = 4;
/// Questions of a look that finds one published change.
const CHANGE: usize = 6;

fn large() -> RunningSim {
    sim(|mut sim| {
        for number in 0..EVENTS {
            sim = sim.event(event(&format!("event-{number}")));
        }
        sim.event(event("busy"))
    })
}

#[tokio::test]
async fn looks_at_a_large_misp_are_few_light_questions() {
    let mut site = Site::load(large()).await;
    site.look().await;
    quiet_looks(&mut site).await;
    looks_with_a_change(&mut site).await;
    site.assert_same();
}

async fn quiet_looks(site: &mut Site) {
    for _ in 0..5 {
        site.sim.clear_requests();
        assert!(site.look().await.is_empty());
        let requests = site.sim.requests();
        assert!(requests.len() <= QUIET, "{}", requests.len());
        let bytes: u64 = requests.iter().map(|request| request.answer_bytes).sum();
        assert!(bytes < 4_096, "{bytes}");
    }
}

async fn looks_with_a_change(site: &mut Site) {
    let busy = site.event("busy");
    for number in 0..3 {
        site.wait(crate::site::POLL);
        site.take_look().await;
        site.sim.clear_requests();
        site.sim.edit(|store| {
            let row = Attribute::new("domain", format!("row-{number}.example.com"));
            store.add_attribute(busy, row).unwrap();
            store.publish(busy).unwrap();
        });
        assert_eq!(site.look().await, [busy]);
        let requests = site.sim.requests();
        assert!(requests.len() <= CHANGE, "{}", requests.len());
        let of_rows = |request: &&LoggedRequest| request.path.contains("attributes");
        let bytes = |wanted: bool| {
            let some = requests.iter().filter(|request| of_rows(request) == wanted);
            some.map(|request| request.answer_bytes).sum::<u64>()
        };
        assert!(bytes(false) <= 64 << 10, "{}", bytes(false));
    }
}

#[tokio::test]
async fn callers_who_want_the_mirror_confirmed_share_one_look() {
    let mut site = Site::load(sim(|sim| sim.event(event("one")))).await;
    site.look().await;
    site.sim.clear_requests();
    site.sim.set_fault(Fault::Late(Duration::from_millis(100)));
    site.wait(Duration::from_secs(1));
    let now = site.clock.now();
    let confirm = |site: &Site| (0..40).for_each(|_| site.mirror.confirm(now));
    confirm(&site);
    while site.sim.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    confirm(&site);
    assert!(site.take_look().await.is_empty());
    confirm(&site);
    // A second look would begin within a quarter of a second.
    let second = timeout(Duration::from_secs(2), site.changes.next()).await;
    assert!(second.is_err(), "a look that nobody needs");
    let looks = site.sim.requests().into_iter().filter(begins_a_look).count();
    assert_eq!(looks, 1);
}

#[tokio::test]
async fn no_page_has_more_attributes_than_the_site_allows() {
    let site = Site::load_with(
        sim(|sim| {
            let many = (0..25).map(|number| Attribute::new("domain", format!("row-{number}.example.com")));
            sim.event(many.fold(event("one"), |event, row| event.attribute(row)))
        }),
        |mirror| mirror.page_size(NonZeroU32::new(10).unwrap()),
    )
    .await;
    let requests = site.sim.requests();
    let limits = requests.iter().filter(|request| request.is_search());
    let limits: Vec<_> = limits
        .filter_map(|request| request.body.as_ref()?["limit"].as_u64())
        .collect();
    assert!(limits.iter().all(|limit| *limit <= 10), "{limits:?}");
    assert_eq!(limits.iter().filter(|limit| **limit == 10).count(), 3, "{limits:?}");
    site.assert_same();
}

/// The question for changed events is the first one of a look.
fn begins_a_look(request: &LoggedRequest) -> bool {
    request.path == "/events/restSearch"
        && request
            .body
            .as_ref()
            .is_some_and(|body| body.get("timestamp").is_some())
}
