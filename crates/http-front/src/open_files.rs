//! The limit for open files and sockets of this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for all 16 384 connections, of which three quarters may be streams, and for connections to MISP and files.
const WANTED: u64 = 32_768;

/// Raises the usual limit of 1024, which a thousand idle clients would use up, as far as the system allows.
pub fn allow_more_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let reachable = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    if current.is_some_and(|current| current < reachable) {
        // If the system refuses, the daemon serves fewer connections at a time.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(reachable),
                maximum,
            },
        );
    }
}
