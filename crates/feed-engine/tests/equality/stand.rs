//! A stand-in of MISP, a mirror of it and the direct way to it, all on one clock that a test moves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{
    Errand, FeedContents, FeedError, FeedScope, Filter, IndicatorSource as _, MirrorSource, MispSource, Protocol,
    Selection, Upstream, Way,
};
use misp_mirror::{Clock as _, ManualClock};
use misp_sim::{Clock, RunningSim, Sim, SimBuilder};
use site_config::{Mappings, Site};

/// Time between two looks of the mirror.
pub(crate) const POLL: Duration = Duration::from_secs(15);
/// How late the mirror may notice what leaves no trace in an event.
pub(crate) const TRACE: Duration = Duration::from_secs(60);

const SITE: &str = "\
tag: example
mirror_poll: 15s
memcached_all_timeout: 60
decaying_model: NIDS Simple Decaying Model
score_sightings: yes
ignore_to_ids: [yara, sigma, snort, ja3]
default_tlp: amber
falsepositive_timeout: 1w
never_export: [198.51.100.0/26, 203.0.113.16/28, drawn7.example.com]
custom_feeds:
  cust1: ':incident-classification=cust1'
  cust2: ':incident-classification=cust2'
";

pub(crate) struct Stand {
    pub(crate) sim: RunningSim,
    pub(crate) clock: ManualClock,
    pub(crate) mirror: Arc<MirrorSource>,
    /// Knows nothing of the mirror.
    pub(crate) direct: Arc<MispSource>,
    pub(crate) upstream: Upstream,
}

impl Stand {
    /// Starts all three, and waits until the mirror is complete.
    pub(crate) async fn on(sim: SimBuilder) -> Self {
        let clock = ManualClock::at(jiff::Timestamp::from_second(1_800_000_000).unwrap());
        let seconds = clock.clone();
        let sim = sim.clock(Clock::from_fn(move || seconds.now().as_second()));
        let sim = sim.start().await.unwrap();
        let site = Site::from_yaml("127.0.0.1".parse().unwrap(), SITE).unwrap();
        let upstream = Upstream::new(
            Arc::new(site),
            Arc::new(Mappings::default()),
            Protocol::Http,
            sim.addr().port(),
            Sim::READER_KEY.to_owned().into(),
        );
        let source = || {
            let clock = clock.clone();
            MispSource::with_clock(move || clock.now())
        };
        let mirror = MirrorSource::new(Arc::new(source())).clock(Arc::new(clock.clone()));
        let stand = Self {
            sim,
            mirror: Arc::new(mirror),
            direct: Arc::new(source()),
            clock,
            upstream,
        };
        stand.by_mirror_or_misp(any()).await.unwrap();
        stand.until(|way, _| matches!(way, Way::Mirror(_))).await;
        stand
    }

    /// Moves the clock, and waits until the mirror has looked at MISP at the new time.
    pub(crate) async fn look_after(&self, time: Duration) {
        self.clock.advance(time);
        let now = self.clock.now();
        self.until(|_, as_of| as_of >= Some(now)).await;
    }

    /// Has the mirror look at MISP within the same second.
    pub(crate) async fn look_within_the_second(&self) {
        self.clock.advance(Duration::from_millis(1));
        self.mirror.hint(&self.upstream.site().name);
        let now = self.clock.now();
        self.until(|_, as_of| as_of >= Some(now)).await;
    }

    /// Has the mirror read everything again at its next look.
    pub(crate) fn resync(&self) {
        self.mirror.resync(&self.upstream).unwrap();
    }

    /// Returns whether the mirror keeps rows that MISP does not show, until MISP has said so several times.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let states = self.mirror.states();
        let status = states.first().and_then(|state| state.way.mirror());
        status.is_some_and(|status| status.troubled_events > 0)
    }

    async fn until(&self, is_so: impl Fn(&Way, Option<jiff::Timestamp>) -> bool) {
        let began = Instant::now();
        let mut hinted = began;
        loop {
            let states = self.mirror.states();
            if states.first().is_some_and(|state| is_so(&state.way, state.as_of)) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{states:#?}");
            // The clock may have moved before the mirror began to wait for it.
            if hinted.elapsed() > Duration::from_millis(300) {
                self.mirror.hint(&self.upstream.site().name);
                hinted = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The feed by the mirror.
    pub(crate) async fn mirrored(&self, scope: FeedScope) -> FeedContents {
        let contents = self.by_mirror_or_misp(scope).await.unwrap();
        assert!(contents.as_of.is_some(), "{scope} came from MISP");
        contents
    }

    async fn by_mirror_or_misp(&self, scope: FeedScope) -> Result<FeedContents, FeedError> {
        self.mirror.gather(&self.upstream, scope, &Errand::default()).await
    }

    /// The feed by a question to MISP.
    pub(crate) async fn asked(&self, scope: FeedScope) -> FeedContents {
        let asked = self.direct.gather(&self.upstream, scope, &Errand::default()).await;
        asked.unwrap()
    }
}

/// Every selection of the site: its feeds, and the feeds of two organisations.
pub(crate) fn selections() -> Vec<Selection> {
    use FeedName::{Cust3, Cust4, Cust5};
    let feeds = FeedName::ALL
        .iter()
        .filter(|feed| !matches!(feed, Cust3 | Cust4 | Cust5))
        .map(|feed| Selection::Feed(*feed));
    let organisations = [Sim::ORGANISATION, Sim::PARTNER].map(Selection::Organisation);
    feeds.chain(organisations).collect()
}

pub(crate) fn scope(selection: Selection, kind: IndicatorType, age: Age) -> FeedScope {
    FeedScope {
        selection,
        kind,
        age,
        filter: Filter::NONE,
    }
}

fn any() -> FeedScope {
    scope(Selection::Feed(FeedName::Any), IndicatorType::Domain, Age::Years10)
}

pub(crate) fn values(contents: &FeedContents) -> BTreeSet<String> {
    contents.values.iter().map(str::to_owned).collect()
}
