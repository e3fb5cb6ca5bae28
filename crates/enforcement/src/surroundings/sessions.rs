//! Which connections to SSH are of people who have logged in.
//!
//! A connection alone is not enough: an attacker who connects before the address is listed would be spared.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// More sessions than people who administrate a host.
const MAX_SESSIONS: usize = 4096;

/// Returns those of `peers` from where systemd-logind knows a session; all of them on a host without it.
pub(super) fn logged_in(sessions: &Path, peers: BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    let Ok(entries) = fs::read_dir(sessions) else {
        return peers;
    };
    let files = entries.take(MAX_SESSIONS).filter_map(Result::ok);
    let known: BTreeSet<IpAddr> = files
        .filter_map(|file| remote_host(&super::text(&file.path())))
        .collect();
    peers.intersection(&known).copied().collect()
}

fn remote_host(session: &str) -> Option<IpAddr> {
    let host = session.lines().find_map(|line| line.strip_prefix("REMOTE_HOST="))?;
    let host = host.trim_matches('"').split('%').next()?;
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}
