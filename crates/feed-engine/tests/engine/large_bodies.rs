//! Bodies that are not made, bodies that are too large to keep, and what both are known by.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use feed_classification::export::{About, ExportCounts, Exporter, FeedInfo, Registry};
use feed_classification::{Age, FeedName, Indicator, IndicatorSet, IndicatorType};
use feed_engine::{
    Encoding, Errand, FeedBody, FeedContents, FeedEngine, FeedError, FeedRequest, FeedScope, FeedStream, GatherFuture,
    IndexFuture, IndicatorSource, LookupScope, Origin, Protocol, Upstream,
};
use site_config::Mappings;

use crate::support::{site, wanted};

/// The memory of a small engine, in bytes: half of it is for bodies.
const SMALL: u64 = 2 << 20;

/// Domains whose body in `wide` has about 2.6 MB, which compresses to more than half of [`SMALL`] too.
const DOMAINS: usize = 10_000;

/// The same domains for every feed.
#[derive(Debug)]
pub(crate) struct Domains(pub(crate) usize);

impl IndicatorSource for Domains {
    fn gather<'a>(&'a self, _: &'a Upstream, _: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        let names: Vec<String> = (0..self.0).map(|number| format!("d{number}.example.com")).collect();
        let values = IndicatorSet::of(IndicatorType::Domain, names.iter().map(String::as_str));
        let gathered = FeedContents::new(values, BTreeMap::from([("empty", 3)]));
        Box::pin(std::future::ready(Ok(gathered)))
    }

    fn index<'a>(&'a self, _: &'a Upstream, _: LookupScope, _: &'a Errand) -> IndexFuture<'a> {
        Box::pin(std::future::ready(Err(FeedError::TimedOut { seconds: 0 })))
    }
}

/// The recorded calls of [`Wide`].
#[derive(Debug, Default)]
struct Seen {
    begun: AtomicUsize,
    ended: AtomicUsize,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// Writes 260 bytes for each value that do not compress well, and leaves every tenth out.
#[derive(Clone, Debug, Default)]
struct Wide {
    seen: Arc<Seen>,
    /// Panics after so many entries.
    breaks_after: Option<u64>,
    /// Fails after so many entries.
    fails_after: Option<u64>,
}

impl Exporter for Wide {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("wide", "Long lines.");
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<feed_classification::export::QuarantineReason> {
        item.value
            .ends_with("0.example.com")
            .then_some(feed_classification::export::QuarantineReason::UNREPRESENTABLE)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        // xorshift, begun with the value.
        let mut state = item.value.bytes().fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        for _ in 0..16 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(out, "{state:016x}")?;
        }
        out.write_all(b"\n")
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        self.seen.begun.fetch_add(1, Ordering::SeqCst);
        let at_once = self.seen.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        let mut exported = ExportCounts::default();
        let mut outcome = Ok(());
        for item in items {
            if self.refuses(&item).is_some() {
                exported.quarantined += 1;
                continue;
            }
            exported.written += 1;
            assert!(self.breaks_after != Some(exported.written), "a defect");
            outcome = match self.fails_after == Some(exported.written) {
                true => Err(io::Error::other("a line is too long")),
                false => self.entry(&item, out),
            };
            if outcome.is_err() {
                break;
            }
        }
        self.seen.under_way.fetch_sub(1, Ordering::SeqCst);
        self.seen.ended.fetch_add(1, Ordering::SeqCst);
        outcome.map(|()| exported)
    }
}

fn engine(memory_bytes: u64, wide: &Wide) -> FeedEngine {
    FeedEngine::builder()
        .source(Arc::new(Domains(DOMAINS)))
        .registry(Registry::builtin().with(wide.clone()))
        .memory_bytes(memory_bytes)
        .build()
}

pub(crate) fn upstream() -> Upstream {
    let (site, mappings) = (site("mispTimeoutSeconds: 60\n"), Mappings::default());
    Upstream::new(
        Arc::new(site),
        Arc::new(mappings),
        Protocol::Http,
        80,
        "k".repeat(40).into(),
    )
}

pub(crate) fn output(name: &str) -> FeedRequest {
    let mut request = wanted(FeedName::Block, IndicatorType::Domain);
    request.output = name.to_owned();
    request
}

