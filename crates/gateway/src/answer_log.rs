//! The lines of the log that each answer has, and where they go.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::notes::RequestNotes;

/// Takes what the log says about answers.
///
/// The methods that are provided emit events of `tracing` with the targets `cratosd::access` and `cratosd::audit`. A
/// program can write the lines itself where that costs less, and call [`TracingLog`] where it cannot.
pub trait AnswerLog: Send + Sync + 'static {
    /// Notes an answer, whatever it is.
    fn answered(&self, answer: &AnsweredRequest<'_>) {
        tracing::info!(
            target: "cratosd::access",
            client = %answer.client,
            method = answer.method,
            route = answer.route,
            status = answer.status,
            ms = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        );
    }

    /// Notes which token got which feed, so that an operator can find out later which list a device enforced.
    fn feed_given(&self, given: &GivenFeed<'_>) {
        let GivenFeed { notes, asked, .. } = given;
        tracing::info!(
            target: "cratosd::audit",
            token_id = notes.token_id_text().map(tracing::field::display),
            label = notes.label(),
            client = %given.client,
            site = notes.site(),
            feed = asked.feed,
            r#type = asked.kind,
            age = asked.age,
            output = asked.output,
            options = asked.options.as_deref().map(tracing::field::display),
            limits = asked.limits.as_deref().map(tracing::field::display),
            etag = given.etag,
            count = given.count,
            truncated = (given.truncated > 0).then_some(given.truncated),
            status = given.status,
            "feed given"
        );
    }

    /// Notes a given feed and its answer. The default calls both methods above.
    fn feed_answered(&self, given: &GivenFeed<'_>, answer: &AnsweredRequest<'_>) {
        self.feed_given(given);
        self.answered(answer);
    }
}

/// Emits events of `tracing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl AnswerLog for TracingLog {}

/// An answer, as the log names it.
#[derive(Clone, Copy, Debug)]
pub struct AnsweredRequest<'a> {
    /// The client, or the peer where its proxy names no client.
    pub client: IpAddr,
    /// The method of the request; `other` for unusual ones.
    pub method: &'a str,
    /// Template of the route, or `unknown`.
    pub route: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// The time until the answer was ready.
    pub took: Duration,
}

/// A feed that was given to a caller, whole or as "not modified".
#[derive(Clone, Copy, Debug)]
pub struct GivenFeed<'a> {
    /// The client.
    pub client: IpAddr,
    /// The token and its site.
    pub notes: &'a RequestNotes,
    /// The request.
    pub asked: &'a AskedFeed,
    /// The entity tag with its quotes.
    pub etag: &'a str,
    /// Values in the body.
    pub count: u64,
    /// Values that the length limit leaves out.
    pub truncated: u64,
    /// The status of the answer.
    pub status: u16,
}

/// A request for a feed, as the log names it: the same for each repetition.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AskedFeed {
    /// The feed, for example `block`, or an organisation.
    pub feed: String,
    /// The indicator type.
    pub kind: &'static str,
    /// The age.
    pub age: &'static str,
    /// The name of the output.
    pub output: String,
    /// The options of the output, where the caller chose any.
    pub options: Option<String>,
    /// The limits of the token and the caller, where there are any.
    pub limits: Option<String>,
    pub(crate) made: Made,
}

/// What a log has made of a request. A copy of the request may be changed, so it begins without it.
#[derive(Debug, Default)]
pub(crate) struct Made(OnceLock<Option<Box<[u8]>>>);

impl Clone for Made {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl AskedFeed {
    /// Returns what a log has made of these facts before, or has it made now: each repetition of a request writes the
    /// same. A program has one log, so only the first call makes something; nothing must be changed after it.
    pub fn once(&self, make: impl FnOnce(&Self) -> Option<Vec<u8>>) -> Option<&[u8]> {
        let made = self.made.0.get_or_init(|| make(self).map(Vec::into_boxed_slice));
        made.as_deref()
    }
}

/// The log of a gateway.
#[derive(Clone)]
pub(crate) struct Log(Arc<dyn AnswerLog>);

impl Log {
    pub(crate) fn new(log: Arc<dyn AnswerLog>) -> Self {
        Self(log)
    }

    pub(crate) fn answered(&self, answer: &AnsweredRequest<'_>) {
        self.0.answered(answer);
    }

    pub(crate) fn feed_given(&self, given: &GivenFeed<'_>) {
        self.0.feed_given(given);
    }

    pub(crate) fn feed_answered(&self, given: &GivenFeed<'_>, answer: &AnsweredRequest<'_>) {
        self.0.feed_answered(given, answer);
    }
}

impl Default for Log {
    fn default() -> Self {
        Self(Arc::new(TracingLog))
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
