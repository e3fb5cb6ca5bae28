//! The log of ways: each line once, when something has changed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::mirror::folder::ReadError;
use crate::upstream::UpstreamId;
use crate::{DirectReason, Upstream, Way};

/// Upstreams whose way is remembered; above this number all are logged again.
const MAX_UPSTREAMS: usize = 4_096;

/// What the log has already.
#[derive(Debug, Default)]
pub(super) struct WayLog {
    ways: Mutex<HashMap<UpstreamId, Logged>>,
    warnings: Mutex<HashSet<String>>,
}

/// The way of an upstream as the log last had it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Logged {
    reason: Option<&'static str>,
    is_failing: bool,
}

impl WayLog {
    /// Logs the way of an upstream when it has changed.
    pub(super) fn note(&self, upstream: &Upstream, way: &Way) {
        let failing = way.mirror().and_then(|status| status.failing.as_ref());
        let now = Logged {
            reason: way.reason().map(DirectReason::as_str),
            is_failing: failing.is_some(),
        };
        if self.replace(upstream.id(), now) == Some(now) || upstream.misp_address().is_none() {
            return;
        }
        let (site, key) = (upstream.name(), upstream.key_name().unwrap_or_default());
        match (way.reason(), failing) {
            (reason, Some((since, error))) => {
                let serves = reason.is_none();
                tracing::warn!(site, key, %since, error, serves, "the mirror cannot ask MISP");
            }
            (None, None) => {
                let (events, rows) = way.mirror().map_or((0, 0), |status| (status.events, status.rows));
                tracing::info!(site, key, events, rows, "feeds are answered from the mirror of MISP");
            }
            (Some(DirectReason::NotUsed), None) => {}
            (Some(reason), None) => tracing::info!(site, key, %reason, "each feed is a question to MISP"),
        }
    }

    /// Warns, once while the process lives, that a mirror is not on disk.
    pub(super) fn warn_of_memory(&self, why: &str) {
        if self.is_new(why) {
            tracing::warn!(
                why,
                "a mirror is kept in memory only: after a restart it is read from MISP again"
            );
        }
    }

    /// Warns, once while the process lives, of a file that cannot be used.
    pub(super) fn warn_of_file(&self, error: &ReadError) {
        let why = service_kit::chain(error);
        if self.is_new(&why) {
            tracing::error!(why, "a mirror on disk cannot be used");
        }
    }

    fn replace(&self, id: UpstreamId, now: Logged) -> Option<Logged> {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if ways.len() >= MAX_UPSTREAMS {
            ways.clear();
        }
        ways.insert(id, now)
    }

    fn is_new(&self, warning: &str) -> bool {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.insert(warning.to_owned())
    }
}
