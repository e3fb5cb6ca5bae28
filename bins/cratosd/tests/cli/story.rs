//! A MISP whose one event has one domain, and the feed that shows it.

use misp_sim::{Attribute, Event, RunningSim, Sim};

pub(crate) const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";
pub(crate) const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

/// Returns a MISP with the event `story`, whose domain is `a.evil.example`.
pub(crate) fn sim() -> RunningSim {
    let story = Event::new("story")
        .tag("example:incident-classification=block")
        .attribute(Attribute::new("domain", "a.evil.example"));
    Sim::builder().event(story).start_now().unwrap()
}
