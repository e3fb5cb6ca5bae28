//! A feed as a stream of server-sent events, kept up with change by change.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use reqwest::Response;
use service_kit::chance;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use url::Url;

use crate::answer;
use crate::client::Client;
use crate::error::Error;
use crate::feed::Feed;
use crate::raw_answer::RawAnswer;
use crate::token::bearer;
use event::{Event, Reader};
use pauses::Pauses;
use state::{Collector, Step};

#[cfg(feature = "testkit")]
mod bytes;
mod event;
mod pauses;
mod state;
mod timing;

#[cfg(feature = "testkit")]
pub(crate) use bytes::states;
pub use state::FeedState;
pub use timing::StreamTiming;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const EVENT_STREAM: &str = "text/event-stream";

type Connecting = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

/// A feed that is followed.
///
/// The stream reconnects by itself and goes on from the last state (`Last-Event-ID`). Events that contradict the state
/// make the stream forget it and read the feed from the start.
///
/// ```no_run
/// # async fn run(client: cratos_client::Client) {
/// use cratos_client::{Age, Feed, FeedName, IndicatorType, StreamUpdate};
///
/// let mut stream = client.follow(&Feed::new(FeedName::Block, IndicatorType::Ip, Age::Weeks1));
/// loop {
///     match stream.next().await {
///         Ok(StreamUpdate::Changed(state)) => println!("{} addresses", state.set().len()),
///         Ok(_) => println!("nothing changed"),
///         // The next call waits a while and connects again.
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct FeedStream {
    client: Client,
    url: Url,
    feed: Feed,
    timing: StreamTiming,
    pauses: Pauses,
    link: Link,
    state: Option<FeedState>,
    /// Whether the state has changed since the caller got it.
    is_fresh: bool,
    /// Whether the caller wants the same state again.
    is_wanted_again: bool,
    reported: Option<Instant>,
}

/// News of a stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StreamUpdate {
    /// The feed has changed; this is all of it.
    Changed(FeedState),
    /// The feed is as it was, and the server is alive.
    Unchanged,
}

/// The connection of a stream.
enum Link {
    /// There is none before this time.
    Down(Option<Instant>),
    Connecting(Connecting),
    Up(Box<Connection>),
}

#[derive(Debug)]
struct Connection {
    response: Response,
    reader: Reader,
    collector: Collector,
    events: VecDeque<Event>,
    began: Instant,
    heard: Instant,
    /// Whether a whole change or a sign of life has come.
    is_established: bool,
    /// When the first change came that the caller has not got.
    changed: Option<Instant>,
}

impl Client {
    /// Follows a feed as a stream, with the usual times.
    #[must_use]
    pub fn follow(&self, feed: &Feed) -> FeedStream {
        self.follow_with(feed, StreamTiming::default())
    }

    /// Follows a feed as a stream, with other times.
    #[must_use]
    pub fn follow_with(&self, feed: &Feed, timing: StreamTiming) -> FeedStream {
        FeedStream {
            url: self.url_of(&["v1", "stream"], feed.path(), &[]),
            client: self.clone(),
            feed: feed.clone(),
            timing,
            pauses: Pauses::new(timing.pause, timing.silence),
            link: Link::Down(None),
            state: None,
            is_fresh: false,
            is_wanted_again: false,
            reported: None,
        }
    }
}

