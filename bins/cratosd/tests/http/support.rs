//! A daemon with a MISP stand-in behind it, and a client that can say anything.

mod client;
mod daemon;
pub(crate) mod description;
mod events;
mod nginx;
mod pki;
pub(crate) mod schema;

pub(crate) use client::{Answer, Ask, raw};
pub(crate) use daemon::Daemon;
pub(crate) use events::Events;
pub(crate) use gateway::testkit::{KEY, SALT, SITE, Setup, event, token_claims};
pub(crate) use nginx::Nginx;
pub(crate) use pki::{Authority, Client, Issued};

/// Path of the feed that most tests ask for.
pub(crate) const FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";
