//! The memory of an answer out of memory: as much for a feed of a million values as for one of a few.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use feed_classification::{IndicatorSetBuilder, IndicatorType};
use feed_engine::{Errand, FeedContents, FeedEngine, FeedScope, GatherFuture, IndicatorSource, Upstream};
use gateway::testkit::{Installation, SITE, token_claims};
use gateway::{Gateway, Peer};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use peak_alloc::PeakAlloc;
use site_config::ConfigStore;

/// Counts what the whole test allocates.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

/// A hit needs some headers and the state of a request, and no copy of a value.
const MOST: usize = 16 * 1024;

/// So many names.
#[derive(Debug)]
struct Names(usize);

impl IndicatorSource for Names {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        let mut values = IndicatorSetBuilder::new(IndicatorType::Domain);
        for number in 0..self.0 {
            // In order, since nothing is compiled for speed here.
            values.push(&format!("host{number:06}.example"));
        }
        assert_eq!(scope.kind, IndicatorType::Domain);
        let contents = FeedContents::new(values.finish(), BTreeMap::new());
        Box::pin(async { Ok(contents) })
    }
}

/// Returns the length of the answer, and the most memory that one request took beyond what was there before: of many,
/// the one that took the least, since threads of the caches work beside them.
async fn of_a_hit(names: usize, conditional: bool) -> (usize, usize) {
    let installation = Installation::new("");
    installation.write("sites/127.0.0.1.yaml", SITE);
    let config = ConfigStore::open(installation.paths()).unwrap();
    let engine = FeedEngine::builder().source(Arc::new(Names(names))).build();
    let gateway = Gateway::new(config, engine).unwrap();
    let token = installation.seal(&token_claims("127.0.0.1", 443));
    let request = |etag: &str| {
        let request = Request::get(FEED).header("host", "x").header("token", &token);
        let request = request.header("if-none-match", etag);
        let peer = Peer(std::net::Ipv4Addr::LOCALHOST.into());
        request.extension(peer).body(Empty::<&[u8]>::new()).unwrap()
    };
    let first = gateway.answer(request("\"none\"")).await;
    assert_eq!(first.status(), 200);
    let etag = if conditional {
        first.headers()["etag"].to_str().unwrap()
    } else {
        "\"none\""
    };
    let mut least = usize::MAX;
    let mut length = 0;
    for _ in 0..20 {
        let request = request(etag);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let response = gateway.answering(request).await.unwrap();
        let peak = MEMORY.peak_usage();
        assert_eq!(response.status(), if conditional { 304 } else { 200 });
        least = least.min(peak.saturating_sub(before));
        length = response.into_body().collect().await.unwrap().to_bytes().len();
    }
    (length, least)
}

#[tokio::test]
async fn a_hit_takes_as_little_memory_for_a_large_feed_as_for_a_small_one() {
    for conditional in [false, true] {
        let (_, small) = of_a_hit(10, conditional).await;
        let (length, large) = of_a_hit(205_000, conditional).await;
        assert!(conditional || length > 4_000_000, "{length}");
        assert!(small <= MOST && large <= small + 256, "{small} {large}");
    }
}
