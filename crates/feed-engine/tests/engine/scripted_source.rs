//! A source whose answers a test sets, and a clock that goes with tokio's: hours pass in no time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache::{Clock, ManualClock, Moment, SharedCache};
use feed_classification::IndicatorSet;
use feed_engine::{
    ChangeHint, ChangeListener, Errand, FeedContents, FeedEngine, FeedError, FeedRequest, FeedScope, GatherFuture,
    IndexFuture, IndicatorSource, LookupIndex, LookupScope, Protocol, RenderedFeed, Upstream,
};
use jiff::Timestamp;
use site_config::{Mappings, SiteName};
use tokio::time::{Instant, sleep};

use crate::support::{domains, site};

/// Gives the values that are set, so long after it was asked.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    values: Mutex<Vec<String>>,
    takes: Mutex<Duration>,
    fails: AtomicBool,
    asked: AtomicUsize,
    as_of: Mutex<Option<Timestamp>>,
    is_sure: AtomicBool,
    wanted_since: Mutex<Option<Timestamp>>,
    listeners: Mutex<Vec<ChangeListener>>,
    follows: AtomicBool,
    hints: AtomicUsize,
}

impl Scripted {
    pub(crate) fn set(&self, values: &[&str]) {
        *self.values.lock().unwrap() = values.iter().map(|&value| value.to_owned()).collect();
    }

    pub(crate) fn takes(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    pub(crate) fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// When its origin last confirmed the values.
    pub(crate) fn confirmed(&self, at: Timestamp) {
        *self.as_of.lock().unwrap() = Some(at);
    }

    pub(crate) fn is_sure(&self) {
        self.is_sure.store(true, Ordering::SeqCst);
    }

    /// Since when the last caller wanted the values to be confirmed.
    pub(crate) fn wanted_since(&self) -> Option<Timestamp> {
        *self.wanted_since.lock().unwrap()
    }

    /// It notices changes by itself.
    pub(crate) fn follows(&self) {
        self.follows.store(true, Ordering::SeqCst);
    }

    pub(crate) fn announce(&self, upstream: &Upstream, changed: &ChangeHint) {
        let listeners = self.listeners.lock().unwrap().clone();
        assert!(!listeners.is_empty());
        for listener in listeners {
            listener.announce(upstream, changed.clone());
        }
    }

    /// How often it was told to look.
    pub(crate) fn hints(&self) -> usize {
        self.hints.load(Ordering::SeqCst)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn answer(&self) -> Result<(), FeedError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        if self.fails.load(Ordering::SeqCst) {
            return Err(FeedError::TooManyValues { limit: 1 });
        }
        Ok(())
    }
}

impl IndicatorSource for Scripted {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move {
            *self.wanted_since.lock().unwrap() = errand.confirmed_since();
            self.answer().await?;
            let values = self.values.lock().unwrap().clone();
            let values = IndicatorSet::of(scope.kind, values.iter().map(String::as_str));
            let mut contents = FeedContents::new(values, BTreeMap::new());
            contents.as_of = *self.as_of.lock().unwrap();
            contents.is_sure = self.is_sure.load(Ordering::SeqCst);
            Ok(contents)
        })
    }

    fn index<'a>(&'a self, _: &'a Upstream, _: LookupScope, _: &'a Errand) -> IndexFuture<'a> {
        Box::pin(async move {
            self.answer().await?;
            let index = LookupIndex::default();
            Ok(match *self.as_of.lock().unwrap() {
                Some(at) => index.confirmed_at(at),
                None => index,
            })
        })
    }

    fn watch(&self, listener: ChangeListener) {
        self.listeners.lock().unwrap().push(listener);
    }

    fn follows(&self, _: &Upstream) -> bool {
        self.follows.load(Ordering::SeqCst)
    }

    fn hint(&self, _: &SiteName) {
        self.hints.fetch_add(1, Ordering::SeqCst);
    }
}

/// Goes with tokio's clock.
#[derive(Debug)]
struct PausedClock {
    clock: ManualClock,
    began: Instant,
    told: Mutex<Duration>,
}

impl Clock for PausedClock {
    fn now(&self) -> Moment {
        let (elapsed, mut told) = (self.began.elapsed(), self.told.lock().unwrap());
        self.clock.advance(elapsed - *told);
        *told = elapsed;
        self.clock.now()
    }
}

/// An engine over a scripted source.
pub(crate) struct Stage {
    pub(crate) source: Arc<Scripted>,
    pub(crate) engine: FeedEngine,
    pub(crate) upstream: Upstream,
}

impl Stage {
    /// A site with the usual soft expiry of 300 s; `more` are further lines of its file.
    pub(crate) fn of(values: &[&str], more: &str) -> Self {
        let source = Arc::new(Scripted::default());
        source.set(values);
        Self::over(source, more, None)
    }

    pub(crate) fn over(source: Arc<Scripted>, more: &str, shared: Option<SharedCache>) -> Self {
        let clock = PausedClock {
            clock: ManualClock::new(),
            began: Instant::now(),
            told: Mutex::default(),
        };
        let mut builder = FeedEngine::builder()
            .clock(Arc::new(clock))
            .source(Arc::clone(&source) as Arc<dyn IndicatorSource>);
        if let Some(cache) = shared {
            builder = builder.shared(cache);
        }
        Self {
            source,
            engine: builder.build(),
            upstream: upstream(more),
        }
    }

    pub(crate) async fn ask(&self) -> RenderedFeed {
        self.ask_for(domains()).await
    }

    pub(crate) async fn ask_for(&self, request: FeedRequest) -> RenderedFeed {
        self.engine.feed(&self.upstream, &request).await.unwrap()
    }
}

pub(crate) fn upstream(more: &str) -> Upstream {
    let mappings = Arc::new(Mappings::default());
    Upstream::new(
        Arc::new(site(more)),
        mappings,
        Protocol::Http,
        80,
        "a".repeat(40).into(),
    )
}

pub(crate) async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}
