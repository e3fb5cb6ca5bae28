//! The daemon that the HTTP tests use.
#![expect(dead_code, reason = "those tests need more of it")]

#[path = "../http/support/client.rs"]
mod client;
#[path = "../http/support/daemon.rs"]
mod daemon;
#[path = "../http/support/description.rs"]
mod description;
#[path = "../http/support/schema.rs"]
mod schema;

pub(crate) use client::{Answer, Ask};
pub(crate) use daemon::Daemon;
pub(crate) use gateway::testkit::Setup;

/// Path of a feed for which the stand-in has values.
pub(crate) const FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";
