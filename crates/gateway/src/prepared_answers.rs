//! The feeds that were answered lately, so that the same request costs little again.

use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use feed_engine::{FeedRequest, FeedScope, PreparedFeed};
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode, Uri};
use prometheus_client::metrics::counter::Counter;

use crate::answer_log::AskedFeed;
use crate::auth::{Grant, MOST_PREPARED};
use crate::metrics::{AnswerCounters, Metrics};
use crate::ready_head::ReadyHead;
use crate::secret_digest::{SecretDigest, SecretDigests};
use crate::snapshot_cache::{Generation, SnapshotCache};

/// The memory of all of them: some thirteen hundred requests.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The memory of one: its grant may be its own, and it has two ready heads of up to twenty headers, 5 KiB each with
/// their lines.
const BYTES_EACH: usize = 12 * 1024;

/// The path of a feed has so many slashes, and more with a token in it. A shorter path, for example of a look-up, is
/// not that of a feed, and needs no name.
const SLASHES_OF_FEED: usize = 9;

/// The headers that decide the answer: the credentials and the accepted encodings.
static DECIDING: [HeaderName; 3] = [
    header::AUTHORIZATION,
    HeaderName::from_static("token"),
    header::ACCEPT_ENCODING,
];

/// The answers to requests for feeds, by a digest of everything in a request that decides the answer: the target as it
/// came, the credentials and the accepted encodings. Validators, method and version are judged at each use.
///
/// An answer is prepared under one snapshot of the configuration and goes with it. It holds no values, no body and
/// nothing of the token's text.
#[derive(Debug)]
pub(crate) struct PreparedAnswers {
    digests: SecretDigests,
    answers: SnapshotCache<Arc<PreparedAnswer>>,
}

/// The name of a request, if it has one.
#[derive(Clone, Copy)]
pub(crate) struct Named(pub(crate) Option<SecretDigest>);

/// Everything that a request for a feed and a snapshot of the configuration decide together.
#[derive(Debug)]
pub(crate) struct PreparedAnswer {
    /// The template of the route.
    pub(crate) template: &'static str,
    /// Its day and the address are checked again at each use.
    pub(crate) grant: Grant,
    pub(crate) feed: PreparedFeed,
    /// The request as the log names it.
    pub(crate) asked: AskedFeed,
    /// Counts answers out of memory, once one was given.
    pub(crate) hits: OnceLock<Counter>,
    whole: State,
    unchanged: State,
}

/// What one status has of its own.
#[derive(Debug, Default)]
struct State {
    head: ReadyHead,
    counters: OnceLock<AnswerCounters>,
}

impl PreparedAnswer {
    pub(crate) fn new(template: &'static str, grant: Grant, feed: PreparedFeed) -> Self {
        Self {
            template,
            grant,
            asked: asked(feed.request()),
            feed,
            hits: OnceLock::new(),
            whole: State::default(),
            unchanged: State::default(),
        }
    }

    /// Returns the headers of the last answer with this status.
    pub(crate) fn head(&self, status: StatusCode) -> &ReadyHead {
        &self.state(status).head
    }

    /// Counts an answer with this status.
    pub(crate) fn answered(&self, metrics: &Metrics, status: StatusCode, took: Duration) {
        let counters = || metrics.answers(self.template, status);
        match status {
            StatusCode::OK | StatusCode::NOT_MODIFIED => {
                self.state(status).counters.get_or_init(counters).answered(took);
            }
            _ => counters().answered(took),
        }
    }

    fn state(&self, status: StatusCode) -> &State {
        match status {
            StatusCode::NOT_MODIFIED => &self.unchanged,
            _ => &self.whole,
        }
    }
}

impl Default for PreparedAnswers {
    fn default() -> Self {
        Self {
            digests: SecretDigests::default(),
            answers: SnapshotCache::new(MAX_BYTES),
        }
    }
}

impl PreparedAnswers {
    /// Returns the name of a request that may read a feed, and that has each of these headers once at most.
    pub(crate) fn name(&self, method: &Method, target: &Uri, headers: &HeaderMap) -> Option<SecretDigest> {
        if !matches!(*method, Method::GET | Method::HEAD) || !may_be_of_feed(target.path()) {
            return None;
        }
        let [authorization, token, encodings] = deciding(headers)?;
        self.digests.of([
            Some(target.path().as_bytes()),
            target.query().map(str::as_bytes),
            authorization,
            token,
            encodings,
        ])
    }

