//! Long bodies, which callers read while they are made, and their compressed forms.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use feed_classification::Indicator;
use feed_classification::export::{About, ExportCounts, Exporter, FeedInfo, Registry};
use feed_engine::{Encoding, FeedBody, FeedEngine, FeedError, FeedRequest, FeedStream};

use crate::large_bodies::{Domains, output, until, upstream};

/// Names whose set has about 800 kB.
const NAMES: usize = 30_000;

/// Stops in the middle of each body until it is let through.
#[derive(Clone, Debug, Default)]
struct Gated {
    gate: Arc<(Mutex<bool>, Condvar)>,
    begun: Arc<AtomicUsize>,
    panics: bool,
}

impl Gated {
    fn open(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    fn pass(&self) {
        let is_open = self.gate.0.lock().unwrap();
        let longest = Duration::from_secs(60);
        drop(
            self.gate
                .1
                .wait_timeout_while(is_open, longest, |is_open| !*is_open)
                .unwrap(),
        );
        assert!(!self.panics, "a defect");
    }
}

impl Exporter for Gated {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("gated", "Stops in the middle.");
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:060}", item.value)
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let mut exported = ExportCounts::default();
        for item in items {
            if exported.written == NAMES as u64 / 2 {
                self.pass();
            }
            self.entry(&item, out)?;
            exported.written += 1;
        }
        Ok(exported)
    }
}

fn engine(memory_bytes: u64, gated: &Gated) -> FeedEngine {
    FeedEngine::builder()
        .source(Arc::new(Domains(NAMES)))
        .registry(Registry::builtin().with(gated.clone()))
        .memory_bytes(memory_bytes)
        .build()
}

fn gated() -> FeedRequest {
    output("gated")
}

async fn begun(engine: &FeedEngine) -> (FeedStream, Bytes) {
    let feed = engine.feed(&upstream(), &gated()).await.unwrap();
    assert_eq!((feed.count, feed.dropped), (NAMES as u64, 3), "known before the body");
    let FeedBody::Streamed { mut pieces, length } = feed.body else {
        panic!("whole before it was made")
    };
    assert_eq!(length, None);
    let first = pieces.next().await.unwrap().unwrap();
    assert!(!first.is_empty());
    (pieces, first)
}

async fn rest(mut pieces: FeedStream, first: Bytes) -> Result<Vec<u8>, FeedError> {
    let mut all = first.to_vec();
    while let Some(piece) = pieces.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

fn expected() -> Vec<u8> {
    let mut names: Vec<String> = (0..NAMES).map(|number| format!("d{number}.example.com")).collect();
    names.sort();
    names
        .into_iter()
        .flat_map(|name| format!("{name:060}\n").into_bytes())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_read_while_it_is_made_and_made_once_for_all_callers() {
    let exporter = Gated::default();
    let engine = engine(1 << 30, &exporter);
    let (one, two) = (begun(&engine).await, begun(&engine).await);
    let (leaving, _) = begun(&engine).await;
    drop(leaving);
    exporter.open();
    let one = rest(one.0, one.1).await.unwrap();
    assert!(one == expected());
    // No other caller has read this body yet.
    assert!(rest(two.0, two.1).await.unwrap() == one);
    let kept = engine.feed(&upstream(), &gated()).await.unwrap();
    assert!(kept.body.bytes().await.unwrap() == one);
    assert_eq!(exporter.begun.load(Ordering::SeqCst), 1);
    assert!(engine.streamed_bodies().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_made_to_its_end_although_its_only_caller_leaves() {
    let exporter = Gated::default();
    let engine = engine(1 << 30, &exporter);
    drop(begun(&engine).await);
    exporter.open();
    let head = engine.head(&upstream(), &gated()).await.unwrap();
    until("it is kept", || head.length().is_some()).await;
    assert_eq!(head.length(), Some(expected().len() as u64));
    let body = head.body().await.unwrap();
    assert!(body.whole().is_some_and(|whole| **whole == expected()), "in one piece");
    assert_eq!(exporter.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_that_breaks_off_is_an_error_for_all_its_callers_and_is_not_kept() {
    let exporter = Gated {
        panics: true,
        ..Gated::default()
    };
    let engine = engine(1 << 30, &exporter);
    let (one, two) = (begun(&engine).await, begun(&engine).await);
    exporter.open();
    for (pieces, first) in [one, two] {
        let error = rest(pieces, first).await.unwrap_err();
        assert!(matches!(error, FeedError::Internal { .. }), "{error:?}");
    }
    let head = engine.head(&upstream(), &gated()).await.unwrap();
    assert_eq!(head.length(), None);
    let again = head.body().await;
    let again = match again {
        Ok(body) => body.bytes().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(again, Err(FeedError::Internal { .. })), "{again:?}");
}

/// The bytes that were sent stay sent: the rest comes from a making of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_turns_out_too_large_to_keep_is_whole_for_all_its_callers() {
    let exporter = Gated::default();
    let engine = engine(3 << 20, &exporter);
    let (one, two) = (begun(&engine).await, begun(&engine).await);
    exporter.open();
    for (pieces, first) in [one, two] {
        assert!(rest(pieces, first).await.unwrap() == expected());
    }
    assert_eq!(engine.streamed_bodies()["127.0.0.1"], 2);
    let next = engine.feed(&upstream(), &gated()).await.unwrap();
    let FeedBody::Streamed { length, .. } = next.body else {
        panic!("kept")
    };
    assert_eq!(length, Some(expected().len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_waits_for_the_compression_of_a_long_body() {
    let exporter = Gated::default();
    exporter.open();
    let engine = engine(1 << 30, &exporter);
    for encoding in [Encoding::Gzip, Encoding::Brotli, Encoding::Zstd] {
        let request = gated().encoding(encoding);
        let plain = engine.head(&upstream(), &gated()).await.unwrap().etag;
        let first = engine.head(&upstream(), &request).await.unwrap();
        assert_eq!((first.encoding, &first.etag), (Encoding::Identity, &plain));
        let packed = first.other_etag().unwrap();
        assert!(first.body().await.unwrap().bytes().await.unwrap() == expected());
        let mut now = first;
        for _ in 0..2_000 {
            now = engine.head(&upstream(), &request).await.unwrap();
            if now.encoding == encoding {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((now.encoding, &now.etag), (encoding, &packed));
        assert_eq!(now.other_etag(), Some(plain));
        let body = now.body().await.unwrap().bytes().await.unwrap();
        assert!(body.len() < expected().len() / 2 && now.length() == Some(body.len() as u64));
    }
    assert_eq!(exporter.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compressed_form_of_a_long_feed_is_not_made_before_a_caller_reads_it() {
    let exporter = Gated::default();
    let engine = engine(1 << 30, &exporter);
    let head = engine
        .head(&upstream(), &gated().encoding(Encoding::Gzip))
        .await
        .unwrap();
    head.counts().await.unwrap();
    assert_eq!(exporter.begun.load(Ordering::SeqCst), 0);
    assert_eq!(head.length(), None);
}
