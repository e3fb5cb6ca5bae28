//! The source that listens and asks only while there is nothing to hear.

use std::time::Duration;

use feed_classification::IndicatorType;
use service_kit::chain;
use url::Url;

use super::stream::{Stream, Timing};
use super::{FeedSource, News, Next, Poll, Server, SourceError, name_of};

/// While nobody has said yet whether there is a stream, questions wait for so long.
const GRACE: Duration = Duration::from_secs(5);

/// One feed that is followed as a stream, and polled while the stream is down or refused.
#[derive(Debug)]
pub struct Follow {
    stream: Stream,
    poll: Poll,
    /// As messages name the feed.
    name: String,
    interval: Duration,
    /// Whether polls fill in.
    may_poll: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Listening,
    Asking,
}

impl Follow {
    /// Makes a source of the feed below `base`: `feed` is its path up to the age, such as `v1/feed/block/type/ip/age/1w`, and its
    /// limits as a query.
    ///
    /// While there is no stream the feed is asked for every `interval`, unless `may_poll` says no.
    #[must_use]
    pub fn new(
        server: Server,
        base: &Url,
        feed: &str,
        kind: IndicatorType,
        interval: Duration,
        may_poll: bool,
    ) -> Self {
        let timing = Timing::new(interval);
        Self::timed(server, base, feed, kind, interval, may_poll, timing)
    }

    pub(super) fn timed(
        server: Server,
        base: &Url,
        feed: &str,
        kind: IndicatorType,
        interval: Duration,
        may_poll: bool,
        timing: Timing,
    ) -> Self {
        let mut poll = Poll::new(server.clone(), base, feed, kind, interval);
        poll.wait(interval.min(GRACE));
        Self {
            stream: Stream::new(server, base, feed, kind, timing),
            poll,
            name: name_of(feed),
            interval,
            may_poll,
            state: State::Starting,
        }
    }

    fn heard(&mut self) {
        if self.state == State::Asking {
            tracing::info!(feed = self.name, "the feed is followed as a stream");
        }
        self.state = State::Listening;
        // Where the stream ends, the next question is due when it would have been without it.
        self.poll.wait(self.interval);
    }

    fn lost(&mut self, error: &SourceError) {
        match self.state {
            // Nothing was heard at all, so that there is something to ask for now.
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
            State::Asking => tracing::debug!(feed = self.name, reason = chain(error), "the feed is still polled"),
        }
        self.state = State::Asking;
    }

    async fn followed(&mut self, known: Option<&str>) -> Result<News, SourceError> {
        loop {
            let may_ask = self.may_poll && !self.stream.is_up();
            tokio::select! {
                biased;
                told = self.stream.next() => match told {
                    Ok(news) => {
                        self.heard();
                        return Ok(news);
                    }
                    Err(error) => {
                        self.lost(&error);
                        if !self.may_poll {
                            self.stream.overtaken();
                            return Err(error);
                        }
                    }
                },
                answer = self.poll.next(known), if may_ask => {
                    // Whatever came of it, the caller no longer stands where the stream left it.
                    self.stream.overtaken();
                    return answer;
                }
            }
        }
    }
}

impl FeedSource for Follow {
    fn next<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        Box::pin(self.followed(known))
    }

    fn once<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        self.poll.wait(Duration::ZERO);
        self.poll.next(known)
    }
}

#[cfg(test)]
mod tests;
