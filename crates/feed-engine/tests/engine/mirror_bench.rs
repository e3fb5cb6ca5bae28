//! A stand-in with both ways to it: a mirror, and questions for each feed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{
    DirectReason, Errand, FeedContents, FeedError, FeedScope, IndicatorSource as _, MirrorKeys, MirrorSource,
    MispSource, Protocol, Upstream, Way,
};
use misp_sim::{Attribute, Event, Moment, RunningSim, Sim, SimBuilder};
use site_config::{ConfigStore, Mappings, Paths};
use tempfile::TempDir;

use crate::support::{site, tag};

/// Keeps the mirror quiet: a test says when it looks.
pub(crate) const QUIET: &str = "mirror_poll: 1h\n";

pub(crate) struct MirrorBench {
    pub(crate) sim: Arc<RunningSim>,
    pub(crate) mirror: Arc<MirrorSource>,
    /// Knows nothing of the mirror.
    pub(crate) direct: MispSource,
    pub(crate) upstream: Upstream,
}

impl MirrorBench {
    /// A stand-in whose mirror is complete.
    pub(crate) async fn of(events: impl IntoIterator<Item = Event>, more: &str) -> Self {
        Self::on(events.into_iter().fold(Sim::builder(), SimBuilder::event), more).await
    }

    pub(crate) async fn on(sim: SimBuilder, more: &str) -> Self {
        let bench = Self::before_the_first_request(sim, more).await;
        bench.begin().await;
        bench
    }

    pub(crate) async fn before_the_first_request(sim: SimBuilder, more: &str) -> Self {
        Self::beside(Arc::new(sim.start().await.unwrap()), more)
    }

    /// A stand-in whose mirror is complete and on disk.
    pub(crate) async fn on_disk(events: impl IntoIterator<Item = Event>, more: &str) -> (Files, Self) {
        Self::on_disk_of(events.into_iter().fold(Sim::builder(), SimBuilder::event), more).await
    }

    /// The same with everything that a stand-in can have.
    pub(crate) async fn on_disk_of(sim: SimBuilder, more: &str) -> (Files, Self) {
        let files = Files::with_site(more);
        let mut bench = Self::before_the_first_request(sim, more).await;
        bench.mirror = files.source().await;
        bench.begin().await;
        (files, bench)
    }

    /// Ends the mirror, as with the end of its daemon; its files stay.
    pub(crate) fn end_mirror(&mut self) {
        self.mirror = Arc::new(MirrorSource::new(Arc::default()));
    }

    /// One more mirror of this stand-in.
    pub(crate) fn beside(sim: Arc<RunningSim>, more: &str) -> Self {
        let upstream = upstream(&sim, Sim::READER_KEY, more);
        Self {
            sim,
            mirror: Arc::new(MirrorSource::new(Arc::default())),
            direct: MispSource::new(),
            upstream,
        }
    }

    /// Asks for a feed, and waits for the mirror that this begins.
    pub(crate) async fn begin(&self) {
        self.gather(any(IndicatorType::Domain)).await.unwrap();
        self.until_mirrored().await;
    }

    pub(crate) async fn until_mirrored(&self) {
        until(|| match self.mirror.way(&self.upstream) {
            Way::Mirror(_) => Ok(()),
            way => Err(format!("{way:?}")),
        })
        .await;
    }

    pub(crate) fn reason(&self) -> Option<DirectReason> {
        self.mirror.way(&self.upstream).reason()
    }

    pub(crate) async fn gather(&self, scope: FeedScope) -> Result<FeedContents, FeedError> {
        self.mirror.gather(&self.upstream, scope, &Errand::default()).await
    }

    /// The feed after the mirror has looked at MISP once more.
    pub(crate) async fn gather_now(&self, scope: FeedScope) -> FeedContents {
        let now = jiff::Timestamp::now();
        let errand = Errand::default().confirmed_from(Some(now));
        let contents = self.mirror.gather(&self.upstream, scope, &errand).await.unwrap();
        assert!(contents.as_of.is_none_or(|at| at >= now), "MISP has confirmed it");
        contents
    }

