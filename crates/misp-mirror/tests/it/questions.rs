//! How many questions a look asks, and how large the answers are.

use misp_sim::{Attribute, LoggedRequest, RunningSim};

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
