//! The bytes of a feed in one consumer's format, with what a server says about them.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use cache::Weigh;
use feed_classification::{Exporter, FeedInfo, Indicator, IndicatorSet};
use sha2::{Digest as _, Sha256};

use crate::{Encoding, FeedError, FeedSet};

/// Where an answer came from (`X-Cache`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// From memory, younger than the caller or the site asks for.
    Hit,
    /// MISP was asked for it just now.
    Miss,
    /// From memory, older than wanted: MISP fails, or is being asked meanwhile.
    Stale,
}

/// A feed, ready to be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RenderedFeed {
    /// The body in `encoding`.
    pub body: Bytes,
    /// How the body is compressed.
    pub encoding: Encoding,
    /// Media type of the body.
    pub content_type: &'static str,
    /// Strong entity tag with its quotes; it depends on the plain body and the encoding, nothing else.
    pub etag: String,
    /// Values in the body.
    pub count: u64,
    /// Attributes and values that were left out as invalid, or since this format cannot carry them.
    pub dropped: u64,
    /// When the values last changed; not when they were fetched.
    pub changed_at: jiff::Timestamp,
    /// How long ago MISP was asked.
    pub age: Duration,
    /// How much longer the answer counts as fresh; zero when it is stale.
    pub fresh_for: Duration,
    /// Where it came from.
    pub origin: Origin,
    /// Whether the last attempt to ask MISP failed.
    pub refresh_failing: bool,
}

/// One rendered body in the store.
#[derive(Debug)]
pub(crate) struct Body {
    /// The set that it was made of.
    pub(crate) generation: u64,
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) etag: String,
    pub(crate) count: u64,
    pub(crate) quarantined: u64,
}

impl Body {
    /// Writes `set`, of the feed called `name`, with `exporter`.
    pub(crate) fn render(
        set: &FeedSet,
        name: &str,
        exporter: &dyn Exporter,
        aggregate: bool,
    ) -> Result<Self, FeedError> {
        let merged;
        let values: &IndicatorSet = if aggregate {
            merged = feed_classification::aggregate(set.values());
            &merged
        } else {
            set.values()
        };
        let kind = values.kind();
        let mut bytes = Vec::new();
        let exported = exporter
            .export(
                &FeedInfo::new(kind, name).changed_at(set.changed_at()),
                &mut values.iter().map(|value| Indicator::new(kind, value)),
                &mut bytes,
            )
            .map_err(|error| FeedError::internal("writing the feed", error))?;
        Ok(Self {
            generation: set.generation(),
            etag: entity_tag(&bytes),
            bytes: Bytes::from(bytes),
            content_type: exporter.about().content_type,
            count: exported.written,
            quarantined: exported.quarantined,
        })
    }

    /// Returns this body compressed, under an entity tag of its own.
    pub(crate) fn compressed(&self, encoding: Encoding) -> Result<Self, FeedError> {
        Ok(Self {
            generation: self.generation,
            bytes: encoding.compress(&self.bytes)?,
            content_type: self.content_type,
            etag: format!("\"{}{}\"", self.etag.trim_matches('"'), encoding.etag_suffix()),
            count: self.count,
            quarantined: self.quarantined,
        })
    }
}

impl Weigh for Body {
    fn weight_bytes(&self) -> usize {
        self.bytes.len() + self.etag.len() + size_of::<Body>()
    }
}

/// 128 bits of the body's SHA-256: the same bytes have the same tag on every replica and after every restart.
fn entity_tag(bytes: &[u8]) -> String {
    format!("\"{}\"", short_hex(&Sha256::digest(bytes)))
}

/// Returns the first 128 bits of a digest in hex.
pub(crate) fn short_hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    for byte in digest.iter().take(16) {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
