//! A feed without any MISP: the domains of a text file, one a line.
//! `cargo run -p cratos-feed-engine --example own_source -- domains.txt`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use feed_classification::{Age, Extractor, FeedName, IndicatorSet, IndicatorSetBuilder, IndicatorType};
use feed_engine::{
    Errand, FeedContents, FeedEngine, FeedError, FeedRequest, FeedScope, GatherFuture, IndicatorSource, Selection,
    Upstream,
};

#[derive(Debug)]
struct DomainFile(PathBuf);

impl IndicatorSource for DomainFile {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        let path = self.0.clone();
        Box::pin(async move {
            if scope.kind != IndicatorType::Domain {
                return Ok(IndicatorSet::empty(scope.kind).into());
            }
            let reading = tokio::task::spawn_blocking(move || read(&std::fs::read_to_string(path)?));
            reading.await.map_err(FeedError::source)?.map_err(FeedError::source)
        })
    }
}

/// Takes valid domains and counts the lines that are not.
fn read(text: &str) -> std::io::Result<FeedContents> {
    let (mut domains, mut dropped) = (IndicatorSetBuilder::new(IndicatorType::Domain), BTreeMap::new());
    for line in text.lines() {
        let extractor = Extractor::new(IndicatorType::Domain);
        if let Err(reason) = extractor.extract("domain", line, &mut |domain| domains.push(domain)) {
            *dropped.entry(reason.as_str()).or_default() += 1;
        }
    }
    Ok(FeedContents::new(domains.finish(), dropped))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: own_source FILE")?;
    let engine = FeedEngine::builder().source(Arc::new(DomainFile(path.into()))).build();
    let upstream = Upstream::named("my-domains")?;

    let any = Selection::Feed(FeedName::Any);
    let request = FeedRequest::new(any, IndicatorType::Domain, Age::Weeks1, "txt");
    let feed = engine.feed(&upstream, &request).await?;
    eprintln!("{} domains, {} lines dropped, {}", feed.count, feed.dropped, feed.etag);
    std::io::Write::write_all(&mut std::io::stdout(), &feed.body.bytes().await?)?;
    Ok(())
}
