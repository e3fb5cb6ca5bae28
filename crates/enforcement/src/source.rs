//! Where feeds come from: one trait, the source that polls, and the one that listens.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use feed_classification::IndicatorSet;
use url::Url;

use crate::refusals::Refusals;

mod answer;
mod detail;
mod follow;
mod pace;
mod parse;
mod poll;
mod stream;

pub use detail::Detail;
pub use follow::Follow;
pub use poll::{Poll, Server};
#[cfg(feature = "testkit")]
pub(crate) use stream::states;

/// Returned by [`FeedSource::next`].
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<News, SourceError>> + Send + 'a>>;

/// Where the values of one feed come from.
///
/// A source decides itself when it asks or listens; whoever follows it calls [`FeedSource::next`] again and again, and keeps what it
/// had whenever an error comes.
pub trait FeedSource: fmt::Debug + Send {
    /// Waits until there is something to say about the feed. The first call asks at once.
    ///
    /// `known` is the entity tag of the values that the caller holds; without one the answer is [`News::Whole`].
    fn next<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a>;

    /// Says at once how the feed is, for who asks this one time only.
    fn once<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        self.next(known)
    }
}

/// What a source says about its feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// The feed as a whole.
    Whole {
        /// Its values.
        set: IndicatorSet,
        /// The entity tag, for the next question.
        etag: Option<String>,
        /// Values of the answer that are not of the feed's type; they are left out.
        refused: Refusals,
    },
    /// The feed is as the caller has it.
    Unchanged,
}

/// Why a source has nothing to say; what is enforced stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The token cannot be read or sent. The fault is on this host.
    #[error("the feed token cannot be used")]
    Token(#[source] io::Error),
    /// A certificate authority cannot be read. The fault is on this host.
    #[error("the file of certificates cannot be used")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server cannot be reached, or the connection ended before the answer did.
    #[error("cratosd cannot be reached, or its answer was cut short")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer took too long.
    #[error("cratosd did not answer within {} s", after.as_secs())]
    TooSlow {
        /// How long it was waited for.
        after: Duration,
    },
    /// The token or this host's address is refused.
    #[error("cratosd refuses the token or this address ({status}){detail}")]
    Refused {
        /// The status code.
        status: u16,
        /// The reason that it gave.
        detail: Detail,
    },
    /// The server does not understand or know what is asked for: any other status from 400 to 499.
    #[error("cratosd cannot answer this question ({status}){detail}")]
    Rejected {
        /// The status code.
        status: u16,
        /// The reason that it gave.
        detail: Detail,
    },
    /// Any other status than 200 and 304.
    #[error("cratosd has no feed now ({status}){detail}")]
    Unavailable {
        /// The status code.
        status: u16,
        /// The reason that it gave.
        detail: Detail,
        /// When to ask again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// 304 to a question that was not conditional.
    #[error("cratosd says that nothing changed, but was not asked that")]
    NotAsked,
    /// Nothing tells where the answer ends, so that a cut one could not be told.
    #[error("the answer has no length")]
    NoLength,
    /// The answer is larger than it may be.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes that are taken.
        limit: usize,
    },
    /// The answer is compressed wrongly, or in a way that was not asked for.
    #[error("the answer cannot be decompressed")]
    Encoding(#[source] io::Error),
    /// The answer does not say how many values it has, so it is no feed.
    #[error("the answer has no `X-Feed-Count`, so it is no feed of cratosd")]
    NoCount,
    /// The answer has another number of values than it says.
    #[error("the answer says {said} values and has {found}")]
    WrongCount {
        /// What `X-Feed-Count` says.
        said: u64,
        /// The lines of the answer.
        found: u64,
    },
    /// The answer is not in the form of a feed.
    #[error("the answer cannot be read")]
    Unreadable(#[source] io::Error),
    /// Most of what came is none of the feed's type.
    #[error("{refused} of {found} values are not of the feed's type")]
    Nonsense {
        /// The values that do not parse.
        refused: u64,
        /// All values.
        found: u64,
    },
    /// The feed cannot be followed there: an answer of another kind.
    #[error("the answer is no stream of events")]
    NoStream,
    /// The stream has ended, in order or not.
    #[error("the stream has ended")]
    Ended,
    /// Nothing came for longer than a living server is silent.
    #[error("the stream was silent for {} s", after.as_secs())]
    Silent {
        /// How long it was waited for.
        after: Duration,
    },
    /// What was told cannot be true beside what was told before.
    #[error("the stream contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl SourceError {
    /// Returns when the server wants to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns whether what was told before cannot be built upon any more.
    fn is_a_lie(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. }
                | Self::Unreadable(_)
                | Self::WrongCount { .. }
                | Self::Nonsense { .. }
                | Self::Contradiction(_)
        )
    }
}

/// Returns the URL of a feed below `base`, with these parts of the path before and behind it; the query of the feed stays the query.
fn url_of(base: &Url, before: &[&str], feed: &str, behind: &[&str]) -> Url {
    let mut url = base.clone();
    let (feed, query) = match feed.split_once('?') {
        Some((feed, query)) => (feed, Some(query)),
        None => (feed, None),
    };
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        path.extend(
            before
                .iter()
                .copied()
                .chain(feed.split('/'))
                .chain(behind.iter().copied()),
        );
    }
    url.set_query(query);
    url
}

/// Returns a feed as messages name it: `v1/feed/block/type/ip/age/1w?max_tlp=amber` is `block/ip/1w?max_tlp=amber`.
pub(crate) fn name_of(feed: &str) -> String {
    let (path, query) = feed
        .split_once('?')
        .map_or((feed, None), |(path, query)| (path, Some(query)));
    let words = path
        .split('/')
        .filter(|word| !matches!(*word, "v1" | "feed" | "type" | "age"));
    let mut name = words.collect::<Vec<_>>().join("/");
    name.extend(query.into_iter().flat_map(|query| ["?", query]));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_named_by_its_words() {
        assert_eq!(name_of("v1/feed/block/type/ip/age/1w"), "block/ip/1w");
        assert_eq!(
            name_of("v1/feed/block/type/ip/age/1w?max_tlp=amber"),
            "block/ip/1w?max_tlp=amber"
        );
    }

    #[test]
    fn limits_of_a_feed_stay_its_query_wherever_the_server_is() {
        let base: Url = "https://cratos.example.net/behind/".parse().unwrap();
        let feed = "feed/block/type/ip/age/1w?max_tlp=amber%2Bstrict&min_score=60";
        assert_eq!(
            url_of(&base, &["v1", "stream"], feed, &["output", "txt"]).as_str(),
            "https://cratos.example.net/behind/v1/stream/feed/block/type/ip/age/1w/output/txt?max_tlp=amber%2Bstrict&min_score=60"
        );
        let plain = url_of(&base, &[], "v1/feed/block/type/ip/age/1w", &[]);
        assert_eq!(
            plain.as_str(),
            "https://cratos.example.net/behind/v1/feed/block/type/ip/age/1w"
        );
    }
}
