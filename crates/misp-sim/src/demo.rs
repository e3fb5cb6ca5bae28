//! The sample data of `cratosd demo`: every indicator type in every feed, and a story for each case.

use crate::{
    model::{DecayingModel, User},
    sim::{Sim, SimBuilder},
};

/// The tag prefix of the sample data: its tags are `example:incident-classification=…`, with `cust1` to `cust5` for the
/// custom feeds.
pub const DEMO_TAG: &str = "example";

const FILES: &[(&str, &str)] = &[
    ("warninglists.yaml", include_str!("../demo/warninglists.yaml")),
    ("incident.yaml", include_str!("../demo/incident.yaml")),
    ("alert.yaml", include_str!("../demo/alert.yaml")),
    ("block.yaml", include_str!("../demo/block.yaml")),
    ("hunt.yaml", include_str!("../demo/hunt.yaml")),
    ("cust1.yaml", include_str!("../demo/cust1.yaml")),
    ("cust2.yaml", include_str!("../demo/cust2.yaml")),
    ("cust3.yaml", include_str!("../demo/cust3.yaml")),
    ("cust4.yaml", include_str!("../demo/cust4.yaml")),
    ("cust5.yaml", include_str!("../demo/cust5.yaml")),
    ("stories.yaml", include_str!("../demo/stories.yaml")),
];

/// Returns a stand-in with the sample data, ready to start; its ages count from the start.
///
/// It needs no files: the data are part of the program. Users and organisations are those of [`Sim::builder`];
/// addresses and names are documentation ones (RFC 5737, 3849, 2606) only, so a guard against special-purpose addresses
/// must be off to see the addresses in a feed.
pub fn demo() -> SimBuilder {
    FILES
        .iter()
        .fold(Sim::builder(), |sim, (name, text)| sim.event_text(*name, *text))
        .decaying_model(DecayingModel::nids())
        .user(User::reporter("sensor@cert.example.org", 1, Sim::REPORTER_KEY))
}