async fn bytes(engine: &FeedEngine, request: &FeedRequest) -> Bytes {
    let feed = engine.feed(&upstream(), request).await.unwrap();
    feed.body.bytes().await.unwrap()
}

async fn stream(engine: &FeedEngine) -> FeedStream {
    match engine.feed(&upstream(), &output("wide")).await.unwrap().body {
        FeedBody::Streamed { pieces, .. } => pieces,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn until(what: &str, enough: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if enough() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[tokio::test]
async fn feeds_of_some_megabytes_are_kept_unless_an_engine_is_told_otherwise() {
    let engine = FeedEngine::builder().source(Arc::new(Domains(100_000))).build();
    for origin in [Origin::Miss, Origin::Hit] {
        let feed = engine.feed(&upstream(), &output("txt")).await.unwrap();
        assert_eq!((feed.origin, feed.count), (origin, 100_000));
    }
}

#[tokio::test]
async fn validators_and_numbers_are_known_without_rendering() {
    let wide = Wide::default();
    let (small, large) = (engine(SMALL, &wide), engine(1 << 30, &wide));
    for encoding in Encoding::ALL {
        let request = output("wide").encoding(*encoding);
        for engine in [&small, &large] {
            let head = engine.head(&upstream(), &request).await.unwrap();
            let counts = head.counts().await.unwrap();
            assert_eq!((counts.count, counts.dropped, head.length()), (9_000, 1_003, None));
            assert_eq!(head.known_counts(), Some(counts));
        }
    }
    assert_eq!(wide.seen.begun.load(Ordering::SeqCst), 0, "nothing was written");
    let request = output("wide");
    let (head, feed) = (
        small.head(&upstream(), &request).await.unwrap(),
        large.feed(&upstream(), &request).await.unwrap(),
    );
    assert_eq!(head.etag, feed.etag, "the same before and after, here and there");
    assert_eq!((feed.count, feed.dropped), (9_000, 1_003));
    let known = large.head(&upstream(), &request).await.unwrap();
    assert_eq!(known.length(), Some(feed.body.whole().unwrap().len() as u64));
}

#[tokio::test]
async fn a_body_too_large_to_keep_is_streamed_with_the_same_bytes_in_every_encoding() {
    let wide = Wide::default();
    let (small, large) = (engine(SMALL, &wide), engine(1 << 30, &wide));
    for encoding in Encoding::ALL {
        let request = output("wide").encoding(*encoding);
        let kept = large.feed(&upstream(), &request).await.unwrap();
        let kept_bytes = kept.body.whole().unwrap();
        assert!(
            kept_bytes.len() as u64 > SMALL / 2,
            "{encoding:?}: {}",
            kept_bytes.len()
        );
        for round in 0..2 {
            let feed = small.feed(&upstream(), &request).await.unwrap();
            assert_eq!(
                (feed.etag.as_str(), feed.count, feed.dropped),
                (kept.etag.as_str(), 9_000, 1_003)
            );
            let FeedBody::Streamed { length, .. } = feed.body else {
                panic!("{encoding:?}: kept")
            };
            let expected = (round > 0).then_some(kept_bytes.len() as u64);
            assert_eq!(length, expected, "{encoding:?}, round {round}");
            let streamed = feed.body.bytes().await.unwrap();
            assert!(streamed == *kept_bytes, "{encoding:?}: other bytes under the same tag");
        }
    }
    assert_eq!(small.streamed_bodies()["127.0.0.1"], 8);
    assert!(large.streamed_bodies().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_needs_the_length_of_a_large_body_gets_it_before_the_first_byte() {
    let wide = Wide::default();
    let small = engine(SMALL, &wide);
    for encoding in Encoding::ALL {
        let request = output("wide").encoding(*encoding);
        let head = small.head(&upstream(), &request).await.unwrap();
        let FeedBody::Streamed { length, mut pieces } = head.measured_body().await.unwrap() else {
            panic!("{encoding:?}: kept")
        };
        let mut sent = 0;
        while let Some(piece) = pieces.next().await {
            sent += piece.unwrap().len() as u64;
        }
        assert_eq!(length, Some(sent), "{encoding:?}");
        let made = wide.seen.begun.load(Ordering::SeqCst);
        let again = head.measured_body().await.unwrap();
        assert!(matches!(again, FeedBody::Streamed { length: Some(known), .. } if known == sent));
        drop(again);
        until("made once more, for the bytes only", || {
            wide.seen.ended.load(Ordering::SeqCst) == made + 1
        })
        .await;
    }
    assert_eq!(wide.seen.most_at_once.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_large_body_that_cannot_be_ended_says_why() {
    let wide = Wide {
        fails_after: Some(8_000),
        ..Wide::default()
    };
    let mut pieces = stream(&engine(SMALL, &wide)).await;
    let error = loop {
        match pieces.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the end of a body that is not whole"),
        }
    };
    assert!(error.chain().contains("a line is too long"), "{}", error.chain());
}

#[tokio::test]
async fn measuring_a_body_that_breaks_off_is_an_error() {
    let wide = Wide {
        breaks_after: Some(8_000),
        ..Wide::default()
    };
    let engine = engine(SMALL, &wide);
    let head = engine.head(&upstream(), &output("wide")).await.unwrap();
    let error = head.measured_body().await.unwrap_err();
    assert!(matches!(error, FeedError::Internal { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_large_body_at_a_time_is_made_for_a_feed() {
    let wide = Wide::default();
    let engine = engine(SMALL, &wide);
    let first = bytes(&engine, &output("wide")).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let engine = engine.clone();
        callers.spawn(async move { bytes(&engine, &output("wide")).await });
    }
    while let Some(body) = callers.join_next().await {
        assert!(body.unwrap() == first);
    }
    assert_eq!(wide.seen.most_at_once.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_ends_the_making_of_its_body() {
    let wide = Wide::default();
    let engine = engine(SMALL, &wide);
    let mut pieces = stream(&engine).await;
    pieces.next().await.unwrap().unwrap();
    let begun = wide.seen.begun.load(Ordering::SeqCst);
    assert_eq!(
        wide.seen.ended.load(Ordering::SeqCst),
        begun - 1,
        "it waits for its caller"
    );
    drop(pieces);
    until("it goes on for nobody", || {
        wide.seen.ended.load(Ordering::SeqCst) == begun
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_caller_does_not_keep_others_waiting_and_gets_the_whole_body() {
    let wide = Wide::default();
    let engine = engine(SMALL, &wide);
    let whole = bytes(&engine, &output("wide")).await;
    let mut slow = stream(&engine).await;
    let mut taken = slow.next().await.unwrap().unwrap().to_vec();
    for _ in 0..3 {
        let other = tokio::time::timeout(Duration::from_secs(30), bytes(&engine, &output("wide"))).await;
        assert!(other.expect("a slow caller does not hold the turn") == whole);
    }
    while let Some(piece) = slow.next().await {
        taken.extend_from_slice(&piece.unwrap());
    }
    assert!(taken == whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_many_feeds_are_made_a_few_at_a_time() {
    let wide = Wide::default();
    let engine = engine(1 << 30, &wide);
    let ages = [
        Age::Hours1,
        Age::Days1,
        Age::Days2,
        Age::Days3,
        Age::Weeks1,
        Age::Months1,
    ];
    let feeds = ages.into_iter().map(|age| {
        let (engine, mut request) = (engine.clone(), output("wide"));
        request.scope.age = age;
        tokio::spawn(async move { bytes(&engine, &request).await.len() })
    });
    for feed in feeds.collect::<Vec<_>>() {
        assert!(feed.await.unwrap() > 2_000_000);
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    // Half of the places are for one upstream, and one core is for the threads that serve sockets.
    let most = cores.saturating_sub(1).clamp(1, 4).div_ceil(2);
    let at_once = wide.seen.most_at_once.load(Ordering::SeqCst);
    assert!(at_once <= most, "{at_once} bodies at the same time");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_all_stand_still_leave_others_with_an_error_in_time() {
    let engine = engine(SMALL, &Wide::default());
    let mut standing = Vec::new();
    for _ in 0..8 {
        standing.push(stream(&engine).await);
    }
    let (site, mappings) = (site("mispTimeoutSeconds: 1\n"), Mappings::default());
    let impatient = Upstream::new(
        Arc::new(site),
        Arc::new(mappings),
        Protocol::Http,
        80,
        "k".repeat(40).into(),
    );
    let error = engine.feed(&impatient, &output("wide")).await.unwrap_err();
    assert!(matches!(error, FeedError::Busy { seconds: 1 }), "{error:?}");
    standing.clear();
    assert!(!bytes(&engine, &output("wide")).await.is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_in_an_error() {
    let wide = Wide {
        // Behind what an engine keeps, so that this is not found while it is tried.
        breaks_after: Some(8_000),
        ..Wide::default()
    };
    let mut pieces = stream(&engine(SMALL, &wide)).await;
    let mut last = None;
    while let Some(piece) = pieces.next().await {
        last = Some(piece);
    }
    assert!(matches!(last, Some(Err(FeedError::Internal { .. }))), "{last:?}");
}

#[tokio::test]
async fn outputs_with_the_same_bytes_share_one_body_and_one_tag() {
    let engine = engine(1 << 30, &Wide::default());
    let txt = engine.feed(&upstream(), &output("txt")).await.unwrap();
    let held = engine.held_bytes();
    let cisco = engine.feed(&upstream(), &output("cisco")).await.unwrap();
    assert_eq!(cisco.body.whole().unwrap().as_ptr(), txt.body.whole().unwrap().as_ptr());
    assert_eq!((cisco.etag, engine.held_bytes()), (txt.etag, held));
    let json = engine.feed(&upstream(), &output("json")).await.unwrap();
    assert_ne!(json.etag, cisco_tag(&engine).await);
}

async fn cisco_tag(engine: &FeedEngine) -> String {
    engine.head(&upstream(), &output("cisco")).await.unwrap().etag
}

/// Says what its bytes depend on.
#[derive(Debug)]
struct Labelled(About);

impl Exporter for Labelled {
    fn about(&self) -> &About {
        &self.0
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} {:?}", feed.name, feed.changed_at)
    }

    fn entry(&self, _: &Indicator<'_>, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_tag_depends_on_everything_that_the_bytes_depend_on() {
    let about = || About::new("own", "Labels.");
    let tag_and_bytes = |about: About, feed: FeedName| async move {
        let engine = FeedEngine::builder()
            .source(Arc::new(Domains(1)))
            .registry(Registry::empty().with(Labelled(about)))
            .build();
        let mut request = output("own");
        request.scope.selection = feed_engine::Selection::Feed(feed);
        let feed = engine.feed(&upstream(), &request).await.unwrap();
        (feed.etag.clone(), feed.body.bytes().await.unwrap())
    };
    let (plain, bytes) = tag_and_bytes(about(), FeedName::Block).await;
    assert_eq!(bytes, " None\n", "what it does not say to write it is not told");
    assert_eq!(tag_and_bytes(about(), FeedName::Alert).await, (plain.clone(), bytes));
    let mut tags = vec![plain, tag_and_bytes(about().version(2), FeedName::Block).await.0];
    for feed in [FeedName::Block, FeedName::Alert] {
        let (tag, bytes) = tag_and_bytes(about().titled(), feed).await;
        assert_eq!(bytes, format!("{feed} None\n"));
        tags.push(tag);
    }
    let (tag, bytes) = tag_and_bytes(about().dated(), FeedName::Block).await;
    assert!(bytes.starts_with(b" Some("));
    tags.push(tag);
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 5);
}

/// Counts warnings that speak of a large body of this test's site.
#[derive(Debug)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[derive(Default)]
struct Line(String);

impl tracing::field::Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

#[tokio::test]
async fn a_body_too_large_to_keep_is_warned_of_once() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    // For all threads of this program: the body is made on one of its own. No other test looks at the log.
    tracing::subscriber::set_global_default(Warnings(Arc::clone(&lines))).unwrap();
    let engine = engine(SMALL, &Wide::default());
    let mut request = output("wide");
    request.scope.selection = feed_engine::Selection::Feed(FeedName::Incident);
    for encoding in Encoding::ALL {
        for _ in 0..2 {
            bytes(&engine, &request.clone().encoding(*encoding)).await;
        }
    }
    let lines = lines.lock().unwrap();
    let told = lines
        .iter()
        .filter(|line| line.contains("memory_bytes") && line.contains("feed=incident/domain/1w"));
    assert_eq!(told.count(), 1, "{lines:?}");
}
