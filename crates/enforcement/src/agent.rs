//! The agent: it follows feeds and enforces their values.

use std::future::Future;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use cratos_client::{Client, Refusals, Retry};
use service_kit::chain;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::MissedTickBehavior;

use crate::config::{Config, Feed, Following};
use crate::error::StateError;
use crate::metrics;
use crate::never_block::{NeverBlock, Own};
use crate::reach::Reach;
use crate::report;
use crate::round::{FeedView, Guard, Order, Outcome, Station};
use crate::source::{self, FeedSource, Follow, News, Poll, SourceError};
use crate::state::{FeedProgress, LastGood, LockError, StateDir};
use crate::surroundings::Surroundings;
use crate::{Moment, Values};

/// News within this time are enforced together.
const SETTLE: Duration = Duration::from_millis(50);

/// How long the looked-up addresses of cratosd are used.
const RESOLVED_FOR: Duration = Duration::from_secs(300);

/// Why an agent cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another agent is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The client for cratosd cannot be made.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A part of the agent broke down.
    #[error("a part of the agent broke down")]
    Broken(#[source] JoinError),
}

/// The result of a run for one target.
#[derive(Debug)]
#[non_exhaustive]
pub struct TargetReport {
    /// The name of the target.
    pub name: String,
    /// The result.
    pub outcome: Outcome,
    /// Values of its feeds that are not enforced because of their reach.
    pub refused: Refusals,
}

impl TargetReport {
    fn new(station: &Station, outcome: Outcome) -> Self {
        Self {
            name: station.assignment.name.clone(),
            outcome,
            refused: station.progress.refused.clone(),
        }
    }
}

/// An agent that has read its state and can start.
#[derive(Debug)]
pub struct Agent {
    bench: Bench,
    sources: Vec<Box<dyn FeedSource>>,
}

impl Agent {
    /// Returns an agent that follows the feeds of its configuration.
    ///
    /// # Errors
    /// If the certificates cannot be read.
    pub fn open(config: Config) -> Result<Self, AgentError> {
        let client = client(&config)?;
        let source = |feed: &Feed| source(&config, &client, feed);
        let sources = config.feeds.iter().map(source).collect();
        Ok(Self::with_sources(config, sources))
    }

    /// Returns an agent with these sources, one for each feed of the configuration and in the same order.
    #[must_use]
    pub fn with_sources(config: Config, sources: Vec<Box<dyn FeedSource>>) -> Self {
        let bench = Bench::open(config);
        Self { bench, sources }
    }

    /// Enforces the last values again without asking cratosd, for example while the host starts.
    ///
    /// # Errors
    /// If another agent is changing something for more than a minute.
    pub fn restore(mut self) -> Result<Vec<TargetReport>, AgentError> {
        self.bench.state.make()?;
        let _turn = self.bench.state.lock_change()?;
        let never = self.bench.never_block();
        let guard = Guard {
            reach: &self.bench.reach,
            never: &never,
        };
        let restored = |station: &mut Station| {
            let outcome = station.restore(guard);
            TargetReport::new(station, outcome)
        };
        Ok(self.bench.stations.iter_mut().map(restored).collect())
    }

    /// Asks for every feed once and enforces the answers. Returns the feeds that failed, each with its error, and the
    /// result of each target.
    ///
    /// # Errors
    /// If another agent is changing something for more than a minute.
    pub async fn apply(mut self, order: Order) -> Result<(Vec<(String, SourceError)>, Vec<TargetReport>), AgentError> {
        if !order.dry_run {
            self.bench.state.make()?;
        }
        let mut questions = JoinSet::new();
        for (index, mut source) in self.sources.drain(..).enumerate() {
            let known = self.bench.known(index);
            questions.spawn(async move { (index, source.once(known.as_deref()).await) });
        }
        let mut failed = Vec::new();
        while let Some(answer) = questions.join_next().await {
            let (index, news) = answer.map_err(AgentError::Broken)?;
            if let Some(error) = self.bench.take(index, news, !order.dry_run) {
                failed.push((self.bench.feed_name(index), error));
            }
        }
        let mut bench = self.bench;
        let reports = spawn_blocking(move || bench.round(order))
            .await
            .map_err(AgentError::Broken)??;
        Ok((failed, reports))
    }

