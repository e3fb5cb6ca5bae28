//! The source that listens: one feed as server-sent events, kept up with change by change.
//!
//! What is held is what the server told and nothing else. Whatever contradicts it throws it away, and the feed is told anew from
//! the start; what is enforced stays meanwhile.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use feed_classification::IndicatorType;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use service_kit::chance;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use url::Url;

use super::{News, Server, SourceError, answer, url_of};
use change::{Collector, Held, Meaning};
use event::{Event, Reader};
use pauses::Pauses;

#[cfg(feature = "testkit")]
mod bytes;
mod change;
mod event;
mod pauses;

#[cfg(feature = "testkit")]
pub(crate) use bytes::states;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const EVENT_STREAM: &str = "text/event-stream";

type Connecting = Pin<Box<dyn Future<Output = Result<Response, SourceError>> + Send>>;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// The server tells something every 15 s. A link that is silent for so long is dead.
    pub(super) silence: Duration,
    /// Changes that follow on each other within this time are one piece of news, ...
    pub(super) quiet: Duration,
    /// ... but no change waits longer than this.
    pub(super) longest: Duration,
    /// The first pause before a link is made again.
    pub(super) pause: Duration,
    /// How often it is said that nothing changed.
    pub(super) report: Duration,
}

impl Timing {
    pub(super) const fn new(report: Duration) -> Self {
        Self {
            silence: Duration::from_secs(60),
            quiet: Duration::from_millis(200),
            longest: Duration::from_secs(2),
            pause: Duration::from_secs(3),
            report,
        }
    }
}

/// One feed that is listened to.
#[derive(Debug)]
pub(super) struct Stream {
    server: Server,
    url: Url,
    kind: IndicatorType,
    timing: Timing,
    pauses: Pauses,
    link: Link,
    held: Option<Held>,
    /// What is held has changed since the caller was told.
    is_fresh: bool,
    /// The caller has heard something from elsewhere since: what is held is told again once the server has said that it is so.
    is_overtaken: bool,
    reported: Option<Instant>,
}

enum Link {
    /// Nobody is asked before the time, if there is one.
    Down(Option<Instant>),
    Connecting(Connecting),
    Up(Box<Connection>),
}

#[derive(Debug)]
struct Connection {
    response: Response,
    reader: Reader,
    collector: Collector,
    events: std::collections::VecDeque<Event>,
    began: Instant,
    heard: Instant,
    /// A whole change or a sign of life has come.
    is_established: bool,
    /// When the first of the changes came that are not told yet.
    changed: Option<Instant>,
}

impl Stream {
    /// Listens to the feed below `base`: `feed` is its path up to the age, such as `v1/feed/block/type/ip/age/1w`, and its
    /// limits as a query.
    pub(super) fn new(server: Server, base: &Url, feed: &str, kind: IndicatorType, timing: Timing) -> Self {
        let feed = feed.strip_prefix("v1/").unwrap_or(feed);
        let url = url_of(base, &["v1", "stream"], feed, &[]);
        Self {
            server,
            url,
            kind,
            timing,
            pauses: Pauses::new(timing.pause, timing.silence),
            link: Link::Down(None),
            held: None,
            is_fresh: false,
            is_overtaken: false,
            reported: None,
        }
    }

    /// Returns whether the server tells the feed at this time.
    pub(super) fn is_up(&self) -> bool {
        matches!(&self.link, Link::Up(connection) if connection.is_established)
    }

    /// Takes note that the caller has heard something from elsewhere.
    pub(super) fn overtaken(&mut self) {
        (self.is_overtaken, self.reported) = (true, None);
    }

