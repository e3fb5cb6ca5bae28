//! One form of one state of a feed: everything that its bytes depend on, and the validators that follow from it.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use cache::Moment;
use feed_classification::{ExportCounts, Exporter, FeedInfo, Indicator, IndicatorSet, Newest};
use sha2::{Digest as _, Sha256};

use super::Body;
use super::key::{BodyKey, FormKey};
use crate::digest::short_hex;
use crate::feed_key::FeedKey;
use crate::{Encoding, FeedRequest, FeedSet};

/// How long a body that was found is not searched for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Goes up with every change of our own steps between the values and the exporter, for example of merging networks.
const VERSION: u32 = 1;

/// A set of more bytes makes a long feed; about 10 000 names.
const LONG_BYTES: usize = 256 * 1024;

/// How many indicators a body has, and why others are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BodyCounts {
    pub(crate) written: u64,
    /// The format cannot carry them.
    pub(crate) quarantined: u64,
    /// They are older than those that the length limit leaves.
    pub(crate) truncated: u64,
}

/// A feed in one exporter's format, not written yet.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    set: Arc<FeedSet>,
    facts: Arc<FormFacts>,
}

/// The facts about a form that need no values.
#[derive(Debug)]
struct FormFacts {
    key: FormKey,
    exporter: Arc<dyn Exporter>,
    /// The feed's name, for an exporter that writes it.
    title: String,
    tag: String,
    /// The same for every body of this tag; known once it was counted or written.
    counts: OnceLock<BodyCounts>,
    /// The body of the last answer, without keeping it in memory.
    seen: ArcSwapOption<(Encoding, Weak<Body>, Moment)>,
}

/// The facts about the form of the last answer to a request. It keeps no values in memory.
#[derive(Debug, Default)]
pub(crate) struct LastForm(ArcSwapOption<(Weak<FeedSet>, Arc<FormFacts>)>);

impl LastForm {
    /// Returns the form of `set`, which `new` names if the last one was of another set.
    pub(crate) fn of(&self, set: &Arc<FeedSet>, new: impl FnOnce() -> Form) -> Form {
        if let Some((last, facts)) = self.0.load().as_deref()
            // The place of a set is not used again while this refers to it, although its values may be gone.
            && std::ptr::eq(last.as_ptr(), Arc::as_ptr(set))
        {
            return Form {
                set: Arc::clone(set),
                facts: Arc::clone(facts),
            };
        }
        let form = new();
        self.0
            .store(Some(Arc::new((Arc::downgrade(set), Arc::clone(&form.facts)))));
        form
    }
}

impl Form {
    /// Returns the form of `set`, of the feed with this key, that `exporter` writes for the request; the exporter is
    /// configured already.
    pub(crate) fn new(feed: FeedKey, set: Arc<FeedSet>, exporter: Arc<dyn Exporter>, request: &FeedRequest) -> Self {
        let title = feed.scope.selection.name();
        let limit = length_limit(&*exporter, request);
        let key = FormKey {
            feed,
            bytes: exporter.about().bytes,
            options: request.options.to_string().into(),
            aggregate: request.aggregate,
            limit: limit.filter(|limit| is_beyond(*limit, &set)),
        };
        let facts = FormFacts {
            tag: tag(&key, &set, &*exporter, &title),
            key,
            exporter,
            title,
            counts: OnceLock::new(),
            seen: ArcSwapOption::empty(),
        };
        Self {
            set,
            facts: Arc::new(facts),
        }
    }

    /// Returns the name under which memory has what belongs to the form.
    pub(crate) fn key(&self) -> &FormKey {
        &self.facts.key
    }

    /// Returns the strong entity tag of the plain body without its quotes.
    ///
    /// 128 bits of a SHA-256 of everything that the bytes depend on, and of nothing else: known without writing them,
    /// and the same on every replica and after every restart.
    pub(crate) fn tag(&self) -> &str {
        &self.facts.tag
    }

    /// Returns the entity tag in this encoding with its quotes.
    pub(crate) fn etag(&self, encoding: Encoding) -> String {
        ["\"", self.tag(), encoding.etag_suffix(), "\""].concat()
    }

    pub(crate) fn body_key(&self, encoding: Encoding) -> BodyKey {
        BodyKey {
            form: self.key().clone(),
            encoding,
        }
    }

    /// Returns the counts, if they are known.
    pub(crate) fn counts(&self) -> Option<BodyCounts> {
        self.facts.counts.get().copied().or_else(|| self.obvious_counts())
    }

    /// Returns the counts of a body in which each value of the set is an entry.
    fn obvious_counts(&self) -> Option<BodyCounts> {
        let (about, values, key) = (self.exporter().about(), self.set.values(), self.key());
        let is_plain = about.writes_every_value && !about.merges;
        let takes = |kind| is_plain && about.accepts.contains(kind) && !about.rewrites.contains(kind);
        (takes(values.kind()) && !key.aggregate && key.limit.is_none()).then(|| BodyCounts {
            written: values.len() as u64,
            ..BodyCounts::default()
        })
    }

