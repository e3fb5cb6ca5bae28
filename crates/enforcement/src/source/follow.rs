//! The source that follows a stream, and polls while there is none.

use std::time::Duration;

use cratos_client::{Client, Feed, FeedStream, StreamTiming, StreamUpdate};
use service_kit::chain;

use super::{FeedSource, News, Next, Poll, SourceError};

/// How long polls wait after the start, until it is clear whether there is a stream.
const GRACE: Duration = Duration::from_secs(5);

/// A feed that is followed as a stream, and polled while the stream is down or refused.
#[derive(Debug)]
pub struct Follow {
    stream: FeedStream,
    poll: Poll,
    /// The name of the feed in messages.
    name: String,
    interval: Duration,
    may_poll: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Listening,
    Polling,
}

impl Follow {
    /// Returns a source that follows a feed as a stream. Without a stream it asks for the feed every
    /// `interval`, unless `may_poll` is false.
    #[must_use]
    pub fn new(client: Client, feed: Feed, interval: Duration, may_poll: bool) -> Self {
        let timing = StreamTiming::default().report(interval);
        Self::timed(client, feed, interval, may_poll, timing)
    }

    fn timed(client: Client, feed: Feed, interval: Duration, may_poll: bool, timing: StreamTiming) -> Self {
        let mut poll = Poll::new(client.clone(), feed.clone(), interval);
        poll.wait(interval.min(GRACE));
        Self {
            stream: client.follow_with(&feed, timing),
            poll,
            name: feed.to_string(),
            interval,
            may_poll,
            state: State::Starting,
        }
    }

    fn stream_answered(&mut self) {
        if self.state == State::Polling {
            tracing::info!(feed = self.name, "the feed is followed as a stream");
        }
        self.state = State::Listening;
        // When the stream ends, the next poll is due when it would have been without a stream.
        self.poll.wait(self.interval);
    }

    fn stream_failed(&mut self, error: &cratos_client::Error) {
        match self.state {
            // The feed has no values yet, so the poll is due now.
            State::Starting => {
                self.poll.wait(Duration::ZERO);
                tracing::info!(
                    feed = self.name,
                    reason = chain(error),
                    "the feed is polled, since it cannot be followed as a stream"
                );
            }
            State::Listening => tracing::warn!(
                feed = self.name,
                reason = chain(error),
                "the feed is polled until its stream is back"
            ),
            State::Polling => tracing::debug!(feed = self.name, reason = chain(error), "the feed is still polled"),
        }
        self.state = State::Polling;
    }

    async fn news(&mut self, known: Option<&str>) -> Result<News, SourceError> {
        loop {
            let may_ask = self.may_poll && !self.stream.is_up();
            tokio::select! {
                biased;
                update = self.stream.next() => match update {
                    Ok(update) => {
                        self.stream_answered();
                        return Ok(update.into());
                    }
                    Err(error) => {
                        self.stream_failed(&error);
                        if !self.may_poll {
                            self.stream.repeat();
                            return Err(error.into());
                        }
                    }
                },
                answer = self.poll.next(known), if may_ask => {
                    // The caller no longer has the values of the stream.
                    self.stream.repeat();
                    return answer;
                }
            }
        }
    }
}

impl From<StreamUpdate> for News {
    fn from(update: StreamUpdate) -> Self {
        match update {
            StreamUpdate::Changed(state) => Self::Whole {
                set: state.set().clone(),
                // The name of a state is not an entity tag.
                etag: None,
                refused: state.refused(),
            },
            _ => Self::Unchanged,
        }
    }
}

impl FeedSource for Follow {
    fn next<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        Box::pin(self.news(known))
    }

    fn once<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        self.poll.wait(Duration::ZERO);
        self.poll.next(known)
    }
}

#[cfg(test)]
mod tests;
