//! The feeds that were answered lately, so that the same request costs little again.

use std::sync::{Arc, OnceLock, PoisonError};

use feed_engine::PreparedFeed;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode, request};
use prometheus_client::metrics::counter::Counter;

use crate::auth::Grant;
use crate::configuration::Snapshot;
use crate::ready_head::ReadyHead;
use crate::secret_digest::{SecretDigest, SecretDigests};
use crate::snapshot_cache::SnapshotCache;

/// The memory of all of them: some four thousand requests.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The memory of one: its grant may be its own, and it has two ready heads of up to twenty headers.
const BYTES_EACH: usize = 4 * 1024;

/// The most requests with one token: a device that adds a new number to each target takes no room from others.
const MOST_PER_TOKEN: usize = 64;

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

/// Everything that a request for a feed and a snapshot of the configuration decide together.
#[derive(Debug)]
pub(crate) struct PreparedAnswer {
    /// The template of the route.
    pub(crate) template: &'static str,
    /// Its day and the address are checked again at each use.
    pub(crate) grant: Grant,
    pub(crate) feed: PreparedFeed,
    /// Counts answers out of memory, once one was given.
    pub(crate) hits: OnceLock<Counter>,
    whole: ReadyHead,
    unchanged: ReadyHead,
}

impl PreparedAnswer {
    pub(crate) fn new(template: &'static str, grant: Grant, feed: PreparedFeed) -> Self {
        Self {
            template,
            grant,
            feed,
            hits: OnceLock::new(),
            whole: ReadyHead::default(),
            unchanged: ReadyHead::default(),
        }
    }

    /// Returns the headers of the last answer with this status.
    pub(crate) fn head(&self, status: StatusCode) -> &ReadyHead {
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
    /// Returns the name of a request that reads.
    pub(crate) fn name(&self, parts: &request::Parts) -> Option<SecretDigest> {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return None;
        }
        let target = [parts.uri.path(), parts.uri.query().unwrap_or_default()].map(str::as_bytes);
        // The numbers keep a value of one header from passing for one of the next.
        let numbers = DECIDING
            .each_ref()
            .map(|name| values(&parts.headers, name).count().to_be_bytes());
        let headers = DECIDING.iter().flat_map(|name| values(&parts.headers, name));
        self.digests.of(target
            .into_iter()
            .chain(numbers.iter().map(|number| number.as_slice()))
            .chain(headers))
    }

    /// Returns the answer to the request with this name, if one was given under this snapshot.
    pub(crate) fn find(&self, snapshot: &Arc<Snapshot>, name: SecretDigest) -> Option<Arc<PreparedAnswer>> {
        self.answers.find(snapshot, name)
    }

    /// Keeps the answer that was given to the request with this name.
    pub(crate) fn remember(&self, snapshot: &Arc<Snapshot>, name: SecretDigest, answer: Arc<PreparedAnswer>) {
        if !answer.grant.is_lasting {
            return;
        }
        let mut of_token = answer.grant.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        // Several requests may have prepared the same answer at the same time.
        if !of_token.contains(&name) {
            of_token.push_back(name);
        }
        let oldest = if of_token.len() > MOST_PER_TOKEN {
            of_token.pop_front()
        } else {
            None
        };
        drop(of_token);
        if let Some(oldest) = oldest {
            self.answers.forget(&oldest);
        }
        self.answers.remember(snapshot, name, answer, BYTES_EACH);
    }
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().map(http::HeaderValue::as_bytes)
}