    /// Notes the counts of the body.
    pub(crate) fn note_counts(&self, counts: BodyCounts) {
        // Another thread may have noted the same.
        let _ = self.facts.counts.set(counts);
    }

    /// Returns the body of the last answer, if it had this encoding. The store learns of a use once a second, so that
    /// it does not evict the body.
    pub(super) fn seen_body(&self, encoding: Encoding, now: Moment) -> Option<Arc<Body>> {
        let last = self.facts.seen.load();
        let (seen, body, at) = last.as_deref()?;
        let counts = *seen == encoding && now.since(*at) < PAUSE;
        body.upgrade().filter(|_| counts)
    }

    /// Notes the body of an answer.
    pub(super) fn note_body(&self, encoding: Encoding, body: &Arc<Body>, now: Moment) {
        let seen = (encoding, Arc::downgrade(body), now);
        self.facts.seen.store(Some(Arc::new(seen)));
    }

    pub(crate) fn set(&self) -> &FeedSet {
        &self.set
    }

    /// Returns whether the feed is so long that callers get its plain body while it is made, and a compressed one only
    /// once it exists. Others wait some milliseconds for all of it.
    pub(crate) fn is_long(&self) -> bool {
        self.set.values().weight_bytes() > LONG_BYTES
    }

    /// Returns whether the length limit leaves the newest indicators, and not the first in order for want of times.
    pub(crate) fn keeps_newest(&self) -> bool {
        self.set.times().is_some()
    }

    /// Returns the time of the last change of the body.
    pub(crate) fn changed_at(&self) -> jiff::Timestamp {
        match self.key().limit {
            Some(_) => self.set.ordered_at(),
            None => self.set.changed_at(),
        }
    }

    pub(crate) fn exporter(&self) -> &dyn Exporter {
        &*self.facts.exporter
    }

    /// Writes the plain body; takes long for a large feed.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<BodyCounts> {
        let info = FeedInfo::new(self.set.values().kind(), &self.facts.title).changed_at(self.changed_at());
        let info = info.limited_to(self.exporter().about());
        let newest = self.newest();
        let exported = self.with_values(&newest.kept, |values| {
            self.exporter().export(&info, &mut indicators(values), out)
        })?;
        Ok(BodyCounts::of(exported, &newest))
    }

    /// Counts what [`write`](Self::write) would write and leave out; takes a while for a large feed.
    pub(crate) fn count(&self) -> BodyCounts {
        let newest = self.newest();
        let counted = self.with_values(&newest.kept, |values| self.exporter().count(&mut indicators(values)));
        BodyCounts::of(counted, &newest)
    }

    fn newest(&self) -> Newest<'_> {
        newest_of(&self.set, self.exporter(), self.key().limit)
    }

    fn with_values<T>(&self, kept: &IndicatorSet, work: impl FnOnce(&IndicatorSet) -> T) -> T {
        if self.key().aggregate {
            work(&feed_classification::aggregate(kept))
        } else {
            work(kept)
        }
    }
}

impl BodyCounts {
    fn of(exported: ExportCounts, newest: &Newest<'_>) -> Self {
        Self {
            written: exported.written,
            quarantined: exported.quarantined + newest.quarantined,
            truncated: newest.truncated,
        }
    }
}

/// Returns the greatest number of indicators in the answer to a request.
pub(crate) fn length_limit(exporter: &dyn Exporter, request: &FeedRequest) -> Option<NonZeroU32> {
    let limits = [request.limit, exporter.about().most];
    limits.into_iter().flatten().min()
}

/// Returns the indicators within a length limit.
pub(crate) fn newest_of<'s>(set: &'s FeedSet, exporter: &dyn Exporter, limit: Option<NonZeroU32>) -> Newest<'s> {
    match limit {
        Some(most) => Newest::of(set.values(), set.times(), exporter, most),
        None => Newest::all(set.values()),
    }
}

/// Returns whether the set has more values than this.
pub(crate) fn is_beyond(limit: NonZeroU32, set: &FeedSet) -> bool {
    set.values().len() as u64 > u64::from(limit.get())
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
    if let Some(limit) = key.limit {
        // Which values stay depends on the times of all.
        add(&limit.get().to_be_bytes());
        add(set.times_id().as_bytes());
    }
    if about.dated {
        let changed_at = key.limit.map_or(set.changed_at(), |_| set.ordered_at());
        add(&changed_at.as_nanosecond().to_be_bytes());
    }
    // Nothing for the defaults: a device that begins to name one keeps what it has.
    if !key.options.is_empty() {
        add(key.options.as_bytes());
    }
    short_hex(&digest.finalize())
}
