//! A stand-in, a site that points at it, and short ways to ask for a feed.

use std::sync::Arc;
use std::time::Duration;

use cache::ManualClock;
use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{
    FeedEngine, FeedError, FeedRequest, MispSource, Origin, Protocol, RenderedFeed, Selection, Upstream,
};
use misp_sim::{Event, RunningSim, Sim, SimBuilder};
use site_config::{Mappings, Site};

/// The tag of a feed in the stand-in's events.
pub(crate) fn tag(feed: &str) -> String {
    format!("example:incident-classification={feed}")
}

/// An engine, a stand-in, and the way between them.
pub(crate) struct Bench {
    pub(crate) sim: RunningSim,
    pub(crate) engine: FeedEngine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) upstream: Upstream,
}

/// A site file for the stand-in; `more` are further lines of YAML.
pub(crate) fn site(more: &str) -> Site {
    let name = "127.0.0.1".parse().unwrap();
    Site::from_yaml(name, &format!("tag: example\n{more}")).unwrap()
}

impl Bench {
    pub(crate) async fn of(events: impl IntoIterator<Item = Event>) -> Self {
        Self::with_site(events, "").await
    }

    pub(crate) async fn with_site(events: impl IntoIterator<Item = Event>, more: &str) -> Self {
        let sim = events.into_iter().fold(Sim::builder(), SimBuilder::event);
        Self::on(sim, more).await
    }

    pub(crate) async fn on(sim: SimBuilder, more: &str) -> Self {
        Self::from(sim, MispSource::new(), more).await
    }

    pub(crate) async fn from(sim: SimBuilder, source: MispSource, more: &str) -> Self {
        Self::around(sim, Arc::new(source), more).await
    }

    pub(crate) async fn around(sim: SimBuilder, source: Arc<MispSource>, more: &str) -> Self {
        let sim = sim.start().await.unwrap();
        let clock = Arc::new(ManualClock::new());
        let engine = FeedEngine::builder()
            .clock(Arc::clone(&clock) as _)
            .source(source)
            .build();
        let upstream = Upstream::new(
            Arc::new(site(more)),
            Arc::new(Mappings::default()),
            Protocol::Http,
            sim.addr().port(),
            Sim::READER_KEY.to_owned().into(),
        );
        Self {
            sim,
            engine,
            clock,
            upstream,
        }
    }

    /// The same stand-in and a new process before it.
    pub(crate) fn again(self, source: MispSource) -> Self {
        let engine = FeedEngine::builder()
            .clock(Arc::clone(&self.clock) as _)
            .source(Arc::new(source))
            .build();
        Self { engine, ..self }
    }

    /// The same stand-in under other rules, as after a reload.
    pub(crate) fn with_rules(&self, more: &str) -> Upstream {
        Upstream::new(
            Arc::new(site(more)),
            Arc::new(Mappings::default()),
            Protocol::Http,
            self.sim.addr().port(),
            Sim::READER_KEY.to_owned().into(),
        )
    }

    pub(crate) async fn ask(&self, request: FeedRequest) -> Result<RenderedFeed, FeedError> {
        self.engine.feed(&self.upstream, &request).await
    }

    /// The values of a feed of a week, fetched anew; an operator accepts a set that is held back.
    pub(crate) async fn values(&self, feed: FeedName, kind: IndicatorType) -> Vec<String> {
        let anew = wanted(feed, kind).max_age(Duration::ZERO);
        self.grow_old(1);
        let answer = self.ask(anew.clone()).await.unwrap();
        if answer.origin != Origin::Stale {
            return all_lines(answer).await;
        }
        let accepted = self.engine.accept(&self.upstream, anew.scope).await.unwrap();
        assert!(accepted.is_some(), "it is stale for another reason");
        all_lines(self.ask(anew).await.unwrap()).await
    }

    pub(crate) async fn block_domains(&self) -> Vec<String> {
        self.values(FeedName::Block, IndicatorType::Domain).await
    }

    pub(crate) fn grow_old(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

pub(crate) fn wanted(feed: FeedName, kind: IndicatorType) -> FeedRequest {
    FeedRequest::new(Selection::Feed(feed), kind, Age::Weeks1, "txt")
}

pub(crate) fn domains() -> FeedRequest {
    wanted(FeedName::Block, IndicatorType::Domain)
}

/// Returns the lines of a feed of any length.
pub(crate) async fn all_lines(feed: RenderedFeed) -> Vec<String> {
    lines_of(&feed.body.bytes().await.unwrap())
}

/// Returns the lines of a feed that is not long.
pub(crate) fn lines(feed: &RenderedFeed) -> Vec<String> {
    lines_of(feed.body.whole().unwrap())
}

fn lines_of(body: &[u8]) -> Vec<String> {
    let text = str::from_utf8(body).unwrap();
    text.split("\r\n")
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}
