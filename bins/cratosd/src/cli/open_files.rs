//! How many files and sockets this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for all 16 384 connections, three quarters of which may be streams, with what asking MISP and reading files needs.
const WISHED: u64 = 32_768;

/// Raises the usual limit of 1024, which a thousand idle callers would use up, as far as the system lets us.
pub(super) fn allow_more() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let reachable = maximum.map_or(WISHED, |maximum| maximum.min(WISHED));
    if current.is_some_and(|current| current < reachable) {
        // Where the system refuses, fewer connections are served at a time.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(reachable),
                maximum,
            },
        );
    }
}
