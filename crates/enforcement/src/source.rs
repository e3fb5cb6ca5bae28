//! Sources of feeds: one trait, the source that polls, and the source that follows a stream.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use config_file::SecretFile;
use cratos_client::{Refusals, Token};
use feed_classification::IndicatorSet;

mod follow;
mod pace;
mod poll;

pub use follow::Follow;
pub use poll::Poll;

/// The future that [`FeedSource::next`] returns.
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<News, SourceError>> + Send + 'a>>;

/// A source of the values of one feed.
///
/// A source decides itself when it asks or listens. The agent calls [`FeedSource::next`] again and again, and keeps the
/// values that it has when an error comes.
pub trait FeedSource: fmt::Debug + Send {
    /// Waits for news of the feed. The first call asks at once.
    ///
    /// `known` is the entity tag of the values that the caller has; without one the answer is [`News::Whole`].
    fn next<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a>;

    /// Returns the feed as it is now, for a caller that asks only once.
    fn once<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        self.next(known)
    }
}

/// News of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// The whole feed.
    Whole {
        /// Its values.
        set: IndicatorSet,
        /// The entity tag, for the next question.
        etag: Option<String>,
        /// The values of the answer that are not of the feed's type; they are not in `set`.
        refused: Refusals,
    },
    /// The feed is as the caller has it.
    Unchanged,
}

/// Why a source has no news. The values in force stay in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// cratosd has no usable answer, or the token or the certificates cannot be used.
    #[error(transparent)]
    Cratos(#[from] cratos_client::Error),
    /// The file of certificates cannot be read.
    #[error("the file of certificates cannot be used")]
    Certificates(#[source] io::Error),
    /// A source that is not built in failed.
    #[error("the source failed")]
    Own(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// Returns how long the server asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Cratos(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// Returns the token of a file, which is read for each request.
#[must_use]
pub fn token(file: SecretFile) -> Token {
    Token::from_fn(move || {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.path().display()));
        file.read().map_err(named)
    })
}
