//! A gateway or a daemon with a MISP stand-in behind it, for tests (feature `testkit`).
//!
//! [`Installation`] holds configuration files in a temporary folder, [`Daemon`] serves one in this process with a MISP
//! stand-in, and [`Program`] runs a command as a child and collects its output. All of them panic when something fails,
//! as tests do.

#![expect(clippy::unwrap_used, reason = "parts of tests fail as tests do")]

mod daemon;
mod installation;
mod program;

pub use daemon::{Daemon, Serve, Setup, event};
pub use installation::{Installation, KEY, SALT, SITE, token_claims};
pub use program::{Program, Run};

use crate::routes::{Segments, find};

/// Returns the template of the route that serves this path, for example `/v1/lookup/{value}`.
#[must_use]
pub fn route_of(path: &str) -> Option<&'static str> {
    let segments = Segments::split(path)?;
    find(segments.parts()).map(|(route, _)| route.template)
}