    /// Waits until there is something to say. It may be dropped at any time and called again.
    pub(super) async fn next(&mut self) -> Result<News, SourceError> {
        loop {
            match self.step().await {
                Ok(Some(news)) => return Ok(news),
                Ok(None) => {}
                Err(error) => {
                    let was_established = self.is_up();
                    if error.is_a_lie() {
                        (self.held, self.is_fresh) = (None, false);
                    }
                    self.hang_up(error.retry_after());
                    if self.is_fresh {
                        return Ok(self.whole());
                    }
                    // A daemon that restarts ends its streams in order; only if it does not come back, there is something to say.
                    if !(was_established && matches!(error, SourceError::Ended)) {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<News>, SourceError> {
        match &mut self.link {
            Link::Down(due) => {
                if let Some(due) = *due {
                    sleep_until(due).await;
                }
                self.link = Link::Connecting(self.connect()?);
            }
            Link::Connecting(connecting) => {
                let response = connecting.as_mut().await?;
                let now = Instant::now();
                let most = self.server.max_body;
                self.link = Link::Up(Box::new(Connection {
                    response,
                    reader: Reader::new(most),
                    collector: Collector::new(self.kind, most),
                    events: std::collections::VecDeque::new(),
                    began: now,
                    heard: now,
                    is_established: false,
                    changed: None,
                }));
            }
            Link::Up(connection) => {
                let Some(event) = connection.event(&self.timing).await? else {
                    return Ok(self.is_fresh.then(|| self.whole()));
                };
                let meaning = connection.collector.take(event, self.held.as_ref())?;
                return Ok(self.understood(meaning));
            }
        }
        Ok(None)
    }

    fn understood(&mut self, meaning: Meaning) -> Option<News> {
        let Link::Up(connection) = &mut self.link else {
            return None;
        };
        match meaning {
            Meaning::Part => None,
            Meaning::Held(held) => {
                connection.is_established = true;
                connection.changed.get_or_insert_with(Instant::now);
                self.held = Some(held);
                self.is_fresh = true;
                None
            }
            Meaning::Alive => {
                connection.is_established = self.held.is_some();
                if (self.is_fresh || self.is_overtaken) && self.held.is_some() {
                    return Some(self.whole());
                }
                let is_due = self.reported.is_none_or(|then| then.elapsed() >= self.timing.report);
                (is_due && self.held.is_some()).then(|| {
                    self.reported = Some(Instant::now());
                    News::Unchanged
                })
            }
        }
    }

    /// Tells all that is held.
    fn whole(&mut self) -> News {
        (self.is_fresh, self.is_overtaken) = (false, false);
        self.reported = Some(Instant::now());
        if let Link::Up(connection) = &mut self.link {
            connection.changed = None;
        }
        match &self.held {
            Some(held) => News::Whole {
                set: held.set.clone(),
                // The names of states are none of answers to polls.
                etag: None,
                refused: held.refused(),
            },
            None => News::Unchanged,
        }
    }

    fn hang_up(&mut self, retry_after: Option<Duration>) {
        let lasted = match &self.link {
            Link::Up(connection) if connection.is_established => Some(connection.began.elapsed()),
            _ => None,
        };
        let pause = self.pauses.after(lasted, retry_after, chance());
        self.link = Link::Down(Some(Instant::now() + pause));
    }

    fn connect(&self) -> Result<Connecting, SourceError> {
        let token = self.server.token.header("Bearer").map_err(SourceError::Token)?;
        let mut request = self.server.http.get(self.url.clone());
        request = request.header(AUTHORIZATION, token).header(ACCEPT, EVENT_STREAM);
        if let Some(held) = &self.held {
            request = request.header(LAST_EVENT_ID, held.id.clone());
        }
        let after = self.server.timeout;
        let token = self.server.token.clone();
        let judged = async move {
            let response = request.send().await;
            let response = response.map_err(|error| SourceError::Connection(error.without_url().into()))?;
            answer::judged(response, false, &token).await
        };
        Ok(Box::pin(async move {
            let judged = timeout(after, judged).await;
            let judged = judged.map_err(|_| SourceError::TooSlow { after })?;
            let response = judged?.ok_or(SourceError::NotAsked)?;
            let headers = response.headers();
            let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let is_stream =
                kind.is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == EVENT_STREAM));
            if is_stream && !headers.contains_key(CONTENT_ENCODING) {
                Ok(response)
            } else {
                Err(SourceError::NoStream)
            }
        }))
    }
}

impl Connection {
    /// Returns the next event, or nothing when changes have waited long enough to be told.
    async fn event(&mut self, timing: &Timing) -> Result<Option<Event>, SourceError> {
        loop {
            if self.changed.is_some_and(|first| first.elapsed() >= timing.longest) {
                return Ok(None);
            }
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let silent = self.heard + timing.silence;
            let quiet = self.changed.map(|_| self.heard + timing.quiet);
            let chunk = match timeout_at(quiet.unwrap_or(silent), self.response.chunk()).await {
                Err(_) if quiet.is_some() => return Ok(None),
                Err(_) => return Err(SourceError::Silent { after: timing.silence }),
                Ok(chunk) => chunk.map_err(|_| SourceError::Ended)?.ok_or(SourceError::Ended)?,
            };
            self.heard = Instant::now();
            let mut events = Vec::new();
            self.reader.read(&chunk, &mut events)?;
            self.events.extend(events);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down(_) => "Down",
            Self::Connecting(_) => "Connecting",
            Self::Up(_) => "Up",
        })
    }
}