    /// Has the mirror look at MISP once more.
    pub(crate) async fn look(&self) {
        self.gather_now(any(IndicatorType::Domain)).await;
    }

    /// Rows and events that the stand-in was asked for.
    pub(crate) fn questions_for_rows(&self) -> usize {
        self.sim.searches()
    }
}

pub(crate) fn upstream(sim: &RunningSim, key: &str, more: &str) -> Upstream {
    Upstream::new(
        Arc::new(site(more)),
        Arc::new(Mappings::default()),
        Protocol::Http,
        sim.addr().port(),
        key.to_owned().into(),
    )
}

/// A published event of the feed `block` with one domain.
pub(crate) fn domain_event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

/// The feed that has the values of each [`domain_event`].
pub(crate) fn block() -> FeedScope {
    scope(FeedName::Block, IndicatorType::Domain)
}

pub(crate) fn any(kind: IndicatorType) -> FeedScope {
    scope(FeedName::Any, kind)
}

pub(crate) fn scope(feed: FeedName, kind: IndicatorType) -> FeedScope {
    FeedScope {
        selection: feed_engine::Selection::Feed(feed),
        kind,
        age: feed_classification::Age::Years10,
        filter: feed_engine::Filter::NONE,
    }
}

pub(crate) fn values(contents: &FeedContents) -> Vec<&str> {
    contents.values.iter().collect()
}

/// Waits until `look` returns something good, for a minute.
pub(crate) async fn until<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let mut last = String::new();
    for _ in 0..6_000 {
        match look() {
            Ok(good) => return good,
            Err(not_yet) => last = not_yet,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within a minute: {last}");
}

/// The files of a configuration, and keys for the mirrors.
pub(crate) struct Files(pub(crate) TempDir);

impl Files {
    /// With these lines in the file of the stand-in's site.
    pub(crate) fn with_site(lines: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(files.0.path().join("sites")).unwrap();
        let core = format!("encryption_key: {}\nsalt: {}\n", "k".repeat(64), "s".repeat(32));
        std::fs::write(files.0.path().join("config.yaml"), core).unwrap();
        std::fs::write(files.0.path().join("mappings.yaml"), "types: {}\n").unwrap();
        files.write_site(lines);
        files
    }

    pub(crate) fn write_site(&self, lines: &str) {
        let file = self.0.path().join("sites/127.0.0.1.yaml");
        std::fs::write(file, format!("tag: example\n{lines}")).unwrap();
    }

    pub(crate) fn remove_site(&self) {
        std::fs::remove_file(self.0.path().join("sites/127.0.0.1.yaml")).unwrap();
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.0.path().join("state/mirrors")
    }

    /// A new source with these files, as after a start of the daemon.
    pub(crate) async fn source(&self) -> Arc<MirrorSource> {
        let source = MirrorSource::new(Arc::default()).state_directory(self.state());
        self.load_into(&source, 1).await;
        Arc::new(source)
    }

    /// Hands the files to a source; `key` stands for the encryption key.
    pub(crate) async fn load_into(&self, source: &MirrorSource, key: u8) {
        let store = ConfigStore::open(Paths {
            config: self.0.path().join("config.yaml"),
            mappings: self.0.path().join("mappings.yaml"),
            sites: self.0.path().join("sites"),
        });
        let loaded = store.unwrap().current();
        source.configure(loaded, MirrorKeys::new([&[key; 32]])).await;
    }

    /// The names of the files of mirrors, by their ends.
    pub(crate) fn ends(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.state()).into_iter().flatten().flatten();
        let end = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let mut ends: Vec<String> = entries.map(|entry| end(&entry.path())).collect();
        // A registration that is being written has another name until it is whole.
        ends.retain(|end| !end.is_empty());
        ends.sort();
        ends
    }
}
