//! The settings of a mirror.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::peers::Peers;
use crate::turns::{AnyTime, Turns};

/// The settings of a mirror; [`MirrorBuilder`](crate::MirrorBuilder) describes each.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) attribute_types: Vec<String>,
    pub(crate) watched_tags: Vec<String>,
    /// Beginnings of tags, in lower case.
    pub(crate) watched_namespaces: Vec<String>,
    pub(crate) poll: Duration,
    pub(crate) trace_interval: Duration,
    pub(crate) round: Duration,
    pub(crate) vanished_grace: Duration,
    pub(crate) max_attributes: u64,
    pub(crate) sightings: bool,
    pub(crate) page_size: NonZeroU32,
    pub(crate) turns: Arc<dyn Turns>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) peers: Option<Arc<dyn Peers>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attribute_types: Vec::new(),
            watched_tags: Vec::new(),
            watched_namespaces: Vec::new(),
            poll: Duration::from_secs(15),
            trace_interval: Duration::from_secs(300),
            round: Duration::from_secs(86_400),
            vanished_grace: Duration::ZERO,
            max_attributes: 5_000_000,
            sightings: false,
            page_size: const { NonZeroU32::new(10_000).unwrap() },
            turns: Arc::new(AnyTime),
            clock: Arc::new(SystemClock),
            peers: None,
        }
    }
}