    /// Returns the answer to the request with this name, if one was given under the snapshot of this generation.
    pub(crate) fn find(&self, generation: Generation, name: SecretDigest) -> Option<Arc<PreparedAnswer>> {
        self.answers.find(generation, name)
    }

    /// Keeps the answer that was given to the request with this name under the snapshot of this generation.
    pub(crate) fn remember(&self, generation: Generation, name: SecretDigest, answer: Arc<PreparedAnswer>) {
        if !answer.grant.is_lasting {
            return;
        }
        let mut of_token = answer.grant.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        // Several requests may have prepared the same answer at the same time.
        if !of_token.contains(&name) {
            of_token.push_back(name);
        }
        let oldest = if of_token.len() > MOST_PREPARED {
            of_token.pop_front()
        } else {
            None
        };
        drop(of_token);
        if let Some(oldest) = oldest {
            self.answers.forget(generation, &oldest);
        }
        self.answers.remember(generation, name, answer, BYTES_EACH);
    }
}

fn may_be_of_feed(path: &str) -> bool {
    path.bytes().filter(|byte| *byte == b'/').count() >= SLASHES_OF_FEED
}

fn asked(request: &FeedRequest) -> AskedFeed {
    let FeedScope {
        selection,
        kind,
        age,
        filter,
    } = request.scope;
    AskedFeed {
        feed: selection.name(),
        kind: kind.as_str(),
        age: age.as_str(),
        output: request.output.clone(),
        options: (!request.options.is_default()).then(|| request.options.to_string()),
        limits: (!filter.is_none()).then(|| filter.to_string()),
        ..AskedFeed::default()
    }
}

/// Returns the values of the [`DECIDING`] headers; nothing at all if one of them has several. Requests have few
/// headers, and one look at all of them costs less than to find each of these.
fn deciding(headers: &HeaderMap) -> Option<[Option<&[u8]>; 3]> {
    let mut values = [None; 3];
    for (name, value) in headers {
        if let Some(place) = DECIDING.iter().position(|deciding| deciding == name) {
            let place = values.get_mut(place)?;
            if place.replace(value.as_bytes()).is_some() {
                return None;
            }
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_another_answer_have_another_name() {
        let answers = PreparedAnswers::default();
        let name = |request: http::request::Builder| {
            let request = request.body(()).unwrap();
            answers.name(request.method(), request.uri(), request.headers())
        };
        let of_feed = |end: &str| format!("/v1/feed/block/type/ip/age/1w/output/{end}");
        let get = |end: &str| http::Request::get(of_feed(end));
        let plain = name(get("x"));
        assert!(plain.is_some());
        assert_eq!(plain, name(http::Request::head(of_feed("x"))));
        assert_eq!(
            plain,
            name(get("x").header("if-none-match", "\"1\"").header("user-agent", "x"))
        );
        assert_eq!(name(http::Request::post(of_feed("x"))), None);
        for twice in ["token", "authorization", "accept-encoding"] {
            let request = get("x").header(twice, "a").header(twice, "b");
            assert_eq!(name(request), None, "its answer is not kept");
        }
        let others = [
            get("y"),
            get("x?a"),
            get("x").header("token", "a"),
            get("x?"),
            get("x").header("token", ""),
            get("x").header("token", "a").header("authorization", ""),
            get("x").header("authorization", "a"),
            get("x").header("authorization", "a").header("token", "b"),
            get("x").header("accept-encoding", "a"),
            get("x").header("token", "ab"),
        ];
        let mut names: Vec<_> = others.into_iter().map(name).chain([plain]).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_route_of_a_feed_and_no_look_up_has_a_name() {
        for template in crate::routes::FEED_TEMPLATES {
            assert!(may_be_of_feed(template), "{template}");
        }
        for path in [
            "/v1/lookup/a.example",
            "/v1/lookup/http:%2F%2Fa.example%2Fb",
            "/t/x/v1/lookup/a.example",
        ] {
            assert!(!may_be_of_feed(path), "{path}");
        }
    }
}
