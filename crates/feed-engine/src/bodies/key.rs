//! The names of bodies in memory.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::Encoding;
use crate::feed_key::FeedKey;

/// Names a feed as one exporter writes it. Copies share their texts.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct FormKey {
    pub(crate) feed: FeedKey,
    /// The name of the exporter's bytes ([`feed_classification::About::bytes`]); several exporters may write the same.
    pub(crate) bytes: &'static str,
    /// The chosen options as text ([`feed_classification::Options`]); empty for the defaults.
    pub(crate) options: Arc<str>,
    pub(crate) aggregate: bool,
    /// The greatest number of indicators, where the feed has more.
    pub(crate) limit: Option<NonZeroU32>,
}

/// Names one rendered body in memory.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct BodyKey {
    pub(crate) form: FormKey,
    pub(crate) encoding: Encoding,
}
