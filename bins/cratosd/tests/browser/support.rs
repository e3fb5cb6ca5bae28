//! The daemon of the tests over sockets.
#![expect(dead_code, unused_imports, reason = "those tests need more of it")]

#[path = "../http/support/client.rs"]
mod client;
#[path = "../http/support/daemon.rs"]
mod daemon;

pub(crate) use client::{Answer, Ask};
pub(crate) use daemon::{Daemon, Setup};
