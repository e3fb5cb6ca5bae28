//! How many connections are served at a time.

use rustix::process::{Resource, getrlimit};

/// The largest number of open connections, where the system allows so many files.
const MAX_CONNECTIONS: u64 = 16_384;

/// File descriptors that are kept back for the program itself, at least: to read files and to connect elsewhere.
const MIN_RESERVE: u64 = 64;

/// Returns how many connections a [`Front`](crate::Front) serves at a time: 1 to 16 384, three quarters of the file
/// descriptors that this process may have. Further connections wait in the queue of the kernel.
#[must_use]
pub fn places() -> usize {
    places_of(getrlimit(Resource::Nofile).current)
}

/// Keeps a quarter of the descriptors back, at least [`MIN_RESERVE`]. One connection is served in any case.
fn places_of(descriptors: Option<u64>) -> usize {
    let places = descriptors.map_or(MAX_CONNECTIONS, |all| all.saturating_sub(MIN_RESERVE.max(all / 4)));
    usize::try_from(places.clamp(1, MAX_CONNECTIONS)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_get_the_last_descriptors() {
        for (descriptors, expected) in [
            (None, 16_384),
            (Some(u64::MAX), 16_384),
            (Some(8_192), 6_144),
            (Some(1_024), 768),
            (Some(128), 64),
            (Some(64), 1),
            (Some(0), 1),
        ] {
            assert_eq!(places_of(descriptors), expected, "{descriptors:?}");
        }
    }
}