    /// Follows all feeds and enforces them until `stop` is done; a change that runs then is finished first.
    ///
    /// # Errors
    /// If another agent works with the same state, or something breaks down.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), AgentError> {
        let mut bench = self.bench;
        bench.state.make()?;
        let _only = bench.state.lock_agent()?;
        let (heard, mut hear) = mpsc::channel(self.sources.len().max(1));
        let mut followers = JoinSet::new();
        for (index, source) in self.sources.into_iter().enumerate() {
            followers.spawn(follow(index, source, bench.known(index), heard.clone()));
        }
        drop(heard);
        // Without news, too, work may be due: values that another program removed, or that expire.
        let mut clock = tokio::time::interval(bench.config.poll_interval);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                Some((index, news)) = hear.recv() => {
                    bench.heard(index, news);
                    tokio::time::sleep(SETTLE).await;
                    while let Ok((index, news)) = hear.try_recv() {
                        bench.heard(index, news);
                    }
                }
                _ = clock.tick() => {}
                // A follower ends by breaking down only.
                Some(ended) = followers.join_next() => ended.map_err(AgentError::Broken)?,
            }
            bench = spawn_blocking(move || {
                if let Err(error) = bench.round(Order::default()) {
                    tracing::error!(error = chain(&error), "this round is skipped; the next one tries again");
                }
                bench
            })
            .await
            .map_err(AgentError::Broken)?;
        }
    }
}

/// Returns the client for all feeds. It repeats no request: sources ask again at their own pace.
fn client(config: &Config) -> Result<Client, SourceError> {
    let mut settings = Client::builder(config.server.clone())
        .token(source::token(config.token.clone()))
        .timeout(config.timeout)
        .max_body(config.max_body)
        .retry(Retry::never())
        .user_agent(concat!("cratos-agent/", env!("CARGO_PKG_VERSION")))
        // The configuration refuses http:// unless `insecure_http` allows it.
        .allow_plain_http(true);
    if let Some(path) = &config.ca_file {
        settings = settings.trust_also(std::fs::read(path).map_err(SourceError::Certificates)?);
    }
    Ok(settings.build()?)
}

/// Returns the source of a feed.
fn source(config: &Config, client: &Client, feed: &Feed) -> Box<dyn FeedSource> {
    let (client, interval) = (client.clone(), config.poll_interval);
    let may_poll = config.follow != Following::Stream;
    let feed = cratos_client::Feed::from_path(&feed.path, feed.kind);
    if config.follow == Following::Poll {
        return Box::new(Poll::new(client, feed, interval));
    }
    Box::new(Follow::new(client, feed, interval, may_poll))
}

async fn follow(
    index: usize,
    mut source: Box<dyn FeedSource>,
    mut known: Option<String>,
    heard: mpsc::Sender<(usize, Result<News, SourceError>)>,
) {
    loop {
        let news = source.next(known.as_deref()).await;
        if let Ok(News::Whole { etag, .. }) = &news {
            known.clone_from(etag);
        }
        if heard.send((index, news)).await.is_err() {
            return;
        }
    }
}

/// The feeds and the targets of an agent.
#[derive(Debug)]
struct Bench {
    config: Config,
    reach: Reach,
    state: StateDir,
    feeds: Vec<Followed>,
    stations: Vec<Station>,
    server: Vec<IpAddr>,
    resolved: Option<Instant>,
}

#[derive(Debug)]
struct Followed {
    last_good: Option<LastGood>,
    progress: FeedProgress,
    /// Whether it was asked for since the start, with or without success.
    asked: bool,
}

impl Bench {
    /// Reads the state, if it exists, and writes nothing.
    fn open(mut config: Config) -> Self {
        let state = StateDir::at(&config.state_dir);
        let assignments = std::mem::take(&mut config.targets);
        let stations = assignments
            .into_iter()
            .map(|assignment| Station::new(assignment, &state))
            .collect();
        let followed = |feed: &Feed| {
            let last_good = state
                .last_good(&feed.name)
                .filter(|good| good.asked == asked(&config, feed));
            let progress = FeedProgress {
                values: last_good.as_ref().map_or(0, |good| count(&good.values)),
                last_answer: last_good.as_ref().map(|good| good.at.clone()),
                ..FeedProgress::default()
            };
            Followed {
                last_good,
                progress,
                asked: false,
            }
        };
        let feeds = config.feeds.iter().map(followed).collect();
        let reach = Reach::new(config.may_block.iter().copied());
        Self {
            config,
            reach,
            state,
            feeds,
            stations,
            server: Vec::new(),
            resolved: None,
        }
    }

    fn feed_name(&self, index: usize) -> String {
        self.config
            .feeds
            .get(index)
            .map(|feed| feed.name.clone())
            .unwrap_or_default()
    }

    fn known(&self, index: usize) -> Option<String> {
        self.feeds.get(index)?.last_good.as_ref()?.etag.clone()
    }

    fn heard(&mut self, index: usize, news: Result<News, SourceError>) {
        if let Some(error) = self.take(index, news, true) {
            let feed = self.config.feeds.get(index);
            tracing::warn!(
                feed = feed.map(name_of),
                name = self.feed_name(index),
                error = chain(&error),
                "the feed has no answer; the enforced values stay"
            );
        }
    }

