//! Produces a feed without any HTTP server: `cargo run -p cratos-feed-engine --example one_feed`.
//!
//! It asks the sample MISP of `misp-sim`; point `Upstream` at your own and the rest stays.

use std::sync::Arc;

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{FeedEngine, FeedRequest, Protocol, Selection, Upstream};
use site_config::{Mappings, Site};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let misp = misp_sim::demo().start().await?;

    let site = Site::from_yaml("127.0.0.1".parse()?, "tag: example")?;
    let upstream = Upstream::new(
        Arc::new(site),
        Arc::new(Mappings::default()),
        Protocol::Http,
        misp.addr().port(),
        misp_sim::Sim::READER_KEY.to_owned().into(),
    );

    let block = Selection::Feed(FeedName::Block);
    let request = FeedRequest::new(block, IndicatorType::Domain, Age::Weeks1, "txt");
    let feed = FeedEngine::default().feed(&upstream, &request).await?;

    eprintln!("{} domains, {} left out, {}", feed.count, feed.dropped, feed.etag);
    std::io::Write::write_all(&mut std::io::stdout(), &feed.body.bytes().await?)?;
    Ok(())
}
