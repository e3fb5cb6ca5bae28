//! The bytes of feeds: kept where they fit, streamed where they do not, and not made where no caller reads them.
//!
//! The entity tag and the counts are known without the bytes: see [`Form`]. A plain body is made once for all callers
//! of the same moment, which read it meanwhile, and kept ([`growing`]); a few are made at the same time ([`Places`]). A
//! compressed form is made of it once, in the background, unless the feed is small. A body that is larger than the
//! store is made for each caller, one at a time for each feed ([`turns`]), and sent while it is made ([`stream`]).

mod compression;
mod form;
mod growing;
mod key;
mod making;
mod pieces;
mod stream;
mod turns;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cache::{ENTRY_OVERHEAD, Flights, MemoryStore, Moment, Weigh};

pub(crate) use form::{BodyCounts, Form, LastForm, is_beyond, length_limit, newest_of};
pub use stream::FeedStream;
pub(crate) use stream::Rereading;

use crate::feed_key::FeedKeyParts;
use crate::places::{Place, Places};
use crate::{Encoding, FeedError};
use crate::{blocking_work, workshop};
use compression::{Compressor, Counter};
use growing::{Growing, Makings};
use key::{BodyKey, FormKey};
use turns::Turns;

/// The part of the memory for bodies that is added for their counts, their lengths, and which are large, each. With the
/// usual 80 MiB for bodies, that is enough for some ten thousand.
const KNOWN_PART: u64 = 10;

/// The least memory for each of them. A small store keeps few bodies, so it needs these facts most.
const LEAST_KNOWN_BYTES: u64 = 128 * 1024;

/// The length of a tag.
const TAG_BYTES: u64 = 32;

/// All bodies of an engine. Clones share everything.
#[derive(Clone)]
pub(crate) struct Bodies(Arc<Inner>);

struct Inner {
    kept: MemoryStore<BodyKey, Arc<Body>>,
    counts: MemoryStore<FormKey, Known<BodyCounts>>,
    lengths: MemoryStore<BodyKey, Known<u64>>,
    /// Bodies that are larger than `kept` may hold.
    large: MemoryStore<BodyKey, Known<()>>,
    /// Plain bodies that are being made.
    growing: Makings,
    /// Compressed ones; `None` for a body that turned out too large.
    packings: Flights<(BodyKey, String), Option<Arc<Body>>, FeedError>,
    countings: Flights<(FormKey, String), BodyCounts, FeedError>,
    measurings: Flights<(BodyKey, String), (), FeedError>,
    /// For counting, which takes milliseconds.
    counting: Places,
    writing: Places,
    /// For compressing, which may take a second. It has places of its own, so that plain bodies never wait for it.
    compressing: Places,
    turns: Turns,
    streamed: Mutex<BTreeMap<String, u64>>,
}

/// One body in the store.
#[derive(Debug)]
pub(crate) struct Body {
    /// The tag of its [`Form`].
    tag: String,
    /// The memory of its key beyond the overhead of an entry: the text of its options.
    key_bytes: usize,
    /// The bytes in order.
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) length: u64,
}

/// A fact about the form with this tag.
#[derive(Clone, Debug)]
struct Known<T> {
    tag: String,
    key_bytes: usize,
    what: T,
}

/// A body for one caller.
pub(crate) enum Made {
    Kept(Arc<Body>),
    /// It is being made, for all callers.
    Growing(Growing),
    /// It is made for this caller.
    Streamed(FeedStream),
}

impl Bodies {
    /// Returns a store for bodies up to this many bytes.
    pub(crate) fn new(max_bytes: u64) -> Self {
        let known_bytes = (max_bytes / KNOWN_PART).max(LEAST_KNOWN_BYTES);
        Self(Arc::new(Inner {
            kept: MemoryStore::new(max_bytes),
            counts: MemoryStore::new(known_bytes),
            lengths: MemoryStore::new(known_bytes),
            large: MemoryStore::new(known_bytes),
            growing: Makings::default(),
            packings: Flights::new(),
            countings: Flights::new(),
            measurings: Flights::new(),
            counting: Places::new(workshop::threads()),
            writing: Places::new(workshop::threads()),
            compressing: Places::new(workshop::threads()),
            turns: Turns::default(),
            streamed: Mutex::default(),
        }))
    }

