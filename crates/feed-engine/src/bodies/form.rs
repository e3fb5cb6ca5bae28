//! One form of one state of a feed: everything that its bytes depend on, and the validators that follow from it.

use std::io::{self, Write};
use std::sync::Arc;

use feed_classification::{ExportCounts, Exporter, FeedInfo, Indicator, IndicatorSet};
use sha2::{Digest as _, Sha256};

use crate::digest::short_hex;
use crate::request::{BodyKey, FeedKey, FormKey};
use crate::{Encoding, FeedSet};

/// Goes up with every change of our own steps between the values and the exporter, for example of merging networks.
const VERSION: u32 = 1;

/// A feed in one exporter's format, not written yet.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) key: FormKey,
    set: Arc<FeedSet>,
    exporter: Arc<dyn Exporter>,
    /// The feed's name, for an exporter that writes it.
    title: String,
    tag: String,
}

impl Form {
    /// Returns the form of `set`, of the feed with this key, that `exporter` writes.
    pub(crate) fn new(feed: FeedKey, set: Arc<FeedSet>, exporter: Arc<dyn Exporter>, aggregate: bool) -> Self {
        let title = feed.scope.selection.name();
        let key = FormKey {
            feed,
            bytes: exporter.about().bytes,
            aggregate,
        };
        let tag = tag(&key, &set, &*exporter, &title);
        Self {
            key,
            set,
            exporter,
            title,
            tag,
        }
    }

    /// Returns the strong entity tag of the plain body without its quotes.
    ///
    /// 128 bits of a SHA-256 of everything that the bytes depend on, and of nothing else: known without writing them,
    /// and the same on every replica and after every restart.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns the entity tag in this encoding with its quotes.
    pub(crate) fn etag(&self, encoding: Encoding) -> String {
        format!("\"{}{}\"", self.tag, encoding.etag_suffix())
    }

    pub(crate) fn body_key(&self, encoding: Encoding) -> BodyKey {
        BodyKey {
            form: self.key.clone(),
            encoding,
        }
    }

    pub(crate) fn set(&self) -> &FeedSet {
        &self.set
    }

    pub(crate) fn exporter(&self) -> &dyn Exporter {
        &*self.exporter
    }

    /// Writes the plain body; takes long for a large feed.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<ExportCounts> {
        let info = FeedInfo::new(self.set.values().kind(), &self.title).changed_at(self.set.changed_at());
        let info = info.limited_to(self.exporter.about());
        self.with_values(|values| self.exporter.export(&info, &mut indicators(values), out))
    }

    /// Counts what [`write`](Self::write) would write and leave out; takes a while for a large feed.
    pub(crate) fn count(&self) -> ExportCounts {
        self.with_values(|values| self.exporter.count(&mut indicators(values)))
    }

    fn with_values<T>(&self, work: impl FnOnce(&IndicatorSet) -> T) -> T {
        if self.key.aggregate {
            work(&feed_classification::aggregate(self.set.values()))
        } else {
            work(self.set.values())
        }
    }
}

fn indicators(values: &IndicatorSet) -> impl Iterator<Item = Indicator<'_>> {
    values.indicators()
}

fn tag(key: &FormKey, set: &FeedSet, exporter: &dyn Exporter, title: &str) -> String {
    let about = exporter.about();
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    };
    add(&VERSION.to_be_bytes());
    add(set.id().as_bytes());
    add(set.values().kind().as_str().as_bytes());
    add(about.bytes.as_bytes());
    add(&about.version.to_be_bytes());
    add(&[u8::from(key.aggregate)]);
    if about.titled {
        add(title.as_bytes());
    }
    if about.dated {
        add(&set.changed_at().as_nanosecond().to_be_bytes());
    }
    short_hex(&digest.finalize())
}
