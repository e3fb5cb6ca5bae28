//! Feeds: their names on the wire, and the request for one.

use feed_classification::{Age, FeedName, IndicatorSet, IndicatorType, Tlp};
use http::Method;
use http::header::{ACCEPT_ENCODING, HeaderValue, IF_NONE_MATCH};

use crate::answer::{self, Answer};
use crate::client::Client;
use crate::error::Error;
use crate::refusals::Refusals;
use crate::request::{Repeat, Request};
use crate::values;

/// A feed of cratosd, for example "IP addresses to block that are at most a week old".
///
/// ```
/// use cratos_client::{Age, Feed, FeedName, IndicatorType, Tlp};
///
/// let feed = Feed::new(FeedName::Block, IndicatorType::Ip, Age::Weeks1).max_tlp(Tlp::Amber).min_score(60);
/// assert_eq!(feed.path(), "feed/block/type/ip/age/1w?max_tlp=amber&min_score=60");
/// assert_eq!(feed.to_string(), "block/ip/1w?max_tlp=amber&min_score=60");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    path: String,
    kind: IndicatorType,
}

/// The answer to a question for a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedAnswer {
    /// All values of the feed.
    Values(FeedValues),
    /// The feed has not changed since the answer with the entity tag of the question.
    NotModified,
}

/// All values of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedValues {
    /// The values. Each was parsed and is of the feed's type.
    pub set: IndicatorSet,
    /// The entity tag, for the next question.
    pub etag: Option<String>,
    /// The values of the answer that are not of the feed's type, and not in [`set`](Self::set).
    pub refused: Refusals,
}

impl Feed {
    /// Returns a feed without limits.
    #[must_use]
    pub fn new(name: FeedName, kind: IndicatorType, age: Age) -> Self {
        let path = format!("feed/{name}/type/{kind}/age/{age}");
        Self { path, kind }
    }

    /// Returns the feed with this path, for example `v1/feed/block/type/ip/age/1w?max_tlp=amber`: up to the age, with
    /// limits as the query, with or without `v1/`. `kind` is the type of its values.
    #[must_use]
    pub fn from_path(path: &str, kind: IndicatorType) -> Self {
        let path = path.trim_start_matches('/');
        let path = path.strip_prefix("v1/").unwrap_or(path).to_owned();
        Self { path, kind }
    }

    /// Limits the feed to values up to this level of the traffic light protocol.
    #[must_use]
    pub fn max_tlp(self, level: Tlp) -> Self {
        self.limit("max_tlp", &level.as_str().replace('+', "%2B"))
    }

    /// Limits the feed to values with at least this score, from 0 to 100.
    #[must_use]
    pub fn min_score(self, score: u8) -> Self {
        self.limit("min_score", &score.to_string())
    }

    /// Sets whether values without a score pass a limit on the score.
    #[must_use]
    pub fn unscored(self, include: bool) -> Self {
        self.limit("unscored", if include { "include" } else { "exclude" })
    }

    /// Returns the path below `v1/`, with limits as the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the type of the feed's values.
    #[must_use]
    pub const fn kind(&self) -> IndicatorType {
        self.kind
    }

    fn limit(mut self, key: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(&format!("{key}={value}"));
        self
    }
}

impl std::fmt::Display for Feed {
    /// Writes the feed as messages name it: `feed/block/type/ip/age/1w?max_tlp=amber` becomes
    /// `block/ip/1w?max_tlp=amber`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, query) = self
            .path
            .split_once('?')
            .map_or((self.path.as_str(), None), |(path, query)| (path, Some(query)));
        let words = path.split('/').filter(|word| !matches!(*word, "feed" | "type" | "age"));
        f.write_str(&words.collect::<Vec<_>>().join("/"))?;
        query.map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl Client {
    /// Returns a feed as it is now. `known` is the entity tag of an earlier answer: if the feed is still the same, the
    /// answer is [`FeedAnswer::NotModified`].
    ///
    /// An answer counts as a whole or not at all. It must have a length, as many values as `X-Feed-Count` declares, and
    /// at most half of the values may be of another type.
    ///
    /// # Errors
    /// If cratosd does not answer, or the answer is cut, too large, or not a feed.
    pub async fn feed(&self, feed: &Feed, known: Option<&str>) -> Result<FeedAnswer, Error> {
        let url = self.url_of(&["v1"], &feed.path, &["output", values::output(feed.kind)]);
        let mut request = Request::new(Method::GET, url, Repeat::Safe);
        let headers = &mut request.headers;
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("zstd, gzip"));
        // A tag that cannot be a header did not come from cratosd.
        let tag = known.and_then(|tag| HeaderValue::from_str(tag).ok());
        let is_conditional = tag.is_some();
        headers.extend(tag.map(|tag| (IF_NONE_MATCH, tag)));
        let answer = self
            .repeat(request.repeat, || async {
                let response = self.send(&request).await?;
                let Some(response) = answer::checked(response, is_conditional).await? else {
                    return Ok(None);
                };
                let timeout = self.shared.timeout;
                answer::whole(response, self.shared.max_body, timeout).await.map(Some)
            })
            .await?;
        let Some(answer) = answer else {
            return Ok(FeedAnswer::NotModified);
        };
        let kind = feed.kind;
        // A million values take a moment: the work has a thread of its own.
        let read = tokio::task::spawn_blocking(move || read(kind, answer)).await;
        read.map_err(|error| Error::Connection(error.into()))?
            .map(FeedAnswer::Values)
    }
}

fn read(kind: IndicatorType, answer: Answer) -> Result<FeedValues, Error> {
    let parsed = values::parse(kind, &answer.decoded()?)?;
    if parsed.found != answer.count {
        return Err(Error::WrongCount {
            declared: answer.count,
            found: parsed.found,
        });
    }
    Ok(FeedValues {
        set: parsed.set,
        etag: answer.etag,
        refused: parsed.refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;

    #[test]
    fn a_feed_is_named_by_its_words() {
        let name = |path| Feed::from_path(path, IndicatorType::Ip).to_string();
        assert_eq!(name("v1/feed/block/type/ip/age/1w"), "block/ip/1w");
        assert_eq!(
            name("v1/feed/block/type/ip/age/1w?max_tlp=amber"),
            "block/ip/1w?max_tlp=amber"
        );
    }

    #[test]
    fn limits_of_a_feed_stay_its_query_wherever_the_server_is() {
        let base = "https://cratos.example.net/behind/".parse().unwrap();
        let client = Client::new(base, Token::new("a-token")).unwrap();
        let feed = Feed::from_path(
            "feed/block/type/ip/age/1w?max_tlp=amber%2Bstrict&min_score=60",
            IndicatorType::Ip,
        );
        let typed = Feed::new(FeedName::Block, IndicatorType::Ip, Age::Weeks1)
            .max_tlp(Tlp::AmberStrict)
            .min_score(60);
        assert_eq!(feed, typed);
        assert_eq!(
            client
                .url_of(&["v1", "stream"], feed.path(), &["output", "txt"])
                .as_str(),
            "https://cratos.example.net/behind/v1/stream/feed/block/type/ip/age/1w/output/txt?max_tlp=amber%2Bstrict&min_score=60"
        );
        assert_eq!(
            client.url_of(&["v1"], "feed/block/type/ip/age/1w", &[]).as_str(),
            "https://cratos.example.net/behind/v1/feed/block/type/ip/age/1w"
        );
    }
}
