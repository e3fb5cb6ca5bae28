//! How many connections are served at a time.

use rustix::process::{Resource, getrlimit};

/// Connections that are open at the same time, where the system allows so many files.
const MAX_CONNECTIONS: u64 = 16_384;

/// File descriptors that callers never get, at least: without any, MISP could not be asked and no file be read.
const MIN_RESERVE: u64 = 64;

/// Returns the number of connections that leaves this process enough descriptors for its own work.
pub(super) fn available() -> usize {
    places(getrlimit(Resource::Nofile).current)
}

/// A quarter of the descriptors, and not few, is kept back; one caller is served in any case.
fn places(descriptors: Option<u64>) -> usize {
    let places = descriptors.map_or(MAX_CONNECTIONS, |all| all.saturating_sub(MIN_RESERVE.max(all / 4)));
    usize::try_from(places.clamp(1, MAX_CONNECTIONS)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_never_get_the_last_descriptors() {
        for (descriptors, expected) in [
            (None, 16_384),
            (Some(u64::MAX), 16_384),
            (Some(8_192), 6_144),
            (Some(1_024), 768),
            (Some(128), 64),
            (Some(64), 1),
            (Some(0), 1),
        ] {
            assert_eq!(places(descriptors), expected, "{descriptors:?}");
        }
    }
}