impl FeedStream {
    /// Returns whether the stream is connected and the server has sent something.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(&self.link, Link::Up(connection) if connection.is_established)
    }

    /// Returns the last state of the feed, if the stream has one.
    #[must_use]
    pub const fn state(&self) -> Option<&FeedState> {
        self.state.as_ref()
    }

    /// Makes the stream return its state again as soon as the server has confirmed it, even if nothing changes. A
    /// caller needs this after it got the feed in another way meanwhile, for example by [`Client::feed`].
    pub fn repeat(&mut self) {
        (self.is_wanted_again, self.reported) = (true, None);
    }

    /// Waits for news. You can drop the future at any time and call this again.
    ///
    /// # Errors
    /// If the connection cannot be made or is lost. The next call connects again after a pause, which doubles up to 15
    /// minutes while connections fail. The end of a stream is not an error if the server comes back.
    pub async fn next(&mut self) -> Result<StreamUpdate, Error> {
        loop {
            match self.step().await {
                Ok(Some(update)) => return Ok(update),
                Ok(None) => {}
                Err(error) => {
                    let was_established = self.is_up();
                    if error.invalidates_state() {
                        (self.state, self.is_fresh) = (None, false);
                    }
                    self.hang_up(error.retry_after());
                    if self.is_fresh {
                        return Ok(self.update());
                    }
                    // A daemon that restarts ends its streams in order. Only a daemon that does not come back is worth
                    // an error.
                    if !(was_established && matches!(error, Error::Ended)) {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<StreamUpdate>, Error> {
        match &mut self.link {
            Link::Down(due) => {
                if let Some(due) = *due {
                    sleep_until(due).await;
                }
                self.link = Link::Connecting(self.connect()?);
            }
            Link::Connecting(connecting) => {
                let response = connecting.as_mut().await?;
                let limit = self.client.shared.max_body;
                self.link = Link::Up(Box::new(Connection::new(response, &self.feed, limit)));
            }
            Link::Up(connection) => {
                let Some(event) = connection.event(&self.timing).await? else {
                    return Ok(self.is_fresh.then(|| self.update()));
                };
                let step = connection.collector.add(event, self.state.as_ref())?;
                return Ok(self.take(step));
            }
        }
        Ok(None)
    }

    fn take(&mut self, step: Step) -> Option<StreamUpdate> {
        let Link::Up(connection) = &mut self.link else {
            return None;
        };
        match step {
            Step::Part => None,
            Step::State(state) => {
                connection.is_established = true;
                connection.changed.get_or_insert_with(Instant::now);
                self.state = Some(state);
                self.is_fresh = true;
                None
            }
            Step::Alive => {
                connection.is_established = self.state.is_some();
                if (self.is_fresh || self.is_wanted_again) && self.state.is_some() {
                    return Some(self.update());
                }
                let is_due = self.reported.is_none_or(|then| then.elapsed() >= self.timing.report);
                (is_due && self.state.is_some()).then(|| {
                    self.reported = Some(Instant::now());
                    StreamUpdate::Unchanged
                })
            }
        }
    }

    /// Returns the state for the caller.
    fn update(&mut self) -> StreamUpdate {
        (self.is_fresh, self.is_wanted_again) = (false, false);
        self.reported = Some(Instant::now());
        if let Link::Up(connection) = &mut self.link {
            connection.changed = None;
        }
        self.state
            .clone()
            .map_or(StreamUpdate::Unchanged, StreamUpdate::Changed)
    }

    fn hang_up(&mut self, retry_after: Option<Duration>) {
        let lasted = match &self.link {
            Link::Up(connection) if connection.is_established => Some(connection.began.elapsed()),
            _ => None,
        };
        let pause = self.pauses.after(lasted, retry_after, chance());
        self.link = Link::Down(Some(Instant::now() + pause));
    }

    fn connect(&self) -> Result<Connecting, Error> {
        let shared = &self.client.shared;
        let token = self.client.read_token()?;
        let mut request = shared
            .http
            .get(self.url.clone())
            .header(AUTHORIZATION, bearer(&token).map_err(Error::Token)?)
            .header(ACCEPT, EVENT_STREAM);
        if let Some(state) = &self.state {
            request = request.header(LAST_EVENT_ID, state.header());
        }
        let after = shared.timeout;
        let checked = async move {
            let response = request.send().await.map_err(|error| Error::transport(error, after))?;
            let secrets = vec![("(the token)", token)];
            answer::checked(RawAnswer { response, secrets }, false).await
        };
        Ok(Box::pin(async move {
            let checked = timeout(after, checked).await;
            let checked = checked.map_err(|_| Error::TooSlow { after })?;
            let response = checked?.ok_or(Error::NotConditional)?;
            if is_event_stream(&response) {
                Ok(response)
            } else {
                Err(Error::NoStream)
            }
        }))
    }
}

fn is_event_stream(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim() == EVENT_STREAM) && !headers.contains_key(CONTENT_ENCODING)
}

impl Connection {
    fn new(response: Response, feed: &Feed, limit: usize) -> Self {
        let now = Instant::now();
        Self {
            response,
            reader: Reader::new(limit),
            collector: Collector::new(feed.kind(), limit),
            events: VecDeque::new(),
            began: now,
            heard: now,
            is_established: false,
            changed: None,
        }
    }

    /// Returns the next event, or nothing when changes have waited long enough for the caller to get them.
    async fn event(&mut self, timing: &StreamTiming) -> Result<Option<Event>, Error> {
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
                Err(_) => return Err(Error::Silent { after: timing.silence }),
                Ok(chunk) => chunk.map_err(|_| Error::Ended)?.ok_or(Error::Ended)?,
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
