//! The source that polls: conditional requests at intervals.

use std::time::Duration;

use cratos_client::{Client, Feed, FeedAnswer};
use service_kit::chance;
use tokio::time::Instant;

use super::pace::Pace;
use super::{FeedSource, News, Next, SourceError};

/// A feed that is polled.
#[derive(Debug)]
pub struct Poll {
    client: Client,
    feed: Feed,
    pace: Pace,
    due: Option<Instant>,
}

impl Poll {
    /// Returns a source that asks for a feed every `interval`.
    ///
    /// The client should [never repeat](cratos_client::Retry::never) a request: the source asks again later by itself.
    #[must_use]
    pub fn new(client: Client, feed: Feed, interval: Duration) -> Self {
        Self {
            client,
            feed,
            pace: Pace::new(interval),
            due: None,
        }
    }

    /// Lets the next request wait for this pause from now on.
    pub(super) fn wait(&mut self, pause: Duration) {
        self.due = Some(Instant::now() + pause);
    }

    async fn ask(&self, known: Option<&str>) -> Result<News, SourceError> {
        Ok(match self.client.feed(&self.feed, known).await? {
            FeedAnswer::Values(values) => News::Whole {
                set: values.set,
                etag: values.etag,
                refused: values.refused,
            },
            _ => News::Unchanged,
        })
    }
}

impl FeedSource for Poll {
    fn next<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        Box::pin(async move {
            if let Some(due) = self.due {
                tokio::time::sleep_until(due).await;
            }
            let outcome = self.ask(known).await;
            let pause = match &outcome {
                Ok(_) => self.pace.after_answer(chance()),
                Err(error) => self.pace.after_failure(error.retry_after(), chance()),
            };
            self.due = Some(Instant::now() + pause);
            outcome
        })
    }
}