    /// Returns the memory that bodies take now, in bytes.
    pub(crate) fn weighted_size(&self) -> u64 {
        self.0.kept.weighted_size()
    }

    /// Returns how many bodies were sent while they were made, by site.
    pub(crate) fn streamed(&self) -> BTreeMap<String, u64> {
        self.0.streamed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many indicators the body has and how many its format leaves out; counts them once for each state of
    /// a feed, in its turn, for which it waits no longer than `patience`.
    pub(crate) async fn counts(&self, form: &Form, patience: Duration) -> Result<BodyCounts, FeedError> {
        if let Some(counts) = form.counts() {
            return Ok(counts);
        }
        if let Some(known) = self.0.counts.get(form.key()).filter(|known| known.tag == form.tag()) {
            form.note_counts(known.what);
            return Ok(known.what);
        }
        Box::pin(self.counted(form, patience)).await
    }

    async fn counted(&self, form: &Form, patience: Duration) -> Result<BodyCounts, FeedError> {
        let (bodies, counted) = (self.clone(), form.clone());
        let counting = async move {
            let place = bodies.0.counting.take(&counted.key().feed.upstream, patience).await?;
            let bodies = bodies.clone();
            blocking_work::run("counting a feed", move || {
                let exported = counted.count();
                bodies.note_counts(&counted, exported);
                drop(place);
                exported
            })
            .await
        };
        let flight = (form.key().clone(), form.tag().to_owned());
        self.0
            .countings
            .fly(flight, move || counting)
            .await
            .map_err(FeedError::from)
    }

    /// Returns the length of the body in this encoding, where it is known without making it.
    pub(crate) fn length(&self, form: &Form, encoding: Encoding) -> Option<u64> {
        if let Some(body) = self.kept(form, encoding) {
            return Some(body.length);
        }
        let known = self.0.lengths.get(&form.body_key(encoding))?;
        (known.tag == form.tag()).then_some(known.what)
    }

    /// Returns the encoding in which a body goes out now to a caller that prefers `wanted`. No caller waits for the
    /// compression of a long feed: until it is done, in the background, the body is plain.
    pub(crate) fn encoding(&self, form: &Form, wanted: Encoding) -> Encoding {
        let is_at_hand = || self.kept(form, wanted).is_some() || self.is_large(form, wanted);
        match wanted {
            Encoding::Identity => wanted,
            _ if !form.is_long() || is_at_hand() => wanted,
            _ => Encoding::Identity,
        }
    }

    /// Returns the body: from memory, made now and kept, or as a stream. Each making waits for its turn, no longer than
    /// `patience`. A compressed form that the caller would rather have is made for the next one.
    pub(crate) async fn body(
        &self,
        form: &Form,
        (encoding, wanted): (Encoding, Encoding),
        patience: Duration,
    ) -> Result<Made, FeedError> {
        if encoding != wanted {
            self.start_packing(form, wanted, patience);
        }
        if let Some(body) = self.kept(form, encoding) {
            return Ok(Made::Kept(body));
        }
        // Boxed: an answer out of memory must not move the future of the makings around.
        Box::pin(self.made(form, encoding, patience)).await
    }

    async fn made(&self, form: &Form, encoding: Encoding, patience: Duration) -> Result<Made, FeedError> {
        if form.is_long() && encoding == Encoding::Identity && !self.is_large(form, encoding) {
            return self.while_made(form, patience).await;
        }
        if let Some(body) = self.whole(form, encoding, patience).await? {
            return Ok(Made::Kept(body));
        }
        // The numbers go out before the body.
        self.counts(form, patience).await?;
        Ok(Made::Streamed(self.streamed_from(form, encoding, 0, patience).await?))
    }

    /// Makes a body for one caller, in its turn, and returns it without the first `skipped` bytes.
    async fn streamed_from(
        &self,
        form: &Form,
        encoding: Encoding,
        skipped: u64,
        patience: Duration,
    ) -> Result<FeedStream, FeedError> {
        let turn = self.0.turns.wait(&form.key().feed, patience).await?;
        let (sink, stream) = stream::stream(turn, skipped);
        self.count_streamed(form);
        let (bodies, form) = (self.clone(), form.clone());
        // The task ends with the body, or when the caller leaves.
        drop(tokio::task::spawn_blocking(move || bodies.write(&form, encoding, sink)));
        Ok(stream)
    }

    /// Makes the length of a body known, also of one that is too large to keep. Such a body is made once for it, in its
    /// turn, and its bytes are thrown away; for the same state of a feed this happens once.
    pub(crate) async fn measure(&self, form: &Form, encoding: Encoding, patience: Duration) -> Result<(), FeedError> {
        if self.length(form, encoding).is_some() || self.whole(form, encoding, patience).await?.is_some() {
            return Ok(());
        }
        let flight = (form.body_key(encoding), form.tag().to_owned());
        let (bodies, form) = (self.clone(), form.clone());
        let measuring = async move {
            let turn = bodies.0.turns.wait(&form.key().feed, patience).await?;
            blocking_work::run("measuring a feed", move || {
                let outcome = bodies.write_nowhere(&form, encoding);
                drop(turn);
                outcome.map_err(|error| FeedError::internal("measuring a feed", error))
            })
            .await?
        };
        self.0
            .measurings
            .fly(flight, move || measuring)
            .await
            .map_err(FeedError::from)
    }

    fn write_nowhere(&self, form: &Form, encoding: Encoding) -> std::io::Result<()> {
        let mut out = Compressor::new(encoding, Counter::default())?;
        let exported = form.write(&mut out)?;
        self.note_counts(form, exported);
        self.note_length(form, encoding, out.finish()?.written());
        Ok(())
    }

    /// Returns the body in this encoding, if it is kept.
    pub(crate) fn kept(&self, form: &Form, encoding: Encoding) -> Option<Arc<Body>> {
        let body = self.0.kept.get(&form.body_key(encoding));
        body.filter(|body| body.tag == form.tag())
    }

    /// Returns the body in this encoding, if it is kept. A body that was just returned is not searched for: that of a
    /// form never changes.
    pub(crate) fn seen(&self, form: &Form, encoding: Encoding, now: Moment) -> Option<Arc<Body>> {
        if let Some(body) = form.seen_body(encoding, now) {
            return Some(body);
        }
        let body = self.kept(form, encoding)?;
        form.note_body(encoding, &body, now);
        Some(body)
    }

    fn keep(&self, form: &Form, encoding: Encoding, pieces: Vec<Bytes>) -> Arc<Body> {
        let body = Arc::new(Body {
            tag: form.tag().to_owned(),
            key_bytes: form.key().options.len(),
            length: pieces.iter().map(|piece| piece.len() as u64).sum(),
            pieces,
        });
        self.0.kept.insert(form.body_key(encoding), Arc::clone(&body));
        body
    }

    /// Returns whether the body is known as too large to keep.
    fn is_large(&self, form: &Form, encoding: Encoding) -> bool {
        self.0.large.get(&form.body_key(encoding)).is_some()
    }

    /// Waits for a place to make a body of this feed.
    async fn place(&self, form: &Form, encoding: Encoding, patience: Duration) -> Result<Place, FeedError> {
        let places = match encoding {
            Encoding::Identity => &self.0.writing,
            _ => &self.0.compressing,
        };
        places.take(&form.key().feed.upstream, patience).await
    }

    /// Makes a body for one caller that reads it meanwhile.
    fn write(&self, form: &Form, encoding: Encoding, sink: stream::Sink) {
        let failing = sink.failing();
        let outcome = Compressor::new(encoding, sink).and_then(|mut out| {
            let exported = form.write(&mut out)?;
            self.note_counts(form, exported);
            let sink = out.finish()?;
            sink.end(|length| self.note_length(form, encoding, length))
        });
        // A caller that has left does not hear of it.
        if let Err(error) = outcome {
            failing.tell(FeedError::internal("writing the feed", error));
        }
    }

    /// Returns how long a body may be that is kept.
    fn room(&self, form: &Form) -> u64 {
        let overhead = (size_of::<Body>() + form.key().options.len()) as u64 + TAG_BYTES + u64::from(ENTRY_OVERHEAD);
        self.0.kept.max_bytes().saturating_sub(overhead)
    }

    fn note_counts(&self, form: &Form, counts: BodyCounts) {
        form.note_counts(counts);
        let before = self.0.counts.get(form.key());
        if counts.truncated > 0 && before.is_none_or(|before| before.what.truncated == 0) {
            log_truncated(form, counts);
        }
        self.0.counts.insert(form.key().clone(), Known::of(form, counts));
    }

    fn note_length(&self, form: &Form, encoding: Encoding, length: u64) {
        let key = form.body_key(encoding);
        if length <= self.room(form) {
            // It has shrunk, and is kept from the next time on.
            self.0.large.remove(&key);
        }
        self.0.lengths.insert(key, Known::of(form, length));
    }

    fn note_large(&self, form: &Form, encoding: Encoding) {
        let key = form.body_key(encoding);
        let is_news = self.0.large.get(&key).is_none();
        self.0.large.insert(key, Known::of(form, ()));
        // Its compressed form may fit; that is not worth a log line.
        if is_news && encoding == Encoding::Identity {
            let feed = &form.key().feed;
            tracing::warn!(
                site = feed.upstream.site,
                feed = %feed.scope,
                output = form.exporter().about().name,
                options = (!form.key().options.is_empty()).then_some(&*form.key().options),
                values = form.set().values().len(),
                limit = self.0.kept.max_bytes(),
                "the body of a feed is larger than half of memory_bytes and cannot be kept: it is rendered again for every caller, one at a time; raise memory_bytes"
            );
        }
    }

    fn count_streamed(&self, form: &Form) {
        let mut streamed = self.0.streamed.lock().unwrap_or_else(PoisonError::into_inner);
        *streamed.entry(form.key().feed.upstream.site.clone()).or_default() += 1;
    }
}

/// Logs that a feed has become longer than its output takes. A caller with a limit of its own knows what it asked for.
fn log_truncated(form: &Form, counts: BodyCounts) {
    let (feed, about) = (&form.key().feed, form.exporter().about());
    if form.key().limit != about.most {
        return;
    }
    tracing::warn!(
        site = feed.upstream.site,
        feed = %feed.scope,
        output = about.name,
        limit = form.key().limit,
        keeps = if form.keeps_newest() { "newest" } else { "first" },
        truncated = counts.truncated,
        "a feed has more values than its consumer loads: the others are not in the list; a shorter age, or several feeds, have them all"
    );
}

impl<T> Known<T> {
    fn of(form: &Form, what: T) -> Self {
        Self {
            tag: form.tag().to_owned(),
            key_bytes: form.key().options.len(),
            what,
        }
    }
}

impl<T> Weigh for Known<T> {
    fn weight_bytes(&self) -> usize {
        self.tag.len() + self.key_bytes + size_of::<Self>() + size_of::<BodyKey>() + size_of::<FeedKeyParts>()
    }
}

impl Weigh for Body {
    fn weight_bytes(&self) -> usize {
        self.length as usize
            + self.pieces.len() * size_of::<Bytes>()
            + self.tag.len()
            + self.key_bytes
            + size_of::<Self>()
    }
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies").finish_non_exhaustive()
    }
}
