//! Requests and feed answers, counted as they come.

use std::time::Duration;

use feed_engine::Origin;
use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From an answer out of memory to a feed that MISP takes a minute for, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Counters of answers.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Routed, Histogram, fn() -> Histogram>,
    feed_answers: Family<FeedAnswered, Counter>,
    truncated_answers: Family<FeedTruncated, Counter>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Routed {
    route: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct FeedAnswered {
    site: String,
    cache: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct FeedTruncated {
    site: String,
    output: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            feed_answers: Family::default(),
            truncated_answers: Family::default(),
        }
    }
}

/// The counters of the answers of one route with one status.
#[derive(Debug)]
pub(crate) struct AnswerCounters {
    requests: Counter,
    seconds: Histogram,
}

impl AnswerCounters {
    /// Counts one answer.
    pub(crate) fn answered(&self, took: Duration) {
        self.requests.inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

impl Metrics {
    /// Returns the counters of answers of this route with this status. `route` is a template, never a path.
    pub(crate) fn answers(&self, route: &'static str, status: StatusCode) -> AnswerCounters {
        let status = status.as_u16();
        AnswerCounters {
            requests: self.requests.get_or_create_owned(&Answered { route, status }),
            seconds: self.seconds.get_or_create_owned(&Routed { route }),
        }
    }

    /// Returns the counter of feeds of this site and origin that were given, whole or as 304.
    pub(crate) fn feed_answers(&self, site: &str, origin: Origin) -> Counter {
        let answer = FeedAnswered {
            site: site.to_owned(),
            cache: match origin {
                Origin::Hit => "hit",
                Origin::Miss => "miss",
                _ => "stale",
            },
        };
        self.feed_answers.get_or_create_owned(&answer)
    }

    /// Counts one feed that was given without all its values, since they are more than its output or its caller takes.
    /// `output` is the name of an exporter.
    pub(crate) fn feed_truncated(&self, site: &str, output: &str) {
        let answer = FeedTruncated {
            site: site.to_owned(),
            output: output.to_owned(),
        };
        self.truncated_answers.get_or_create(&answer).inc();
    }

    /// Registers the counters. They are shared: the registered ones go on counting.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let Self {
            requests,
            seconds,
            feed_answers,
            truncated_answers,
        } = self;
        registry.register("requests", "Answers by route and status", requests.clone());
        registry.register(
            "request_seconds",
            "Time until an answer was ready, by route",
            seconds.clone(),
        );
        registry.register(
            "feed_answers",
            "Feeds given: from memory (hit), fresh from MISP (miss), older than wanted (stale)",
            feed_answers.clone(),
        );
        registry.register(
            "feed_answers_truncated",
            "Feeds given without all their values, since they are more than the output or the caller takes",
            truncated_answers.clone(),
        );
    }
}