    /// Stores the news of a source; returns the error if it has none.
    fn take(&mut self, index: usize, news: Result<News, SourceError>, keep: bool) -> Option<SourceError> {
        let (Some(feed), Some(followed)) = (self.config.feeds.get(index), self.feeds.get_mut(index)) else {
            return None;
        };
        followed.asked = true;
        match news {
            Err(error) => {
                followed.progress.error = Some(chain(&error));
                return Some(error);
            }
            Ok(News::Unchanged) => {}
            Ok(News::Whole { set, etag, refused }) => {
                followed.progress.refused = refused.count();
                followed.progress.refused_values = refused;
                let values: Values = [set].into_iter().collect();
                followed.progress.values = count(&values);
                let good = LastGood {
                    asked: asked(&self.config, feed),
                    etag,
                    values,
                    at: Moment::now(),
                };
                if keep && let Err(error) = self.state.keep_last_good(&feed.name, &good) {
                    tracing::error!(
                        feed = name_of(feed),
                        name = feed.name,
                        error = chain(&error),
                        "the newest values could not be saved; a restart will not know them"
                    );
                }
                followed.last_good = Some(good);
            }
        }
        followed.progress.error = None;
        followed.progress.last_answer = Some(Moment::now());
        None
    }

    /// Gives every target its turn, and returns the results.
    fn round(&mut self, order: Order) -> Result<Vec<TargetReport>, AgentError> {
        let _turn = if order.dry_run {
            None
        } else {
            Some(self.state.lock_change()?)
        };
        let never = self.never_block();
        let guard = Guard {
            reach: &self.reach,
            never: &never,
        };
        let mut reports = Vec::new();
        for station in &mut self.stations {
            let followed = |index: &usize| Some((self.config.feeds.get(*index)?, self.feeds.get(*index)?));
            let of_target: Vec<_> = station.assignment.feeds.iter().filter_map(followed).collect();
            // The target waits until all its feeds have answered, so that it changes once and not twice.
            if of_target
                .iter()
                .any(|(_, followed)| !followed.asked && followed.last_good.is_none())
            {
                continue;
            }
            let views: Vec<FeedView<'_>> = of_target
                .iter()
                .map(|(feed, followed)| FeedView {
                    name: &feed.name,
                    values: followed.last_good.as_ref().map(|good| &good.values),
                    progress: &followed.progress,
                })
                .collect();
            let before = station.progress.clone();
            let outcome = station.run(&self.state, &views, guard, order);
            report::log(&station.assignment.name, &outcome, &before, &station.progress);
            reports.push(TargetReport::new(station, outcome));
        }
        if !order.dry_run {
            self.write_metrics();
        }
        Ok(reports)
    }

    fn write_metrics(&self) {
        let Some(path) = &self.config.metrics_file else { return };
        let stations = self.stations.iter();
        let targets = stations.map(|station| (station.assignment.name.as_str(), &station.progress));
        let written = metrics::text(targets)
            .map_err(std::io::Error::other)
            .and_then(|text| state_file::replace(path, text.as_bytes(), Some(0o644)));
        if let Err(error) = written {
            tracing::warn!(file = %path.display(), error = chain(&error), "the metrics are not written");
        }
    }

    /// Returns the addresses and names that this host must not block now.
    fn never_block(&mut self) -> NeverBlock {
        if self.resolved.is_none_or(|resolved| resolved.elapsed() > RESOLVED_FOR) {
            self.resolve();
        }
        let around = Surroundings::read(Path::new("/"), &self.config.ssh_ports);
        let addresses = around.addresses().chain(self.server.iter().copied());
        let server = self
            .config
            .server
            .domain()
            .map(|name| Own::Name(name.to_ascii_lowercase()));
        let found = addresses
            .map(|address| Own::Network(address.to_canonical().into()))
            .chain(server);
        NeverBlock::new(self.config.own.iter().cloned().chain(found))
    }

    /// Looks up the addresses of cratosd. The earlier ones stay if the name server does not answer.
    fn resolve(&mut self) {
        let port = self.config.server.port_or_known_default().unwrap_or(443);
        let found: Vec<IpAddr> = match self.config.server.host() {
            Some(url::Host::Ipv4(address)) => vec![address.into()],
            Some(url::Host::Ipv6(address)) => vec![address.into()],
            Some(url::Host::Domain(name)) => {
                let found = (name, port).to_socket_addrs();
                found
                    .map(|found| found.map(|socket| socket.ip()).collect())
                    .unwrap_or_default()
            }
            None => Vec::new(),
        };
        if !found.is_empty() {
            self.server = found;
            self.resolved = Some(Instant::now());
        }
    }
}

/// Identifies a feed, also when the configuration gives its name to another feed later.
fn asked(config: &Config, feed: &Feed) -> String {
    format!("{} {}", config.server, feed.path)
}

/// Returns a feed as messages name it: `v1/feed/block/type/ip/age/1w` is `block/ip/1w`.
fn name_of(feed: &Feed) -> String {
    cratos_client::Feed::from_path(&feed.path, feed.kind).to_string()
}

fn count(values: &Values) -> u64 {
    u64::try_from(values.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
